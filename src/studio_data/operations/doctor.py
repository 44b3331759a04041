"""Look a live database over: what is missing, what was changed by hand, what contradicts the practice's rules.

Nothing is changed. Every finding names the command or statement that mends it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

import psycopg

from studio_data.contract.domain import Domain, domains
from studio_data.contract.ledger import KEPT_DAYS
from studio_data.db import many, one, transaction
from studio_data.errors import UnavailableError
from studio_data.hints import as_typed
from studio_data.operations import catalog, database_roles, seals, time_zone, trail_numbers
from studio_data.postgres import migrate
from studio_data.postgres.failures import refusal

OLDEST_UNSEALED = timedelta(days=1)
LONGEST_OPEN = timedelta(minutes=5)
LONGEST_KEEPALIVE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, and what mends it."""

    severity: Literal["error", "warning"]
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check looked at and what it found; ``note`` is what there is to say when it found nothing."""

    check: str
    findings: list[Finding]
    note: str = ""


def examine() -> list[Checked]:
    """Run every check and return what each found. A check that this login may not make says so as a warning."""
    findings = _made(_migrations)
    checked = [Checked("migrations", findings)]
    if findings:
        return checked  # the others would speak of tables that are not there
    checked += [Checked(name, _made(check)) for name, check in checks().items()]
    findings = _made(_day)
    return [*checked, Checked("today", findings, "" if findings else _day_now())]


def _made(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except psycopg.errors.InsufficientPrivilege as error:
        what = " ".join(str(refusal(error).message).split())
        return [Finding("warning", f"not checked: {what}", f"run {as_typed('doctor')} as the database's administrator")]
    except UnavailableError as error:
        if not isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction):
            raise
        return [Finding("warning", "not checked: this server is a standby", f"run {as_typed('doctor')} on the primary")]


def _migrations() -> list[Finding]:
    with transaction() as connection:
        missing = migrate.pending(connection)
    return [Finding("error", f"migration {migration.name} was not applied", as_typed("migrate")) for migration in missing]


def _settings() -> list[Finding]:
    found = one(
        """
        SELECT
            current_setting('statement_timeout') AS statement_timeout,
            current_setting('lock_timeout') AS lock_timeout,
            current_setting('idle_in_transaction_session_timeout') AS idle_in_transaction_session_timeout,
            current_setting('client_connection_check_interval') AS client_connection_check_interval,
            current_setting('fsync') AS fsync,
            current_setting('full_page_writes') AS full_page_writes,
            current_setting('synchronous_commit') AS synchronous_commit,
            current_setting('data_checksums') AS data_checksums,
            current_setting('tcp_keepalives_idle')::integer AS keepalive,
            inet_server_addr() IS NOT NULL AS over_tcp
        """,
        reads=True,
    )
    never = {
        "statement_timeout": "a statement may run for ever",
        "lock_timeout": "a statement may wait for a lock for ever",
        "idle_in_transaction_session_timeout": "a caller that has gone quiet holds its locks for ever",
    }
    findings = [
        Finding("warning", f"{name} is 0: {meaning}", f"{as_typed('roles')} sets it for the practice's logins")
        for name, meaning in never.items()
        if found[name] == "0"
    ]
    if found["client_connection_check_interval"] == "0":
        message = "client_connection_check_interval is 0: the server works on for callers that have gone"
        findings.append(Finding("warning", message, "ALTER SYSTEM SET client_connection_check_interval = '500ms'"))
    if found["over_tcp"] and found["keepalive"] > LONGEST_KEEPALIVE_SECONDS:
        message = f"tcp_keepalives_idle is {found['keepalive']} s: locks of a lost client are held for so long"
        findings.append(Finding("warning", message, "ALTER SYSTEM SET tcp_keepalives_idle = 30"))
    findings += [
        Finding("error", f"{name} is off: {meaning}", f"ALTER SYSTEM SET {name} = on")
        for name, meaning in {
            "fsync": "a crash of the machine may destroy the database",
            "full_page_writes": "a crash of the machine may destroy pages",
            "synchronous_commit": "a crash loses writes that were acknowledged",
        }.items()
        if found[name] == "off"
    ]
    if found["data_checksums"] == "off":
        message = "the cluster has no checksums: a damaged page is not noticed"
        findings.append(Finding("warning", message, "pg_checksums --enable, while the server is stopped"))
    return findings


def _roles() -> list[Finding]:
    found = one(
        """
        SELECT
            current_user AS login,
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
            (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'activity_log'::regclass) AS log_owner,
            pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'activity_log'::regclass), 'MEMBER') AS owns
        """,
        reads=True,
    )
    if found["log_owner"] != "studio_audit":
        message = f"the audit trail belongs to {found['log_owner']}, who can switch its protection off"
        return [Finding("warning", message, f"{as_typed('roles')}, then connect the agents as studio_agent")]
    if not found["is_superuser"] and not found["owns"]:
        return []
    message = f"this login, {found['login']}, can do everything: agents should not have it"
    findings = [Finding("warning", message, "connect the agents as studio_agent")]
    with transaction(rollback=True) as connection:
        wanting = len(database_roles.set_up(connection))
    if wanting:
        message = f"rights, owners or settings of the roles differ from what they should be, in {wanting} places"
        findings.append(Finding("error", message, as_typed("roles")))
    return findings


def _schema() -> list[Finding]:
    return [
        Finding("error", difference.message, difference.fix)
        for difference in catalog.differences(catalog.expected(), catalog.present())
    ]


def _rules(domain: Domain) -> list[Finding]:
    findings: list[Finding] = []
    for invariant in domain.invariants:
        ids = [row["id"] for row in many(invariant.query, reads=True)]
        if ids:
            findings.append(Finding("error", f"{len(ids):,} {invariant.found}, the first is {ids[0]}", invariant.fix))
    return findings


def _ledger() -> list[Finding]:
    found = one(
        """
        SELECT
            count(*) FILTER (WHERE created_at < now() - make_interval(days => %(days)s)) AS old,
            count(*) FILTER (WHERE result IS NULL) AS without_result
        FROM call_ledger
        """,
        {"days": KEPT_DAYS + 1},
        reads=True,
    )
    findings: list[Finding] = []
    if found["old"]:
        message = f"{found['old']:,} results of calls are older than {KEPT_DAYS} days"
        findings.append(Finding("warning", message, f"{as_typed('prune')}, once a day"))
    if found["without_result"]:
        message = f"{found['without_result']:,} keys have no result: they were written past the library"
        findings.append(Finding("error", message, "DELETE FROM call_ledger WHERE result IS NULL"))
    return findings


def _trail() -> list[Finding]:
    findings: list[Finding] = []
    left = seals.unsealed()
    if left["oldest"] is not None and left["oldest"] < datetime.now(UTC) - OLDEST_UNSEALED:
        message = f"{left['lines']:,} lines are not sealed, the oldest of {left['oldest']:%Y-%m-%d %H:%M} UTC"
        findings.append(Finding("warning", message, f"{as_typed('audit seal')}, every few minutes"))
    for holder in seals.holders():
        if holder["since"] < datetime.now(UTC) - LONGEST_OPEN:
            since = f"{holder['since']:%Y-%m-%d %H:%M} UTC"
            message = f"{holder['what']} is open since {since}: later lines are neither followed nor sealed"
            findings.append(Finding("warning", message, holder["ends_by"]))
    gaps = one("SELECT coalesce(max(number), 0) - count(*) AS gaps FROM audit_seals", reads=True)["gaps"]
    if gaps:
        fix = f"{as_typed('audit verify')}, with the head you kept"
        findings.append(Finding("error", f"{gaps:,} seals are missing", fix))
    ahead = trail_numbers.lines_ahead()
    if ahead:
        message = f"{ahead:,} lines are numbered ahead of the server: changes_since does not show them"
        fix = f"{as_typed('audit renumber')}, if this database was restored from a dump"
        findings.append(Finding("error", message, fix))
    return findings


def _day() -> list[Finding]:
    zone = time_zone.present()
    if zone["is_known"]:
        return []
    message = f"the server does not know the practice's time zone {zone['name']}: every tool that asks for the day fails"
    return [Finding("error", message, f"{as_typed('time-zone')} NAME, with a name of pg_timezone_names")]


def _day_now() -> str:
    now = time_zone.now()
    return f"today is {now['today']:%A, %Y-%m-%d}, in {now['name']}, where it is {now['clock']}"


def checks() -> dict[str, Callable[[], list[Finding]]]:
    """Return every check but the first and the last by its name, those of the domains' rules among them."""
    rules = {f"rules of {domain.name}": partial(_rules, domain) for domain in domains().values() if domain.invariants}
    return {
        "server settings": _settings,
        "database roles": _roles,
        "schema": _schema,
        **rules,
        "call ledger": _ledger,
        "audit trail": _trail,
    }
