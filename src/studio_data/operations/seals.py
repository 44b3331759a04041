"""Seals over the audit trail: batches of its lines are hashed, and each seal includes the one before it.

The log refuses every change by logins that the database controls. A superuser can get past that; a seal that was kept
outside shows it.
"""

from collections.abc import Generator
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import TypeAdapter, ValidationError

from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.hints import as_typed
from studio_data.operations.trail_numbers import RENUMBER, lines_ahead
from studio_data.postgres.migrate import ADVISORY_LOCK

LINES_IN_SEAL = 10_000
SEALS_AT_ONCE = 20


class Head(TypedDict):
    """The newest seal, to be kept outside the database. ``lines`` counts all sealed lines, ``hash`` is hexadecimal."""

    number: int
    hash: str
    lines: int
    last_transaction: int
    sealed_at: datetime


class Finding(TypedDict):
    """A difference from what was sealed. ``seal`` is None if it lies outside every seal.

    For lines it says which numbers the seal covers (above one, up to another), how many lines were ``sealed``, and how
    many are ``found`` now.
    """

    kind: Literal[
        "lines changed",
        "lines missing",
        "lines added",
        "seal changed",
        "seal missing",
        "head missing",
        "head differs",
        "lines ahead",
    ]
    seal: int | None
    message: str
    above: NotRequired[int]
    up_to: NotRequired[int]
    sealed: NotRequired[int]
    found: NotRequired[int]


class Unsealed(TypedDict):
    """The lines that no seal covers yet. ``oldest`` is when the first of them was written (None without lines)."""

    lines: int
    oldest: datetime | None


class Holder(TypedDict):
    """A transaction that has not ended, for which followers and seals wait. ``ends_by`` is the SQL that ends it."""

    what: str
    since: datetime
    ends_by: str


def holders() -> list[Holder]:
    """Return the open and the prepared transactions of the whole server that have written, the oldest first.

    A login without the rights of ``pg_read_all_stats`` sees only its own sessions, and every prepared transaction.
    """
    return many(
        """
        SELECT what, since, ends_by
        FROM (
            SELECT
                backend_xid AS number, xact_start AS since,
                format('session %s of %s in the database %s', pid, usename, datname) AS what,
                format('SELECT pg_terminate_backend(%s)', pid) AS ends_by
            FROM pg_stat_activity
            WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
            UNION ALL
            SELECT
                transaction, prepared, format('the prepared transaction %s of %s in the database %s', gid, owner, database),
                format('ROLLBACK PREPARED %L, in that database', gid)
            FROM pg_prepared_xacts
        ) AS open
        ORDER BY age(number) DESC
        LIMIT 20
        """,
        reads=True,
    )


def head() -> Head | None:
    """Return the newest seal, or None before the first."""
    found = one(
        """
        SELECT
            number, encode(hash, 'hex') AS hash, (SELECT sum(lines)::bigint FROM audit_seals) AS lines,
            last_transaction::text::numeric AS last_transaction, sealed_at
        FROM audit_seals
        ORDER BY number DESC
        LIMIT 1
        """,
        reads=True,
    )
    if found is not None:
        found["last_transaction"] = int(found["last_transaction"])
    return found


def head_from(text: str | bytes) -> Head:
    """Read a head from its JSON. Raises ``InvalidInputError`` if it is not a head."""
    try:
        return TypeAdapter(Head).validate_json(text)
    except ValidationError as error:
        raise InvalidInputError(
            "The file or text does not hold a seal.", hint=f"Give a file that {as_typed('audit seal --head FILE')} wrote."
        ) from error


