"""``call``: a tool by its name, JSON in, JSON out."""

import json
from typing import Any
from uuid import uuid4

import pytest

from studio_data import acting_as, call, call_key, db, find_tools, raising_call
from studio_data.contract.domain import entities
from studio_data.contract.fields import Name
from studio_data.contract.registry import all_tools, get_tool, tool
from studio_data.contract.roles import STAFF, Role
from studio_data.errors import StudioError
from studio_data.tools.clients import create_client
from tests.postgres.test_schema import DECLARED, WITHOUT_ID
from tests.support import clients


def test_it_answers_in_json() -> None:
    client = call("create_client", {"name": "Ann", "screening_data": {"style": "modern"}})
    created = call(
        "create_project",
        {"client_id": client["id"], "name": "LR", "project_type": "mixed", "investment_estimate": 100_000.5},
    )

    assert isinstance(client["id"], str)
    assert created["project"]["investment_estimate"] == "100000.50"
    assert created["project"]["created_at"].endswith(("Z", "+00:00"))
    assert created["tasks_created"] == 160
    assert json.loads(json.dumps([client, created])) == [client, created]


@pytest.mark.parametrize(
    ("name", "arguments", "code", "message"),
    [
        ("create_client", {"name": ""}, "invalid_input", "name must not be empty or blank."),
        ("create_client", {}, "invalid_input", "name is missing."),
        ("create_client", None, "invalid_input", "name is missing."),
        ("create_client", [], "invalid_input", "The arguments must be a JSON object."),
        ("create_client", {1: 2}, "invalid_input", "The arguments must be a JSON object."),
        ("create_client", {"name": None}, "invalid_input", "name must be text, not nothing."),
        ("create_clients", {}, "invalid_input", "There is no tool 'create_clients'."),
        ("_" * 10_000, {}, "invalid_input", "There is no tool '____"),
        (5, {}, "invalid_input", "The tool's name must be text, not int."),
        ("create_client", {"name": "A", "screening_data": "x"}, "invalid_input", "screening_data must be a JSON object"),
        ("create_client", {"name": "A", "screening_data": '{"a": 1, "a": 2}'}, "invalid_input",
         "screening_data must not have the same key twice."),
        ("create_client", {"name": "A", "screening_data": "[" * 100_000}, "invalid_input",
         "screening_data must be a JSON object"),
        ("log_activity", {"entity_type": "client", "entity_id": str(uuid4()), "action": "called", "actor_name": "Maria"},
         "invalid_input", "log_activity takes no argument actor_name."),
        ("get_client", {"client_id": str(uuid4())}, "not_found", "There is no client "),
    ],
)  # fmt: skip
def test_what_is_refused_is_answered_as_a_dict(name: Any, arguments: Any, code: str, message: str) -> None:
    answer = call(name, arguments)

    assert answer.keys() == {"code", "message", "hint", "details", "retryable", "outcome"}
    assert (answer["code"], answer["retryable"]) == (code, False)
    assert answer["message"].startswith(message)
    assert len(json.dumps(answer)) < 1_000
    assert clients() == 0


def test_the_nearest_tool_is_named() -> None:
    assert call("creat_client", {})["hint"] == "Did you mean create_client?"
    assert call("order_pizza", {})["hint"] == "find_tools finds tools by what they do."


def test_null_stands_for_not_given_and_an_object_may_be_text() -> None:
    client = call("create_client", {"name": "Ann", "email": None, "screening_data": '{"rooms": ["LR"]}'})

    assert (client["email"], client["screening_data"]) == (None, {"rooms": ["LR"]})
    assert len(call("list_clients", {"status": None, "limit": None, "after": None})["items"]) == 1


def test_a_key_makes_it_safe_to_repeat() -> None:
    first = call("create_client", {"name": "Ann"}, key="k")

    assert "repeated" not in first
    assert call("create_client", {"name": "Ann"}, key="k") == first | {"repeated": True}
    assert call("create_client", {"name": "Ben"}, key="k")["code"] == "conflict"
    assert call("create_client", {"name": "Ann"}, key="")["code"] == "invalid_input"
    assert clients() == 1


def test_every_way_to_give_a_key_tells_a_repetition() -> None:
    def ask() -> Any:
        return raising_call("create_client", {"name": "Ann"})

    with call_key("k"):
        answers = [ask(), ask(), raising_call("create_client", {"name": "Ann"}, key="k")]
    with call_key("other"):
        answers.append(ask())

    assert [answer.get("repeated", False) for answer in answers] == [False, True, True, False]


def test_what_only_reads_is_never_a_repetition() -> None:
    answers = [call("list_clients", key="k") for _ in range(2)]

    assert answers[0] == answers[1] == {"items": [], "next": None, "left": 0}


def test_a_result_without_room_keeps_its_form() -> None:
    @tool(roles=STAFF)
    def create_names(name: Name) -> list[str]:
        """Create a client and return the names."""
        return [create_client(name)["name"]]

    assert [call("create_names", {"name": "Ann"}, key="k") for _ in range(2)] == [["Ann"], ["Ann"]]
    assert clients() == 1


