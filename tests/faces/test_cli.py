import re
import shlex
import signal
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
import typer

from studio_data import db
from studio_data.cli import app
from studio_data.cli.commands import COMMANDS, loaded
from studio_data.hints import as_typed
from studio_data.postgres import migrate
from studio_data.tools.practice.tasks import list_tasks
from tests.support import as_administrator, clients, studio_data
from tests.support.processes import started

NEWEST = migrate.shipped()[-1].version


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_a_command_what_its_module_says(name: str) -> None:
    command: Any = loaded(name)
    about = " ".join(command.help.split("\n\n")[0].split())

    assert (command.name, about) == (name, COMMANDS[name][1])


def test_every_command_is_in_the_help() -> None:
    for name in COMMANDS:
        loaded(name)
    registered: Any = typer.main.get_command(app)

    assert list(registered.commands) == list(COMMANDS)


def test_the_help_loads_no_command_and_no_driver() -> None:
    asks = """
import atexit, sys
from studio_data.__main__ import main
heavy = {"psycopg", "pydantic", "mcp"}
atexit.register(lambda: print(sorted(heavy & sys.modules.keys()), file=sys.stderr))
sys.argv = ["studio-data", "--help"]
main()
"""
    said = subprocess.run([sys.executable, "-c", asks], check=True, capture_output=True, text=True)

    assert ("import-sessions" in said.stdout, said.stderr) == (True, "[]\n")


def test_migrate_says_what_it_did_and_then_that_nothing_is_to_do(empty_db: str) -> None:
    code, said, _ = studio_data("migrate")
    assert code == 0
    assert "applying 001_initial_schema" in said
    assert f"Done: the database is at version {NEWEST}." in said

    assert studio_data("migrate")[:2] == (0, f"Nothing to do: the database is at version {NEWEST}.\n")


def test_dry_run_changes_nothing(empty_db: str) -> None:
    code, said, _ = studio_data("migrate", "--dry-run")

    assert code == 0
    assert f"{NEWEST + 1} to apply; nothing was changed." in said
    with psycopg.connect(empty_db) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_status_shows_every_migration_and_hides_the_password(empty_db: str) -> None:
    assert studio_data("migrate", "--status")[1].count("missing") == NEWEST + 1
    studio_data("migrate")
    _, said, noted = studio_data("migrate", "--status")

    assert noted == f"{db.printable_connection_string()}\n"
    assert "missing" not in said
    assert re.search(r"^1\t001_initial_schema\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", said, re.MULTILINE)


def test_a_wrong_setting_is_one_line_and_exit_code_4(empty_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_COLOR", "blue")
    migrate.settings.cache_clear()

    code, said, error = studio_data("migrate")

    assert (code, said) == (4, "")
    assert error.startswith("studio-data: The setting STUDIO_DATA_COLOR is unknown.")
    assert error.count("\n") == 1


def test_the_demo_on_the_configured_database_shows_tasks_and_trail_and_can_be_repeated(committed_db: str) -> None:
    assert studio_data("demo", "--yes")[0] == 0
    code, said, _ = studio_data("demo", "--yes", terminal=140)

    assert code == 0
    assert re.search(r"in all +135 +25 +160 +0$", said, re.MULTILINE)
    assert re.search(
        r"lifecycle_agent \(agent\) +gates_checked +project Nguyen LR/DR/MBED +missing: exhibit_b_signed, ", said
    )
    assert "Connection string" in said
    with db.get_connection() as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM clients) AS clients, (SELECT count(*) FROM projects) AS projects,"
            " (SELECT count(*) FROM activity_log) AS log"
        ).fetchone()
    assert counts == {"clients": 2, "projects": 4, "log": 8}


def test_the_demo_does_not_write_into_a_configured_database_unasked(committed_db: str) -> None:
    code, said, error = studio_data("demo")

    assert (code, said) == (4, "")
    assert "It cannot be removed. Run studio-data demo --yes to do so" in error
    assert db.one("SELECT count(*) AS clients FROM clients") == {"clients": 0}