def seal() -> Generator[int]:
    """Seal every line whose transaction has ended. After each seal, yield how many lines it covers.

    The next run seals what is in an open transaction, what began to write after it, and what is written meanwhile. Raises
    ``ConflictError`` if lines or seals have numbers ahead of the server's.
    """
    if lines_ahead():
        raise ConflictError(
            "Lines have numbers ahead of the server's transactions; new lines would never be sealed.", hint=RENUMBER
        )
    horizon = one("SELECT trail_number(pg_snapshot_xmin(pg_current_snapshot()))::text AS number", reads=True)["number"]
    while True:
        with transaction():
            one(
                "SELECT pg_advisory_xact_lock(%(lock)s, hashtext(current_schema() || '.audit_seals'))",
                {"lock": ADVISORY_LOCK},
            )
            made = one(
                """
                WITH previous AS (
                    SELECT number, last_transaction, hash
                    FROM audit_seals
                    UNION ALL
                    SELECT 0, '0', decode(repeat('00', 32), 'hex')
                    ORDER BY number DESC
                    LIMIT 1
                ), batch AS (
                    SELECT max(transaction_id) AS last_transaction
                    FROM (
                        SELECT transaction_id
                        FROM activity_log
                        WHERE transaction_id > (SELECT last_transaction FROM previous)
                            AND transaction_id < %(horizon)s::xid8
                        ORDER BY transaction_id, id
                        LIMIT %(at_most)s
                    ) AS lines
                ), hashed AS (
                    SELECT
                        count(*) AS lines,
                        sha256(string_agg(line_hash(line), ''::bytea ORDER BY transaction_id, id)) AS lines_hash
                    FROM activity_log AS line
                    WHERE transaction_id > (SELECT last_transaction FROM previous)
                        AND transaction_id <= (SELECT last_transaction FROM batch)
                )
                INSERT INTO audit_seals (number, last_transaction, lines, lines_hash, previous_hash, hash, sealed_at)
                SELECT
                    previous.number + 1, batch.last_transaction, lines, lines_hash, previous.hash,
                    seal_hash(previous.hash, previous.number + 1, batch.last_transaction, lines, now(), lines_hash), now()
                FROM previous, batch, hashed
                WHERE lines > 0
                RETURNING lines
                """,
                {"at_most": LINES_IN_SEAL, "horizon": horizon},
            )
        if made is None:
            return
        yield made["lines"]


def unsealed() -> Unsealed:
    """Return the lines that no seal covers yet."""
    return one(
        """
        SELECT count(*) AS lines, min(created_at) AS oldest
        FROM activity_log
        WHERE transaction_id > coalesce((SELECT max(last_transaction) FROM audit_seals), '0')
        """,
        reads=True,
    )


def verify(kept: Head | str | None = None) -> Generator[tuple[int, list[Finding]]]:
    """Compute every seal again. After every few, yield how many lines they cover and what differs.

    ``kept`` is a head that was kept outside, or its hash in hexadecimal. With it, verify also finds a tail that was cut
    off with its seals, and a chain that was made again.
    """
    before = 0
    while True:
        checked = _checked(before)
        if not checked:
            break
        findings: list[Finding] = []
        for found in checked:
            findings += _findings_of(found, before)
            before = found["number"]
        yield sum(found["found_lines"] for found in checked), findings
    yield 0, check_head(kept) + _lines_outside()


def _checked(after: int) -> list[dict[str, Any]]:
    return many(
        """
        WITH sealed AS (
            SELECT
                *,
                lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER in_order AS hash_before,
                lag(last_transaction, 1, '0') OVER in_order AS transaction_before
            FROM audit_seals
            WHERE number >= %(after)s
            WINDOW in_order AS (ORDER BY number)
            ORDER BY number
            LIMIT %(at_once)s + 1
        )
        SELECT
            number, sealed.lines, found.lines AS found_lines,
            transaction_before::text AS above, last_transaction::text AS up_to,
            found.lines_hash IS NOT DISTINCT FROM sealed.lines_hash AS lines_are_the_same,
            previous_hash = hash_before AND last_transaction > transaction_before AND hash = seal_hash(
                previous_hash, number, last_transaction, sealed.lines, sealed_at, sealed.lines_hash
            ) AS seal_is_the_same
        FROM sealed
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS lines,
                sha256(string_agg(
                    coalesce(decode(erased.before, 'hex'), line_hash(line)), ''::bytea ORDER BY transaction_id, id
                )) AS lines_hash
            FROM activity_log AS line
            LEFT JOIN erased_lines AS erased
                ON erased.line_id = line.id::text AND erased.after = encode(line_hash(line), 'hex')
            WHERE transaction_id > transaction_before AND transaction_id <= last_transaction
        ) AS found
        WHERE number > %(after)s
        ORDER BY number
        """,
        {"after": after, "at_once": SEALS_AT_ONCE},
        reads=True,
    )


