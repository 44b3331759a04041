from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import call as dispatch
from studio_data import db
from studio_data.db import many, one
from studio_data.errors import InvalidInputError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.fields import WorkPhase
from studio_data.tools.practice.schedule import schedule_project, shift_schedule
from studio_data.tools.practice.tasks import (
    ProjectTask,
    add_task,
    complete_task,
    get_task,
    list_tasks,
    skip_task,
    start_task,
)
from studio_data.tools.practice.workflow_templates import (
    add_workflow_template,
    change_workflow_template,
    list_workflow_templates,
    retire_workflow_template,
)
from studio_data.tools.projects import create_project

MONDAY, WEEKEND = date(2027, 1, 4), 5
PHASES = [phase.value for phase in WorkPhase]

type Step = tuple[str, int | None, bool]  # phase, working days, recurring


def new_project(project_type: str = "furnishings") -> UUID:
    return create_project(create_client("Nguyen")["id"], "LR", project_type)["project"]["id"]


def tasks_of(project_id: UUID) -> list[ProjectTask]:
    return list_tasks(project_id=project_id, limit=500)["items"]


def dates_of(project_id: UUID) -> list[date | None]:
    return [task["due_date"] for task in tasks_of(project_id)]


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def project_of(steps: Sequence[Step]) -> UUID:
    """Make a project whose master workflow has these steps and no others."""
    one("UPDATE workflow_templates SET retired_at = now()")
    for place, (phase, days, recurring) in enumerate(steps, 1):
        one(
            """
            INSERT INTO workflow_templates (phase, task_order, name, duration_days, is_recurring)
            VALUES (%s, %s, %s, %s, %s)
            """,
            (phase, place, f"Step {place}", days, recurring),
        )
    return new_project()


# What the SQL must come to, with loops over days -----------------------------------------------------------------------


def working_day(start: date, number: int) -> date:
    """Return a working day counted from a start: the 1st is the start itself, or the Monday after it."""
    day = start
    while day.weekday() >= WEEKEND:
        day += timedelta(days=1)
    for _ in range(number - 1):
        day += timedelta(days=3 if day.weekday() == WEEKEND - 1 else 1)
    return day


def shifted(day: date, working_days: int) -> date:
    step = timedelta(days=1 if working_days > 0 else -1)
    for _ in range(abs(working_days)):
        day += step
        while day.weekday() >= WEEKEND:
            day += step
    return day


