import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.config import settings
from studio_data.errors import ConfigurationError, UnavailableError
from studio_data.postgres import embedded, migrate
from studio_data.postgres.pool import StudioConnection, connect
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project
from tests.conftest import ROOT
from tests.postgres.test_schema import BOOKKEEPING, DECLARED
from tests.support import pgbouncer
from tests.support.processes import twice_at_once

NEWEST = migrate.shipped()[-1].version
BINARIES = embedded._programs("16")


def open_connection(url: str) -> StudioConnection:
    return connect(url, settings())


def state(url: str) -> list[tuple[Any, ...]]:
    """Everything that a migration could have made or changed."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            SELECT 'relation', relname::text, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'version', version::text, applied_at::text FROM schema_version
            UNION ALL
            SELECT 'template', name, id::text FROM workflow_templates
            ORDER BY 1, 2, 3
            """
        ).fetchall()


def test_a_fresh_database_gets_every_migration_in_order(empty_db: str) -> None:
    with open_connection(empty_db) as connection:
        done = migrate.migrate(connection)
        assert [migration.version for migration in done] == list(range(NEWEST + 1))
        assert list(migrate.applied(connection)) == list(range(NEWEST + 1))


def test_twice_changes_nothing(empty_db: str) -> None:
    with open_connection(empty_db) as connection:
        migrate.migrate(connection)
        before = state(empty_db)
        assert migrate.migrate(connection) == []

    assert state(empty_db) == before


def test_ten_at_once_apply_one_set(empty_db: str) -> None:
    def run(_: int) -> list[int]:
        with open_connection(empty_db) as connection:
            return [migration.version for migration in migrate.migrate(connection)]

    with ThreadPoolExecutor(10) as threads:
        done = [version for versions in threads.map(run, range(10)) for version in versions]

    assert sorted(done) == list(range(NEWEST + 1))
    assert len([row for row in state(empty_db) if row[0] == "template"]) == 160


