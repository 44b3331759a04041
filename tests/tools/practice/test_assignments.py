"""studio_data.tools.schedule, one task: who does it and when it is due; and what happens to a schedule at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.db import many, one
from studio_data.errors import RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.schedule import assign_task, reschedule_task, schedule_project, shift_schedule
from studio_data.tools.practice.tasks import ProjectTask, add_task, get_task, list_tasks, reopen_task, skip_task, start_task
from studio_data.tools.projects import create_project
from tests.tools.practice.test_schedule import MONDAY, shifted

CLOSED = ["completed", "skipped"]


@pytest.fixture
def project_id() -> UUID:
    return create_project(create_client("Nguyen")["id"], "LR", "furnishings")["project"]["id"]


@pytest.fixture
def task(project_id: UUID) -> ProjectTask:
    return list_tasks(project_id=project_id, limit=1)["items"][0]


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def close(task: ProjectTask, status: str) -> None:
    one(
        "UPDATE project_tasks SET status = %s, completed_at = CASE %s WHEN 'completed' THEN now() END WHERE id = %s",
        (status, status, task["id"]),
    )


def test_a_task_is_given_to_somebody_and_taken_away(task: ProjectTask) -> None:
    assigned = assign_task(task["id"], assigned_to="Maria")
    assert assigned == {**task, "assigned_to": "Maria", "updated_at": assigned["updated_at"]}
    assert assign_task(task["id"], assigned_to="Maria") == assigned
    assert assign_task(task["id"], clear=True)["assigned_to"] is None

    first, second = log_of(task["id"])
    assert (first["entity_type"], first["action"], first["project_id"]) == ("task", "updated", task["project_id"])
    assert first["metadata"] == {"changes": {"assigned_to": [None, "Maria"]}}
    assert second["metadata"] == {"changes": {"assigned_to": ["Maria", None]}}


def test_a_task_gets_another_due_date_and_loses_it(task: ProjectTask) -> None:
    rescheduled = reschedule_task(task["id"], due_date="2027-01-09")
    assert rescheduled == {**task, "due_date": date(2027, 1, 9), "updated_at": rescheduled["updated_at"]}
    assert reschedule_task(task["id"], due_date=date(2027, 1, 9)) == rescheduled
    assert reschedule_task(task["id"], clear=True)["due_date"] is None

    assert [line["metadata"] for line in log_of(task["id"])] == [
        {"changes": {"due_date": [None, "2027-01-09"]}}, {"changes": {"due_date": ["2027-01-09", None]}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "argument", "value"), [("assign_task", "assigned_to", "Ann"), ("reschedule_task", "due_date", "2027-01-04")]
)
@pytest.mark.parametrize("given", [{"clear": True}, {}, {"clear": False}])
def test_either_a_value_or_clear_is_given(
    task: ProjectTask, name: str, argument: str, value: str, given: dict[str, bool]
) -> None:
    arguments = {"task_id": str(task["id"]), **given}
    if given.get("clear"):
        arguments[argument] = value

    refused = dispatch(name, arguments)

    assert (refused["code"], refused["details"]) == ("invalid_input", {"arguments": [argument, "clear"]})
    assert log_of(task["id"]) == []


@pytest.mark.parametrize("status", CLOSED)
@pytest.mark.parametrize("change", [{"due_date": "2027-01-04"}, {"clear": True}])
def test_a_closed_task_keeps_its_due_date(task: ProjectTask, status: str, change: dict[str, Any]) -> None:
    close(task, status)

    with pytest.raises(RuleViolationError) as raised:
        reschedule_task(task["id"], **change)

    calls = [{"tool": "reopen_task", "arguments": {"task_id": str(task["id"])}}]
    assert raised.value.details == {"rule": "closed_tasks_keep_their_dates", "found": status, "calls": calls}
    assert log_of(task["id"]) == []
    with acting_as("user", "Maria"):
        reopen_task(task["id"])
    assert "code" not in dispatch("reschedule_task", {"task_id": task["id"], **change})


@pytest.mark.parametrize("status", CLOSED)
def test_who_did_a_closed_task_may_be_said_later(task: ProjectTask, status: str) -> None:
    close(task, status)

    assert assign_task(task["id"], assigned_to="Maria")["assigned_to"] == "Maria"


@pytest.mark.parametrize("name", ["assign_task", "reschedule_task"])
def test_an_unknown_task_is_not_found(name: str) -> None:
    refused = dispatch(name, {"task_id": str(uuid4()), "clear": True})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_tasks shows the project's.")


# At once --------------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_of_what_is_changed_at_once_of_a_task(committed_db: str, task: ProjectTask) -> None:
    def change(number: int) -> None:
        match number % 3:
            case 0:
                assign_task(task["id"], assigned_to=f"Person {number}")
            case 1:
                reschedule_task(task["id"], due_date=date(2027, 1, 1 + number))
            case _:
                dispatch("start_task", {"task_id": task["id"]})

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(change, range(12)))

    changes = [line["metadata"]["changes"] for line in log_of(task["id"])]
    found = get_task(task["id"])
    assert found["status"] == "in_progress"
    for field, expected, steps in (
        ("assigned_to", found["assigned_to"], 4),
        ("due_date", str(found["due_date"]), 4),
        ("status", "in_progress", 1),
    ):
        pairs = [change[field] for change in changes if field in change]
        assert len(pairs) == steps
        # What was found by one is what another left: a chain from what was first there to what is there now.
        ends = Counter(str(new) for _, new in pairs) - Counter(str(old) for old, _ in pairs)
        assert list(ends.elements()) == [expected]


def test_shifts_at_once_add_up(committed_db: str, project_id: UUID) -> None:
    schedule_project(project_id, start_date=MONDAY)
    before = [task["due_date"] for task in list_tasks(project_id=project_id, limit=500)["items"]]

    def shift(number: int) -> None:
        shift_schedule(project_id, working_days=2, reason=f"Reason {number}")

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(shift, range(12)))

    after = [task["due_date"] for task in list_tasks(project_id=project_id, limit=500)["items"]]
    assert after == [shifted(day, 24) for day in before if day]
    assert len(log_of(project_id)) == 2 + 12


def test_a_schedule_is_planned_and_shifted_during_work(committed_db: str, project_id: UUID) -> None:
    tasks = list_tasks(project_id=project_id, limit=100)["items"]
    schedule_project(project_id, start_date=MONDAY)

    def work(number: int) -> None:
        for task in tasks[number::12][:3]:
            match number % 4:
                case 0:
                    schedule_project(project_id, start_date=date(2027, 1, 4 + number))
                case 1:
                    shift_schedule(project_id, working_days=number, reason="Rain.")
                case 2:
                    start_task(task["id"])
                    dispatch("complete_task", {"task_id": task["id"]})
                case _:
                    skip_task(task["id"], reason="Not needed.")
                    add_task(project_id, name=f"Own {number}", phase="purchasing", due_date=MONDAY)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(12)))

    statuses = Counter(task["status"] for task in list_tasks(project_id=project_id, limit=500)["items"])
    assert statuses == {"completed": 9, "skipped": 9, "not_started": 135 - 18 + 9}
    lines = Counter(line["action"] for line in many("SELECT action FROM activity_log WHERE entity_type = 'task'"))
    assert lines == {"status_changed": 27, "created": 9}