def test_a_role_is_held_to_its_toolset() -> None:
    with acting_as("agent", "minutes", role="transcriptionist"):
        answer = call("create_client", {"name": "Ann"})

    assert answer["code"] == "permission_denied"
    assert answer["details"] == {"tool": "create_client", "role": "transcriptionist", "roles": ["studio_manager"]}
    assert clients() == 0


def test_an_id_of_the_wrong_kind_is_named_with_the_one_that_was_meant() -> None:
    client = call("create_client", {"name": "Ann"})
    project = call("create_project", {"client_id": client["id"], "name": "LR", "project_type": "mixed"})["project"]

    refused = call("get_client", {"client_id": project["id"]})
    assert refused["message"] == f"There is no client {project['id']}."
    assert refused["hint"] == f"That is the id of a project; its client is {client['id']}."
    assert refused["details"]["found"] == {"entity_type": "project", "client_id": client["id"]}

    refused = call("get_project", {"project_id": client["id"]})
    assert refused["hint"] == "That is the id of a client."
    task = db.one("SELECT id FROM project_tasks ORDER BY id LIMIT 1")
    refused = call("get_project", {"project_id": str(task["id"])})
    assert refused["hint"] == f"That is the id of a task; its project is {project['id']}."
    assert call("get_client", {"client_id": client})["message"] == 'client_id must be an id, not a whole row: give its "id".'


def test_every_table_with_ids_is_looked_through_for_an_id() -> None:
    assert {entity.table for entity in entities().values()} == DECLARED - WITHOUT_ID


# Finding tools --------------------------------------------------------------------------------------------------------


def found(query: str, **options: Any) -> list[str]:
    return [tool.name for tool in find_tools(query, **options)]


def test_tools_are_found_by_what_they_are_called_and_what_they_do() -> None:
    assert found("list clients")[0] == "list_clients"
    assert found("create a project")[0] == "create_project"
    assert found("audit trail")[0] in {"list_activity", "log_activity"}
    assert found("screening")[0] == "record_screening"
    assert found("zebra") == []
    assert found("") == []


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("damaged", "deliver_purchase_order"),
        ("deposit", "create_fee_schedule"),
        ("holiday", "shift_schedule"),
        ("contractor bids", "compare_trades"),
        ("the sofa arrived broken", "deliver_purchase_order"),
    ],
)
def test_tools_are_found_by_everyday_words(words: str, tool: str) -> None:
    assert tool in found(words, limit=5)


def test_every_role_may_look_for_tools_and_learns_whose_they_are() -> None:
    for role in Role:
        with acting_as("agent", role, role=role):
            answer = call("find_tools", {"query": "deposit"})
            assert all(role in one["roles"] for one in answer["items"])
            assert all(role not in one["roles"] for one in answer["of_other_roles"])
            assert call("no_such_tool")["hint"] == "find_tools finds tools by what they do."
    with acting_as("agent", "minutes", role="transcriptionist"):
        others = {one["tool"]: one["roles"] for one in call("find_tools", {"query": "deposit"})["of_other_roles"]}
    assert others["create_fee_schedule"] == ["controller"]


def test_the_best_tools_come_with_their_schemas_if_asked_for() -> None:
    plain, whole = (call("find_tools", {"query": "meeting", "schemas": schemas})["items"] for schemas in (False, True))

    assert [one["tool"] for one in whole] == [one["tool"] for one in plain]
    assert not any("input_schema" in one for one in plain)
    assert whole[5:] == plain[5:]
    for one in whole[:5]:
        described = get_tool(one["tool"])
        assert (one["description"], one["input_schema"]) == (described.description, described.input_schema)


def test_a_hint_is_said_once() -> None:
    answer = call("practice_report", {})

    assert (answer["message"], answer["hint"]) == ("from_date is missing; to_date is missing.", "practice_report needs it.")


def test_an_abbreviation_is_meant_by_its_words() -> None:
    of_a_project = {"project_id": str(uuid4())}
    answer = call("list_project_trades", {**of_a_project, "role": "general_contractor"})

    assert answer["hint"] == "Did you mean gc?"
    assert call("list_meetings", {"meeting_type": "detailed design meeting"})["hint"] == "Did you mean ddm?"
    assert call("list_documents", {**of_a_project, "doc_type": "request_for_quote"})["hint"] == "Did you mean rfq?"


def test_only_tools_of_the_role_are_found() -> None:
    assert "create_client" not in found("client", role=Role.READER)
    assert found("client", limit=1) != []
    assert len(found("client", limit=1)) == 1


def test_no_result_can_be_taken_for_an_error() -> None:
    for found in all_tools():
        assert "code" not in found.output_schema.get("properties", {})
    assert "code" in StudioError("A fact.").to_dict()
