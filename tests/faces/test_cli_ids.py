"""Short ids and names on the command line: what is shown is what may be typed."""

import json
import re
from typing import Any
from uuid import UUID

import pytest

from studio_data import db
from studio_data.cli import ids
from studio_data.contract.domain import entities
from studio_data.contract.registry import all_tools
from studio_data.tools.clients import create_client
from studio_data.tools.practice.emails import list_email_templates
from studio_data.tools.practice.rooms import add_room
from studio_data.tools.practice.tasks import list_tasks
from studio_data.tools.projects import create_project
from studio_data.tools.runs.sessions import open_session
from tests.support import as_administrator, studio_data


def called(*arguments: str) -> tuple[int, Any]:
    code, said, _ = studio_data("call", "--json", *arguments)
    return code, json.loads(said)


def insert_client(client_id: str, name: str) -> UUID:
    with as_administrator():
        return db.one("INSERT INTO clients (id, name) VALUES (%s, %s) RETURNING id", (client_id, name))["id"]


def test_every_short_id_of_a_listing_finds_its_row() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "mixed")["project"]
    tasks = list_tasks(project_id=project["id"], limit=20)["items"]

    said = studio_data("call", "list_tasks", "--project-id", "LR", "--limit", "20", terminal=120)[1]
    shown = re.findall(r"^([0-9a-f-]{8,36}) ", said, re.MULTILINE)

    assert [called("get_task", "--task-id", short)[1]["id"] for short in shown] == [str(task["id"]) for task in tasks]
    assert max(map(len, shown)) < 36


def test_a_short_id_is_as_short_as_can_be() -> None:
    first = insert_client("01a00000-0000-7000-8000-000000000001", "Ann")
    second = insert_client("01a00000-0000-7000-8000-0000000000f1", "Ben")
    alone = insert_client("01b00000-0000-7000-8000-000000000001", "Cay")
    create_project(alone, "LR", "mixed")

    assert ids.shortened([str(first), str(second), str(alone)]) == {
        str(first): "01a00000-0000-7000-8000-00000000000",
        str(second): "01a00000-0000-7000-8000-0000000000f",
        str(alone): "01b00000",
    }
    assert ids.shortened(["01c00000-0000-7000-8000-000000000001"]) == {
        "01c00000-0000-7000-8000-000000000001": "01c00000-0000-7000-8000-000000000001"
    }


@pytest.mark.parametrize("given", ["01b00000", "01B00000-0000-7", "01b0000000007000", "Cay", "cay"])
def test_a_row_may_be_named_by_first_characters_or_name(given: str) -> None:
    insert_client("01a00000-0000-7000-8000-000000000001", "Ann")
    insert_client("01b00000-0000-7000-8000-000000000001", "Cay")

    code, client = called("get_client", "--client-id", given)

    assert (code, client["name"]) == (0, "Cay")


def test_a_name_as_it_is_written_comes_before_other_letters() -> None:
    create_client("ann")
    written = create_client("Ann")

    assert called("get_client", "--client-id", "Ann")[1]["id"] == str(written["id"])
    assert called("get_client", "--client-id", "ANN")[1]["code"] == "invalid_input"


def test_what_several_rows_begin_with_is_refused_with_candidates() -> None:
    for number in range(7):
        insert_client(f"01a00000-0000-7000-8000-00000000000{number}", f"Client {number}")

    code, error = called("get_client", "--client-id", "01a00000")

    assert (code, error["code"]) == (1, "invalid_input")
    assert error["message"] == "'01a00000' does not name one client: more than 5 match."
    assert "01a00000-0000-7000-8000-000000000000 (Client 0), " in error["hint"]
    assert error["hint"].endswith("(Client 4), ….")
    assert len(error["details"]["candidates"]) == 5


def test_a_room_of_several_projects_is_refused_with_their_names() -> None:
    client = create_client("Ann")
    for name in ("First floor", "Second floor"):
        add_room(create_project(client["id"], name, "furnishings")["project"]["id"], name="Bath")

    code, error = called("get_room", "--room-id", "bath")

    assert (code, error["message"]) == (1, "'bath' does not name one room: 2 match.")
    assert re.search(r"\(Bath, First floor\), [0-9a-f-]+ \(Bath, Second floor\)\.$", error["hint"])


def test_what_no_row_has_is_not_found_with_the_nearest() -> None:
    create_project(create_client("Ann")["id"], "Nguyen kitchen", "renovation")

    code, error = called("project_overview", "--project-id", "Nguyen kitchn")
    assert (code, error["code"], error["message"]) == (1, "not_found", "There is no project 'Nguyen kitchn'.")
    assert error["hint"] == "Did you mean Nguyen kitchen?"
    _, error = called("get_client", "--client-id", "01a00000")
    assert error["hint"] == "Give its id, at least the first 8 characters of it, or its name if it has one."


def test_a_json_object_and_agents_need_whole_ids() -> None:
    create_client("Ann")

    assert called("get_client", '{"client_id": "Ann"}')[1]["code"] == "invalid_input"


def test_an_id_of_whatever_type_is_found_in_the_trail() -> None:
    client = create_client("Ann")

    for given in ("ann", str(client["id"])[:8], str(client["id"])):
        _, said, _ = studio_data("activity", "--entity-type", "client", "--entity-id", given, "--json")
        assert json.loads(said)["entity_id"] == str(client["id"])
    assert called("list_activity", "--entity-type", "client", "--entity-id", "Ann")[1]["items"][0]["action"] == "created"
    assert called("list_activity", "--entity-type", "invoice", "--entity-id", "Ann")[1]["code"] == "not_found"


def test_an_agent_session_is_found_by_key_or_short_id() -> None:
    session = open_session("mission-7", user_mission="Plan the reveal")
    other = open_session("deadbeef", user_mission="A key that looks like an id")

    for given in ("mission-7", ids.shortened([str(session["id"])])[str(session["id"])]):
        assert json.loads(studio_data("session", given, "--json")[1])["session"]["session_id"] == "mission-7"
        assert called("get_session", "--session-id", given)[1]["id"] == str(session["id"])
    assert called("get_session", "--session-id", "deadbeef")[1]["id"] == str(other["id"])


def test_a_new_session_keeps_the_key_that_was_given() -> None:
    session = open_session("mission-7", user_mission="Plan the reveal")

    code, opened = called("open_session", "--session-id", str(session["id"])[:8], "--user-mission", "Order rugs")

    assert (code, opened["session_id"]) == (0, str(session["id"])[:8])


def test_an_email_template_is_found_by_name_or_short_id() -> None:
    template = list_email_templates(limit=1)["items"][0]
    short = ids.shortened([str(template["id"])])[str(template["id"])]

    for given in (template["name"], short):
        assert called("get_email_template", "--email-template-id", given)[1]["name"] == template["name"]


def test_what_cannot_be_text_is_refused_by_the_tool() -> None:
    assert called("get_client", "--client-id", "\udcff")[1]["code"] == "invalid_input"


def test_every_id_that_a_tool_takes_is_of_a_known_kind() -> None:
    fields = {
        name
        for tool in all_tools()
        for name, schema in tool.input_schema["properties"].items()
        if schema.get("format") == "uuid"
    }

    assert {ids.kind_of(field) for field in fields - {"entity_id", "changeset_id"}} <= set(entities())
