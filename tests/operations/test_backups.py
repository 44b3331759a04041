"""A backup holds what was there in one moment, and a restore brings back all of it or nothing."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studio_data import db
from studio_data.contract.validators import TrailPlace, trail_cursor_of
from studio_data.errors import ConfigurationError, ConflictError, InvalidInputError, StudioError
from studio_data.operations import backups, seals
from studio_data.postgres import embedded, migrate, programs
from studio_data.tools.activity import changes_since, log_activity
from studio_data.tools.clients import create_client
from tests.conftest import new_database
from tests.faults.server import Postgres
from tests.support import pgbouncer, studio_data, use, with_setting
from tests.support.embedded import VERSION, server_folder
from tests.support.processes import started, twice_at_once

pytestmark = pytest.mark.skipif(pgbouncer.IS_WANTED, reason="both are refused behind a pooler, as the run without one tries")


@pytest.fixture(scope="module")
def played(server_url: str, template: str) -> Generator[str]:
    """Name of a database in which a small practice was played."""
    with new_database(server_url, template=template) as url:
        command = [sys.executable, "-m", "studio_data", "demo", "--full", "--yes"]
        subprocess.run(command, check=True, capture_output=True, cwd="/", env=os.environ | {"DATABASE_URL": url})
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def played_db(server_url: str, played: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """Connection string of a copy of it for this test alone."""
    with new_database(server_url, template=played) as url:
        use(url, monkeypatch)
        yield url
        db.close()


@pytest.fixture
def backup(played_db: str, tmp_path: Path) -> Path:
    """A backup of it."""
    backups.backup(tmp_path / "practice.dump")
    return tmp_path / "practice.dump"


@pytest.fixture
def target(server_url: str) -> Generator[str]:
    """Connection string of an empty database beside it."""
    with new_database(server_url) as url:
        yield url
        db.close()


@pytest.fixture
def young_server() -> Generator[Postgres]:
    """Another server, fresh, whose transactions are numbered from the beginning; impatient, as a role's limits make it."""
    with server_folder() as folder:
        server = Postgres(folder, idle_in_transaction_session_timeout="100ms")
        server.create()
        server.start()
        yield server
        db.close()
        server.end()


def every_row(url: str) -> dict[str, list[str]]:
    """Every row of every table as Postgres writes it."""
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        ).fetchall()
        return {
            name: sorted(
                text
                for (text,) in connection.execute(
                    sql.SQL("SELECT (whole.*)::text FROM {} AS whole").format(sql.Identifier(name))
                ).fetchall()
            )
            for (name,) in tables
        }


def objects(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            """
            SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace)
                + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
                + (SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace)
            """
        ).fetchone()
    assert found is not None
    return found[0]


def findings() -> list[seals.Finding]:
    return [finding for _, found in seals.verify(seals.head()) for finding in found]


def give_out_numbers(count: int) -> None:
    """Let the server begin transactions that write no line."""
    with psycopg.connect(db.connection_string(), autocommit=True) as connection:
        for _ in range(count):
            connection.execute("SELECT pg_current_xact_id()")


# All of it ------------------------------------------------------------------------------------------------------------


