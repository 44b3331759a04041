"""Least privilege: four database roles, what each owns and what each may do, and nothing else.

``set_up`` compares the catalogs with the rights that are written here, and corrects the difference. So a second run
changes nothing, and a run after a later migration only adds what is new. It drops nothing. SECURITY.md says what each role
protects; tests/operations/test_privileges.py tries it.
"""

import random
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from studio_data.config import settings
from studio_data.errors import ConfigurationError, PermissionDeniedError, UnavailableError
from studio_data.hints import as_typed
from studio_data.operations.database_rights import (
    AUDIT,
    BOOKS,
    GRANTABLE,
    LOG,
    LOGINS,
    OWNER,
    PUBLIC,
    ROLES,
    Place,
    Right,
    of_the_domains,
    present,
    shared_functions,
    wanted,
)
from studio_data.postgres import migrate
from studio_data.postgres.pool import StudioConnection

MAKES_THE_LOG = ("changed_fields", "line_hash", "seal_hash", "trail_number")
"""Functions on which the statements that write or seal the log rely."""

SETTINGS = {
    "statement_timeout": "15s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
}
MOST_ATTEMPTS = 12
NEEDED = (
    "Run it as a superuser. Or run it as a login with CREATEROLE that owns the database, migrated it, and created the"
    " four roles or has ADMIN OPTION on them."
)


@dataclass(slots=True)
class _Run:
    """One run: its connection, and what it has changed so far."""

    connection: StudioConnection
    place: Place
    is_superuser: bool
    changes: list[str] = field(default_factory=list[str])

    def change(self, statement: sql.Composed) -> None:
        self.connection.execute(statement)
        self.changes.append(statement.as_string(self.connection))

    def rows(self, query: LiteralString, **parameters: object) -> list[DictRow]:
        return self.connection.execute(query, {"schema": self.place.schema, **parameters}).fetchall()


def set_up(connection: StudioConnection) -> list[str]:
    """Give the four roles their rights in the connection's schema, and return the statements that were needed.

    Several runs, in one or many databases of a server, may go on at the same time. All of it is done, or nothing. Raises
    ``ConfigurationError`` if migrations are missing or a role has other powers, ``PermissionDeniedError`` if the login's
    privileges do not suffice, ``UnavailableError`` if the tables stay in use.
    """
    missing = migrate.pending(connection)
    if missing:
        raise ConfigurationError(
            f"The database lacks {len(missing)} migrations of this version.", hint=f"Run {as_typed('migrate')} first."
        )
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            with connection.transaction():
                return _set_up(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            fact = " ".join((error.diag.message_primary or str(error)).split())
            raise PermissionDeniedError(f"{connection.info.user} may not set up the roles: {fact}.", hint=NEEDED) from error
        except psycopg.Error as error:
            if not _another_was_first(error):
                raise
            if attempt == MOST_ATTEMPTS:
                raise UnavailableError("The database is busy.", hint="Nothing was changed: run it again.") from error
        time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))  # noqa: S311 (not a secret)
    raise AssertionError  # the last attempt returned or raised


def _another_was_first(error: psycopg.Error) -> bool:
    """Tell whether another run made the same role just now (a role belongs to the whole server), or a table is in use."""
    return isinstance(
        error,
        psycopg.errors.DuplicateObject
        | psycopg.errors.UniqueViolation
        | psycopg.errors.LockNotAvailable
        | psycopg.errors.DeadlockDetected,
    ) or "tuple concurrently" in str(error)


def _set_up(connection: StudioConnection) -> list[str]:
    connection.execute(
        "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)",
        (migrate.LOCK_TIMEOUT, f"{settings().migration_timeout * 1000:.0f}ms"),
    )
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (migrate.ADVISORY_LOCK,))
    here: Any = connection.execute(
        """
        SELECT current_database() AS database, current_schema() AS schema, rolsuper AS is_superuser
        FROM pg_roles
        WHERE rolname = current_user
        """
    ).fetchone()
    run = _Run(connection, Place(here["database"], here["schema"]), here["is_superuser"])
    _make_roles(run)
    _refuse_powers_from_elsewhere(run)
    lent = _borrow_roles(run)
    _give_to_owners(run)
    for statement in lent.creation:
        connection.execute(statement)
    _grant(run)
    _set_defaults(run)
    for statement in lent.membership:
        connection.execute(statement)
    _dismiss_members_of_audit(run)
    _check_done(run)
    return run.changes


# The roles ------------------------------------------------------------------------------------------------------------


def _make_roles(run: _Run) -> None:
    found = {
        row["rolname"]: row
        for row in run.rows(
            """
            SELECT
                rolname, rolcanlogin,
                rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_powerful
            FROM pg_roles
            WHERE rolname = ANY(%(roles)s)
            """,
            roles=list(ROLES),
        )
    }
    for role in ROLES:
        login = sql.SQL("LOGIN" if role in LOGINS else "NOLOGIN")
        if role not in found:
            run.change(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), login))
        elif found[role]["is_powerful"]:
            raise ConfigurationError(
                f"The role {role} already exists with attributes that give it too many rights.",
                hint=f"ALTER ROLE {role} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS, then run it again.",
            )
        elif found[role]["rolcanlogin"] != (role in LOGINS):
            run.change(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(role), login))


