from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import pytest

from studio_data.db import many, one
from studio_data.errors import InvalidInputError, NotFoundError, RuleViolationError
from studio_data.tools.clients import Client, create_client
from studio_data.tools.projects import create_project, list_projects, update_project
from tests.support import as_administrator


@pytest.fixture
def client() -> Client:
    return create_client("Nguyen")


def tasks_of(project_id: object) -> list[dict[str, Any]]:
    return many(
        """
        SELECT task.*, template.phase, template.task_order, template.is_renovation_only
        FROM project_tasks AS task
        JOIN workflow_templates AS template ON template.id = task.template_id
        WHERE task.project_id = %s
        ORDER BY task.id
        """,
        (project_id,),
    )


@pytest.mark.parametrize(("project_type", "tasks"), [("furnishings", 135), ("renovation", 160), ("mixed", 160)])
def test_a_project_starts_in_conceptual_design_with_the_tasks_of_its_type(
    client: Client, project_type: str, tasks: int
) -> None:
    created = create_project(
        client_id=str(client["id"]), name="LR", project_type=project_type, address="123 Main St", investment_estimate=1e5
    )

    project = created["project"]
    assert created["tasks_created"] == tasks == len(tasks_of(project["id"]))
    assert project == one("SELECT * FROM projects WHERE id = %s", (project["id"],))
    assert (project["client_id"], project["project_type"]) == (client["id"], project_type)
    assert project["phase"] == "conceptual_design"
    assert project["investment_estimate"] == Decimal("100000.00")


def test_a_furnishings_project_has_no_renovation_task(client: Client) -> None:
    project = create_project(client["id"], "LR", "furnishings")["project"]

    assert not any(task["is_renovation_only"] for task in tasks_of(project["id"]))


def test_tasks_are_made_in_the_order_of_the_workflow(client: Client) -> None:
    project = create_project(client["id"], "LR", "mixed")["project"]

    phases = ["conceptual_design", "detailed_design", "purchasing", "construction", "reveal_punch_list"]
    order = [(phases.index(task["phase"]), task["task_order"]) for task in tasks_of(project["id"])]
    assert order == sorted(order)
    assert {task["status"] for task in tasks_of(project["id"])} == {"not_started"}


def test_creating_a_project_leaves_one_line_in_the_log(client: Client) -> None:
    project = create_project(client["id"], "LR", "furnishings")["project"]

    (line,) = many("SELECT * FROM activity_log WHERE entity_id = %s", (project["id"],))
    assert (line["entity_type"], line["action"]) == ("project", "created")
    assert (line["actor_type"], line["actor_name"]) == ("system", "create_project")
    assert line["metadata"] == {"client_id": str(client["id"]), "project_type": "furnishings", "tasks_created": 135}


def test_an_empty_master_list_gives_no_task_and_no_error(client: Client) -> None:
    with as_administrator():
        one("UPDATE workflow_templates SET retired_at = now()")

    created = create_project(client["id"], "LR", "mixed")

    assert created["tasks_created"] == 0
    assert one("SELECT count(*) AS tasks FROM project_tasks") == {"tasks": 0}


def test_the_first_project_makes_a_contracted_client_active(client: Client) -> None:
    one("UPDATE clients SET status = 'contracted' WHERE id = %s", (client["id"],))

    create_project(client["id"], "LR", "furnishings")
    create_project(client["id"], "Bath", "renovation")

    assert one("SELECT status FROM clients WHERE id = %s", (client["id"],)) == {"status": "active"}
    changes = many(
        "SELECT actor_name, metadata FROM activity_log WHERE entity_id = %s AND action = 'status_changed'", (client["id"],)
    )
    assert changes == [
        {"actor_name": "create_project", "metadata": {"changes": {"status": ["contracted", "active"]}}},
    ]


@pytest.mark.parametrize("status", ["lead", "qualified", "proposal_sent", "active"])
def test_any_other_client_keeps_the_status(client: Client, status: str) -> None:
    one("UPDATE clients SET status = %s::client_status WHERE id = %s", (status, client["id"]))

    create_project(client["id"], "LR", "furnishings")

    assert one("SELECT status FROM clients WHERE id = %s", (client["id"],)) == {"status": status}


def rows_written() -> dict[str, int]:
    return one(
        """
        SELECT
            (SELECT count(*) FROM projects) AS projects,
            (SELECT count(*) FROM project_tasks) AS tasks,
            (SELECT count(*) FROM activity_log WHERE action <> 'created' OR entity_type <> 'client') AS log
        """
    )


@pytest.mark.parametrize(
    ("status", "way_out", "calls"),
    [
        ("churned", "Call reopen_client first", ["reopen_client"]),
        ("completed", "Call reopen_client first", ["reopen_client"]),
    ],
)
def test_a_client_whose_story_has_ended_gets_no_project(client: Client, status: str, way_out: str, calls: list[str]) -> None:
    one("UPDATE clients SET status = %s::client_status WHERE id = %s", (status, client["id"]))

    with pytest.raises(RuleViolationError, match=f"is {status} and cannot have a new project. {way_out}") as raised:
        create_project(client["id"], "LR", "furnishings")

    assert raised.value.details == {
        "rule": "client_takes_projects",
        "found": status,
        "calls": [{"tool": name, "arguments": ANY} for name in calls],
    }
    assert rows_written() == {"projects": 0, "tasks": 0, "log": 0}


