"""What the database roles may and may not do, tried as each of them with a login of its own."""

import subprocess
from collections.abc import Callable, Generator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studio_data import acting_as, call, call_key, db, preview
from studio_data.config import settings
from studio_data.contract import ledger
from studio_data.errors import PermissionDeniedError
from studio_data.operations import database_roles, seals
from studio_data.operations.database_rights import AGENT, LOGINS, OWNER, READER
from studio_data.postgres import embedded
from studio_data.postgres.pool import connect
from studio_data.tools.activity import list_activity
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.projects import create_project
from tests.conftest import new_database
from tests.support import ROLE, as_server_administrator, studio_data, use
from tests.support.forbidden import FORBIDDEN, GIVES_NOTHING

ATTEMPTS = [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements]


@pytest.fixture(scope="module")
def database(server_url: str, template: str) -> Generator[str]:
    """A database of the administrator's in which the roles are set up and a client, its line and a ledger row are."""
    with new_database(server_url, template=template) as url:
        with connect(url, settings()) as connection:
            database_roles.set_up(connection)
            connection.execute("INSERT INTO clients (name) VALUES ('Ann Example')")
            connection.execute(
                """
                INSERT INTO activity_log (entity_type, entity_id, action)
                SELECT 'client', id, 'created'
                FROM clients
                """
            )
            connection.execute("INSERT INTO call_ledger (key, tool, arguments_hash) VALUES ('k', 't', sha256('x'))")
        yield url


def login(url: str, role: str) -> str:
    """Return the connection string of a role; on a server that asks for passwords the role gets the administrator's."""
    password = conninfo_to_dict(url).get("password")
    if password is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
    return make_conninfo(url, user=role)


type Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def sessions(database: str) -> Generator[dict[str, Session]]:
    """A session of each login; every statement is committed at once, unless it begins a transaction."""
    opened = {role: psycopg.connect(login(database, role), autocommit=True) for role in LOGINS}
    yield opened
    for session in opened.values():
        session.close()


@pytest.fixture(scope="module")
def administrator(database: str) -> Generator[Session]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def state(administrator: Session) -> dict[str, Any]:
    """Everything that a forbidden statement could have changed: rows, definitions, owners, rights, roles and settings."""
    tables = administrator.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
    ).fetchall()
    rows = {
        name: administrator.execute(
            sql.SQL("SELECT count(*), sum(hashtextextended(row::text, 0)) FROM {} AS row").format(sql.Identifier(name))
        ).fetchone()
        for (name,) in tables
    }
    definitions = administrator.execute(
        """
        SELECT 'relation', relname, relowner::regrole::text, relacl::text,
            (relhasrules, relrowsecurity, relpersistence)::text
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'column', attrelid::regclass || '.' || attname, atttypid::regtype::text, attacl::text,
            (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = current_schema()::regnamespace AND attnum > 0
        UNION ALL
        SELECT 'trigger', tgrelid::regclass || '.' || tgname, tgenabled::text, NULL, pg_get_triggerdef(oid)
        FROM pg_trigger
        WHERE NOT tgisinternal
        UNION ALL
        SELECT 'function', proname, proowner::regrole::text, proacl::text, pg_get_functiondef(oid)
        FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'type', typname, typowner::regrole::text, typacl::text, NULL
        FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'constraint', conname, conrelid::text, contypid::text, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text, NULL
        FROM pg_namespace
        WHERE nspname !~ '^pg_(toast_)?temp_'
        UNION ALL
        SELECT 'database', datname, datdba::regrole::text, datacl::text, NULL
        FROM pg_database
        WHERE datname = current_database()
        UNION ALL
        SELECT 'role', rolname, NULL,
            (rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text,
            (SELECT string_agg(roleid::regrole::text, ' ') FROM pg_auth_members WHERE member = pg_roles.oid)
        FROM pg_roles
        WHERE rolname ~ '^studio_'
        UNION ALL
        SELECT 'setting', setdatabase::text, setrole::regrole::text, setconfig::text, NULL
        FROM pg_db_role_setting
        WHERE setrole::regrole::text ~ '^studio_'
        UNION ALL
        SELECT 'extension', extname, extversion, NULL, NULL
        FROM pg_extension
        ORDER BY 1, 2, 3, 4, 5
        """
    ).fetchall()
    return {"rows": rows, "definitions": definitions}


def attempt(session: Session, statement: str) -> str | None:
    """Run a statement; return the sqlstate of its refusal, or of the warning that it did nothing."""
    warnings: list[str | None] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        warnings.append(notice.sqlstate)

    session.add_notice_handler(hear)
    try:
        session.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    finally:
        session.remove_notice_handler(hear)
        session.rollback()
    return warnings[0] if warnings else None