def _findings_of(found: dict[str, Any], before: int) -> list[Finding]:
    number, lines, there = found["number"], found["lines"], found["found_lines"]
    findings: list[Finding] = []
    if number != before + 1:
        which = f"seal {before + 1} is" if number == before + 2 else f"seals {before + 1} to {number - 1} are"
        findings.append({"kind": "seal missing", "seal": before + 1, "message": f"{which} missing"})
    if not found["seal_is_the_same"]:
        message = f"seal {number} was changed, or does not follow from the previous seal"
        findings.append({"kind": "seal changed", "seal": number, "message": message})
    above, up_to = int(found["above"]), int(found["up_to"])
    numbers = f"(numbers {above + 1} to {up_to})"
    kind: Literal["lines changed", "lines missing", "lines added"] | None = None
    message = ""
    if there < lines:
        kind, message = (
            "lines missing",
            f"{lines - there:,} of the {lines:,} lines under seal {number} are missing {numbers}",
        )
    elif there > lines:
        kind, message = "lines added", f"{there - lines:,} lines were added to the {lines:,} under seal {number} {numbers}"
    elif not found["lines_are_the_same"]:
        kind, message = "lines changed", f"at least one of the {lines:,} lines under seal {number} was changed {numbers}"
    if kind is not None:
        findings.append(
            {
                "kind": kind,
                "seal": number,
                "message": message,
                "above": above,
                "up_to": up_to,
                "sealed": lines,
                "found": there,
            }
        )
    return findings


def check_head(kept: Head | str | None) -> list[Finding]:
    """Check whether the seal that was kept outside is among the present ones."""
    if kept is None:
        return []
    if isinstance(kept, str):
        known = one("SELECT number FROM audit_seals WHERE encode(hash, 'hex') = %(hash)s", {"hash": kept}, reads=True)
        message = "no seal has the hash that was kept outside: the tail was cut off, or the seals were made again"
        return [] if known else [{"kind": "head missing", "seal": None, "message": message}]
    number = kept["number"]
    found = one(
        "SELECT encode(hash, 'hex') AS hash FROM audit_seals WHERE number = %(number)s", {"number": number}, reads=True
    )
    if found is None:
        message = f"seal {number}, which was kept outside, is missing: the tail was cut off"
        return [{"kind": "head missing", "seal": number, "message": message}]
    if found["hash"] != kept["hash"]:
        message = f"seal {number} differs from the one that was kept outside: the seals were made again"
        return [{"kind": "head differs", "seal": number, "message": message}]
    return []


def _lines_outside() -> list[Finding]:
    """Find lines that no seal will ever cover, because no transaction of this server has their numbers."""
    findings: list[Finding] = []
    zero = one("SELECT count(*) AS lines FROM activity_log WHERE transaction_id = '0'", reads=True)["lines"]
    if zero:
        message = f"{zero:,} lines have the number 0, which no transaction has"
        findings.append({"kind": "lines added", "seal": None, "message": message})
    ahead = lines_ahead()
    if ahead:
        message = f"{ahead:,} lines or seals have numbers that no transaction of this server has reached. {RENUMBER}"
        findings.append({"kind": "lines ahead", "seal": None, "message": message})
    return findings
