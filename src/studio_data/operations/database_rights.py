"""Which rights each database role should have, and which the catalogs say it has.

A domain declares its tables, with what the tools do with each; tests/operations/test_privileges.py fails by name for a
table that none declares. Tables of others in the same schema are left alone.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from studio_data.contract.domain import Table, domains
from studio_data.postgres.pool import StudioConnection

OWNER, AUDIT, AGENT, READER = "studio_owner", "studio_audit", "studio_agent", "studio_reader"
LOGINS = (OWNER, AGENT, READER)
ROLES = (OWNER, AUDIT, AGENT, READER)
PUBLIC = "public"
GRANTABLE = " WITH GRANT OPTION"

BOOKS = ("call_ledger", "preview_changes")
"""The library's own tables, which belong to the practice's owner too; ``schema_version`` stays the administrator's."""

LOG = ("activity_log", "audit_seals", "erased_lines")
"""The tables that nobody may change. What they rely on (functions, domains) belongs with them: see ``_relied_on``."""

_LOG_COLUMNS = ("entity_type", "entity_id", "project_id", "action", "actor_type", "actor_name", "context", "metadata")
_MADE_BY_THE_DATABASE = frozenset({"id", "created_at", "updated_at", "duration_seconds"})


def of_the_domains() -> list[str]:
    """Return every table and view that a domain declares."""
    every = domains().values()
    return [thing.name for domain in every for thing in (*domain.tables, *domain.views)]


def shared_functions() -> list[str]:
    """Return the functions by which every statement means the same: whoever owned them could change it for all others."""
    of_the_library = ["practice_time_zone", "today", "day_of", "start_of_day", "cents"]
    return of_the_library + [function for domain in domains().values() for function in domain.functions]


def all_tables() -> list[str]:
    """Return every table and view of the library."""
    return [*of_the_domains(), *BOOKS, *LOG, "schema_version"]


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

    for domain in domains().values():
        for declared in domain.tables:
            for role, privilege, columns in _of_table(declared, found.get(declared.name, [])):
                table(declared.name, role, privilege, columns)
        for view in domain.views:
            for role in (AGENT, READER) if view.is_for_readers else (AGENT,):
                table(view.name, role, "SELECT")

    table("activity_log", AGENT, "INSERT", _LOG_COLUMNS)
    for role in LOGINS:
        table("activity_log", role, "SELECT")
        table("schema_version", role, "SELECT")
    for role in (OWNER, READER):
        table("audit_seals", role, "SELECT")
        table("erased_lines", role, "SELECT")
    table("audit_seals", OWNER, "INSERT")

    table("call_ledger", AGENT, "SELECT")
    table("call_ledger", AGENT, "INSERT", ("key", "tool", "arguments_hash"))
    table("call_ledger", AGENT, "UPDATE", ("result",))
    table("preview_changes", AGENT, "SELECT")
    table("preview_changes", AGENT, "INSERT", ("table_name", "operation", "before", "after"))
    return rights


def _of_table(declared: Table, present: list[str]) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Say which role has which privilege of a domain's table, on which columns; ("",) is the whole table."""
    yield AGENT, "SELECT", ("",)
    if declared.is_for_readers:
        yield READER, "SELECT", [column for column in present if column not in declared.hidden] if declared.hidden else ("",)
    for write in declared.writes:
        # By column, so that nobody invents an id or a time, and LOCK TABLE, which asks for the whole table, is refused.
        made = {"duration_seconds"} if declared.has_imports and write == "INSERT" else _MADE_BY_THE_DATABASE
        kept = declared.final if write == "UPDATE" else ()
        columns = [column for column in present if column not in made and column not in kept]
        yield AGENT, write, ("",) if write == "DELETE" or (write == "UPDATE" and declared.is_locked) else columns


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
        {"schema": place.schema, "tables": all_tables(), "roles": list(ROLES), "grantable": GRANTABLE},
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
        {"tables": all_tables(), "roles": list(ROLES)},
    ).fetchall()
