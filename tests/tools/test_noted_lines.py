"""What somebody notes in the trail is taken for no tool's line, and obeyed by no terminal."""

import json
from typing import Any

import pytest

from studio_data import acting_as, db, raising_call
from studio_data.errors import InvalidInputError
from studio_data.operations import doctor
from studio_data.tools.activity import get_history, list_activity, log_activity, project_feed
from studio_data.tools.change_feed import changes_since
from studio_data.tools.clients import create_client
from studio_data.tools.pipeline import churn_client
from studio_data.tools.practice.tasks import block_task, list_tasks, start_task, unblock_task
from studio_data.tools.projects import create_project
from studio_data.tools.runs.sessions import open_session
from studio_data.tools.runs.timeline import session_timeline
from tests.examples import Practice
from tests.support import as_administrator, studio_data

OBEYED = ["\x1b[2J", "\x1b[1A\x1b[2K", "\x9b2J", "\x07", "\x08", "\u202e", "\u2066", "\u200f", "\x7f"]


def test_every_list_of_lines_says_which_are_notes(committed_db: str) -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    log_activity("project", project, "phase_changed")

    pages = (
        list_activity(entity_type="project"), get_history("project", project), project_feed(project),
        changes_since(entity_type="project"),
    )  # fmt: skip
    for page in pages:
        assert {line["action"]: line["is_noted"] for line in page["items"]} == {"created": False, "phase_changed": True}
    code, said, _ = studio_data("activity", terminal=120)
    assert (code, said.count("(noted)")) == (0, 1)


def test_a_note_is_no_move_of_a_session() -> None:
    session = open_session("mission-1", "Plan.")["id"]
    with acting_as("agent", "eng", run_id="mission-1"):
        log_activity(
            "agent_session", session, "status_changed",
            metadata={"user_action": "session_approved", "changes": {"status": ["awaiting_approval", "running"]}},
        )  # fmt: skip

    items = session_timeline("mission-1")["items"]
    assert [(item["kind"], item["what"]) for item in items] == [
        ("session", "session_created"),
        ("tool_call", "log_activity"),
    ]


def test_a_note_gives_a_task_no_status() -> None:
    task = list_tasks(project_id=Practice().project["id"], limit=1)["items"][0]["id"]
    block_task(task, reason="No key.")
    log_activity("task", task, "status_changed", metadata={"changes": {"status": ["in_progress", "blocked"]}})

    assert unblock_task(task)["status"] == "not_started"
    start_task(task)
    block_task(task, reason="No key.")
    log_activity("task", task, "status_changed", metadata={"changes": {"status": ["not_started", "blocked"]}})
    assert unblock_task(task)["status"] == "in_progress"


def found() -> list[str]:
    messages = [finding.message for checked in doctor.examine() for finding in checked.findings]
    return [message for message in messages if "audit trail knows nothing" in message or "last word" in message]


def test_a_note_neither_covers_up_a_change_by_sql_nor_makes_one_up(committed_db: str) -> None:
    client, changed = create_client("Ann")["id"], create_client("Ben")["id"]
    log_activity("client", client, "status_changed", metadata={"changes": {"status": ["lead", "churned"]}})
    assert found() == []

    with as_administrator():
        db.one("UPDATE clients SET status = 'contracted' WHERE id = %s", (changed,))
        unknown = db.one("INSERT INTO clients (name) VALUES ('Cem') RETURNING id")["id"]
    log_activity("client", changed, "status_changed", metadata={"changes": {"status": ["lead", "contracted"]}})
    log_activity("client", unknown, "created")
    assert len(found()) == 2
    churn_client(client, reason="Moved away.")
    assert len(found()) == 2


# Characters that are obeyed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("obeyed", OBEYED, ids=ascii)
def test_a_terminal_is_shown_what_it_would_obey(obeyed: str) -> None:
    client = create_client("Ann")["id"]
    stored = json.dumps({"note": f"a{obeyed}b", f"c{obeyed}": 1})
    with as_administrator():
        db.one(
            "INSERT INTO activity_log (entity_type, entity_id, action, metadata) VALUES ('client', %s, 'called', %s)",
            (client, stored),
        )

    escape = "".join(f"\\u{ord(one):04x}" if not one.isprintable() else one for one in obeyed)
    for command in (["activity"], ["activity", "--json"], ["call", "list_activity"], ["call", "--json", "list_activity"]):
        for terminal in (None, 200):
            _, said, noted = studio_data(*command, terminal=terminal)
            assert not any(one in said + noted for one in obeyed if not one.isprintable())
    if obeyed != "\x08":  # which JSON writes in two letters
        assert f"a{escape}b" in studio_data("activity", "--json")[1]


@pytest.mark.parametrize("turning", [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))], ids=ascii)
@pytest.mark.parametrize("argument", ["name", "address", "reason"])
def test_text_that_turns_the_direction_is_refused(argument: str, turning: str) -> None:
    given: dict[str, Any] = {argument: f"gnp.{turning}exe"}
    tool = "churn_client" if argument == "reason" else "create_client"
    known = {"client_id": create_client("Ann")["id"]} if argument == "reason" else {"name": "Ann"}

    with pytest.raises(InvalidInputError, match=f"{argument} must not have characters that turn the direction of text"):
        raising_call(tool, known | given)


def test_notes_are_kept_without_what_a_terminal_obeys() -> None:
    line = log_activity("client", create_client("Ann")["id"], "called\u202e", metadata={"note": "a\x1b[2Jb\u2066c"})

    assert (line["action"], line["metadata"]["note"]) == ("called", "abc")