def test_there_are_enough_attempts() -> None:
    assert len(ATTEMPTS) > 450
    assert len(set(ATTEMPTS)) == len(ATTEMPTS)


@pytest.mark.parametrize("role", LOGINS)
def test_every_forbidden_statement_is_refused_and_changes_nothing(
    role: str, sessions: dict[str, Session], administrator: Session
) -> None:
    found = administrator.execute("SELECT name FROM pg_available_extension_versions WHERE NOT installed LIMIT 1").fetchone()
    here = {
        "{schema}": "public",
        "{database}": sessions[role].info.dbname,
        "{extension}": found[0] if found else "none_is_there",
    }
    before = state(administrator)
    wrong: list[tuple[str, str | None]] = []
    for template in FORBIDDEN[role]:
        statement = template
        for name, value in here.items():
            statement = statement.replace(name, value)
        answer = attempt(sessions[role], statement)
        expected = GIVES_NOTHING if statement.startswith("GRANT") and " ON " in statement else "42501"
        if answer != expected and not ("EXTENSION" in statement and not found):
            wrong.append((statement, answer))

    assert wrong == []
    assert state(administrator) == before


# What each role is for --------------------------------------------------------------------------------------------------


@pytest.fixture
def enter(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Set the roles up in a database of the test's own, and let the library log in as one of them."""
    url = as_server_administrator(committed_db)
    with connect(url, settings()) as connection:
        database_roles.set_up(connection)

    def log_in(role: str) -> str:
        entered = login(url, role)
        use(entered, monkeypatch)
        assert db.one("SELECT session_user AS me")["me"] == role
        return entered

    return log_in


def test_the_tools_work_as_the_agent_with_key_preview_and_log(enter: Callable[[str], str]) -> None:
    enter(AGENT)

    with acting_as("agent", "studio_manager", role="studio_manager"):
        with call_key("run-1/step-1"):
            client = create_client("Ann")
        with call_key("run-1/step-1"):
            assert create_client("Ann") == client
        with preview() as plan:
            create_project(client["id"], "LR", "mixed")

    assert len(plan.changes) == 162
    assert [line["actor_name"] for line in list_activity()["items"]] == ["studio_manager"]
    assert studio_data("migrate", "--status")[0] == 0


def test_the_reader_reads_the_practice_and_its_log_and_is_told_that_it_may_not_write(enter: Callable[[str], str]) -> None:
    enter(AGENT)
    create_client("Ann")
    enter(READER)

    assert [client["name"] for client in list_clients()["items"]] == ["Ann"]
    assert [line["action"] for line in list_activity()["items"]] == ["created"]
    with pytest.raises(PermissionDeniedError, match="permission denied for table clients"):
        create_client("Ben")
    assert call("create_client", {"name": "Ben"}, key="k")["code"] == "permission_denied"
    assert len(list_clients()["items"]) == 1


def test_the_owner_seals_the_log_and_the_reader_verifies_it(enter: Callable[[str], str]) -> None:
    enter(AGENT)
    create_client("Ann")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        list(seals.seal())
    enter(OWNER)
    assert list(seals.seal()) == [1]
    enter(READER)

    assert list(seals.verify(seals.head())) == [(1, []), (0, [])]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        list(seals.seal())


def test_the_owner_prunes_the_ledger_and_backs_the_database_up(enter: Callable[[str], str]) -> None:
    enter(AGENT)
    create_client("Ann")
    url = enter(OWNER)
    db.one(
        """
        INSERT INTO call_ledger (key, tool, arguments_hash, created_at)
        VALUES ('old', 't', sha256('x'), now() - interval '40 days')
        """
    )

    assert list(ledger.prune()) == [1]
    pg_dump = str(embedded._programs("18") / "pg_dump")  # it reads older servers too
    dump = subprocess.run([pg_dump, url], check=True, capture_output=True, text=True).stdout
    for table in ("clients", "activity_log", "call_ledger", "schema_version"):
        assert f"COPY public.{table} " in dump


@pytest.mark.parametrize("role", LOGINS)
def test_a_session_begins_with_time_outs_and_temporary_tables_last(role: str, enter: Callable[[str], str]) -> None:
    enter(role)

    assert db.one(
        """
        SELECT
            current_setting('search_path') AS path,
            current_setting('statement_timeout') AS statement,
            current_setting('lock_timeout') AS lock,
            current_setting('idle_in_transaction_session_timeout') AS idle
        """
    ) == {"path": "public, pg_temp", "statement": "15s", "lock": "3s", "idle": "30s"}


def test_everybody_else_may_not_even_connect(administrator: Session) -> None:
    rights = administrator.execute(
        """
        SELECT right_of_all
        FROM unnest('{CONNECT, TEMP, CREATE}'::text[]) AS right_of_all
        WHERE has_database_privilege('public', current_database(), right_of_all)
        """
    ).fetchall()

    assert rights == []
    assert administrator.execute("SELECT has_schema_privilege('public', 'public', 'CREATE')").fetchone() == (False,)


def test_the_suite_acts_in_the_role_that_it_was_told() -> None:
    me = db.one("SELECT current_user AS me, session_user AS login")

    assert me["me"] == (ROLE or me["login"])


# What holds not: SECURITY.md says so ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clients SET status = 'completed'",
        """
        INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name)
        VALUES ('client', gen_random_uuid(), 'called', 'user', 'Maria')
        """,
        "INSERT INTO call_ledger (key, tool, arguments_hash) VALUES ('a key of tomorrow', 'create_client', sha256('x'))",
        "UPDATE call_ledger SET result = '{}'",
        "SELECT result FROM call_ledger",
        "SET statement_timeout = 0",
        "SET idle_in_transaction_session_timeout = 0",
        "SELECT * FROM clients FOR UPDATE",
        "LOCK TABLE workflow_templates IN ACCESS EXCLUSIVE MODE",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT lo_from_bytea(0, decode(repeat('00', 1000), 'hex'))",
        "ALTER ROLE CURRENT_USER PASSWORD 'another'",
        "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on",
        "ALTER ROLE CURRENT_USER SET statement_timeout = 0",
    ],
)
def test_a_raw_connection_of_the_agent_can(statement: str, sessions: dict[str, Session], administrator: Session) -> None:
    before = state(administrator)
    with sessions[AGENT].transaction(force_rollback=True):
        sessions[AGENT].execute(statement.encode())

    assert state(administrator) == before


