import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as, db
from studio_data import call as dispatch
from studio_data.contract.entities import move_refusal
from studio_data.db import many, one
from studio_data.errors import ConflictError, InvalidTransitionError, PermissionDeniedError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.rules.gates import gates_of
from studio_data.tools.practice.rules.lifecycles import TASK
from studio_data.tools.practice.rules.moves import TASK_MOVES
from studio_data.tools.practice.rules.projects import facts_of
from studio_data.tools.practice.tasks import (
    ProjectTask,
    add_task,
    block_task,
    complete_task,
    get_task,
    list_tasks,
    reopen_task,
    skip_task,
    start_task,
    unblock_task,
)
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import ProjectPhase
from tests.support.lifecycle import assert_move, every_pair


def new_project(project_type: str = "furnishings") -> UUID:
    return create_project(create_client("Nguyen")["id"], "LR", project_type)["project"]["id"]


def task_in(status: str, project_id: UUID | None = None) -> UUID:
    task = list_tasks(project_id=project_id or new_project(), limit=1)["items"][0]
    completed_at = datetime.now(UTC) if status == "completed" else None
    one("UPDATE project_tasks SET status = %s, completed_at = %s WHERE id = %s", (status, completed_at, task["id"]))
    return task["id"]


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def row_of(task: ProjectTask) -> dict[str, Any]:
    return one("SELECT * FROM project_tasks WHERE id = %s", (task["id"],))


# Read -----------------------------------------------------------------------------------------------------------------


def test_a_task_tells_what_its_template_says() -> None:
    task = list_tasks(project_id=new_project(), limit=8)["items"][7]

    template = one("SELECT * FROM workflow_templates WHERE id = %s", (task["template_id"],))
    resolved = ("name", "description", "phase", "duration_days", "is_recurring")
    assert task == {**row_of(task), **{name: template[name] for name in resolved}} == get_task(task["id"])
    assert (task["name"], task["is_recurring"]) == ("Send the weekly client update during concept", True)


