"""``studio-data roles``: who may run it, what it takes, and that it may be run again, at once and after later migrations."""

import json
import os
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from studio_data.config import settings
from studio_data.contract.domain import domains
from studio_data.errors import ConfigurationError, PermissionDeniedError
from studio_data.operations import database_roles
from studio_data.operations.database_rights import AGENT, AUDIT, OWNER, READER, ROLES, all_tables, what_each_may_do
from studio_data.postgres import migrate
from studio_data.postgres.pool import connect
from tests.conftest import new_database
from tests.support import studio_data, use
from tests.support.embedded import users
from tests.support.processes import COMMAND


def set_up(url: str) -> list[str]:
    with connect(url, settings()) as connection:
        return database_roles.set_up(connection)


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each for itself; return the rows of the last."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def url(server_url: str, template: str) -> Generator[str]:
    """A migrated database of the administrator's, whatever role the tests act in."""
    with new_database(server_url, template=template) as made:
        yield made


@pytest.fixture
def server(warm: Path) -> Generator[str]:
    """A server of the test's own, on which nobody has made the roles."""
    with users(warm, 1) as (user,):
        yield user.url


def owners(url: str, kind: str) -> dict[str, str]:
    catalog = {"table": "pg_class", "function": "pg_proc", "type": "pg_type"}[kind]
    prefix = {"table": "rel", "function": "pro", "type": "typ"}[kind]
    only = {"table": "relkind = 'r'", "function": "true", "type": "typtype IN ('d', 'e')"}[kind]
    return dict(
        run(
            url,
            f"SELECT {prefix}name, {prefix}owner::regrole::text FROM {catalog}"  # noqa: S608
            f" WHERE {prefix}namespace = current_schema()::regnamespace AND {only}",
        )
    )  # pyright: ignore[reportReturnType]


# What it makes ----------------------------------------------------------------------------------------------------------


def test_the_second_run_changes_nothing(url: str) -> None:
    set_up(url)
    rows = "SELECT xmin::text, oid FROM pg_class UNION ALL SELECT xmin::text, oid FROM pg_database ORDER BY 1, 2"
    before = run(url, rows)

    assert set_up(url) == []
    assert run(url, rows) == before


