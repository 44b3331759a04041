from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one
from studio_data.errors import InvalidTransitionError, NotFoundError
from studio_data.tools.practice.action_items import (
    add_action_item,
    cancel_action_item,
    complete_action_item,
    get_action_item,
    list_action_items,
    start_action_item,
    update_action_item,
)
from studio_data.tools.practice.meetings import Meeting, schedule_meeting
from studio_data.tools.practice.rules.gates import gates_of
from studio_data.tools.practice.rules.lifecycles import ACTION_ITEM
from studio_data.tools.practice.rules.projects import facts_of
from studio_data.tools.rules.lifecycles import ProjectPhase
from tests.examples.days import in_days
from tests.support.lifecycle import assert_move, every_pair
from tests.tools.practice.test_meetings import new_project


def new_meeting() -> Meeting:
    return schedule_meeting(new_project(), meeting_type="cdm", scheduled_date=in_days(0))


def item_in(status: str) -> UUID:
    item = add_action_item(new_meeting()["id"], description="Send the fabric.")
    one("UPDATE meeting_action_items SET status = %s::action_item_status WHERE id = %s", (status, item["id"]))
    return item["id"]


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def test_a_new_action_item_is_open_and_its_line_names_meeting_and_project() -> None:
    meeting = new_meeting()
    item = add_action_item(meeting["id"], description="Send the fabric.", assigned_to="Maria", due_date="2026-11-30")

    assert item == one("SELECT * FROM meeting_action_items") == get_action_item(item["id"])
    assert (item["status"], item["assigned_to"], item["due_date"]) == ("open", "Maria", date(2026, 11, 30))
    (line,) = log_of(item["id"])
    assert (line["entity_type"], line["action"]) == ("action_item", "created")
    assert line["project_id"] == meeting["project_id"]
    assert line["metadata"] == {"meeting_id": str(meeting["id"]), "assigned_to": "Maria", "due_date": "2026-11-30"}


# Moves ----------------------------------------------------------------------------------------------------------------


def move(item_id: UUID, target: str) -> None:
    match target:
        case "in_progress":
            start_action_item(item_id)
        case "completed":
            complete_action_item(item_id)
        case _:
            cancel_action_item(item_id, reason="Not needed.")


@every_pair(ACTION_ITEM)
def test_every_move_of_an_action_item(source: str, target: str) -> None:
    if target == "open":  # where it begins: no tool leads back, and the lifecycle has no such move
        assert target not in ACTION_ITEM.moves[source]  # pyright: ignore[reportArgumentType]
        return
    item_id = item_in(source)

    assert_move(ACTION_ITEM, source, target, lambda: move(item_id, target), lambda: get_action_item(item_id)["status"])


def test_the_reason_of_a_cancellation_is_in_the_log() -> None:
    item_id = item_in("in_progress")
    cancel_action_item(item_id, reason="The clients keep their sofa.")

    line = log_of(item_id)[-1]
    assert line["metadata"] == {
        "changes": {"status": ["in_progress", "cancelled"]}, "reason": "The clients keep their sofa.",
    }  # fmt: skip
    assert line["project_id"] == one("SELECT project_id FROM meetings")["project_id"]


def test_the_gate_of_completion_leads_to_closed_action_items() -> None:
    meeting = new_meeting()
    add_action_item(meeting["id"], description="Send the fabric.")
    start_action_item(add_action_item(meeting["id"], description="Measure the piano.")["id"])

    def gate() -> dict[str, Any]:
        facts = facts_of(meeting["project_id"])
        assert facts is not None
        return next(
            dict(found) for found in gates_of(facts, ProjectPhase.COMPLETED) if found["gate"] == "action_items_closed"
        )

    calls = gate()["calls"]
    assert [call["tool"] for call in calls] == ["start_action_item", "complete_action_item", "complete_action_item"]
    for call in calls:
        assert "code" not in dispatch(call["tool"], call["arguments"])
    assert gate()["passed"]


# Changes --------------------------------------------------------------------------------------------------------------


