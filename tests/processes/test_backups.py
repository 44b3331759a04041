"""A backup holds what was there in one moment, and a restore brings back all of it or nothing."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Generator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.contract.cursors import TrailPlace, trail_cursor_of
from studio_data.errors import ConfigurationError
from studio_data.operations import backups, catalog, restores, seals, trail_numbers
from studio_data.postgres import migrate, programs
from studio_data.tools.activity import log_activity
from studio_data.tools.change_feed import changes_since
from studio_data.tools.clients import create_client
from tests.faults.server import Postgres
from tests.support import pgbouncer, studio_data, use
from tests.support.embedded import VERSION, server_folder
from tests.support.stored import every_row, findings

pytestmark = pytest.mark.skipif(pgbouncer.IS_WANTED, reason="both are refused behind a pooler, as the run without one tries")


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
    manifest = restores.restore(backup)

    assert every_row(target) == before
    assert {name: contents.rows for name, contents in manifest.tables.items()} == {
        name: len(rows) for name, rows in before.items() if name != "preview_changes"
    }
    assert len(before["activity_log"]) > 100
    assert studio_data("migrate")[1].startswith("Nothing to do")
    assert create_client("Ann")["name"] == "Ann"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        db.one("DELETE FROM activity_log")


def test_the_rows_of_ones_own_unlogged_table_are_left_out_and_the_backup_says_so(
    committed_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.one("CREATE UNLOGGED TABLE scratch (note text)")
    db.one("INSERT INTO scratch VALUES ('here')")
    code, _, told = studio_data("backup", str(tmp_path / "practice.dump"))
    assert (code, told) == (0, "Without the rows of unlogged tables: scratch.\n")

    use(target, monkeypatch)
    assert restores.restore(tmp_path / "practice.dump").left_out == ["scratch"]
    assert db.many("SELECT note FROM scratch") == []


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
    restores.restore(tmp_path / "practice.dump")
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
    restores.restore(tmp_path / "again.dump")
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

    assert changes_since(followed)["items"] == [{**line, "is_noted": True}]
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
    restores.restore(tmp_path / "practice.dump")
    restored = db.one("SELECT count(*) AS clients FROM clients")["clients"]
    created = db.one("SELECT count(*) AS lines FROM activity_log WHERE entity_type = 'client' AND action = 'created'")
    assert manifest.tables["clients"].rows == restored == created["lines"] < written


@pytest.mark.skipif(VERSION != "18", reason="an older server has no function for ids of version 7")
def test_in_postgres_18_an_older_servers_backup_makes_ids_as_18_does(
    played_db: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction() as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE"
            " RETURN overlay(gen_random_uuid()::text PLACING '7' FROM 15 FOR 1)::uuid"
        )
    file = tmp_path / "practice.dump"
    backups.backup(file)
    beside = backups.manifest_of(file)
    beside.write_text(json.dumps(json.loads(beside.read_text()) | {"server_version": 16}))
    use(target, monkeypatch)

    restores.restore(file)

    assert catalog.differences(catalog.expected(), catalog.present()) == []


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
    restores.restore(tmp_path / "a.dump")
    assert db.one("SELECT name FROM clients") == {"name": "Ann"}

    use(target, monkeypatch)
    with pytest.raises(ConfigurationError, match="of the schema studio_a; the connection's schema is public"):
        restores.restore(tmp_path / "a.dump")


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
    trail_numbers.go_on_numbering()
    last = trail_cursor_of(TrailPlace(2**64 - 1, UUID(int=0)))

    assert changes_since(last)["items"] == []