def test_an_unknown_client_is_not_found() -> None:
    nobody = uuid4()

    with pytest.raises(NotFoundError, match=f"There is no client {nobody}") as raised:
        create_project(nobody, "LR", "furnishings")

    assert raised.value.details == {"entity_type": "client", "id": str(nobody)}
    assert rows_written() == {"projects": 0, "tasks": 0, "log": 0}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (100_000.00, "100000.00"),
        (0.1 + 0.2, "0.30"),
        (2.675, "2.68"),
        (2.665, "2.66"),
        (0, "0.00"),
        (-0.0, "0.00"),
        (185_000, "185000.00"),
        (Decimal("12.5"), "12.50"),
        ("1250.5", "1250.50"),
        (Decimal("9999999999.99"), "9999999999.99"),
    ],
)
def test_money_becomes_dollars_and_cents(client: Client, given: Decimal | float | str, stored: str) -> None:
    project = create_project(client["id"], "LR", "mixed", investment_estimate=given)["project"]

    assert project["investment_estimate"] == Decimal(stored)
    assert isinstance(project["investment_estimate"], Decimal)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"project_type": "house"}, "project_type must be furnishings, renovation or mixed, not 'house'."),
        ({"project_type": "renovatoin"}, "project_type must be .*Did you mean renovation?"),
        ({"project_type": None}, "project_type must be furnishings, renovation or mixed, not nothing."),
        ({"project_type": 10**5000}, "project_type must be furnishings, renovation or mixed, not int."),
        ({"investment_estimate": True}, "investment_estimate must be an amount in dollars, not bool."),
        ({"investment_estimate": float("nan")}, "investment_estimate must be a finite amount in dollars."),
        ({"investment_estimate": float("inf")}, "investment_estimate must be a finite amount in dollars."),
        ({"investment_estimate": Decimal("sNaN")}, "investment_estimate must be a finite amount in dollars."),
        ({"investment_estimate": -1}, "investment_estimate must not be negative."),
        ({"investment_estimate": 1e10}, "investment_estimate must be at most 9,999,999,999.99 dollars."),
        ({"investment_estimate": 9_999_999_999.996}, "investment_estimate must be at most 9,999,999,999.99 dollars."),
        ({"investment_estimate": 10**5000}, "investment_estimate must be at most 9,999,999,999.99 dollars."),
        ({"investment_estimate": -(10**5000)}, "investment_estimate must not be negative."),
        ({"investment_estimate": Decimal("1.005")}, "investment_estimate must have at most two decimal places."),
        ({"investment_estimate": "1,250"}, 'investment_estimate must be an amount in dollars, written like "1250.00".'),
        ({"investment_estimate": "٣"}, 'investment_estimate must be an amount in dollars, written like "1250.00".'),
        ({"client_id": "{01a205b0-e064-7e8f-94d7-fa46af6bafca}"}, "client_id must be an id like"),
        ({"client_id": "01a205b0e0647e8f94d7fa46af6bafca"}, "client_id must be an id like"),
        ({"client_id": "x" * 100_000}, "client_id must be an id like"),
        ({"client_id": ["01a205b0-e064-7e8f-94d7-fa46af6bafca"]}, "client_id must be an id like"),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_nothing(client: Client, arguments: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"client_id": client["id"], "name": "LR", "project_type": "mixed"}

    with pytest.raises(InvalidInputError, match=message):
        create_project(**(good | arguments))

    assert rows_written() == {"projects": 0, "tasks": 0, "log": 0}


def test_a_project_is_renamed_and_moved_and_the_log_says_so(client: Client) -> None:
    project = create_project(client["id"], "LR", "mixed", address="123 Main St")["project"]

    changed = update_project(project["id"], name="First floor", clear=["address"])
    assert update_project(project["id"], name="First floor") == changed

    assert changed == {**project, "name": "First floor", "address": None, "updated_at": changed["updated_at"]}
    _, line = many("SELECT * FROM activity_log WHERE project_id = %s ORDER BY id", (project["id"],))
    assert line["action"] == "updated"
    assert line["metadata"] == {"changes": {"name": ["LR", "First floor"], "address": ["123 Main St", None]}}


def test_projects_are_listed_by_client_phase_and_page(client: Client) -> None:
    other = create_client("Ortiz")
    made = [create_project(client["id"], f"Project {number}", "furnishings")["project"] for number in range(3)]
    create_project(other["id"], "Den", "furnishings")
    one("UPDATE projects SET phase = 'purchasing' WHERE name = 'Project 1'")

    def names(**filters: Any) -> list[str]:
        return [project["name"] for project in list_projects(**filters)["items"]]

    first = list_projects(client_id=client["id"], limit=2)
    assert [project["id"] for project in first["items"]] == [made[2]["id"], made[1]["id"]]
    assert names(client_id=client["id"], after=first["next"]) == ["Project 0"]
    assert names(search="ject 1") == names(search="PROJECT 1") == ["Project 1"]
    assert names(phase="purchasing") == ["Project 1"]
    assert len(list_projects()["items"]) == 4


def test_projects_of_one_client_created_at_once_activate_the_client_once(committed_db: str, client: Client) -> None:
    one("UPDATE clients SET status = 'contracted' WHERE id = %s", (client["id"],))

    def create(number: int) -> UUID:
        return create_project(client["id"], f"Room {number}", "furnishings")["project"]["id"]

    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(create, range(16)))

    assert len(ids) == 16
    assert one("SELECT count(*) AS tasks FROM project_tasks") == {"tasks": 16 * 135}
    assert one("SELECT count(*) AS moves FROM activity_log WHERE action = 'status_changed'") == {"moves": 1}