def test_the_command_shows_what_it_did_and_then_that_nothing_is_to_do(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(url, monkeypatch)
    run(url, "ALTER TABLE activity_log OWNER TO CURRENT_USER")

    code, said, _ = studio_data("roles", terminal=200)
    assert code == 0
    assert 'ALTER TABLE "public"."activity_log" OWNER TO "studio_audit";' in said
    assert "No password was set or changed" in said
    code, said, _ = studio_data("roles", terminal=200)
    assert code == 0
    assert "Nothing to do: every role has its rights." in said

    answer = json.loads(studio_data("roles", "--json")[1])
    assert answer["changed"] == []
    agent = next(role for role in answer["roles"] if role["role"] == AGENT)
    assert (agent["owns"], agent["delete"], agent["login"]) == ([], ["agent_checkpoints"], True)
    assert set(agent["insert"]) - set(agent["update"]) == {
        "activity_log", "documents", "phase_transitions", "preview_changes", "vendor_quotes", "agent_artifacts",
        "agent_checkpoints", "agent_metrics",
    }  # fmt: skip


def test_every_table_of_the_schema_has_its_rights_said(url: str) -> None:
    set_up(url)
    tables = owners(url, "table")

    assert set(tables) <= set(all_tables()), "a table that no domain declares has no owner and no rights"
    with connect(url, settings()) as connection:
        may = {row["role"]: row for row in what_each_may_do(connection)}
    assert set(may[AUDIT]["owns"]) - {"erased_lines"} == {"activity_log", "audit_seals"} & set(tables)
    views = {view.name for domain in domains().values() for view in domain.views}
    assert set(may[OWNER]["owns"]) - views == set(tables) - set(may[AUDIT]["owns"]) - {"schema_version"}
    assert may[READER]["insert"] == may[READER]["update"] == may[READER]["delete"] == []
    assert may[AGENT]["delete"] == ["agent_checkpoints"]
    assert "call_ledger" not in may[READER]["select"]


def test_every_function_but_the_triggers_of_the_practices_own_tables_belongs_with_the_log(url: str) -> None:
    """Each runs inside the statements that write a line: whoever could replace it could change what the line says."""
    set_up(url)

    others = {name for name, owner in owners(url, "function").items() if owner != AUDIT}
    assert others == {"set_updated_at", "check_templates_of_tasks", "refuse_change_of_reference"}


def test_the_types_of_the_log_belong_with_it_and_the_others_to_the_practice(url: str) -> None:
    set_up(url)
    types = owners(url, "type")

    of_the_log = {name for name, owner in types.items() if owner == AUDIT}
    assert {"short_text", "visible_text", "bounded_jsonb", "bounded_timestamptz"} <= of_the_log
    assert {owner for name, owner in types.items() if name not in of_the_log} == {OWNER}
    assert types["dollars"] == OWNER


# Again, later -----------------------------------------------------------------------------------------------------------


def test_what_a_later_migration_brings_is_taken_in_by_another_run(url: str) -> None:
    set_up(url)
    run(
        url,
        "CREATE DOMAIN mark AS bigint",
        "CREATE FUNCTION new_mark() RETURNS bigint LANGUAGE sql RETURN 1",
        "ALTER TABLE activity_log ADD COLUMN mark mark DEFAULT new_mark()",
        "ALTER TABLE clients ADD COLUMN nickname text",
        "CREATE TABLE IF NOT EXISTS audit_seals (id uuid PRIMARY KEY DEFAULT uuid_v7(), seal text NOT NULL)",
        "CREATE TABLE notes_of_somebody (note text)",
    )

    changes = set_up(url)

    assert owners(url, "function")["new_mark"] == AUDIT
    assert owners(url, "type")["mark"] == AUDIT
    assert owners(url, "table")["audit_seals"] == AUDIT
    assert owners(url, "table")["notes_of_somebody"] not in ROLES
    assert 'GRANT INSERT ("nickname"), UPDATE ("nickname") ON TABLE "public"."clients" TO "studio_agent"' in changes
    with connect(url, settings()) as connection:
        may = {row["role"]: row for row in what_each_may_do(connection)}
    assert [what for what in ("select", "insert", "update", "delete") if "audit_seals" in may[OWNER][what]] == [
        "select",
        "insert",
    ]
    assert "audit_seals" in may[READER]["select"]
    assert "audit_seals" not in may[AGENT]["select"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(make_conninfo(url, options=f"-c role={AGENT}"), "INSERT INTO activity_log (mark) VALUES (1)")
    assert set_up(url) == []


def test_rights_that_somebody_gave_or_took_are_put_back(url: str) -> None:
    set_up(url)
    run(
        url,
        "GRANT DELETE, UPDATE ON clients TO studio_agent",
        "GRANT SELECT ON clients TO studio_agent WITH GRANT OPTION",
        "GRANT UPDATE (action) ON activity_log TO studio_agent",
        "GRANT ALL ON activity_log TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO studio_agent",
        "REVOKE INSERT ON activity_log FROM studio_agent",
        sql.SQL("GRANT TEMP ON DATABASE {} TO PUBLIC").format(sql.Identifier(url_database(url))).as_string(),
        sql.SQL("ALTER ROLE studio_agent IN DATABASE {} SET search_path = pg_temp, public")
        .format(sql.Identifier(url_database(url)))
        .as_string(),
    )

    assert set_up(url) != []
    assert set_up(url) == []
    with connect(url, settings()) as connection:
        agent = next(row for row in what_each_may_do(connection) if row["role"] == AGENT)
    assert agent["delete"] == ["agent_checkpoints"]
    assert "activity_log" in agent["insert"]
    assert "activity_log" not in agent["update"]


def url_database(url: str) -> str:
    return str(run(url, "SELECT current_database()")[0][0])


def test_each_schema_of_a_database_is_set_up_and_the_first_is_where_a_login_begins(empty_db: str) -> None:
    for studio in ("studio_a", "studio_b"):
        run(empty_db, f"CREATE SCHEMA {studio}")
        inside = make_conninfo(empty_db, options=f"-csearch_path={studio}")
        with connect(inside, settings()) as connection:
            migrate.migrate(connection)
            assert len(database_roles.set_up(connection)) > 50
    for studio in ("studio_a", "studio_b"):
        inside = make_conninfo(empty_db, options=f"-csearch_path={studio}")
        assert set_up(inside) == []
        assert owners(inside, "table")["activity_log"] == AUDIT
    assert run(
        empty_db,
        "SELECT DISTINCT setting FROM pg_db_role_setting, unnest(setconfig) AS setting"
        " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND setting LIKE 'search_path%'",
    ) == [("search_path=studio_a, pg_temp",)]


# Who may run it ---------------------------------------------------------------------------------------------------------


@pytest.mark.processes
def test_an_administrator_who_is_no_superuser_can_run_it_and_migrate_later(server: str) -> None:
    run(server, "CREATE ROLE leo LOGIN CREATEROLE", "CREATE DATABASE studio OWNER leo TEMPLATE template0 ENCODING 'UTF8'")
    url = make_conninfo(server, dbname="studio", user="leo")
    with connect(url, settings()) as connection:
        migrate.migrate(connection)

    assert len(set_up(url)) > 100
    assert set_up(url) == []
    assert owners(url, "table")["activity_log"] == AUDIT
    assert entered(url) == []
    for statement in ("SET ROLE studio_audit", "DELETE FROM activity_log", "ALTER TABLE activity_log DISABLE TRIGGER ALL"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(url, statement)
    assert run(url, "SELECT has_schema_privilege('studio_owner', 'public', 'CREATE')") == [(False,)]

    subprocess.run([*COMMAND, "time-zone", "America/Chicago"], env=os.environ | {"DATABASE_URL": url}, check=True)
    assert run(url, "SELECT practice_time_zone()") == [("America/Chicago",)]
    assert entered(url) == []

    run(url, "GRANT studio_owner, studio_audit TO CURRENT_USER", "ALTER TABLE activity_log ADD COLUMN mark text")
    run(url, "ALTER TABLE clients ADD COLUMN nickname text")
    assert 'REVOKE "studio_audit" FROM "leo" GRANTED BY "leo"' in set_up(url)
    assert entered(url) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(url, "SET ROLE studio_audit")


def entered(url: str) -> list[tuple[Any, ...]]:
    """Return who can act as the log's owner."""
    return run(
        url,
        "SELECT member::regrole::text FROM pg_auth_members"
        " WHERE roleid = 'studio_audit'::regrole AND (inherit_option OR set_option)",
    )


@pytest.mark.processes
def test_without_enough_rights_nothing_is_done_and_the_hint_says_what_is_needed(server: str) -> None:
    run(
        server,
        "CREATE ROLE ann LOGIN",
        "CREATE ROLE ben LOGIN CREATEROLE",
        "CREATE DATABASE studio TEMPLATE template0 ENCODING 'UTF8'",
    )
    url = make_conninfo(server, dbname="studio")
    with connect(url, settings()) as connection:
        migrate.migrate(connection)
    run(url, "GRANT SELECT ON schema_version TO ann, ben")

    for login in ("ann", "ben"):
        with pytest.raises(PermissionDeniedError, match=f"{login} (may not|could not) set") as raised:
            set_up(make_conninfo(url, user=login))
        assert "superuser. Or run it as a login with CREATEROLE" in (raised.value.hint or "")
        assert run(url, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'studio\\_%'") == []


def test_a_database_without_the_migrations_is_refused(empty_db: str) -> None:
    with pytest.raises(ConfigurationError, match="Run studio-data migrate first"):
        set_up(empty_db)


POWERS = [
    (
        "GRANT pg_write_all_data TO studio_agent",
        "REVOKE pg_write_all_data FROM studio_agent",
        "a member of pg_write_all_data",
    ),
    (
        "GRANT studio_audit TO studio_owner",
        "REVOKE studio_audit FROM studio_owner",
        "studio_owner is a member of studio_audit",
    ),
    ("ALTER ROLE studio_agent SUPERUSER", "ALTER ROLE studio_agent NOSUPERUSER", "The role studio_agent already exists"),
    (
        "ALTER DATABASE studio OWNER TO studio_owner",
        "ALTER DATABASE studio OWNER TO CURRENT_USER",
        "owns the database studio",
    ),
    ("ALTER SCHEMA public OWNER TO studio_owner", "ALTER SCHEMA public OWNER TO CURRENT_USER", "owns the schema public"),
]


@pytest.mark.processes
def test_powers_from_elsewhere_are_named_and_nothing_is_done(server: str) -> None:
    run(server, "CREATE DATABASE studio TEMPLATE template0 ENCODING 'UTF8'")
    url = make_conninfo(server, dbname="studio")
    with connect(url, settings()) as connection:
        migrate.migrate(connection)
    set_up(url)

    for given, taken, fact in POWERS:
        run(url, given)
        with pytest.raises(ConfigurationError, match=fact):
            set_up(url)
        run(url, taken)
        set_up(url)
        assert set_up(url) == []


@pytest.mark.processes
def test_a_login_that_may_act_as_the_owner_of_the_log_may_not_any_more(server: str) -> None:
    set_up(server)
    run(server, "CREATE ROLE leo LOGIN", "GRANT studio_audit TO leo WITH ADMIN OPTION")

    assert set_up(server) == ['REVOKE "studio_audit" FROM "leo" GRANTED BY "studio"']
    assert run(server, "SELECT count(*) FROM pg_auth_members WHERE roleid = 'studio_audit'::regrole") == [(0,)]


@pytest.mark.processes
def test_runs_in_many_databases_at_once_make_the_roles_once_and_all_end_well(server: str) -> None:
    urls = [server]
    for number in range(5):
        run(server, f"CREATE DATABASE studio_{number} TEMPLATE template0 ENCODING 'UTF8'")
        urls.append(make_conninfo(server, dbname=f"studio_{number}"))
        with connect(urls[-1], settings()) as connection:
            migrate.migrate(connection)

    with ThreadPoolExecutor(12) as threads:
        done = list(threads.map(set_up, urls + urls))

    made = [change for changes in done for change in changes if change.startswith("CREATE ROLE")]
    assert len(made) == 4
    assert all(set_up(url) == [] for url in urls)
    assert {owners(url, "table")["activity_log"] for url in urls} == {AUDIT}
