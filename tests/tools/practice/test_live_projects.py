"""Which projects are alive: every listing, summary and move of what is overdue, due or next agrees, in random practices."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from studio_data import acting_as, db
from studio_data.errors import RuleViolationError
from studio_data.tools.available_actions import available_actions
from studio_data.tools.clients import create_client, get_client
from studio_data.tools.pipeline import churn_client, reopen_client
from studio_data.tools.practice.action_items import ActionItem, add_action_item, list_action_items, start_action_item
from studio_data.tools.practice.line_items import add_line_item, specify_line_item
from studio_data.tools.practice.meetings import Meeting, list_meetings, schedule_meeting
from studio_data.tools.practice.order_progress import submit_purchase_order
from studio_data.tools.practice.overview import project_overview
from studio_data.tools.practice.phases import advance_project, hold_project, resume_project
from studio_data.tools.practice.project_trades import record_ballpark, send_final_rfq
from studio_data.tools.practice.purchase_orders import draft_purchase_order, list_purchase_orders
from studio_data.tools.practice.quotes import record_quote, select_quote
from studio_data.tools.practice.rooms import add_room
from studio_data.tools.practice.schedule import reschedule_task, schedule_project, shift_schedule
from studio_data.tools.practice.tasks import (
    ProjectTask,
    add_task,
    block_task,
    complete_task,
    get_task,
    list_tasks,
    skip_task,
    start_task,
    unblock_task,
)
from studio_data.tools.practice.vendors import create_vendor
from studio_data.tools.projects import create_project, get_project
from tests.examples import Practice
from tests.examples.practice.project_trades import invited
from tests.examples.practice.purchase_orders import order_in, orderable_item
from tests.support import as_administrator
from tests.support.lifecycle import lines
from tests.support.time_zone import today

A_DAY = timedelta(days=1)
LATE = date(2026, 3, 2)  # a Monday


def met_on(project_id: UUID, day: date) -> Meeting:
    """Schedule a meeting as a person may, who knows of one on an earlier day."""
    reason = "It was held before this library." if day < today() else None
    with acting_as("user", "Maria"):
        return schedule_meeting(project_id, meeting_type="cdm", scheduled_date=day, override_reason=reason)


def a_project() -> UUID:
    return create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]


def client_of(project_id: UUID) -> UUID:
    return get_project(project_id)["client_id"]


def hold(project_id: UUID) -> None:
    hold_project(project_id, reason="The clients travel.")


def churn(project_id: UUID) -> None:
    churn_client(client_of(project_id), reason="They moved away.")


def complete(project_id: UUID) -> None:
    db.one("UPDATE projects SET phase = 'completed' WHERE id = %s", (project_id,))


def held_for(project_id: UUID, days: int) -> None:
    """Let the project have been on hold for some days already, with all that was there before."""
    with as_administrator():
        for table in ("phase_transitions", "project_tasks", "meeting_action_items"):
            db.one(f"UPDATE {table} SET created_at = created_at - make_interval(days => %s)", (days,))  # noqa: S608


WAYS_TO_WAIT = pytest.mark.parametrize("wait", [hold, churn, complete])


# Listings and summaries -----------------------------------------------------------------------------------------------


class Model:
    """A practice of some projects, and what each listing of it should say."""

    def __init__(self, random: Random) -> None:
        self.tasks: list[ProjectTask] = []
        self.items: list[ActionItem] = []
        self.meetings: list[Meeting] = []
        self.live: dict[UUID, bool] = {}
        db.one("UPDATE workflow_templates SET retired_at = now()")
        for _ in range(5):
            project = a_project()
            met = met_on(project, today() + random.choice([-1, 0, 5]) * A_DAY)
            self.meetings.append(met)
            for number in range(4):
                due = random.choice([None, today() - 3 * A_DAY, today(), today() + 9 * A_DAY])
                task = add_task(project, name=f"Task {number}", phase="purchasing", assigned_to="Maria", due_date=due)
                match random.randrange(4):
                    case 0:
                        task = start_task(task["id"])
                    case 1:
                        task = block_task(task["id"], reason="Rain.")
                    case _:
                        pass
                self.tasks.append(task)
                item = add_action_item(met["id"], description="Ask", assigned_to="Maria", due_date=due)
                self.items.append(start_action_item(item["id"]) if random.random() < 0.3 else item)
            way = random.choice([None, None, hold, churn, complete])
            if way is not None:
                way(project)
            self.live[project] = way is None

    def project_of(self, item: ActionItem) -> UUID:
        return next(met["project_id"] for met in self.meetings if met["id"] == item["meeting_id"])


def is_late(thing: ProjectTask | ActionItem) -> bool:
    return thing["due_date"] is not None and thing["due_date"] < today()


def ids(things: list[Any]) -> set[UUID]:
    return {thing["id"] for thing in things}


@pytest.mark.parametrize("seed", range(12))
def test_all_listings_agree_on_what_is_overdue_and_next(seed: int) -> None:
    model = Model(Random(seed))

    live_tasks = [task for task in model.tasks if model.live[task["project_id"]]]
    live_items = [item for item in model.items if model.live[model.project_of(item)]]
    late_tasks, late_items = list(filter(is_late, live_tasks)), list(filter(is_late, live_items))
    assert ids(list_tasks(due_before=today())["items"]) == ids(late_tasks)
    assert ids(list_tasks(assigned_to="Maria", open_only=True)["items"]) == ids(live_tasks)
    assert ids(list_action_items(overdue_only=True)["items"]) == ids(late_items)
    assert ids(list_action_items(assigned_to="Maria", open_only=True)["items"]) == ids(live_items)
    for project, is_live in model.live.items():
        said = project_overview(project)
        late_here = [task for task in late_tasks if task["project_id"] == project]
        assert said["overdue"]["tasks"] == len(late_here) == len(list_tasks(project_id=project, due_before=today())["items"])
        late_items_here = [item for item in late_items if model.project_of(item) == project]
        assert said["overdue"]["action_items"] == len(late_items_here)
        assert ids(list_action_items(project_id=project, overdue_only=True)["items"]) == ids(late_items_here)
        (met,) = [met for met in model.meetings if met["project_id"] == project]
        assert (said["next_meeting"] is not None) is (is_live and (met["scheduled_date"] or LATE) >= today())
        to_do = [task for task in model.tasks if task["project_id"] == project]
        can_be_done = [task for task in to_do if task["status"] != "blocked"]
        expected = (can_be_done or to_do)[0]["id"] if is_live else None
        assert (said["next_task"] and said["next_task"]["task_id"]) == expected


@WAYS_TO_WAIT
def test_the_plan_and_the_calendar_of_a_waiting_project_are_still_shown(wait: Any) -> None:
    project = a_project()
    meeting = schedule_meeting(project, meeting_type="cdm", scheduled_date=today())
    item = add_action_item(meeting["id"], description="Ask")
    wait(project)

    assert len(list_tasks(project_id=project, open_only=True, limit=200)["items"]) == 135
    assert ids(list_meetings(project_id=project)["items"]) == {meeting["id"]}
    assert ids(list_action_items(project_id=project, open_only=True)["items"]) == {item["id"]}


def test_what_others_owe_is_late_also_on_hold() -> None:
    practice = Practice()
    order = order_in(practice, "submitted")
    db.one("UPDATE purchase_orders SET estimated_delivery = today() - 1")
    hold(practice.project["id"])

    assert ids(list_purchase_orders(late_only=True)["items"]) == {order["id"]}
    assert project_overview(practice.project["id"])["overdue"]["orders"] == 1


def test_the_next_task_can_be_done() -> None:
    project = a_project()
    tasks = list_tasks(project_id=project, limit=200)["items"]
    first_of_a_phase = project_overview(project)["next_task"]
    assert first_of_a_phase is not None
    block_task(first_of_a_phase["task_id"], reason="The clients travel.")

    seen: list[UUID] = []
    while (found := project_overview(project)["next_task"]) is not None:
        task = get_task(found["task_id"])
        left = [other for other in tasks if other["id"] not in {*seen, first_of_a_phase["task_id"]}]
        if any(not other["is_recurring"] for other in left):
            assert (task["is_recurring"], task["status"]) == (False, "not_started")
        elif left:
            assert task["is_recurring"]
        else:
            assert task["id"] == first_of_a_phase["task_id"]
            break
        seen.append(task["id"])
        db.one("UPDATE project_tasks SET status = 'skipped' WHERE id = %s", (task["id"],))
    assert len(seen) == 134


# Moves ----------------------------------------------------------------------------------------------------------------


def refused(call: Any, rule: str = "work_goes_on_in_live_projects") -> dict[str, Any]:
    before = lines()
    with pytest.raises(RuleViolationError) as raised, db.transaction():
        call()
    assert raised.value.details["rule"] == rule, raised.value
    assert lines() == before
    return raised.value.details


@WAYS_TO_WAIT
def test_no_work_begins_in_a_project_that_waits(wait: Any) -> None:
    project = a_project()
    first, second = list_tasks(project_id=project, limit=2)["items"]
    block_task(second["id"], reason="The clients travel.")
    item = add_action_item(schedule_meeting(project, meeting_type="cdm", scheduled_date=today())["id"], description="Ask")
    room = add_room(project, name="Den")["id"]
    to_specify, to_quote = (add_line_item(room, description_generic="Sofa")["id"] for _ in range(2))
    specify_line_item(to_quote, product_name="Sofa 90")
    quote = record_quote(to_quote, vendor_id=create_vendor("Fine Sofas")["id"], unit_cost="900.00")["id"]
    wait(project)

    for call in (
        lambda: start_task(first["id"]),
        lambda: unblock_task(second["id"]),
        lambda: unblock_task(second["id"], to="in_progress"),
        lambda: start_action_item(item["id"]),
        lambda: specify_line_item(to_specify, product_name="Sofa 90"),
        lambda: select_quote(quote),
        lambda: schedule_project(project, start_date=LATE),
        lambda: shift_schedule(project, working_days=1, reason="Rain."),
        lambda: reschedule_task(first["id"], due_date=LATE),
    ):
        refused(call)
    said = available_actions("task", first["id"])
    assert "start_task" not in {offer["tool"] for offer in said["available"]}
    assert skip_task(first["id"], reason="Not needed.")["status"] == "skipped"


def test_the_refusal_names_the_calls_that_end_the_wait() -> None:
    project = a_project()
    task = list_tasks(project_id=project, limit=1)["items"][0]["id"]
    churn(project)

    found = refused(lambda: start_task(task))
    assert found["found"] == "its client has churned and it is on hold"
    assert [call["tool"] for call in found["calls"]] == ["reopen_client", "resume_project"]
    assert [call["tool"] for call in refused(lambda: resume_project(project))["calls"]] == ["reopen_client"]
    reopen_client(client_of(project))
    resume_project(project)
    assert start_task(task)["status"] == "in_progress"


def test_what_was_begun_before_the_hold_may_be_finished() -> None:
    project = a_project()
    task = start_task(list_tasks(project_id=project, limit=1)["items"][0]["id"])["id"]
    hold(project)

    assert complete_task(task)["status"] == "completed"


def test_no_final_quote_is_asked_for_on_hold() -> None:
    practice = Practice()
    assigned = invited(practice)["id"]
    hold(practice.project["id"])

    assert record_ballpark(assigned, ballpark_amount="4800.00")["quote_status"] == "ballpark_received"
    refused(lambda: send_final_rfq(assigned))


# A client who churns --------------------------------------------------------------------------------------------------


def test_a_churned_clients_projects_are_put_on_hold() -> None:
    project = a_project()
    with acting_as("agent", "studio_manager"):
        churn(project)

    assert get_project(project)["phase"] == "on_hold"
    (transition,) = db.many("SELECT from_phase, to_phase, triggered_by FROM phase_transitions")
    assert transition == {"from_phase": "conceptual_design", "to_phase": "on_hold", "triggered_by": "studio_manager"}
    client_line, project_line = lines()[-2:]
    assert (client_line["entity_type"], client_line["action"]) == ("client", "status_changed")
    assert (project_line["entity_id"], project_line["project_id"], project_line["action"]) == (
        project, project, "phase_changed",
    )  # fmt: skip
    assert project_line["metadata"] == {
        "changes": {"phase": ["conceptual_design", "on_hold"]}, "reason": "They moved away.",
    }  # fmt: skip
    reopen_client(client_of(project))
    assert get_client(client_of(project))["status"] == "lead"
    assert resume_project(project)["project"]["phase"] == "conceptual_design"


def test_only_open_projects_are_put_on_hold() -> None:
    done, held = a_project(), a_project()
    db.one("UPDATE projects SET client_id = %s", (client_of(done),))
    complete(done)
    hold(held)
    before = len(lines())

    churn(done)

    assert (get_project(done)["phase"], get_project(held)["phase"]) == ("completed", "on_hold")
    assert len(lines()) == before + 1


def test_nothing_is_ordered_or_advanced_for_a_churned_client() -> None:
    practice = Practice()
    item = orderable_item(practice)
    order = draft_purchase_order(item)
    db.one("UPDATE clients SET status = 'churned'")  # past the tools: the project is in purchasing

    assert refused(lambda: submit_purchase_order(order["id"]), "ready_to_order")["found"] == {
        "work_goes_on": "its client has churned"
    }
    with acting_as("user", "Maria"):
        refused(lambda: advance_project(practice.project["id"], override_reason="They will be back."))
    said = available_actions("project", practice.project["id"])
    assert {offer["tool"] for offer in said["available"]} == {"hold_project"}


# Resuming -------------------------------------------------------------------------------------------------------------


def test_open_dates_are_later_by_the_working_days_on_hold() -> None:
    project = a_project()
    meeting = met_on(project, LATE)
    task = add_task(project, name="Measure", phase="purchasing", due_date=LATE)
    done = add_task(project, name="Done", phase="purchasing", due_date=LATE)
    item = add_action_item(meeting["id"], description="Ask", due_date=LATE)
    skip_task(done["id"], reason="Not needed.")
    hold(project)
    held_for(project, 14)
    added = add_task(project, name="Found on hold", phase="purchasing", due_date=LATE)

    resume_project(project)

    assert get_task(task["id"])["due_date"] == LATE + 14 * A_DAY
    assert db.one("SELECT due_date FROM meeting_action_items")["due_date"] == LATE + 14 * A_DAY
    assert get_task(done["id"])["due_date"] == get_task(added["id"])["due_date"] == LATE
    assert list_meetings(project_id=project)["items"][0]["scheduled_date"] == LATE
    assert lines()[-1]["metadata"] == {
        "changes": {"phase": ["on_hold", "conceptual_design"]}, "tasks_moved": 1, "action_items_moved": 1,
    }  # fmt: skip
    assert item["due_date"] == LATE


def test_a_date_stays_when_the_hold_ends_on_its_day() -> None:
    project = a_project()
    task = add_task(project, name="Measure", phase="purchasing", due_date=LATE)
    hold(project)
    resume_project(project)

    assert get_task(task["id"])["due_date"] == LATE
    assert lines()[-1]["metadata"] == {"changes": {"phase": ["on_hold", "conceptual_design"]}}


def test_only_the_last_hold_counts() -> None:
    project = a_project()
    task = add_task(project, name="Measure", phase="purchasing", due_date=LATE)
    for _ in range(2):
        hold(project)
        held_for(project, 7)
        resume_project(project)

    assert get_task(task["id"])["due_date"] == LATE + 14 * A_DAY