def test_only_what_is_given_changes_and_the_log_says_from_what_to_what() -> None:
    item = add_action_item(new_meeting()["id"], description="Send the fabric.", assigned_to="Maria", due_date="2026-11-30")

    changed = update_action_item(item["id"], description="Send both fabrics.", due_date="2026-12-02", clear=["assigned_to"])

    assert changed == {
        **item,
        "description": "Send both fabrics.",
        "assigned_to": None,
        "due_date": date(2026, 12, 2),
        "updated_at": changed["updated_at"],
    }
    line = log_of(item["id"])[-1]
    assert line["action"] == "updated"
    assert line["metadata"] == {
        "changes": {
            "description": ["Send the fabric.", "Send both fabrics."],
            "assigned_to": ["Maria", None],
            "due_date": ["2026-11-30", "2026-12-02"],
        }
    }
    assert update_action_item(item["id"], clear=["due_date"])["due_date"] is None


def test_a_change_that_changes_nothing_leaves_no_line() -> None:
    item = add_action_item(new_meeting()["id"], description="Send the fabric.", assigned_to="Maria")

    assert update_action_item(item["id"], assigned_to="Maria", clear=["due_date"]) == item
    assert update_action_item(item["id"]) == item
    assert len(log_of(item["id"])) == 1


# Lists ----------------------------------------------------------------------------------------------------------------


def test_action_items_are_listed_by_project_meeting_person_and_what_is_due() -> None:
    cdm, other = new_meeting(), new_meeting()
    ddm = schedule_meeting(cdm["project_id"], meeting_type="ddm", scheduled_date=in_days(30))
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    late = add_action_item(cdm["id"], description="late", assigned_to="Maria", due_date=yesterday)
    due = add_action_item(ddm["id"], description="due today", assigned_to="Tom", due_date=today)
    done = add_action_item(cdm["id"], description="done", assigned_to="Maria", due_date=yesterday)
    undated = add_action_item(other["id"], description="undated", assigned_to="Maria")
    started = add_action_item(other["id"], description="started", due_date=yesterday)
    start_action_item(started["id"])
    start_action_item(done["id"])
    complete_action_item(done["id"])

    def listed(**filters: Any) -> list[str]:
        return [item["description"] for item in list_action_items(**filters)["items"]]

    assert listed() == [item["description"] for item in (late, done, started, due, undated)]
    assert listed(project_id=cdm["project_id"]) == ["late", "done", "due today"]
    assert listed(meeting_id=cdm["id"]) == ["late", "done"]
    assert listed(assigned_to="Maria") == ["late", "done", "undated"]
    assert listed(assigned_to="maria") == ["late", "done", "undated"]
    assert listed(open_only=True) == ["late", "started", "due today", "undated"]
    assert listed(overdue_only=True) == ["late", "started"]
    assert listed(assigned_to="Maria", open_only=True, overdue_only=True, project_id=cdm["project_id"]) == ["late"]
    assert listed(search="TODAY") == ["due today"]
    first = list_action_items(limit=2)
    rest = list_action_items(limit=3, after=first["next"])
    assert [item["id"] for item in first["items"] + rest["items"]] == [item["id"] for item in list_action_items()["items"]]
    assert rest["next"] is None


# Refusals and races ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_action_item", {}),
        ("start_action_item", {}),
        ("complete_action_item", {}),
        ("cancel_action_item", {"reason": "a"}),
        ("update_action_item", {"description": "a"}),
    ],
)
def test_an_unknown_action_item_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"action_item_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_action_items shows them all.")


def test_an_action_item_needs_a_meeting() -> None:
    with pytest.raises(NotFoundError, match="There is no meeting") as raised:
        add_action_item(new_project(), description="Send the fabric.")

    assert raised.value.hint == "That is the id of a project."


def test_one_of_twelve_who_complete_an_action_item_at_once_completes_it(committed_db: str) -> None:
    item_id = item_in("in_progress")

    def complete(_: int) -> bool:
        try:
            complete_action_item(item_id)
        except InvalidTransitionError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(complete, range(12))) == 1
    assert [line["action"] for line in log_of(item_id)] == ["created", "status_changed"]
