from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import InvalidInputError, InvalidTransitionError, NotFoundError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.action_items import list_action_items
from studio_data.tools.practice.meetings import (
    cancel_meeting,
    complete_meeting,
    confirm_meeting,
    get_meeting,
    list_meetings,
    reschedule_meeting,
    schedule_meeting,
)
from studio_data.tools.practice.rules.gates import gates_of
from studio_data.tools.practice.rules.lifecycles import MEETING
from studio_data.tools.practice.rules.projects import facts_of
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import ProjectPhase
from tests.examples.days import in_days
from tests.support.lifecycle import assert_move, every_pair, lines

TODAY, LATER = in_days(0), in_days(8)


def new_project() -> UUID:
    return create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]


def meeting_in(status: str) -> UUID:
    meeting = schedule_meeting(new_project(), meeting_type="cdm", scheduled_date=TODAY)
    one("UPDATE meetings SET status = %s::meeting_status WHERE id = %s", (status, meeting["id"]))
    if status == "rescheduled":
        one("UPDATE meetings SET scheduled_date = NULL WHERE id = %s", (meeting["id"],))
    return meeting["id"]


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def test_a_new_meeting_is_scheduled_for_its_day() -> None:
    project_id = new_project()
    meeting = schedule_meeting(project_id, meeting_type="site_meeting", scheduled_date=TODAY)

    assert meeting == one("SELECT * FROM meetings WHERE id = %s", (meeting["id"],)) == get_meeting(meeting["id"])
    assert (meeting["status"], meeting["scheduled_date"]) == ("scheduled", date.fromisoformat(TODAY))
    (line,) = log_of(meeting["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("meeting", "created", project_id)
    assert line["metadata"] == {"meeting_type": "site_meeting", "scheduled_date": TODAY}


# Moves ----------------------------------------------------------------------------------------------------------------


def move(meeting_id: UUID, target: str) -> None:
    match target:
        case "scheduled":
            reschedule_meeting(meeting_id, scheduled_date=LATER)
        case "rescheduled":
            reschedule_meeting(meeting_id)
        case "confirmed":
            confirm_meeting(meeting_id)
        case "completed":
            complete_meeting(meeting_id)
        case _:
            cancel_meeting(meeting_id, reason="Travelling.")


@every_pair(MEETING)
def test_every_move_of_a_meeting(source: str, target: str) -> None:
    meeting_id = meeting_in(source)
    if target == "scheduled" and source in {"scheduled", "confirmed"}:  # by way of rescheduled, as the next test says
        move(meeting_id, target)
        assert get_meeting(meeting_id)["status"] == target
        return

    assert_move(MEETING, source, target, lambda: move(meeting_id, target), lambda: get_meeting(meeting_id)["status"])


@pytest.mark.parametrize("source", ["scheduled", "confirmed"])
def test_a_new_date_leaves_both_moves_in_the_log(source: str) -> None:
    meeting_id = meeting_in(source)

    moved = reschedule_meeting(meeting_id, scheduled_date=LATER)

    assert (moved["status"], moved["scheduled_date"]) == ("scheduled", date.fromisoformat(LATER))
    assert [line["metadata"]["changes"] for line in log_of(meeting_id)[1:]] == [
        {"status": [source, "rescheduled"]},
        {"status": ["rescheduled", "scheduled"], "scheduled_date": [TODAY, LATER]},
    ]
    assert {line["action"] for line in log_of(meeting_id)[1:]} == {"status_changed"}


def test_a_meeting_without_a_date_waits_for_one_even_the_one_it_had() -> None:
    meeting_id = meeting_in("confirmed")

    waiting = reschedule_meeting(meeting_id)
    assert (waiting["status"], waiting["scheduled_date"]) == ("rescheduled", None)
    again = reschedule_meeting(meeting_id, scheduled_date=TODAY)

    assert (again["status"], again["scheduled_date"]) == ("scheduled", date.fromisoformat(TODAY))
    assert [line["metadata"]["changes"] for line in log_of(meeting_id)[1:]] == [
        {"status": ["confirmed", "rescheduled"], "scheduled_date": [TODAY, None]},
        {"status": ["rescheduled", "scheduled"], "scheduled_date": [None, TODAY]},
    ]


@pytest.mark.parametrize("source", ["scheduled", "confirmed"])
def test_the_date_that_a_meeting_has_is_no_new_one(source: str) -> None:
    meeting_id = meeting_in(source)
    before = lines()

    with pytest.raises(RuleViolationError, match=f"is already {source} for {TODAY}") as raised, transaction():
        reschedule_meeting(meeting_id, scheduled_date=TODAY)

    assert raised.value.details == {
        "rule": "rescheduled_meetings_get_another_date", "found": TODAY, "calls": [],
    }  # fmt: skip
    assert lines() == before


def test_the_reason_of_a_cancellation_is_in_the_log() -> None:
    meeting_id = meeting_in("confirmed")
    cancel_meeting(meeting_id, reason="The clients are travelling.")

    assert log_of(meeting_id)[-1]["metadata"] == {
        "changes": {"status": ["confirmed", "cancelled"]}, "reason": "The clients are travelling.",
    }  # fmt: skip


# Completion -----------------------------------------------------------------------------------------------------------


def test_a_meeting_is_completed_with_its_notes_and_what_was_agreed_in_it() -> None:
    meeting_id = meeting_in("confirmed")

    done = complete_meeting(
        meeting_id,
        transcript_s3_key="cdm/transcript.txt",
        notes_s3_key="cdm/notes.md",
        action_items=[
            {"description": "Send the fabric.", "assigned_to": "Maria", "due_date": "2026-11-30"},
            {"description": "Measure the piano.", "assigned_to": None},
            {"description": "Call the\nupholsterer."},
        ],
    )

    items = many("SELECT * FROM meeting_action_items ORDER BY id")
    assert done == {**get_meeting(meeting_id), "action_items": items}
    assert [type(value) for item in done["action_items"] for value in item.values()] == [
        type(value) for item in items for value in item.values()
    ]
    assert (done["status"], done["transcript_s3_key"], done["notes_s3_key"]) == (
        "completed", "cdm/transcript.txt", "cdm/notes.md",
    )  # fmt: skip
    assert [(item["description"], item["assigned_to"], item["due_date"], item["status"]) for item in items] == [
        ("Send the fabric.", "Maria", date(2026, 11, 30), "open"),
        ("Measure the piano.", None, None, "open"),
        ("Call the\nupholsterer.", None, None, "open"),
    ]
    of_meeting, *of_items = lines()[-4:]
    assert of_meeting["metadata"] == {
        "changes": {
            "status": ["confirmed", "completed"],
            "transcript_s3_key": [None, "cdm/transcript.txt"],
            "notes_s3_key": [None, "cdm/notes.md"],
        }
    }
    assert [(line["entity_type"], line["action"], line["entity_id"]) for line in of_items] == [
        ("action_item", "created", item["id"]) for item in items
    ]
    assert {line["project_id"] for line in (of_meeting, *of_items)} == {done["project_id"]}
    assert of_items[0]["metadata"] == {
        "meeting_id": str(meeting_id), "assigned_to": "Maria", "due_date": "2026-11-30",
    }  # fmt: skip


@pytest.mark.parametrize("nothing", [{}, {"action_items": None}, {"action_items": []}])
def test_a_meeting_may_end_without_notes_and_action_items(nothing: dict[str, Any]) -> None:
    done = complete_meeting(meeting_in("confirmed"), **nothing)

    assert (done["status"], done["action_items"]) == ("completed", [])
    assert lines()[-1]["metadata"] == {"changes": {"status": ["confirmed", "completed"]}}


def test_a_hundred_action_items_keep_their_order() -> None:
    agreed = [f"Item {number}" for number in range(100)]

    done = complete_meeting(meeting_in("confirmed"), action_items=[{"description": text} for text in agreed])

    assert [item["description"] for item in done["action_items"]] == agreed
    assert [line["entity_id"] for line in lines()[-100:]] == [item["id"] for item in done["action_items"]]


def test_a_meeting_that_cannot_be_completed_leaves_no_action_item() -> None:
    meeting_id = meeting_in("scheduled")

    with pytest.raises(InvalidTransitionError) as raised:
        complete_meeting(meeting_id, action_items=[{"description": "Send the fabric."}])

    assert raised.value.details["allowed"] == ["confirmed", "rescheduled", "cancelled"]
    assert list_action_items(meeting_id=meeting_id)["items"] == []
    assert len(log_of(meeting_id)) == 1


BAD_ACTION_ITEMS: list[tuple[list[Any], str]] = [
    ([{"description": ""}], "action_items[0].description must not be empty or blank."),
    ([{}], "action_items[0].description is missing."),
    ([{"description": "a", "status": "completed"}], "action_items[0].status is unknown."),
    ([{"description": "a"}] * 101, "action_items must have at most 100 items."),
    ([{"description": "a", "due_date": "soon"}], "action_items[0].due_date must be a date like 2026-11-23. Today is "),
]


@pytest.mark.parametrize(("agreed", "message"), BAD_ACTION_ITEMS)
def test_a_bad_action_item_completes_nothing(agreed: list[Any], message: str) -> None:
    meeting_id = meeting_in("confirmed")

    with pytest.raises(InvalidInputError) as raised:
        complete_meeting(meeting_id, action_items=agreed)

    assert str(raised.value).startswith(message)
    assert get_meeting(meeting_id)["status"] == "confirmed"


def test_the_gate_of_the_cdm_leads_to_its_completion() -> None:
    """The gate's own calls, with what only the caller knows added, satisfy it."""
    project_id = new_project()

    def gate() -> dict[str, Any]:
        facts = facts_of(project_id)
        assert facts is not None
        return next(
            dict(found) for found in gates_of(facts, ProjectPhase.DETAILED_DESIGN) if found["gate"] == "cdm_completed"
        )

    schedule, *_ = gate()["calls"]
    dispatch(schedule["tool"], schedule["arguments"] | {"scheduled_date": TODAY})
    reschedule_meeting(list_meetings(project_id=project_id)["items"][0]["id"])
    for call in gate()["calls"]:
        known = {"scheduled_date": TODAY} if call["tool"] == "reschedule_meeting" else {}
        assert "code" not in dispatch(call["tool"], call["arguments"] | known)
    assert gate()["passed"]


# Lists ----------------------------------------------------------------------------------------------------------------


def test_meetings_are_listed_by_day_and_those_without_one_last() -> None:
    project_id, other = new_project(), new_project()
    days = [in_days(2), TODAY, in_days(1), TODAY, in_days(3), in_days(4)]
    ids = [schedule_meeting(project_id, meeting_type="layout", scheduled_date=day)["id"] for day in days]
    elsewhere = schedule_meeting(other, meeting_type="cdm", scheduled_date=in_days(1))["id"]
    for late in ids[4:]:
        reschedule_meeting(late)
    confirm_meeting(ids[2])
    first, second, third, fourth, *waiting = ids

    def listed(**filters: Any) -> list[UUID]:
        return [meeting["id"] for meeting in list_meetings(**filters)["items"]]

    assert listed() == [second, fourth, third, elsewhere, first, *waiting]
    assert listed(project_id=project_id) == [second, fourth, third, first, *waiting]
    assert listed(status="confirmed") == [third]
    assert listed(status="rescheduled") == waiting
    assert listed(meeting_type="cdm") == [elsewhere]
    assert listed(from_date=in_days(1), to_date=in_days(1)) == [third, elsewhere]
    assert listed(from_date=in_days(2)) == [first]
    assert listed(to_date=TODAY) == [second, fourth]

    for limit in range(1, 8):
        paged: list[UUID] = []
        cursor = None
        while True:
            found = list_meetings(project_id=project_id, limit=limit, after=cursor)
            paged += [meeting["id"] for meeting in found["items"]]
            cursor = found["next"]
            if cursor is None:
                break
        assert paged == listed(project_id=project_id)


def test_days_that_are_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=f"from_date {in_days(1)} is after to_date {TODAY}") as raised:
        list_meetings(from_date=in_days(1), to_date=TODAY)

    assert raised.value.details == {"arguments": ["from_date", "to_date"]}


# Refusals and races ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_meeting", {}),
        ("confirm_meeting", {}),
        ("reschedule_meeting", {}),
        ("reschedule_meeting", {"scheduled_date": TODAY}),
        ("cancel_meeting", {"reason": "a"}),
        ("complete_meeting", {}),
    ],
)
def test_an_unknown_meeting_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"meeting_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_meetings shows them all.")


