"""``studio-data import-sessions``: another orchestrator's SQLite file, row by row, once however often."""

import json
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
from tests.support.session_files import file_of, insert, opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return file_of(tmp_path / "runs.db")


def imported(file: Path, *options: str) -> tuple[int, Any]:
    code, said, _ = studio_data("import-sessions", str(file), "--actor", "maria", "--json", *options)
    return code, json.loads(said)


def counted(answer: dict[str, Any], outcome: str) -> tuple[int, int, int]:
    """Return how many sessions, executions and artifacts came to this. Every row that was read came to something."""
    for kind in ("sessions", "executions", "artifacts"):
        counts = answer[kind]
        assert counts["read"] == counts["new"] + counts["known"] + counts["refused"]
        assert counts["refused"] == sum(row["kind"] == kind for row in answer["refused"])
    return answer["sessions"][outcome], answer["executions"][outcome], answer["artifacts"][outcome]


def test_keys_that_look_like_ids_arrive_after_a_prefix(file: Path) -> None:
    with opened(file) as content:
        content.execute("UPDATE agent_sessions SET session_id = '9f0c0f86-2f3b-4a62-a2a7-1d2a3b4c5d6e' WHERE id = 2")

    code, said = imported(file)
    assert (code, counted(said, "new")) == (1, (1, 1, 1))
    assert "must not have the form of an id" in said["refused"][0]["reason"]
    code, said = imported(file, "--prefix", "crew-")
    assert (code, counted(said, "new")) == (0, (2, 2, 1))
    assert get_session("crew-9f0c0f86-2f3b-4a62-a2a7-1d2a3b4c5d6e")["user_mission"] == "Order rugs"


def test_after_a_large_import_the_server_knows_how_much_there_is(file: Path, committed_db: str) -> None:
    with opened(file) as content:
        content.executemany(
            "INSERT INTO agent_executions (session_id, agent_type, status, started_at)"
            " VALUES ('mission-1', 'pm', 'running', '2026-03-02 09:01:00')",
            [()] * 1_500,
        )

    assert counted(imported(file)[1], "new") == (2, 1_502, 1)
    assert db.one("SELECT reltuples FROM pg_class WHERE relname = 'agent_executions'") == {"reltuples": 1_502}


def test_everything_of_a_file_arrives_with_its_times_in_utc(file: Path) -> None:
    assert imported(file) == (
        0,
        {
            "sessions": {"read": 2, "new": 2, "known": 0, "refused": 0},
            "executions": {"read": 2, "new": 2, "known": 0, "refused": 0},
            "artifacts": {"read": 1, "new": 1, "known": 0, "refused": 0},
            "refused": [],
        },
    )

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
    assert imported(file_of(tmp_path / "runs.db", prefix=""))[1]["executions"]["new"] == 2


def test_a_repetition_changes_nothing_and_a_grown_file_adds_what_is_new(file: Path) -> None:
    imported(file)
    before = contents()
    code, said = imported(file)
    assert (code, counted(said, "new"), counted(said, "known")) == (0, (0, 0, 0), (2, 2, 1))
    assert contents() == before

    insert(file, "agent_executions", id=13, session_id="mission-1", agent_type="qa", status="running",
           started_at="2026-03-02 09:10:00")  # fmt: skip
    assert counted(imported(file)[1], "new") == (0, 1, 0)
    assert [execution["agent_type"] for execution in list_executions(session_id="mission-1")["items"]] == ["qa", "pm"]
    assert lines()[-1]["action"] == "updated"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE agent_executions SET cost = -1 WHERE id = 11", "cost must be between 0 and 999,999,999,999.999999."),
        (
            "UPDATE agent_executions SET status = 'lost' WHERE id = 11",
            "status must be running, completed or failed, not 'lost'.",
        ),
        ("UPDATE agent_executions SET completed_at = NULL WHERE id = 11", "It is completed and has no completed_at."),
        (
            "UPDATE agent_executions SET completed_at = '2026-03-01' WHERE id = 11",
            "It has a completed_at before its started_at.",
        ),
        (
            "UPDATE agent_executions SET started_at = 'soon' WHERE id = 11",
            "started_at must be a time like 2026-11-23T16:00:00+00:00, not 'soon'.",
        ),
        ("UPDATE agent_executions SET error_message = 'No' WHERE id = 11", "It is completed and has an error_message."),
    ],
)
def test_a_bad_execution_is_left_out_alone_and_named(file: Path, statement: str, reason: str) -> None:
    with opened(file) as connection:
        connection.execute(statement)

    code, answer = imported(file)

    assert (code, counted(answer, "new"), counted(answer, "refused")) == (1, (2, 1, 1), (0, 1, 0))
    assert answer["refused"] == [{"kind": "executions", "row": 11, "id": "11", "session_id": "mission-1", "reason": reason}]
    assert list_executions(session_id="mission-1")["items"] == []
    assert len(list_executions(session_id="mission-2")["items"]) == 1
    assert [(line["metadata"]["executions"], line["metadata"]["artifacts"]) for line in lines()] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE agent_sessions SET current_phase = 'qa'", "Exactly the completed sessions are in the phase complete"),
        ("UPDATE agent_sessions SET qa_passed = 0", "A completed session needs qa_passed true"),
        ("UPDATE agent_sessions SET state_json = '[1'", "state_json must be a JSON object"),
        ("UPDATE agent_sessions SET user_mission = ''", "user_mission must not be empty"),
        ("UPDATE agent_sessions SET user_mission = NULL", "user_mission is missing"),
        ("UPDATE agent_sessions SET created_at = ''", "created_at is missing"),
    ],
)
def test_a_bad_session_is_left_out_with_its_rows_and_all_are_named(file: Path, statement: str, reason: str) -> None:
    with opened(file) as connection:
        connection.execute(f"{statement} WHERE id = 1")

    code, answer = imported(file)

    assert (code, counted(answer, "new"), counted(answer, "refused")) == (1, (1, 1, 0), (1, 1, 1))
    session, *rows = answer["refused"]
    assert (session["kind"], session["row"], session["session_id"]) == ("sessions", 1, "mission-1")
    assert reason in session["reason"]
    assert [(row["kind"], row["id"], row["session_id"], row["reason"]) for row in rows] == [
        ("executions", "11", "mission-1", "Its session was refused."),
        ("artifacts", "21", "mission-1", "Its session was refused."),
    ]
    assert [line["metadata"]["session_id"] for line in lines()] == ["mission-2"]
    assert db.one("SELECT count(*) AS n FROM agent_artifacts") == {"n": 0}


def test_a_session_with_more_rows_than_a_call_takes_comes_whole(file: Path) -> None:
    with opened(file) as connection:
        connection.executemany(
            "INSERT INTO agent_executions (session_id, agent_type, status, started_at)"
            " VALUES ('mission-2', 'eng', 'running', ?)",
            [(f"2026-03-03 09:{number // 60:02}:{number % 60:02}",) for number in range(1_234)],
        )

    assert counted(imported(file)[1], "new") == (2, 1_236, 1)
    assert counted(imported(file)[1], "known") == (2, 1_236, 1)


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
    assert said.splitlines() == [
        "rows\tread\tnew\tknown\trefused",
        "sessions\t2\t2\t0\t0",
        "executions\t2\t2\t0\t0",
        "artifacts\t1\t0\t0\t1",
        "",
        "kind\trow\tid\tsession_id\treason",
        "artifacts\t21\t21\tmission-1\tversion must be between 1 and 100,000.",
    ]


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
