"""``studio-data import-sessions``: another orchestrator's SQLite file, row by row, once however often."""

import json
import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from studio_data import db
from studio_data.tools.runs.executions import list_executions
from studio_data.tools.runs.sessions import get_session
from studio_data.tools.runs.timeline import session_timeline
from tests.support import contents, studio_data
from tests.support.lifecycle import lines
from tests.support.processes import twice_at_once

TABLES = """
    CREATE TABLE {prefix}sessions (
        id INTEGER PRIMARY KEY, session_id TEXT, user_mission TEXT, project_name TEXT, status TEXT, current_phase TEXT,
        iteration_count INTEGER, qa_passed INTEGER, work_dir TEXT, state_json TEXT, metadata TEXT, created_at TEXT,
        updated_at TEXT
    );
    CREATE TABLE {prefix}executions (
        id INTEGER PRIMARY KEY, session_id TEXT, agent_type TEXT, status TEXT, started_at TEXT, completed_at TEXT,
        input_summary TEXT, output_summary TEXT, error_message TEXT, tokens_used INTEGER, duration_seconds REAL, cost REAL,
        metadata TEXT
    );
    CREATE TABLE {prefix}artifacts (
        id INTEGER PRIMARY KEY, session_id TEXT, artifact_type TEXT, file_path TEXT, content_hash TEXT, version INTEGER,
        metadata TEXT, created_at TEXT
    );
    """


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Open a file, commit what is done to it, and close it: sqlite3's own block only commits."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def file_of(path: Path, prefix: str = "agent_") -> Path:
    """Make a file with two sessions: one completed, with work, and one that failed."""
    with opened(path) as file:
        file.executescript(TABLES.format(prefix=prefix))
    insert(path, f"{prefix}sessions", id=1, session_id="mission-1", user_mission="Plan the kitchen", project_name="Chen",
           status="completed", current_phase="complete", iteration_count=2, qa_passed=1, work_dir="runs/1",
           state_json='{"step": 9}', metadata='{"by": "Maria"}', created_at="2026-03-02 09:00:00")  # fmt: skip
    insert(path, f"{prefix}sessions", id=2, session_id="mission-2", user_mission="Order rugs", status="failed",
           current_phase="pm", iteration_count=0, created_at="2026-03-03T10:00:00+02:00")  # fmt: skip
    insert(path, f"{prefix}executions", id=11, session_id="mission-1", agent_type="pm", status="completed",
           started_at="2026-03-02 09:01:00", completed_at="2026-03-02 09:03:30.250",
           output_summary="Nine requirements", tokens_used=1200, cost=0.018, metadata="{}")  # fmt: skip
    insert(path, f"{prefix}executions", id=12, session_id="2", agent_type="pm", status="failed",
           started_at="2026-03-03 08:01:40", completed_at="2026-03-03 08:02:40")  # fmt: skip
    insert(path, f"{prefix}artifacts", id=21, session_id="mission-1", artifact_type="prd", file_path="prd.md",
           content_hash="a" * 64, version=1, created_at="2026-03-02 09:03:00")  # fmt: skip
    return path


def insert(path: Path, table: str, **values: Any) -> None:
    with opened(path) as file:
        marks = ", ".join("?" for _ in values)
        file.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return file_of(tmp_path / "runs.db")


def imported(file: Path) -> tuple[int, Any]:
    code, said, _ = studio_data("import-sessions", str(file), "--actor", "maria", "--json")
    return code, json.loads(said)


def test_keys_that_look_like_ids_arrive_after_a_prefix(file: Path) -> None:
    with opened(file) as content:
        content.execute("UPDATE agent_sessions SET session_id = '9f0c0f86-2f3b-4a62-a2a7-1d2a3b4c5d6e' WHERE id = 2")

    code, said = imported(file)
    assert (code, said["sessions"]) == (1, 1)
    assert "must not have the form of an id" in said["refused"][0]["reason"]
    code, said, _ = studio_data("import-sessions", str(file), "--prefix", "crew-", "--actor", "maria", "--json")
    assert (code, json.loads(said)["sessions"]) == (0, 2)
    assert get_session("crew-9f0c0f86-2f3b-4a62-a2a7-1d2a3b4c5d6e")["user_mission"] == "Order rugs"


def test_everything_of_a_file_arrives_with_its_times_in_utc(file: Path) -> None:
    assert imported(file) == (0, {"sessions": 2, "executions": 2, "artifacts": 1, "refused": []})

    session = get_session("mission-1")
    assert (session["user_mission"], session["project_name"], session["status"], session["current_phase"]) == (
        "Plan the kitchen", "Chen", "completed", "complete",
    )  # fmt: skip
    assert (session["iteration_count"], session["qa_passed"], session["work_dir"]) == (2, True, "runs/1")
    assert (session["state_json"], session["metadata"]) == ({"step": 9}, {"by": "Maria"})
    assert session["created_at"] == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert get_session("mission-2")["created_at"] == datetime(2026, 3, 3, 8, tzinfo=UTC)
    (execution,) = list_executions(session_id="mission-1")["items"]
    assert (execution["agent_type"], execution["output_summary"], execution["tokens_used"], execution["cost"]) == (
        "pm", "Nine requirements", 1200, Decimal("0.018"),
    )  # fmt: skip
    assert execution["started_at"] == datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
    assert execution["duration_seconds"] == Decimal("150.250")
    (failed,) = list_executions(session_id="mission-2")["items"]
    assert (failed["status"], failed["error_message"]) == ("failed", "No message was recorded.")
    assert [(line["actor_type"], line["actor_name"], line["metadata"]["user_action"]) for line in lines()] == [
        ("user", "maria", "session_imported")
    ] * 2
    assert [item["kind"] for item in session_timeline("mission-1")["items"]] == ["execution", "artifact", "session"]


