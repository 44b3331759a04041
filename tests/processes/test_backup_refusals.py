"""A backup or a restore is done whole or not at all, and what was refused leaves nothing."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from studio_data import db
from studio_data.errors import ConfigurationError, ConflictError, InvalidInputError, StudioError
from studio_data.operations import backups, restores, seals
from studio_data.postgres import embedded
from studio_data.tools.clients import create_client
from tests.support import pgbouncer, studio_data, use, with_setting
from tests.support.embedded import VERSION, within
from tests.support.processes import started, twice_at_once
from tests.support.stored import every_row, findings

pytestmark = pytest.mark.skipif(pgbouncer.IS_WANTED, reason="both are refused behind a pooler, as the run without one tries")


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
        restores.restore(backup)

    assert objects(target) == 0


def test_a_trail_that_was_tampered_with_before_the_backup_is_found(
    played_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = sum(seals.seal())
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("UPDATE activity_log SET actor_name = 'somebody else' WHERE action = 'created'")
        connection.execute("ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final")
    file = tmp_path / "practice.dump"
    code, said, error = studio_data("backup", str(file))
    changed = f"at least one of the {lines:,} lines under seal 1 was changed"
    assert (code, said.startswith("Wrote ")) == (1, True)
    assert changed in error
    assert "restore --despite-findings takes it as it is" in error
    use(target, monkeypatch)

    with pytest.raises(StudioError, match=changed):
        restores.restore(file)
    assert objects(target) == 0

    code, said, _ = studio_data("restore", str(file), "--despite-findings")
    assert (code, "The trail differs from its seals, as it did then: at least one" in said) == (0, True)
    assert db.one("SELECT count(*) AS lines FROM activity_log WHERE actor_name = 'somebody else'")["lines"] > 0


def test_a_trail_that_was_changed_in_the_backup_is_refused_despite_findings(
    played_db: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(seals.seal())
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("UPDATE activity_log SET actor_name = 'somebody else' WHERE action = 'created'")
        connection.execute("ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final")
    file = tmp_path / "practice.dump"
    backups.backup(file)
    beside = backups.manifest_of(file)
    manifest = json.loads(beside.read_text())
    beside.write_text(json.dumps(manifest | {"findings": []}))
    use(target, monkeypatch)

    with pytest.raises(StudioError, match="The audit trail was changed before or in this backup"):
        restores.restore(file, despite_findings=True)
    assert objects(target) == 0


def test_a_schema_that_holds_anything_is_refused(
    played_db: str, backup: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = every_row(played_db)
    with pytest.raises(ConflictError, match="The schema public is not empty"):
        restores.restore(backup)
    assert every_row(played_db) == before

    use(target, monkeypatch)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE TYPE colour AS ENUM ('red')")
    with pytest.raises(ConflictError, match="it holds 1 objects, such as colour"):
        restores.restore(backup)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("DROP TYPE colour")
    studio_data("migrate")
    with pytest.raises(ConflictError, match="is not empty"):
        restores.restore(backup)


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


def test_at_sigterm_a_backup_removes_what_is_unfinished_and_ends_its_program(
    played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    a_program(tmp_path, f"echo $$ > {begun}.part; mv {begun}.part {begun}; exec sleep 30", monkeypatch)
    folder = tmp_path / "backups"
    folder.mkdir()
    with started("backup", str(folder / "practice.dump"), cwd="/") as process:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.02)
        assert len(list(folder.iterdir())) == 2
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM

    assert list(folder.iterdir()) == []
    assert within(10, lambda: not psutil.pid_exists(int(begun.read_text())))


def test_a_backup_sweeps_what_a_killed_one_has_left(played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        a_program(tmp_path, f"touch {tmp_path}/begun; exec sleep 3", patched)
        with started("backup", str(folder / "monday.dump"), cwd="/") as process:
            while not (tmp_path / "begun").exists():
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
            process.wait()
    assert len(list(folder.iterdir())) == 2
    of_another = [folder / f".a.dump.elsewhere.{process.pid}.studio-data.part", folder / f".a.dump.{os.getpid()}.part"]
    for file in of_another:
        file.touch()

    backups.backup(folder / "tuesday.dump")

    assert set(folder.iterdir()) == {folder / "tuesday.dump", folder / "tuesday.dump.json", *of_another}


def no_wheel(_: str) -> None:
    """Answer as where the wheel is not installed."""


def test_without_a_fitting_program_it_says_which_is_needed(
    played_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert backups.backup(tmp_path / "practice.dump").program_version >= int(VERSION)  # that of the embedded server

    monkeypatch.setattr(embedded, "programs", no_wheel)
    for name, call in (("pg_dump", backups.backup), ("pg_restore", restores.restore)):
        path = tmp_path / ("another.dump" if name == "pg_dump" else "practice.dump")
        with pytest.raises(ConfigurationError, match=f"{name} of Postgres 1. or newer is needed") as raised:
            call(path)
        assert "or studio-data[embedded]" in (raised.value.hint or "")
    assert not (tmp_path / "another.dump").exists()


def test_behind_a_pooler_both_are_refused(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOLER", "transaction")

    for call in (backups.backup, restores.restore):
        with pytest.raises(ConfigurationError, match="a direct connection, which a pooler does not give"):
            call(backup)