def planned(start: date, steps: Sequence[Step]) -> list[date]:
    dates: list[date] = []
    done = 0
    for _, of_phase in groupby(sorted(steps, key=lambda step: PHASES.index(step[0])), key=lambda step: step[0]):
        work = ends = longest_recurring = 0
        finishes: list[int] = []
        for _, days, recurring in of_phase:
            if recurring:
                longest_recurring = max(longest_recurring, days or 1)
                finishes.append(0)
            else:
                ends = max(ends, work // 2 + (days or 1))
                work += days or 1
                finishes.append(ends)
        length = ends or longest_recurring
        dates += [working_day(start, done + (finish or length)) for finish in finishes]
        done += length
    return dates


steps = st.lists(
    st.tuples(st.sampled_from(PHASES), st.none() | st.integers(1, 12) | st.integers(1, 400), st.booleans()),
    min_size=1,
    max_size=9,
)
days = st.dates(date(1900, 1, 1), date(2170, 12, 31))


def test_the_dates_are_those_that_counting_day_by_day_gives() -> None:
    @given(start=days, steps=steps)
    @hypothesis_settings(deadline=None, max_examples=80)
    def compare(start: date, steps: list[Step]) -> None:
        with db.transaction(rollback=True):
            project_id = project_of(steps)
            schedule_project(project_id, start_date=start)
            assert dates_of(project_id) == planned(start, steps)

    compare()


def test_a_shift_counts_as_walking_day_by_day_does() -> None:
    @given(dates=st.lists(days, min_size=1, max_size=5), working_days=st.integers(-1000, 1000).filter(bool))
    @hypothesis_settings(deadline=None, max_examples=80)
    def compare(dates: list[date], working_days: int) -> None:
        expected = [shifted(day, working_days) for day in dates]
        with db.transaction(rollback=True):
            one("UPDATE workflow_templates SET retired_at = now()")
            project_id = new_project()
            for day in dates:
                add_task(project_id, name="Visit", phase="purchasing", due_date=day)
            if min(expected) < date(1900, 1, 1):
                with pytest.raises(InvalidInputError, match="outside the years 1900 to 2199"):
                    shift_schedule(project_id, working_days=working_days, reason="Ill.")
                assert dates_of(project_id) == dates
            else:
                shift_schedule(project_id, working_days=working_days, reason="Ill.")
                assert dates_of(project_id) == expected

    compare()


# Plan -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("project_type", "months"), [("furnishings", (6, 10)), ("renovation", (9, 14))])
def test_a_project_takes_as_long_as_such_projects_do(project_type: str, months: tuple[int, int]) -> None:
    schedule = schedule_project(new_project(project_type), start_date=MONDAY)

    assert schedule["first_due_date"] == MONDAY
    assert schedule["last_due_date"] is not None
    shortest, longest = months
    assert shortest <= (schedule["last_due_date"] - MONDAY).days / 30.44 <= longest


def test_phases_follow_one_another_and_what_recurs_ends_with_its_phase() -> None:
    project_id = new_project("mixed")
    schedule = schedule_project(project_id, start_date=MONDAY)
    tasks = tasks_of(project_id)

    assert [phase["phase"] for phase in schedule["phases"]] == PHASES
    assert schedule["tasks_scheduled"] == len(tasks) == 160
    last = MONDAY
    for phase in schedule["phases"]:
        of_phase = [task for task in tasks if task["phase"] == phase["phase"]]
        dates = [task["due_date"] for task in of_phase if not task["is_recurring"] and task["due_date"]]
        assert dates == sorted(dates)
        assert {task["due_date"] for task in of_phase if task["is_recurring"]} == {dates[-1]}
        assert (phase["tasks"], phase["first_due_date"], phase["last_due_date"]) == (len(of_phase), dates[0], dates[-1])
        assert phase["first_due_date"] >= last
        last = phase["last_due_date"]
    assert not [task for task in tasks if task["due_date"] is None or task["due_date"].weekday() >= WEEKEND]


def test_a_plan_by_hand() -> None:
    project_id = project_of([
        ("conceptual_design", 4, False),  # working days 1 to 4
        ("conceptual_design", 1, True),  # with its phase
        ("conceptual_design", 1, False),  # starts after 2 of 4 days, due with the one before it
        ("conceptual_design", 3, False),  # starts after 2 of the 5 days before it: working days 3 to 5
        ("purchasing", 2, False),  # working days 6 and 7
        ("reveal_punch_list", None, True),  # nothing else in its phase: working day 8
    ])  # fmt: skip

    schedule = schedule_project(project_id, start_date="2027-01-06")  # a Wednesday

    thursday, friday, monday = date(2027, 1, 7), date(2027, 1, 8), date(2027, 1, 11)
    fourth, fifth, seventh, eighth = monday, date(2027, 1, 12), date(2027, 1, 14), date(2027, 1, 15)
    assert dates_of(project_id) == [fourth, fifth, fourth, fifth, seventh, eighth]
    assert schedule == {
        "project_id": project_id,
        "tasks_scheduled": 6,
        "first_due_date": fourth,
        "last_due_date": eighth,
        "phases": [
            {"phase": "conceptual_design", "tasks": 4, "first_due_date": fourth, "last_due_date": fifth},
            {"phase": "purchasing", "tasks": 1, "first_due_date": seventh, "last_due_date": seventh},
            {"phase": "reveal_punch_list", "tasks": 1, "first_due_date": eighth, "last_due_date": eighth},
        ],
    }
    shift_schedule(project_id, working_days=-2, reason="Easier than thought.")
    assert dates_of(project_id) == [thursday, friday, thursday, friday, fifth, date(2027, 1, 13)]


def test_a_weekend_start_begins_on_monday() -> None:
    project_id = new_project()
    schedules = [schedule_project(project_id, start_date=day) for day in ("2027-01-02", "2027-01-03", "2027-01-04")]

    assert schedules[0] == schedules[1] == schedules[2]
    assert schedules[0]["first_due_date"] == MONDAY
    assert len(log_of(project_id)) == 2


def test_planned_again_from_the_same_day_it_is_the_same_plan_and_leaves_no_line() -> None:
    project_id = new_project()
    schedule = schedule_project(project_id, start_date=MONDAY)
    first, second = tasks_of(project_id)[:2]
    planned_dates = dates_of(project_id)
    complete_task(start_task(first["id"])["id"])
    skip_task(second["id"], reason="Not needed.")

    again = schedule_project(project_id, start_date=MONDAY)

    assert dates_of(project_id) == planned_dates
    assert (again["tasks_scheduled"], again["last_due_date"]) == (133, schedule["last_due_date"])
    created, line = log_of(project_id)
    assert (created["action"], line["action"], line["entity_type"]) == ("created", "updated", "project")
    assert line["project_id"] == project_id
    assert line["metadata"] == {
        "start_date": "2027-01-04", "tasks_scheduled": 135, "last_due_date": str(schedule["last_due_date"]),
    }  # fmt: skip


def test_a_change_of_the_master_workflow_changes_no_plan() -> None:
    project_id = new_project()
    schedule = schedule_project(project_id, start_date=MONDAY)
    first, second = list_workflow_templates(limit=2)["items"]
    add_workflow_template("conceptual_design", name="Scan", description="Scanned.", duration_days=20, position=1)
    change_workflow_template(first["id"], duration_days=20)
    retire_workflow_template(second["id"])

    assert schedule_project(project_id, start_date=MONDAY) == schedule
    assert len(log_of(project_id)) == 2


def test_closed_tasks_and_tasks_of_no_template_keep_their_dates() -> None:
    project_id = new_project()
    schedule_project(project_id, start_date=MONDAY)
    first = tasks_of(project_id)[0]
    skip_task(first["id"], reason="Not needed.")
    own = add_task(project_id, name="Move the piano", phase="purchasing", due_date="2030-01-01")
    undated = add_task(project_id, name="Tune the piano", phase="purchasing")

    schedule = schedule_project(project_id, start_date="2027-03-01")

    assert get_task(first["id"])["due_date"] == MONDAY
    assert get_task(own["id"])["due_date"] == schedule["last_due_date"] == date(2030, 1, 1)
    assert get_task(undated["id"])["due_date"] is None
    assert schedule["tasks_scheduled"] == 134 + 1


def test_a_project_without_open_tasks_has_an_empty_schedule() -> None:
    project_id = new_project()
    one("UPDATE project_tasks SET status = 'skipped'")

    assert schedule_project(project_id, start_date=MONDAY) == {
        "project_id": project_id, "tasks_scheduled": 0, "first_due_date": None, "last_due_date": None, "phases": [],
    }  # fmt: skip
    assert len(log_of(project_id)) == 1


def test_a_plan_beyond_the_calendar_is_refused() -> None:
    project_id = new_project()

    with pytest.raises(InvalidInputError, match="outside the years 1900 to 2199") as raised:
        schedule_project(project_id, start_date="2199-12-01")

    assert raised.value.details == {"arguments": ["start_date"]}
    assert set(dates_of(project_id)) == {None}
    assert len(log_of(project_id)) == 1


# Shift ----------------------------------------------------------------------------------------------------------------


def test_a_shift_takes_all_a_phase_or_from_a_task() -> None:
    project_id = new_project()
    own = add_task(project_id, name="Move the piano", phase="conceptual_design", due_date=MONDAY)
    first_schedule = schedule_project(project_id, start_date=MONDAY)
    before = {task["id"]: task for task in tasks_of(project_id)}
    done = next(task for task in before.values() if task["phase"] == "purchasing")
    skip_task(done["id"], reason="Not needed.")

    def moved() -> dict[UUID, ProjectTask]:
        """Return what has another date, and let it be the date to compare with from now on."""
        found = {task["id"]: task for task in tasks_of(project_id) if task["due_date"] != before[task["id"]]["due_date"]}
        before.update(found)
        return found

    shift_schedule(project_id, working_days=5, phase="purchasing", reason="The mill is closed.")
    assert {task["phase"] for task in moved().values()} == {"purchasing"}
    assert done["id"] not in moved()
    anchor = [task for task in before.values() if task["phase"] == "construction"][3]
    schedule = shift_schedule(project_id, working_days=-1, from_task_id=anchor["id"], reason="The painter is early.")
    found = moved()
    assert anchor["id"] in found
    assert {task["phase"] for task in found.values()} == {"construction", "reveal_punch_list"}
    assert len(found) == 19 - 3 + 22
    assert (schedule["tasks_scheduled"], schedule["first_due_date"]) == (135, first_schedule["first_due_date"])
    shift_schedule(project_id, working_days=1, reason="The client is away.")
    assert len(moved()) == 135
    assert get_task(own["id"])["due_date"] == date(2027, 1, 5)
    last = max(task["due_date"] for task in tasks_of(project_id) if task["due_date"])
    lines = [line["metadata"] for line in log_of(project_id)[2:]]
    assert lines[0] == {
        "working_days": 5, "phase": "purchasing", "tasks_moved": 24, "reason": "The mill is closed.",
        "last_due_date": str(first_schedule["last_due_date"]),
    }  # fmt: skip
    assert (lines[1]["from_task_id"], lines[1]["tasks_moved"], lines[1]["working_days"]) == (str(anchor["id"]), 38, -1)
    assert lines[2] == {
        "working_days": 1, "tasks_moved": 135, "last_due_date": str(last), "reason": "The client is away.",
    }  # fmt: skip


def test_a_task_without_a_due_date_cannot_be_shifted() -> None:
    project_id = new_project()

    with pytest.raises(RuleViolationError) as raised:
        shift_schedule(project_id, working_days=1, reason="Ill.")
    call = {"tool": "schedule_project", "arguments": {"project_id": str(project_id)}}
    assert raised.value.details == {
        "rule": "only_due_dates_move", "found": "no open task with a due date", "calls": [call],
    }  # fmt: skip
    schedule_project(project_id, start_date=MONDAY)
    one("UPDATE project_tasks SET status = 'skipped'")
    with pytest.raises(RuleViolationError) as raised:
        shift_schedule(project_id, working_days=1, reason="Ill.")
    assert raised.value.details["calls"] == []


def test_a_wrong_shift_is_refused() -> None:
    project_id = new_project()
    schedule_project(project_id, start_date=MONDAY)
    task_id, elsewhere = tasks_of(project_id)[0]["id"], tasks_of(new_project())[0]["id"]

    def refused(**arguments: Any) -> tuple[str, Any]:
        answer = dispatch("shift_schedule", {"project_id": project_id, "working_days": 1, "reason": "a", **arguments})
        return answer["code"], answer["details"].get("arguments") or answer["details"]["entity_type"]

    assert refused(phase="purchasing", from_task_id=task_id) == ("invalid_input", ["from_task_id", "phase"])
    assert refused(working_days=0) == ("invalid_input", ["working_days"])
    assert refused(from_task_id=elsewhere) == ("invalid_input", ["from_task_id"])
    assert refused(from_task_id=uuid4()) == ("not_found", "task")
    assert refused(project_id=uuid4()) == ("not_found", "project")
    assert dispatch("schedule_project", {"project_id": uuid4(), "start_date": MONDAY})["code"] == "not_found"
    assert len(log_of(project_id)) == 2