def test_tables_without_the_prefix_are_found_too(tmp_path: Path) -> None:
    assert imported(file_of(tmp_path / "runs.db", prefix=""))[1]["executions"] == 2


def test_a_repetition_changes_nothing_and_a_grown_file_adds_what_is_new(file: Path) -> None:
    imported(file)
    before = contents()
    assert imported(file) == (0, {"sessions": 0, "executions": 0, "artifacts": 0, "refused": []})
    assert contents() == before

    insert(file, "agent_executions", id=13, session_id="mission-1", agent_type="qa", status="running",
           started_at="2026-03-02 09:10:00")  # fmt: skip
    assert imported(file)[1]["executions"] == 1
    assert [execution["agent_type"] for execution in list_executions(session_id="mission-1")["items"]] == ["qa", "pm"]
    assert lines()[-1]["action"] == "updated"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE agent_executions SET cost = -1 WHERE id = 11", r"executions\[0\].cost must be between 0 and"),
        ("UPDATE agent_executions SET status = 'lost' WHERE id = 11", r"executions\[0\].status must be running"),
        ("UPDATE agent_executions SET completed_at = NULL WHERE id = 11", r"executions\[0\], 11, is completed and has no"),
        ("UPDATE agent_executions SET completed_at = '2026-03-01' WHERE id = 11", "11, has a completed_at before"),
        ("UPDATE agent_executions SET started_at = 'soon' WHERE id = 11", r"executions\[0\].started_at must be a time"),
        ("UPDATE agent_executions SET error_message = 'No' WHERE id = 11", "11, is completed and has an error_message"),
        ("UPDATE agent_artifacts SET content_hash = 'abc'", r"artifacts\[0\].content_hash must be a SHA-256"),
        (
            "UPDATE agent_sessions SET current_phase = 'qa' WHERE id = 1",
            "Exactly the completed sessions are in the phase complete",
        ),
        ("UPDATE agent_sessions SET qa_passed = 0 WHERE id = 1", "A completed session needs qa_passed true"),
        ("UPDATE agent_sessions SET state_json = '[1' WHERE id = 1", "state must be a JSON object"),
        ("UPDATE agent_sessions SET user_mission = '' WHERE id = 1", "user_mission must not be empty"),
    ],
)
def test_a_bad_row_refuses_its_session_alone_and_is_named(file: Path, statement: str, reason: str) -> None:
    with opened(file) as connection:
        connection.execute(statement)

    code, answer = imported(file)

    assert (code, answer["sessions"]) == (1, 1)
    (refused,) = answer["refused"]
    assert refused["session_id"] == "mission-1"
    assert re.search(reason, refused["reason"]), refused["reason"]
    rows = {table: db.one(f"SELECT count(*) AS n FROM agent_{table}")["n"] for table in ("sessions", "artifacts")}  # noqa: S608
    assert rows == {"sessions": 1, "artifacts": 0}
    assert [line["metadata"]["session_id"] for line in lines()] == ["mission-2"]


def test_a_session_with_more_rows_than_a_call_takes_comes_whole(file: Path) -> None:
    with opened(file) as connection:
        connection.executemany(
            "INSERT INTO agent_executions (session_id, agent_type, status, started_at)"
            " VALUES ('mission-2', 'eng', 'running', ?)",
            [(f"2026-03-03 09:{number // 60:02}:{number % 60:02}",) for number in range(1_234)],
        )

    assert imported(file)[1]["executions"] == 1_236
    assert imported(file)[1]["executions"] == 0


def test_two_imports_at_once_give_one_set(file: Path, committed_db: str) -> None:
    both = twice_at_once("import-sessions", str(file), "--actor", "maria")

    assert [process.returncode for process in both] == [0, 0], both
    assert len(lines()) == 2
    assert db.one("SELECT count(*) AS executions FROM agent_executions") == {"executions": 2}


def test_people_see_what_was_new_and_what_was_refused(file: Path) -> None:
    with opened(file) as connection:
        connection.execute("UPDATE agent_artifacts SET version = 0")

    code, said, _ = studio_data("import-sessions", str(file), "--actor", "maria")

    assert code == 1
    assert "New: sessions 1, executions 1, artifacts 0." in said
    assert "mission-1" in said
    assert "artifacts[0].version must be between 1 and 100,000" in said


def test_what_is_no_orchestrators_file_is_one_clear_error(tmp_path: Path) -> None:
    text, empty, other = tmp_path / "text.db", tmp_path / "empty.db", tmp_path / "other.db"
    text.write_text("not a database, but long enough to look like one to somebody who is in a hurry" * 20)
    empty.touch()
    with opened(other) as connection:
        connection.execute("CREATE TABLE agent_sessions (session_id TEXT)")

    for path, reason in (
        (tmp_path / "none.db", "There is no file"),
        (text, "cannot be read as an SQLite file"),
        (empty, "The file has no table agent_sessions or sessions"),
        (other, "The file's table agent_sessions has no column user_mission, status, current_phase, created_at"),
    ):
        code, _, said = studio_data("import-sessions", str(path))
        assert (code, reason in said) == (1, True), said