def test_a_projects_tasks_come_in_the_order_of_the_workflow_page_by_page() -> None:
    project_id = new_project("mixed")
    own = add_task(project_id, name="Move the piano", phase="purchasing")
    expected = [
        row["name"]
        for row in many("SELECT name FROM workflow_templates WHERE retired_at IS NULL ORDER BY phase, task_order")
    ]

    found: list[str] = []
    after = None
    while True:
        page = list_tasks(project_id=project_id, limit=50, after=after)
        found += [task["name"] for task in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert found == [*expected, own["name"]]


def test_tasks_are_found_by_phase_status_person_and_date() -> None:
    project_id, other = new_project(), new_project()
    first, second, third = list_tasks(project_id=project_id, limit=3)["items"]
    theirs = list_tasks(project_id=other, limit=1)["items"][0]
    one(
        """
        UPDATE project_tasks
        SET assigned_to = 'Maria', due_date = given.due_date, status = given.status::task_status,
            completed_at = CASE given.status WHEN 'completed' THEN now() END
        FROM (VALUES
            (%s::uuid, DATE '2027-02-01', 'not_started'), (%s, DATE '2027-01-01', 'completed'), (%s, NULL, 'blocked'),
            (%s, DATE '2027-01-15', 'in_progress')
        ) AS given (id, due_date, status)
        WHERE project_tasks.id = given.id
        """,
        (first["id"], second["id"], third["id"], theirs["id"]),
    )

    def ids(**filters: Any) -> list[UUID]:
        return [task["id"] for task in list_tasks(**filters)["items"]]

    assert ids(project_id=project_id, assigned_to="Maria") == [first["id"], second["id"], third["id"]]
    assert ids(assigned_to="Maria") == [second["id"], theirs["id"], first["id"], third["id"]]
    assert ids(assigned_to="Maria", open_only=True) == [theirs["id"], first["id"], third["id"]]
    assert ids(due_before="2027-02-02") == [theirs["id"], first["id"]]
    assert ids(due_before="2027-02-01") == [theirs["id"]]
    assert ids(project_id=project_id, due_before="2027-02-02", assigned_to="Maria") == [first["id"]]
    assert ids(project_id=project_id, status="blocked") == [third["id"]]
    assert {task["phase"] for task in list_tasks(project_id=project_id, phase="purchasing")["items"]} == {"purchasing"}
    assert len(ids(project_id=project_id, open_only=True, limit=500)) == 134
    assert len(ids(limit=500)) == 270
    pages: list[UUID] = []
    after = None
    for _ in range(4):
        page = list_tasks(assigned_to="Maria", limit=1, after=after)
        pages += [task["id"] for task in page["items"]]
        after = page["next"]
    assert (pages, after) == (ids(assigned_to="Maria"), None)


# Add ------------------------------------------------------------------------------------------------------------------


def test_a_task_of_no_template_says_itself_what_it_is() -> None:
    project_id = new_project()

    task = add_task(
        project_id, name="Move the piano", phase="purchasing", description="Up.", assigned_to="Ann", due_date="2027-01-04"
    )

    assert task == {**row_of(task), "duration_days": None, "is_recurring": False} == get_task(task["id"])
    assert list(task) == list(get_task(task["id"]))
    assert (task["template_id"], task["status"], task["phase"]) == (None, "not_started", "purchasing")
    assert (task["name"], task["description"], task["assigned_to"]) == ("Move the piano", "Up.", "Ann")
    assert task["due_date"] == date(2027, 1, 4)
    (line,) = log_of(task["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("task", "created", project_id)
    assert line["metadata"] == {"name": "Move the piano", "phase": "purchasing"}


def test_a_completed_project_gets_no_task() -> None:
    project_id = new_project()
    one("UPDATE projects SET phase = 'completed'")

    with pytest.raises(RuleViolationError) as raised:
        add_task(project_id, name="Move the piano", phase="purchasing")

    assert raised.value.details == {"rule": "completed_projects_have_no_open_task", "found": "completed", "calls": []}


@pytest.mark.parametrize("phase", ["completed", "on_hold"])
def test_there_is_no_work_after_completion_or_on_hold(phase: str) -> None:
    refused = dispatch("add_task", {"project_id": str(new_project()), "name": "Rest", "phase": phase})

    assert refused["code"] == "invalid_input"
    assert refused["message"].startswith("phase must be conceptual_design, ")


# Move -----------------------------------------------------------------------------------------------------------------


@every_pair(TASK)
def test_every_move_of_a_task(source: str, target: str) -> None:
    task_id = task_in(source)

    def move() -> ProjectTask:
        match target:
            case "not_started":
                return reopen_task(task_id) if source in {"completed", "skipped"} else unblock_task(task_id, to=target)
            case "in_progress":
                return unblock_task(task_id, to=target) if source == "blocked" else start_task(task_id)
            case "blocked":
                return block_task(task_id, reason="Waits.")
            case "completed":
                return complete_task(task_id)
            case _:
                return skip_task(task_id, reason="Not needed.")

    with acting_as("user", "Maria"):
        assert_move(TASK, source, target, move, lambda: get_task(task_id)["status"])

    task = get_task(task_id)
    assert (task["completed_at"] is not None) == (task["status"] == "completed")


def unblock_started(task_id: UUID) -> ProjectTask:
    return unblock_task(task_id, to="in_progress")


def test_completing_says_when_and_reopening_takes_it_away() -> None:
    task_id = task_in("in_progress")

    completed = complete_task(task_id)
    assert completed["completed_at"] is not None
    assert abs(completed["completed_at"] - datetime.now(UTC)) < timedelta(minutes=1)
    with acting_as("user", "Maria"):
        assert reopen_task(task_id)["completed_at"] is None


@pytest.mark.parametrize("move", [block_task, skip_task])
def test_the_reason_is_in_the_log(move: Callable[..., ProjectTask]) -> None:
    task_id = task_in("in_progress")

    task = move(task_id, reason="The client changed their mind.")

    (line,) = log_of(task_id)
    assert (line["entity_type"], line["action"], line["project_id"]) == ("task", "status_changed", task["project_id"])
    assert line["metadata"] == {
        "changes": {"status": ["in_progress", task["status"]]}, "reason": "The client changed their mind.",
    }  # fmt: skip


def test_a_task_is_unblocked_to_where_it_was() -> None:
    first, second = list_tasks(project_id=new_project(), limit=2)["items"]
    start_task(first["id"])
    for task in (first, second, first):
        block_task(task["id"], reason="Waits.")
        assert unblock_task(task["id"])["status"] == ("in_progress" if task is first else "not_started")
    block_task(second["id"], reason="Waits.")
    assert unblock_task(second["id"], to="in_progress")["status"] == "in_progress"
    assert unblock_task(task_in("blocked"))["status"] == "not_started"  # without a line in the log


@pytest.mark.parametrize(
    ("source", "move", "way"),
    [
        ("blocked", start_task, "unblock_task"),
        ("blocked", reopen_task, "unblock_task"),
        ("completed", unblock_task, "reopen_task"),
        ("skipped", unblock_task, "reopen_task"),
        ("not_started", unblock_started, "start_task"),
    ],
)
def test_a_task_moves_by_the_tool_that_is_meant_for_it(source: str, move: Callable[[UUID], Any], way: str) -> None:
    task_id = task_in(source)

    with pytest.raises(RuleViolationError) as raised, acting_as("user", "Maria"):
        move(task_id)

    arguments = {"task_id": str(task_id)}
    assert raised.value.details == {
        "rule": "each_tool_moves_from_its_own_states",
        "found": source,
        "calls": [{"tool": way, "arguments": arguments}],
    }
    assert (get_task(task_id)["status"], log_of(task_id)) == (source, [])
    with acting_as("user", "Maria"):
        assert "code" not in dispatch(way, arguments)


def test_a_task_that_changed_a_moment_ago_is_worth_another_call() -> None:
    error = move_refusal(TASK_MOVES, task_in("in_progress"), "complete_task")

    assert isinstance(error, ConflictError)
    assert error.hint == "Nothing was written: call again."


@pytest.mark.parametrize("actor_type", ["agent", "system", None])
def test_only_a_person_reopens_a_task(actor_type: str | None) -> None:
    task_id = task_in("completed")

    def reopen() -> None:
        if actor_type is None:
            reopen_task(task_id)
        with acting_as(actor_type or "agent", "somebody"):
            reopen_task(task_id)

    with pytest.raises(PermissionDeniedError, match="Ask a person") as raised:
        reopen()
    assert raised.value.details == {"tool": "reopen_task", "actor_type": actor_type or "system", "rule": "people_only"}
    assert get_task(task_id)["status"] == "completed"


def test_no_task_of_a_completed_project_is_reopened() -> None:
    task_id = task_in("skipped")
    one("UPDATE projects SET phase = 'completed'")

    with pytest.raises(RuleViolationError, match="is completed and cannot have open tasks"), acting_as("user", "Maria"):
        reopen_task(task_id)
    assert get_task(task_id)["status"] == "skipped"


def test_the_calls_that_the_gates_name_close_the_tasks() -> None:
    project_id = new_project()
    one("UPDATE project_tasks SET status = 'skipped'")
    task_in("blocked", project_id)

    facts = facts_of(project_id)
    assert facts is not None
    (gate,) = [gate for gate in gates_of(facts, ProjectPhase.COMPLETED) if gate["gate"] == "tasks_closed"]
    assert [call["tool"] for call in gate["calls"]] == ["unblock_task", "complete_task"]
    for call in gate["calls"]:
        assert "code" not in dispatch(call["tool"], call["arguments"])

    facts = facts_of(project_id)
    assert facts is not None
    assert [gate["passed"] for gate in gates_of(facts, ProjectPhase.COMPLETED) if gate["gate"] == "tasks_closed"] == [True]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("get_task", {}), ("start_task", {}), ("complete_task", {}), ("block_task", {"reason": "a"}), ("unblock_task", {}),
        ("skip_task", {"reason": "a"}), ("reopen_task", {}),
    ],
)  # fmt: skip
def test_an_unknown_task_is_not_found(name: str, more: dict[str, Any]) -> None:
    with acting_as("user", "Maria"):
        refused = dispatch(name, {"task_id": str(uuid4()), **more})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_tasks shows the project's.")


def test_an_unknown_project_gets_no_task() -> None:
    refused = dispatch("add_task", {"project_id": str(uuid4()), "name": "Move the piano", "phase": "purchasing"})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_projects shows them all.")


# At once --------------------------------------------------------------------------------------------------------------


def test_one_of_twelve_who_complete_a_task_at_once_completes_it(committed_db: str) -> None:
    task_id = task_in("in_progress")

    def complete(_: int) -> bool:
        try:
            complete_task(task_id)
        except InvalidTransitionError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(complete, range(12))) == 1
    assert [line["metadata"]["changes"]["status"] for line in log_of(task_id)] == [["in_progress", "completed"]]