@pytest.mark.processes
def test_two_processes_at_once_both_end_well(empty_db: str) -> None:
    both = twice_at_once("migrate")

    assert [process.returncode for process in both] == [0, 0], both
    assert len([row for row in state(empty_db) if row[0] == "template"]) == 160


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migration after the shipped ones, whose text the test writes."""
    path = tmp_path / f"{NEWEST + 1:03}_one_more.sql"
    known = migrate.shipped()
    monkeypatch.setattr(migrate, "shipped", lambda: [*known, migrate.Migration(NEWEST + 1, path)])
    return path


def test_a_migration_that_fails_leaves_nothing_behind(committed_db: str, one_more: Path) -> None:
    one_more.write_text("-- Fails.\nCREATE TABLE half (id integer);\nDROP TABLE call_ledger;\nSELECT 1 / 0;\n")
    before = state(committed_db)

    with (
        open_connection(committed_db) as connection,
        pytest.raises(ConfigurationError, match=r"division by zero.* Nothing of it was applied") as raised,
    ):
        migrate.migrate(connection)

    assert raised.value.details["migration"] == one_more.stem
    assert state(committed_db) == before


def test_a_database_newer_than_the_library_is_refused(committed_db: str) -> None:
    db.one("INSERT INTO schema_version (version, description) VALUES (999, 'the future')")

    with (
        open_connection(committed_db) as connection,
        pytest.raises(ConfigurationError, match="Upgrade studio-data") as raised,
    ):
        migrate.migrate(connection)

    assert raised.value.details == {"database": 999, "library": NEWEST}


def test_a_process_migrates_while_another_uses_the_tools(committed_db: str, one_more: Path) -> None:
    one_more.write_text(
        "-- Takes the strongest lock on a table in use.\n"
        "ALTER TABLE clients ADD COLUMN nickname text;\n"
        "SELECT pg_sleep(0.3);\n"
        f"INSERT INTO schema_version (version, description) VALUES ({NEWEST + 1}, 'one more');\n"
    )

    def use(number: int) -> int:
        client = create_client(f"Client {number}")
        return create_project(client["id"], "LR", "furnishings")["tasks_created"]

    def run() -> list[migrate.Migration]:
        with open_connection(committed_db) as connection:
            return migrate.migrate(connection)

    with ThreadPoolExecutor(5) as threads:
        uses = [threads.submit(use, number) for number in range(20)]
        migrating = threads.submit(run)
        uses += [threads.submit(use, number) for number in range(20, 60)]
        assert [migration.version for migration in migrating.result()] == [NEWEST + 1]
        assert {used.result() for used in uses} == {135}

    assert db.one("SELECT count(nickname) AS named, count(*) AS clients FROM clients") == {"named": 0, "clients": 60}


@pytest.mark.skipif(pgbouncer.IS_WANTED, reason="behind a pooler nothing is prepared")
def test_a_transaction_prepared_before_a_migration_can_be_repeated(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", "1")
    settings.cache_clear()
    for number in range(8):
        create_client(f"Client {number}")
    with psycopg.connect(committed_db) as other:
        other.execute("ALTER TABLE clients ADD COLUMN nickname text")

    with pytest.raises(UnavailableError) as raised, db.transaction():
        create_client("Ann")
    assert raised.value.retryable

    with db.transaction():
        create_client("Ann")


def test_a_migration_waits_for_a_busy_table(committed_db: str, one_more: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    one_more.write_text(
        "-- Needs a table that is locked at first.\nALTER TABLE clients ADD COLUMN nickname text;\n"
        f"INSERT INTO schema_version (version, description) VALUES ({NEWEST + 1}, 'one more');\n"
    )
    with psycopg.connect(committed_db) as other, ThreadPoolExecutor(1) as thread:
        other.execute("LOCK TABLE clients IN ACCESS SHARE MODE")
        with open_connection(committed_db) as connection:
            migrating = thread.submit(migrate.migrate, connection)
            with pytest.raises(TimeoutError):
                migrating.result(timeout=0.25)
            other.rollback()
            assert [migration.version for migration in migrating.result()] == [NEWEST + 1]


def psql(url: str, *arguments: str) -> None:
    command = [str(BINARIES / "psql"), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-q", *arguments, url]
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("how", [["-1"], []], ids=["psql -1", "as the container's init directory does"])
def test_a_database_that_psql_initialised_has_nothing_to_do(empty_db: str, how: list[str]) -> None:
    for path in sorted((ROOT / "migrations").glob("*.sql")):
        psql(empty_db, *how, "-f", str(path))

    with open_connection(empty_db) as connection:
        assert migrate.pending(connection) == []
    assert create_project(create_client("Ann")["id"], "LR", "mixed")["tasks_created"] == 160


def test_each_studio_has_its_own_schema_in_one_database(empty_db: str) -> None:
    with psycopg.connect(empty_db, autocommit=True) as connection:
        for studio in ("studio_a", "studio_b"):
            connection.execute(f"CREATE SCHEMA {studio}".encode())

    for studio in ("studio_a", "studio_b"):
        with open_connection(make_conninfo(empty_db, options=f"-csearch_path={studio}")) as connection:
            assert len(migrate.migrate(connection)) == NEWEST + 1

    with psycopg.connect(empty_db) as connection:
        owners = connection.execute(
            "SELECT schemaname, count(*) FROM pg_tables WHERE schemaname !~ '^(pg_|information)' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    tables = len(DECLARED | BOOKKEEPING)
    assert owners == [("studio_a", tables), ("studio_b", tables)]


def test_a_search_path_without_a_schema_is_named(empty_db: str) -> None:
    with (
        open_connection(make_conninfo(empty_db, options="-csearch_path=nowhere")) as connection,
        pytest.raises(ConfigurationError, match="names no schema that exists"),
    ):
        migrate.migrate(connection)


def test_every_file_says_why_it_exists_and_records_itself() -> None:
    for migration in migrate.shipped():
        text = migration.path.read_text(encoding="utf-8")
        assert text.startswith(f"-- {migration.version:03}: "), migration.name
        assert f"INTO schema_version (version, description)\nVALUES ({migration.version}, '" in text, migration.name
        assert not any(line.startswith(("BEGIN;", "COMMIT;")) for line in text.splitlines()), migration.name


def test_the_schema_in_the_docs_is_what_the_migrations_make(committed_db: str) -> None:
    if db.one("SELECT current_setting('server_version_num')::integer / 10000 AS major")["major"] != 16:
        pytest.skip("docs/schema.sql is the dump of a Postgres 16")
    dumped = subprocess.run(
        [str(BINARIES / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", "--restrict-key=x", committed_db],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert significant(dumped) == significant((ROOT / "docs" / "schema.sql").read_text(encoding="utf-8"))


def significant(dump: str) -> list[str]:
    return [line for line in dump.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]
