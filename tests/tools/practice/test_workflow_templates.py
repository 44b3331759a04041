from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one
from studio_data.errors import ConflictError, NotFoundError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.tasks import list_tasks
from studio_data.tools.practice.workflow_templates import (
    WorkflowTemplate,
    add_workflow_template,
    change_workflow_template,
    list_workflow_templates,
    retire_workflow_template,
)
from studio_data.tools.projects import create_project

PHASE = "purchasing"


def in_use(phase: str = PHASE) -> list[WorkflowTemplate]:
    return list_workflow_templates(phase=phase, limit=500)["items"]


def names(phase: str = PHASE) -> list[str]:
    return [template["name"] for template in in_use(phase)]


def add(name: str = "Check", **more: Any) -> WorkflowTemplate:
    return add_workflow_template(PHASE, name=name, description="It is checked.", duration_days=2, **more)


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def row_of(template: WorkflowTemplate) -> dict[str, Any]:
    return one("SELECT * FROM workflow_templates WHERE id = %s", (template["id"],))


def task_names(project_type: str = "mixed") -> list[str]:
    project = create_project(create_client("Nguyen")["id"], "LR", project_type)["project"]
    return [task["name"] for task in list_tasks(project_id=project["id"], limit=500)["items"]]


# List -----------------------------------------------------------------------------------------------------------------