def test_a_practice_is_restored_row_for_row(
    played_db: str, backup: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = every_row(played_db)
    use(target, monkeypatch)
    manifest = backups.restore(backup)

    assert every_row(target) == before
    assert {name: contents.rows for name, contents in manifest.tables.items()} == {
        name: len(rows) for name, rows in before.items() if name != "preview_changes"
    }
    assert len(before["activity_log"]) > 100
    assert studio_data("migrate")[1].startswith("Nothing to do")
    assert create_client("Ann")["name"] == "Ann"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        db.one("DELETE FROM activity_log")


def test_in_a_younger_server_the_trail_goes_on_and_nobody_who_follows_it_misses_a_line(
    played_db: str, tmp_path: Path, young_server: Postgres, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[UUID] = []
    followed = changes_since(limit=20)
    give_out_numbers(1500)
    backups.backup(tmp_path / "practice.dump")
    give_out_numbers(500)
    led_ahead = changes_since(entity_type="spaceship")["cursor"]  # from after the backup was made
    everything = [line["id"] for line in db.many("SELECT id FROM activity_log ORDER BY transaction_id, id")]
    newest = seals.head()

    use(young_server.url, monkeypatch)
    backups.restore(tmp_path / "practice.dump")
    assert int(db.one("SELECT pg_current_xact_id()::text AS number")["number"]) < 1500
    assert seals.head() == newest
    lines += [log_activity("client", uuid4(), f"step {number}")["id"] for number in range(5)]

    seen, cursor = [line["id"] for line in followed["items"]], followed["cursor"]
    while True:
        changes = changes_since(cursor, limit=40)
        seen += [line["id"] for line in changes["items"]]
        cursor = changes["cursor"]
        if not changes["more"]:
            break
    assert seen == everything + lines
    assert [line["id"] for line in changes_since(led_ahead)["items"]] == lines
    assert list(seals.seal()) == [5]
    assert [finding for _, found in seals.verify(newest) for finding in found] == []

    # And back again: the function that numbers the lines is restored too, and replaced by the next one.
    backups.backup(tmp_path / "again.dump")
    use(target, monkeypatch)
    backups.restore(tmp_path / "again.dump")
    last = log_activity("client", uuid4(), "moved back")["id"]
    assert [line["id"] for line in changes_since(cursor)["items"]] == [last]
    assert list(seals.seal()) == [1]
    assert findings() == []


def test_what_was_restored_by_other_means_goes_on_after_renumber(
    played_db: str, tmp_path: Path, young_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_out_numbers(1500)
    log_activity("client", uuid4(), "called")
    followed = changes_since(only_new=True)["cursor"]
    backups.backup(tmp_path / "practice.dump")
    program = programs.find("pg_restore", at_least=int(VERSION))
    subprocess.run(
        [program.path, "--no-owner", "--schema=public", "--dbname", young_server.url, tmp_path / "practice.dump"], check=True
    )

    use(young_server.url, monkeypatch)
    assert [finding["kind"] for finding in findings()] == ["lines ahead"]
    code, _, error = studio_data("audit", "seal")
    assert (code, "run studio-data audit renumber" in error) == (1, True)
    assert studio_data("audit", "renumber")[0] == 0
    assert studio_data("audit", "renumber")[0] == 1
    line = log_activity("client", uuid4(), "called again")

    assert changes_since(followed)["items"] == [line]
    assert list(seals.seal()) == [1]
    assert findings() == []


def test_a_backup_is_of_one_moment_though_others_write(
    played_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            create_client("Meanwhile")

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        manifest = backups.backup(tmp_path / "practice.dump")
        time.sleep(0.05)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    written = db.one("SELECT count(*) AS clients FROM clients")["clients"]

    use(target, monkeypatch)
    backups.restore(tmp_path / "practice.dump")
    restored = db.one("SELECT count(*) AS clients FROM clients")["clients"]
    created = db.one("SELECT count(*) AS lines FROM activity_log WHERE entity_type = 'client' AND action = 'created'")
    assert manifest.tables["clients"].rows == restored == created["lines"] < written


def test_each_studio_is_backed_up_by_itself(
    empty_db: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (empty_db, target):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA studio_a")
            connection.execute("CREATE TABLE public.of_another (id integer)")
    of_a = "-csearch_path=studio_a"
    use(make_conninfo(empty_db, options=of_a), monkeypatch)
    code, _, error = studio_data("migrate")
    assert code == 0, error
    create_client("Ann")
    manifest = backups.backup(tmp_path / "a.dump")
    assert manifest.schema_name == "studio_a"
    assert "of_another" not in manifest.tables

    use(make_conninfo(target, options=of_a), monkeypatch)
    backups.restore(tmp_path / "a.dump")
    assert db.one("SELECT name FROM clients") == {"name": "Ann"}

    use(target, monkeypatch)
    with pytest.raises(ConfigurationError, match="of the schema studio_a; the connection's schema is public"):
        backups.restore(tmp_path / "a.dump")


def test_the_password_is_in_no_argument(played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = programs.find("pg_dump", at_least=int(VERSION))
    spy = tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/arguments\nexec {real.path} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")
    use(make_conninfo(played_db, password="hunter2"), monkeypatch)  # noqa: S106

    backups.backup(tmp_path / "practice.dump")

    arguments = (tmp_path / "arguments").read_text()
    assert "--snapshot=" in arguments
    assert "hunter2" not in arguments
    assert "hunter2" not in backups.manifest_of(tmp_path / "practice.dump").read_text()


def test_the_files_are_their_owners_alone(backup: Path) -> None:
    assert {path.name: path.stat().st_mode & 0o777 for path in backup.parent.iterdir()} == {
        "practice.dump": 0o600,
        "practice.dump.json": 0o600,
    }


# Or nothing -----------------------------------------------------------------------------------------------------------


def damaged(backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)


def cut_short(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-100])


def with_the_manifest_of_another(backup: Path) -> None:
    create_client("Afterwards")
    backups.backup(backup.with_name("another.dump"))
    shutil.copy(backup.with_name("another.dump.json"), backups.manifest_of(backup))


def without_a_manifest(backup: Path) -> None:
    backups.manifest_of(backup).unlink()


def without_the_file(backup: Path) -> None:
    backup.unlink()


def with_another_text(backup: Path) -> None:
    backups.manifest_of(backup).write_text("{}")


def rewritten(backup: Path, *path: str, value: Any) -> None:
    """Change a value of the manifest."""
    manifest = json.loads(backups.manifest_of(backup).read_text())
    place = manifest
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    backups.manifest_of(backup).write_text(json.dumps(manifest))


def of_the_future(backup: Path) -> None:
    rewritten(backup, "schema_version", value=999)


def of_a_newer_server(backup: Path) -> None:
    rewritten(backup, "server_version", value=99)


def with_a_row_that_is_another(backup: Path) -> None:
    rewritten(backup, "tables", "clients", "hash", value="0" * 64)


def with_a_table_more(backup: Path) -> None:
    rewritten(backup, "tables", "spaceships", value={"rows": 0, "hash": "0" * 64})


def with_another_head(backup: Path) -> None:
    rewritten(backup, "head", "hash", value="0" * 64)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (damaged, InvalidInputError, "is not the file that practice.dump.json describes"),
        (cut_short, InvalidInputError, "is not the file that practice.dump.json describes"),
        (with_the_manifest_of_another, InvalidInputError, "is not the file that practice.dump.json describes"),
        (without_a_manifest, InvalidInputError, "practice.dump.json cannot be read: No such file"),
        (without_the_file, InvalidInputError, "practice.dump cannot be read: No such file"),
        (with_another_text, InvalidInputError, "This version of the library cannot read the manifest"),
        (of_the_future, ConfigurationError, "The backup is at version 999"),
        (of_a_newer_server, ConfigurationError, "The backup is of Postgres 99"),
        (with_a_row_that_is_another, StudioError, "The table clients differs from the manifest"),
        (with_a_table_more, StudioError, "The table spaceships differs from the manifest"),
        (with_another_head, StudioError, "the seals were made again"),
    ],
)
def test_what_is_not_as_it_was_is_refused_and_leaves_nothing(  # noqa: PLR0917 (what it is about, and fixtures)
    spoil: Callable[[Path], None],
    error: type[StudioError],
    message: str,
    backup: Path,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(backup)
    use(target, monkeypatch)

    with pytest.raises(error, match=message):
        backups.restore(backup)

    assert objects(target) == 0


def test_a_trail_that_was_tampered_with_before_the_backup_is_found(
    played_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = sum(seals.seal())
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("UPDATE activity_log SET actor_name = 'somebody else' WHERE action = 'created'")
        connection.execute("ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final")
    backups.backup(tmp_path / "practice.dump")
    use(target, monkeypatch)

    with pytest.raises(StudioError, match=f"at least one of the {lines:,} lines under seal 1 was changed"):
        backups.restore(tmp_path / "practice.dump")

    assert objects(target) == 0


def test_a_schema_that_holds_anything_is_refused(
    played_db: str, backup: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = every_row(played_db)
    with pytest.raises(ConflictError, match="The schema public is not empty"):
        backups.restore(backup)
    assert every_row(played_db) == before

    use(target, monkeypatch)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE TYPE colour AS ENUM ('red')")
    with pytest.raises(ConflictError, match="it holds 1 objects, such as colour"):
        backups.restore(backup)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("DROP TYPE colour")
    studio_data("migrate")
    with pytest.raises(ConflictError, match="is not empty"):
        backups.restore(backup)


def test_two_restores_at_once_make_one(backup: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(target, monkeypatch)
    both = twice_at_once("restore", str(backup))

    assert sorted(process.returncode for process in both) == [0, 1], both
    assert "is not empty" in "".join(process.stderr for process in both)
    assert findings() == []


def test_no_file_is_written_over(backup: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(ConflictError, match=r"practice\.dump already exists"):
        backups.backup(backup)
    without_the_file(backup)
    with pytest.raises(ConflictError, match=r"practice\.dump\.json already exists"):
        backups.backup(backup)

    assert before
    assert [path.name for path in backup.parent.iterdir()] == ["practice.dump.json"]


def a_program(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a pg_dump of the test's before all others."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "pg_dump"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.1" && exit\n{text}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


def test_a_backup_that_fails_leaves_no_file(played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, "echo 'disk is full' >&2; exit 1", monkeypatch)
    (tmp_path / "files").mkdir()

    with pytest.raises(StudioError, match="pg_dump failed: disk is full"):
        backups.backup(tmp_path / "files" / "practice.dump")

    assert list((tmp_path / "files").iterdir()) == []


def test_a_backup_that_is_killed_leaves_no_file_that_looks_like_one(
    played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, f"touch {tmp_path}/begun; exec sleep 3", monkeypatch)
    file = tmp_path / "practice.dump"
    with started("backup", str(file), cwd="/") as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()

    assert not file.exists()
    assert not backups.manifest_of(file).exists()


def no_wheel(_: str) -> None:
    """Answer as where the wheel is not installed."""


def test_without_a_fitting_program_it_says_which_is_needed(
    played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert backups.backup(tmp_path / "practice.dump").program_version >= int(VERSION)  # that of the embedded server

    monkeypatch.setattr(embedded, "programs", no_wheel)
    for name, call in (("pg_dump", backups.backup), ("pg_restore", backups.restore)):
        path = tmp_path / ("another.dump" if name == "pg_dump" else "practice.dump")
        with pytest.raises(ConfigurationError, match=f"{name} of Postgres 1. or newer is needed") as raised:
            call(path)
        assert "or studio-data[embedded]" in (raised.value.hint or "")
    assert not (tmp_path / "another.dump").exists()


def test_behind_a_pooler_both_are_refused(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOLER", "transaction")

    for call in (backups.backup, backups.restore):
        with pytest.raises(ConfigurationError, match="a direct connection, which a pooler does not give"):
            call(backup)


# On the command line --------------------------------------------------------------------------------------------------


def test_the_commands_say_what_they_did(
    played_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "practice.dump"
    code, said, error = studio_data("backup", str(file))
    assert code == 0, error
    assert "rows in 31 tables." in said
    newest = seals.head()
    assert newest is not None
    assert newest["hash"] in said

    code, said, _ = studio_data("restore", str(file), "--json")
    assert (code, json.loads(said)["code"]) == (1, "conflict")
    use(target, monkeypatch)
    code, said, error = studio_data("restore", str(file), "--json")
    assert code == 0, error
    assert json.loads(said) == json.loads(backups.manifest_of(file).read_text())
    assert json.loads(said)["schema_version"] == migrate.shipped()[-1].version
    assert studio_data("audit", "verify", "--head", newest["hash"])[0] == 0


def test_a_cursor_of_the_last_number_there_can_be_is_still_one(played_db: str) -> None:
    seals.go_on_numbering()
    last = trail_cursor_of(TrailPlace(2**64 - 1, UUID(int=0)))

    assert changes_since(last)["items"] == []