def _refuse_powers_from_elsewhere(run: _Run) -> None:
    """Refuse a role that is a member of another role, or owns the schema or the database: it could drop the log."""
    powers = run.rows(
        """
        SELECT member.rolname AS role, 'is a member of ' || role.rolname AS power
        FROM pg_auth_members
        JOIN pg_roles AS member ON member.oid = pg_auth_members.member
        JOIN pg_roles AS role ON role.oid = pg_auth_members.roleid
        WHERE member.rolname = ANY(%(roles)s)
        UNION ALL
        SELECT pg_get_userbyid(nspowner), 'owns the schema ' || nspname
        FROM pg_namespace
        WHERE nspname = %(schema)s AND pg_get_userbyid(nspowner) = ANY(%(roles)s)
        UNION ALL
        SELECT pg_get_userbyid(datdba), 'owns the database ' || datname
        FROM pg_database
        WHERE datname = current_database() AND pg_get_userbyid(datdba) = ANY(%(roles)s)
        ORDER BY role, power
        """,
        roles=list(ROLES),
    )
    if powers:
        raise ConfigurationError(
            "; ".join(f"{row['role']} {row['power']}" for row in powers) + ": these roles must not have such rights.",
            hint="REVOKE the membership, or give the database or schema to an administrator, then run it again.",
        )


class _Lent(NamedTuple):
    """How to return what an administrator who is not a superuser borrows inside the transaction."""

    creation: list[sql.Composed]
    membership: list[sql.Composed]