def test_the_master_workflow_is_listed_in_its_order_page_by_page() -> None:
    expected = many("SELECT id FROM workflow_templates ORDER BY phase, task_order")

    found: list[UUID] = []
    after = None
    while True:
        page = list_workflow_templates(limit=50, after=after)
        found += [template["id"] for template in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert found == [row["id"] for row in expected]
    assert len(found) == 160


def test_retired_templates_are_listed_when_they_are_asked_for() -> None:
    retired = retire_workflow_template(in_use()[3]["id"])
    new = add("In its place", position=4)

    everything = list_workflow_templates(phase=PHASE, include_retired=True, limit=500)["items"]
    assert [template["id"] for template in everything if template["task_order"] == 4] == [retired["id"], new["id"]]
    assert retired["id"] not in {template["id"] for template in in_use()}
    page = list_workflow_templates(phase=PHASE, include_retired=True, limit=4)
    rest = list_workflow_templates(phase=PHASE, include_retired=True, limit=500, after=page["next"])
    assert page["items"] + rest["items"] == everything


# Add ------------------------------------------------------------------------------------------------------------------


def test_a_template_goes_to_the_end_of_its_phase_and_new_projects_get_it() -> None:
    before = names()
    email = one("SELECT id FROM email_templates LIMIT 1")["id"]

    template = add(is_renovation_only=True, is_recurring=True, email_template_id=str(email))

    assert template == row_of(template)
    assert (template["phase"], template["task_order"], template["duration_days"]) == (PHASE, len(before) + 1, 2)
    assert (template["is_renovation_only"], template["is_recurring"]) == (True, True)
    assert (template["email_template_id"], template["retired_at"]) == (email, None)
    assert names() == [*before, "Check"]
    assert ("Check" in task_names("mixed"), "Check" in task_names("furnishings")) == (True, False)
    (line,) = log_of(template["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("workflow_template", "created", None)
    assert line["metadata"] == {"phase": PHASE, "task_order": len(before) + 1, "moved_on": 0}


@pytest.mark.parametrize("position", [1, 4, 28])
def test_a_template_takes_a_position_and_shifts_the_later_ones(position: int) -> None:
    before, elsewhere = names(), in_use("construction")
    retired = retire_workflow_template(in_use()[-1]["id"])

    template = add(position=position)

    expected = before[:-1]
    expected.insert(position - 1, "Check")
    assert names() == expected
    assert [found["task_order"] for found in in_use()] == list(range(1, 29))
    assert row_of(retired) == retired
    assert in_use("construction") == elsewhere
    assert log_of(template["id"])[0]["metadata"]["moved_on"] == 28 - position
    assert [name for name in task_names() if name in expected] == expected


def test_a_free_position_is_taken_and_nothing_shifts() -> None:
    others = in_use()
    retire_workflow_template(others.pop(3)["id"])

    template = add(position=4)

    assert [found for found in in_use() if found["id"] != template["id"]] == others
    assert template["task_order"] == 4


def test_a_place_after_the_end_is_the_end() -> None:
    assert add(position=9_999)["task_order"] == 29


def test_the_first_template_of_a_phase_has_the_first_place() -> None:
    one("UPDATE workflow_templates SET retired_at = now()")

    assert add()["task_order"] == 1


def test_a_phase_has_a_name_once() -> None:
    held = in_use()[0]

    with pytest.raises(ConflictError) as raised:
        add(held["name"])
    assert raised.value.details == {"workflow_template_id": str(held["id"])}
    assert len(in_use()) == 28

    assert add_workflow_template("construction", name=held["name"], description="a", duration_days=1)
    retire_workflow_template(held["id"])
    assert add(held["name"])["name"] == held["name"]


def test_an_unknown_e_mail_template_is_not_found() -> None:
    nothing = uuid4()
    held = in_use()[0]

    with pytest.raises(NotFoundError) as raised:
        add(email_template_id=nothing)
    assert raised.value.details == {"entity_type": "email_template", "id": str(nothing)}
    with pytest.raises(NotFoundError):
        change_workflow_template(held["id"], email_template_id=nothing)
    assert in_use()[0] == held


# Change ---------------------------------------------------------------------------------------------------------------


def test_a_change_retires_the_template_and_puts_another_in_its_place() -> None:
    before = in_use()
    old = before[4]
    old_tasks = list_tasks(project_id=create_project(create_client("Nguyen")["id"], "LR", "mixed")["project"]["id"])

    new = change_workflow_template(old["id"], name="Sign the GC", duration_days=9, clear=["email_template_id"])

    assert new == row_of(new)
    changed = {"name": "Sign the GC", "duration_days": 9, "email_template_id": None}
    assert new == {**old, **changed, "id": new["id"], "created_at": new["created_at"]}
    assert new["id"] != old["id"]
    assert row_of(old)["retired_at"] is not None
    assert in_use() == [*before[:4], new, *before[5:]]
    assert list_tasks(project_id=old_tasks["items"][0]["project_id"]) == old_tasks
    assert {"Sign the GC", old["name"]} & set(task_names()) == {"Sign the GC"}
    (retired,), (created,) = log_of(old["id"]), log_of(new["id"])
    assert (retired["action"], retired["metadata"], created["action"]) == ("retired", {}, "created")
    assert created["metadata"] == {
        "replaces": str(old["id"]),
        "changes": {
            "name": [old["name"], "Sign the GC"],
            "duration_days": [8, 9],
            "email_template_id": [str(old["email_template_id"]), None],
        },
    }


def test_truths_are_changed_both_ways() -> None:
    first = in_use()[0]

    changed = change_workflow_template(first["id"], is_renovation_only=True, is_recurring=True)
    back = change_workflow_template(changed["id"], is_renovation_only=False, is_recurring=False)

    assert (changed["is_renovation_only"], changed["is_recurring"]) == (True, True)
    assert back == {**first, "id": back["id"], "created_at": back["created_at"]}


def test_a_change_that_changes_nothing_leaves_the_template_in_use() -> None:
    first = in_use()[0]

    assert change_workflow_template(first["id"]) == first
    assert change_workflow_template(first["id"], name=first["name"], duration_days=first["duration_days"]) == first
    assert in_use()[0] == first
    assert log_of(first["id"]) == []


def test_a_change_to_a_name_that_the_phase_has_is_refused() -> None:
    first, second = in_use()[:2]

    with pytest.raises(ConflictError) as raised:
        change_workflow_template(first["id"], name=second["name"])

    assert raised.value.details == {"workflow_template_id": str(second["id"])}
    assert in_use()[:2] == [first, second]


def test_a_retired_template_stays_as_it_is() -> None:
    first = in_use()[0]
    retired = retire_workflow_template(first["id"])

    with pytest.raises(RuleViolationError) as raised:
        change_workflow_template(first["id"], name="Sign the GC")
    assert raised.value.details["rule"] == "retired_templates_stay"
    assert retire_workflow_template(first["id"]) == retired
    assert retired == row_of(first)
    (line,) = log_of(first["id"])
    assert (line["entity_type"], line["action"], line["metadata"]) == ("workflow_template", "retired", {})
    assert first["name"] not in task_names()


@pytest.mark.parametrize("name", ["change_workflow_template", "retire_workflow_template"])
def test_an_unknown_template_is_not_found(name: str) -> None:
    refused = dispatch(name, {"workflow_template_id": str(uuid4())})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_workflow_templates shows them all.")


# At once --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [None, 4])
def test_twelve_who_add_at_once_get_twelve_places(committed_db: str, position: int | None) -> None:
    before = names()

    def add_one(number: int) -> WorkflowTemplate:
        return add(f"Check {number}", position=position)

    with ThreadPoolExecutor(12) as threads:
        added = list(threads.map(add_one, range(12)))

    after = in_use()
    assert [template["task_order"] for template in after] == list(range(1, 41))
    assert [template["name"] for template in after if template["name"] in before] == before
    assert {template["id"] for template in added} <= {template["id"] for template in after}
    if position is None:
        assert {template["task_order"] for template in added} == set(range(29, 41))


def test_of_twelve_who_add_one_name_one_adds_it(committed_db: str) -> None:
    def add_one(_: int) -> str:
        return dispatch("add_workflow_template", arguments_of("Check")).get("code", "added")

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(add_one, range(12))) == ["added", *["conflict"] * 11]


def arguments_of(name: str) -> dict[str, Any]:
    return {"phase": PHASE, "name": name, "description": "It is checked.", "duration_days": 2, "position": 2}


def test_the_list_stays_whole_when_it_is_changed_in_every_way_at_once(committed_db: str) -> None:
    first, second, third, *_ = in_use()
    elsewhere = in_use("construction")

    def change(number: int) -> str:
        match number % 4:
            case 0:
                answer = dispatch("add_workflow_template", arguments_of(f"Check {number}"))
            case 1:
                new = {"workflow_template_id": str(second["id"]), "name": f"Changed {number}"}
                answer = dispatch("change_workflow_template", new)
            case 2:
                answer = dispatch("retire_workflow_template", {"workflow_template_id": str(third["id"])})
            case _:
                return str(len(task_names()))
        return answer.get("code", "done")

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(change, range(12)))

    assert outcomes[0::4] == outcomes[2::4] == ["done"] * 3
    assert sorted(outcomes[1::4]) == ["done", "rule_violation", "rule_violation"]
    assert set(outcomes[3::4]) <= {str(tasks) for tasks in range(159, 164)}
    orders = [template["task_order"] for template in in_use()]
    assert orders == sorted(set(orders))
    assert len(orders) == 28 + 3 - 1
    assert (in_use()[0], in_use("construction")) == (first, elsewhere)
    lines = many("SELECT action FROM activity_log WHERE entity_type = 'workflow_template' ORDER BY action")
    assert [line["action"] for line in lines] == ["created"] * 4 + ["retired"] * 2