def test_a_raw_connection_of_the_agent_can_change_a_row_without_a_line(
    sessions: dict[str, Session], administrator: Session
) -> None:
    before = state(administrator)["rows"]
    sessions[AGENT].execute("UPDATE clients SET phone = '1'")
    after = state(administrator)["rows"]

    assert {table for table in before if before[table] != after[table]} == {"clients"}


def test_a_raw_connection_of_the_agent_can_fill_the_preview_and_the_owner_empties_it(
    sessions: dict[str, Session], administrator: Session
) -> None:
    sessions[AGENT].execute("SET studio_data.preview = on; UPDATE clients SET phone = '2'; RESET studio_data.preview")

    assert sessions[AGENT].execute("SELECT table_name FROM preview_changes").fetchall() == [("clients",)]
    sessions[OWNER].execute("TRUNCATE preview_changes")


def test_a_raw_connection_of_the_agent_can_end_other_sessions_of_its_role_and_no_others(
    database: str, sessions: dict[str, Session]
) -> None:
    with psycopg.connect(login(database, AGENT), autocommit=True) as other:
        pid = other.info.backend_pid
        assert sessions[AGENT].execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sessions[AGENT].execute("SELECT pg_terminate_backend(%s)", (sessions[OWNER].info.backend_pid,))


def test_the_owner_can_put_in_a_seal_that_fits_nothing(sessions: dict[str, Session]) -> None:
    with sessions[OWNER].transaction(force_rollback=True):
        sessions[OWNER].execute("INSERT INTO audit_seals VALUES (1, '1', 1, sha256('x'), sha256('x'), sha256('x'), now())")


def test_the_owner_can_change_the_practice_without_a_line_and_a_superuser_the_log_too(
    sessions: dict[str, Session], administrator: Session
) -> None:
    with sessions[OWNER].transaction(force_rollback=True):
        sessions[OWNER].execute("UPDATE clients SET created_at = '2020-01-01'; DELETE FROM clients")
    with administrator.transaction(force_rollback=True):
        administrator.execute("ALTER TABLE activity_log DISABLE TRIGGER ALL; DELETE FROM activity_log")


def test_what_the_owner_has_put_on_a_table_runs_with_the_rights_of_whoever_writes_to_it(
    sessions: dict[str, Session], administrator: Session
) -> None:
    sessions[OWNER].execute("ALTER TABLE vendors ALTER COLUMN category SET DEFAULT trim(pg_read_file('PG_VERSION'), E'\\n')")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sessions[AGENT].execute("INSERT INTO vendors (name) VALUES ('Sofa maker')")
        with administrator.transaction(force_rollback=True):
            administrator.execute("INSERT INTO vendors (name) VALUES ('Sofa maker')")
    finally:
        sessions[OWNER].execute("ALTER TABLE vendors ALTER COLUMN category DROP DEFAULT")
