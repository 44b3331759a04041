"""Which rights each database role should have, and which the catalogs say it has.

A table that a later migration brings is named here, with what the tools do with it; tests/operations/test_privileges.py
fails by name until it is. Tables of others in the same schema are left alone.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from studio_data.postgres.pool import StudioConnection

OWNER, AUDIT, AGENT, READER = "studio_owner", "studio_audit", "studio_agent", "studio_reader"
LOGINS = (OWNER, AGENT, READER)
ROLES = (OWNER, AUDIT, AGENT, READER)
PUBLIC = "public"
GRANTABLE = " WITH GRANT OPTION"

BOTH, INSERTED = ("INSERT", "UPDATE"), ("INSERT",)

PRACTICE = {
    "clients": BOTH,
    "projects": BOTH,
    "project_rooms": BOTH,
    "design_fees": BOTH,
    "pricing_benchmarks": BOTH,
    "vendors": BOTH,
    "line_items": BOTH,
    "vendor_quotes": INSERTED,
    "purchase_orders": BOTH,
    "email_templates": BOTH,
    "workflow_templates": BOTH,
    "project_tasks": BOTH,
    "trades": BOTH,
    "project_trades": BOTH,
    "meetings": BOTH,
    "meeting_action_items": BOTH,
    "documents": INSERTED,
    "phase_transitions": INSERTED,
    "agent_sessions": BOTH,
    "agent_executions": BOTH,
    "agent_checkpoints": ("INSERT", "DELETE"),
    "agent_artifacts": INSERTED,
    "agent_settings": BOTH,
    "agent_reservations": BOTH,
    "agent_prompt_versions": BOTH,
    "agent_metrics": INSERTED,
}
"""The practice's tables and those of its agents' runs, and what the tools do with rows of each. Only old checkpoints go."""

VIEWS = (
    "active_sessions", "session_metrics", "agent_performance", "task_answers", "session_answers", "settings_answers",
)  # fmt: skip
"""What people, dashboards and tools look at."""

BOOKS = ("call_ledger", "preview_changes", "purchase_order_numbers")
"""The library's own tables, which belong to the practice's owner too; ``schema_version`` stays the administrator's."""

LOG = ("activity_log", "audit_seals")
"""The tables that nobody may change. What they rely on (functions, domains) belongs with them: see ``_relied_on``."""

SAYS_THE_SAME = (
    "practice_time_zone", "today", "start_of_day", "used_today", "working_day", "working_days_before", "task_answer",
    "session_answer", "settings_answer",
)  # fmt: skip
"""The functions by which every statement means the same: whoever owned them could change it for all others."""

TABLES = [*PRACTICE, *VIEWS, *BOOKS, *LOG, "schema_version"]
"""Every table and view of the library."""

_LOG_COLUMNS = ("entity_type", "entity_id", "project_id", "action", "actor_type", "actor_name", "context", "metadata")
_WHOLE = {("workflow_templates", "UPDATE")}  # its tools take LOCK TABLE: positions are moved one call at a time
_MADE_BY_THE_DATABASE = frozenset({"id", "created_at", "updated_at", "duration_seconds"})
_IMPORTED = {(f"agent_{name}", "INSERT") for name in ("sessions", "executions", "artifacts")}  # with their own times
_KEY = "api_key_encrypted"  # nobody who only looks needs it


class Right(NamedTuple):
    """One privilege of one role; ``field``, a column, is empty where the privilege is on the whole."""

    kind: Literal["DATABASE", "SCHEMA", "TABLE"]
    name: str
    role: str
    privilege: str
    field: str = ""


class Place(NamedTuple):
    """Where the rights are: roles belong to the server, rights to a database and a schema."""

    database: str
    schema: str