def _borrow_roles(run: _Run) -> _Lent:
    """Let an administrator who is not a superuser change owners: Postgres demands membership and CREATE on both sides.

    Nobody else sees it, since it is returned before the transaction ends.
    """
    lent = _Lent([], [])
    if run.is_superuser:
        return lent
    schema = sql.Identifier(run.place.schema)
    for role in (OWNER, AUDIT):
        name = sql.Identifier(role)
        (has_it,) = run.rows("SELECT pg_has_role(%(role)s, 'USAGE') AND pg_has_role(%(role)s, 'SET') AS has_it", role=role)
        if not has_it["has_it"]:
            run.connection.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(name))
            lent.membership.append(sql.SQL("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER").format(name))
        run.connection.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(schema, name))
        lent.creation.append(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM {}").format(schema, name))
    return lent


def _dismiss_members_of_audit(run: _Run) -> None:
    """Revoke the log's owner from every login that could act as it. ADMIN OPTION alone does not allow that."""
    members = run.rows(
        """
        SELECT pg_get_userbyid(member) AS member, pg_get_userbyid(grantor) AS grantor
        FROM pg_auth_members
        WHERE roleid = %(audit)s::regrole AND (inherit_option OR set_option)
        """,
        audit=AUDIT,
    )
    for row in members:
        run.change(
            sql.SQL("REVOKE {} FROM {} GRANTED BY {}").format(
                sql.Identifier(AUDIT), sql.Identifier(row["member"]), sql.Identifier(row["grantor"])
            )
        )


# What belongs to whom -------------------------------------------------------------------------------------------------


def _give_to_owners(run: _Run) -> None:
    """Give the log, and what it relies on, to its own owner, and the practice's tables to theirs.

    The owner of a function that the log's defaults or triggers call could replace it. The owner of a value type could drop
    it together with the log's columns. What the tools' statements share belongs with the log: all of them rely on it.
    """
    log = _relied_on(run, LOG, (*MAKES_THE_LOG, *shared_functions()))
    practice = _relied_on(run, (*of_the_domains(), *BOOKS), ()) - log
    for owner, things in ((AUDIT, log), (OWNER, practice)):
        for thing in sorted(things):
            if thing.owner != owner:
                run.change(
                    sql.SQL("ALTER {} {} OWNER TO {}").format(
                        sql.SQL(thing.kind), sql.Identifier(run.place.schema, thing.name), sql.Identifier(owner)
                    )
                )


class _Thing(NamedTuple):
    kind: Literal["FUNCTION", "TABLE", "TYPE"]
    name: str
    owner: str


def _relied_on(run: _Run, tables: Collection[str], functions: Collection[str]) -> set[_Thing]:
    """Find tables and functions by name, and all functions and types of the schema on which they rely, also indirectly.

    The catalogs record this, except for the body of a function that is kept as text.
    """
    rows = run.rows(
        """
        WITH RECURSIVE needed (class, id) AS (
            SELECT 'pg_class'::regclass::oid, oid
            FROM pg_class
            WHERE relname = ANY(%(tables)s) AND relkind IN ('r', 'p', 'v') AND relnamespace = %(schema)s::regnamespace
            UNION
            SELECT 'pg_proc'::regclass, oid
            FROM pg_proc
            WHERE proname = ANY(%(functions)s) AND pronamespace = %(schema)s::regnamespace
            UNION
            SELECT next.class, next.id
            FROM needed, LATERAL (
                SELECT refclassid AS class, refobjid AS id
                FROM pg_depend
                WHERE classid = needed.class AND objid = needed.id
                    AND refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass)
                UNION ALL
                -- The defaults, constraints, indexes and triggers of a table, and the constraints of a value type.
                SELECT classid, objid
                FROM pg_depend
                WHERE refclassid = needed.class AND refobjid = needed.id AND deptype IN ('a', 'i')
                    AND classid IN (
                        'pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass
                    )
            ) AS next
        )
        SELECT 'TABLE' AS kind, relname AS name, pg_get_userbyid(relowner) AS owner
        FROM needed
        JOIN pg_class ON pg_class.oid = id AND class = 'pg_class'::regclass
        WHERE relkind IN ('r', 'p', 'v') AND relname = ANY(%(tables)s) AND relnamespace = %(schema)s::regnamespace
        UNION
        SELECT 'FUNCTION', proname, pg_get_userbyid(proowner)
        FROM needed
        JOIN pg_proc ON pg_proc.oid = id AND class = 'pg_proc'::regclass
        WHERE pronamespace = %(schema)s::regnamespace
        UNION
        SELECT 'TYPE', typname, pg_get_userbyid(typowner)
        FROM needed
        JOIN pg_type ON pg_type.oid = id AND class = 'pg_type'::regclass
        WHERE typtype IN ('d', 'e') AND typnamespace = %(schema)s::regnamespace
        """,
        tables=list(tables),
        functions=list(functions),
    )
    return {_Thing(**row) for row in rows}


# Who may do what ------------------------------------------------------------------------------------------------------


def _grant(run: _Run) -> None:
    """Revoke what nobody should have, and grant what is missing."""
    want = wanted(run.connection, run.place)
    surplus = present(run.connection, run.place) - want
    _change_rights(run, surplus, sql.SQL("REVOKE {} ON {} {} FROM {}"))
    missing = want - present(run.connection, run.place)  # a right on a table includes its columns
    _change_rights(run, missing, sql.SQL("GRANT {} ON {} {} TO {}"))


def _change_rights(run: _Run, rights: set[Right], to_or_from: sql.SQL) -> None:
    for _, together in groupby(sorted(rights), key=lambda right: right[:3]):
        of_role = list(together)
        right = of_role[0]
        whole = (run.place.schema, right.name) if right.kind == "TABLE" else (right.name,)
        grantee = sql.SQL("PUBLIC") if right.role == PUBLIC else sql.Identifier(right.role)
        run.change(to_or_from.format(_privileges(of_role), sql.SQL(right.kind), sql.Identifier(*whole), grantee))


def _privileges(rights: list[Right]) -> sql.Composable:
    """Write privileges as GRANT takes them: ``SELECT, UPDATE (status, notes)``."""
    parts: list[sql.Composable] = []
    for (privilege, on_columns), together in groupby(rights, key=lambda right: (right.privilege, bool(right.field))):
        word = sql.SQL(privilege.removesuffix(GRANTABLE))  # pyright: ignore[reportArgumentType] (the catalogs' own word)
        columns = sql.SQL(", ").join(sql.Identifier(right.field) for right in together)
        parts.append(sql.SQL("{} ({})").format(word, columns) if on_columns else word)
    return sql.SQL(", ").join(parts)


def _set_defaults(run: _Run) -> None:
    """Set the session defaults of a login here. pg_temp is last, so that no temporary table can stand in for the log."""
    rows = run.rows(
        """
        WITH path AS (
            SELECT array_agg('search_path=' || quote_ident(nspname) || ', pg_temp') AS of_a_studio
            FROM pg_class
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relname = 'activity_log' AND relkind IN ('r', 'p')
        )
        SELECT rolname AS role, coalesce(setconfig, '{}') AS present, coalesce(setconfig && of_a_studio, false) AS has_path
        FROM path
        CROSS JOIN pg_roles
        LEFT JOIN pg_db_role_setting ON setrole = pg_roles.oid AND setdatabase = (
            SELECT oid FROM pg_database WHERE datname = current_database()
        )
        WHERE rolname = ANY(%(roles)s)
        ORDER BY rolname
        """,
        roles=list(LOGINS),
    )
    here = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
    database = sql.Identifier(run.place.database)
    for row in rows:
        role = sql.Identifier(row["role"])
        if not row["has_path"]:  # with several practices in a database, the first one's schema is the default
            path = sql.SQL("{}, pg_temp").format(sql.Identifier(run.place.schema))
            run.change(here.format(role, database, sql.SQL("search_path"), path))
        for name, value in SETTINGS.items():
            if f"{name}={value}" not in row["present"]:
                run.change(here.format(role, database, sql.Identifier(name), sql.Literal(value)))


def _check_done(run: _Run) -> None:
    """Fail if a right is still missing: without the privilege to grant it, Postgres may only warn."""
    want, have = wanted(run.connection, run.place), present(run.connection, run.place)
    wrong = sorted({f"{right.role}: {right.privilege} on {right.name}" for right in want ^ have})
    if wrong:
        raise PermissionDeniedError(
            f"{run.connection.info.user} could not set every right: {'; '.join(wrong[:5])}.",
            hint=NEEDED,
            details={"rights": wrong},
        )