def test_a_meeting_needs_a_project() -> None:
    with pytest.raises(NotFoundError, match="There is no project") as raised:
        schedule_meeting(create_client("Ann")["id"], meeting_type="cdm", scheduled_date=TODAY)

    assert raised.value.hint == "That is the id of a client."
    assert one("SELECT count(*) AS meetings FROM meetings") == {"meetings": 0}


def test_one_of_twelve_who_complete_a_meeting_at_once_completes_it(committed_db: str) -> None:
    meeting_id = meeting_in("confirmed")

    def complete(number: int) -> bool:
        try:
            complete_meeting(meeting_id, action_items=[{"description": f"Item {number}"}])
        except InvalidTransitionError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(complete, range(12))) == 1
    assert len(list_action_items(meeting_id=meeting_id)["items"]) == 1
    assert [line["action"] for line in log_of(meeting_id)] == ["created", "status_changed"]


def test_of_twelve_who_move_a_meeting_to_one_day_one_does(committed_db: str) -> None:
    meeting_id = meeting_in("confirmed")

    def reschedule(_: int) -> bool:
        try:
            reschedule_meeting(meeting_id, scheduled_date=LATER)
        except RuleViolationError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(reschedule, range(12))) == 1
    assert [line["action"] for line in log_of(meeting_id)] == ["created", "status_changed", "status_changed"]