def wanted(connection: StudioConnection, place: Place) -> set[Right]:
    """Say every right that the three logins should have; PUBLIC should have none of these."""
    found: dict[str, list[str]] = {}
    for row in connection.execute(
        """
        SELECT relname AS name, attname AS field
        FROM pg_class
        JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        WHERE relkind IN ('r', 'p', 'v') AND relnamespace = %(schema)s::regnamespace
        """,
        {"schema": place.schema},
    ):
        found.setdefault(row["name"], []).append(row["field"])
    rights = {Right("DATABASE", place.database, role, "CONNECT") for role in LOGINS} | {
        Right("SCHEMA", place.schema, role, "USAGE") for role in LOGINS
    }

    def table(name: str, role: str, privilege: str, columns: Iterable[str] = ("",)) -> None:
        if name in found:
            rights.update(Right("TABLE", name, role, privilege, column) for column in columns)

    for name, writes in PRACTICE.items():
        if name not in found:
            continue
        table(name, AGENT, "SELECT")
        table(name, READER, "SELECT", [column for column in found[name] if column != _KEY] if _KEY in found[name] else ("",))
        for privilege in writes:
            # By column, so that nobody invents an id or a time, and LOCK TABLE, which asks for the whole table, is refused.
            made = {"duration_seconds"} if (name, privilege) in _IMPORTED else _MADE_BY_THE_DATABASE
            columns = [column for column in found[name] if column not in made]
            table(name, AGENT, privilege, ("",) if (name, privilege) in _WHOLE or privilege == "DELETE" else columns)
    for name in VIEWS:
        table(name, AGENT, "SELECT")
        table(name, READER, "SELECT")

    table("activity_log", AGENT, "INSERT", _LOG_COLUMNS)
    for role in LOGINS:
        table("activity_log", role, "SELECT")
        table("schema_version", role, "SELECT")
    table("audit_seals", OWNER, "SELECT")
    table("audit_seals", OWNER, "INSERT")
    table("audit_seals", READER, "SELECT")

    table("call_ledger", AGENT, "SELECT")
    table("call_ledger", AGENT, "INSERT", ("key", "tool", "arguments_hash"))
    table("call_ledger", AGENT, "UPDATE", ("result",))
    table("preview_changes", AGENT, "SELECT")
    table("preview_changes", AGENT, "INSERT", ("table_name", "operation", "before", "after"))
    table("purchase_order_numbers", AGENT, "SELECT")
    table("purchase_order_numbers", AGENT, "INSERT", ("year", "last_number"))
    table("purchase_order_numbers", AGENT, "UPDATE", ("last_number",))
    return rights


def present(connection: StudioConnection, place: Place) -> set[Right]:
    """Read which rights the roles and PUBLIC have been given. What is an owner's by ownership is not among them."""
    rows = connection.execute(
        """
        WITH found AS (
            SELECT 'DATABASE' AS kind, datname AS name, '' AS field, datdba AS owner,
                coalesce(datacl, acldefault('d', datdba)) AS rights
            FROM pg_database
            WHERE datname = current_database()
            UNION ALL
            SELECT 'SCHEMA', nspname, '', nspowner, coalesce(nspacl, acldefault('n', nspowner))
            FROM pg_namespace
            WHERE nspname = %(schema)s
            UNION ALL
            SELECT 'TABLE', relname, '', relowner, relacl
            FROM pg_class
            WHERE relname = ANY(%(tables)s) AND relnamespace = %(schema)s::regnamespace
            UNION ALL
            SELECT 'TABLE', relname, attname, relowner, attacl
            FROM pg_class
            JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
            WHERE relname = ANY(%(tables)s) AND relnamespace = %(schema)s::regnamespace
        )
        SELECT
            kind, name, field, coalesce(rolname, 'public') AS role,
            privilege_type || CASE WHEN is_grantable THEN %(grantable)s ELSE '' END AS privilege
        FROM found, LATERAL aclexplode(rights)
        LEFT JOIN pg_roles ON pg_roles.oid = grantee
        WHERE grantee <> owner AND (grantee = 0 OR rolname = ANY(%(roles)s))
        """,
        {"schema": place.schema, "tables": TABLES, "roles": list(ROLES), "grantable": GRANTABLE},
    )
    everybodys = Right("SCHEMA", place.schema, PUBLIC, "USAGE")  # to see that a table exists
    return {Right(**row) for row in rows} - {everybodys}


def what_each_may_do(connection: StudioConnection) -> list[dict[str, Any]]:
    """Ask which of the library's tables each role ``owns``, and may ``select``, ``insert``, ``update`` and ``delete``.

    The answer is what Postgres would decide, wherever the right comes from; an owner may do everything with what it owns.
    """
    return connection.execute(
        """
        SELECT
            rolname AS role,
            rolcanlogin AS login,
            coalesce(array_agg(name) FILTER (WHERE relowner = pg_roles.oid), '{}') AS owns,
            coalesce(array_agg(name) FILTER (WHERE has_any_column_privilege(rolname, relid, 'SELECT')), '{}') AS select,
            coalesce(array_agg(name) FILTER (WHERE has_any_column_privilege(rolname, relid, 'INSERT')), '{}') AS insert,
            coalesce(array_agg(name) FILTER (WHERE has_any_column_privilege(rolname, relid, 'UPDATE')), '{}') AS update,
            coalesce(array_agg(name) FILTER (WHERE has_table_privilege(rolname, relid, 'DELETE')), '{}') AS delete
        FROM pg_roles
        CROSS JOIN (
            SELECT oid AS relid, relname AS name, relowner
            FROM pg_class
            WHERE relname = ANY(%(tables)s) AND relnamespace = current_schema()::regnamespace
            ORDER BY relname
        ) AS found
        WHERE rolname = ANY(%(roles)s)
        GROUP BY rolname, rolcanlogin
        ORDER BY rolname
        """,
        {"tables": TABLES, "roles": list(ROLES)},
    ).fetchall()