@pytest.mark.processes
def test_the_demo_needs_no_setting_and_works_again(bare_environment: dict[str, str]) -> None:
    for _ in range(2):
        finished = subprocess.run(
            [sys.executable, "-m", "studio_data", "demo"],
            cwd="/",
            env=bare_environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stderr
        assert "in all\t135\t25\t160\t0\n" in finished.stdout
        assert f"postgresql://studio@/postgres?host={bare_environment['STUDIO_DATA_EMBEDDED_DIR']}" in finished.stdout
        assert finished.stderr.count("\n") == 1
        assert "using the embedded Postgres" in finished.stderr


@pytest.mark.processes
def test_serve_keeps_the_server_up_for_other_programs_until_it_is_interrupted(bare_environment: dict[str, str]) -> None:
    with started("serve", cwd="/", env=bare_environment | {"COLUMNS": "400"}) as serving:
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(2)]
        with psycopg.connect(lines[1].strip()) as connection:
            assert connection.execute("SELECT count(*) FROM workflow_templates").fetchone() == (160,)

        serving.send_signal(signal.SIGINT)
        _, said = serving.communicate(timeout=60)
    assert serving.returncode == 0
    assert "Traceback" not in said


def test_the_full_demo_plays_a_practice_and_shows_where_it_stands(committed_db: str) -> None:
    code, said, error = studio_data("demo", "--full", "--yes", terminal=140)

    assert code == 0, error
    assert re.search(r"Nguyen living and dining +purchasing +80 of 135 +items_delivered *\n", said)
    assert re.search(r"Nguyen kitchen +construction +122 of 160 +items_delivered, construction_tasks_closed *\n", said)
    assert re.search(r"in all +11,682.00 +12,266.10 +7,350.00 +4,916.10 *\n", said)
    assert "Feed of Nguyen living and dining" in said

    assert (clients(), len(db.many("SELECT id FROM projects"))) == (3, 4)


def test_the_full_demo_does_a_practices_tasks_in_order(committed_db: str) -> None:
    assert studio_data("demo", "--full", "--yes")[0] == 0

    for project in db.many("SELECT id, phase FROM projects"):
        tasks = list_tasks(project_id=project["id"], limit=500)["items"]
        phases = list(dict.fromkeys(task["phase"] for task in tasks))
        past = phases[: phases.index(project["phase"])]
        assert {task["status"] for task in tasks if task["phase"] in past} <= {"completed", "skipped"}
        assert {task["status"] for task in tasks if task["phase"] not in {*past, project["phase"]}} == {"not_started"}
        present = [task for task in tasks if task["phase"] == project["phase"]]
        once = [task["status"] for task in present if not task["is_recurring"]]
        closed = [status for status in once if status in {"completed", "skipped"}]
        assert 0 < len(closed) < len(once)
        assert once[: len(closed) + 1] == [*closed, "in_progress"]
        assert set(once[len(closed) + 1 :]) == {"not_started"}
        assert all(task["assigned_to"] for task in present)
    skipped = db.many(
        "SELECT metadata ->> 'reason' AS reason FROM activity_log WHERE metadata @> '{\"tool\": \"skip_task\"}'"
    )
    assert all(line["reason"] for line in skipped)


@pytest.mark.processes
def test_what_the_demos_say_to_type_next_works_however_often_they_ran(committed_db: str) -> None:
    program = as_typed("")
    for _ in range(2):
        for options in ([], ["--full"]):
            _, said, _ = studio_data("demo", "--yes", *options)
            commands = [line.strip().removeprefix(program) for line in said.splitlines() if line.startswith(f"  {program}")]
            assert len(commands) > 2
            for command in commands:
                if command != "shell":
                    code, _, error = studio_data(*shlex.split(command))
                    assert code == 0, error


@pytest.mark.parametrize("day", ["a Saturday", "2199-06-15"])
def test_the_full_demo_plans_working_days_whatever_the_day(committed_db: str, day: str) -> None:
    now = db.one("SELECT today() AS day")["day"]
    today = now + timedelta(days=(5 - now.weekday()) % 7) if day == "a Saturday" else date.fromisoformat(day)
    with as_administrator():
        db.one(f"CREATE OR REPLACE FUNCTION today() RETURNS date LANGUAGE sql STABLE RETURN DATE '{today}'")  # pyright: ignore[reportArgumentType]

    assert studio_data("demo", "--full", "--yes")[0] == 0

    days = [row["scheduled_date"] for row in db.many("SELECT scheduled_date FROM meetings")]
    days += [row["due_date"] for row in db.many("SELECT due_date FROM project_tasks WHERE due_date IS NOT NULL")]
    assert {day.weekday() for day in days} <= {0, 1, 2, 3, 4}
    assert min(days) < today < max(days)