def test_moves_made_at_once_follow_one_another(committed_db: str) -> None:
    task_id = start_task(task_in("not_started"))["id"]

    def move(number: int) -> None:
        for _ in range(4):
            with suppress(InvalidTransitionError, ConflictError):
                block_task(task_id, reason="Waits.") if number % 2 else unblock_task(task_id)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(move, range(12)))

    moves = [line["metadata"]["changes"]["status"] for line in log_of(task_id)[1:]]
    blocked = moves.count(["in_progress", "blocked"])
    unblocked = moves.count(["blocked", "in_progress"])
    assert (blocked > 0, blocked + unblocked) == (True, len(moves))
    assert blocked - unblocked == (get_task(task_id)["status"] == "blocked")


def test_a_task_is_not_reopened_behind_the_back_of_a_completion(committed_db: str) -> None:
    task_id = task_in("completed")

    def reopen() -> str:
        with acting_as("user", "Maria"):
            return dispatch("reopen_task", {"task_id": str(task_id)})["code"]

    with ThreadPoolExecutor(1) as thread:
        with db.transaction():
            one("UPDATE projects SET phase = 'completed'")
            waiting = thread.submit(reopen)
            time.sleep(0.2)
            assert not waiting.done()
        assert waiting.result() == "rule_violation"
