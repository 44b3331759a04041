from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import psycopg
import pytest

from studio_data import db
from studio_data.errors import InvalidInputError, NotFoundError
from studio_data.tools.activity import log_activity, project_feed
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project
from tests.support import as_administrator
from tests.support.rows import row


def test_a_line_is_stored_as_it_was_given() -> None:
    entity = uuid4()
    metadata = {"changes": {"phase": ["conceptual_design", "detailed_design"]}, "n": [1, 2.5, None, True, {"ü": "”"}]}

    line = log_activity(
        entity_type="project",
        entity_id=str(entity),
        action="phase_changed",
        actor_type="agent",
        actor_name="lifecycle_agent",
        metadata=metadata,
    )

    assert {**line, "transaction_id": ANY} == db.one("SELECT * FROM activity_log WHERE id = %s", (line["id"],))
    assert (line["entity_type"], line["entity_id"], line["action"]) == ("project", entity, "phase_changed")
    assert (line["actor_type"], line["actor_name"]) == ("agent", "lifecycle_agent")
    assert line["metadata"] == metadata


def test_the_actor_is_the_system_unless_somebody_is_named() -> None:
    line = log_activity("spaceship", uuid4(), "landed")

    assert (line["actor_type"], line["actor_name"], line["metadata"]) == ("system", "unknown", {})


@pytest.mark.parametrize("actor_type", ["system", "agent", "user"])
def test_every_kind_of_actor_may_write(actor_type: str) -> None:
    assert log_activity("client", uuid4(), "called", actor_type=actor_type)["actor_type"] == actor_type


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"actor_type": "robot"}, "actor_type must be system, agent or user, not 'robot'."),
        ({"actor_type": "Agent"}, "actor_type must be system, agent or user, not 'Agent'. Did you mean agent?"),
        ({"entity_id": "nobody"}, "entity_id must be an id like"),
        ({"action": " "}, "action must not be empty or blank."),
        ({"metadata": "x"}, "metadata must be a JSON object, not str."),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_nothing(arguments: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"entity_type": "client", "entity_id": uuid4(), "action": "called"}

    with pytest.raises(InvalidInputError, match=message):
        log_activity(**(good | arguments))

    assert db.one("SELECT count(*) AS lines FROM activity_log") == {"lines": 0}


def test_lines_sort_by_id_in_the_order_they_were_written() -> None:
    entity = uuid4()
    written: list[UUID] = [log_activity("client", entity, f"step {number}")["id"] for number in range(50)]

    assert written == sorted(written)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity_log SET action = 'nothing'",
        "UPDATE activity_log SET metadata = metadata",
        "DELETE FROM activity_log",
        "TRUNCATE activity_log",
        "TRUNCATE activity_log CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM activity_log",
    ],
)
def test_the_database_refuses_to_change_the_log(statement: str) -> None:
    line = log_activity("client", uuid4(), "called")

    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only")
    with refused, as_administrator(), db.get_connection() as connection:
        connection.execute(statement.encode())

    assert db.many("SELECT * FROM activity_log") == [{**line, "transaction_id": ANY}]


def test_a_line_about_a_thing_is_in_its_projects_feed() -> None:
    project_id = create_project(create_client("Ann")["id"], "Den", "furnishings")["project"]["id"]
    vendor_id = row("vendors", name="Fine Sofas")
    room_id = row("project_rooms", project_id=project_id, name="Living")
    item_id = row("line_items", room_id=room_id, description_generic="sofa")
    meeting_id = row("meetings", project_id=project_id, meeting_type="cdm")
    things = {
        "room": room_id,
        "line_item": item_id,
        "meeting": meeting_id,
        "action_item": row("meeting_action_items", meeting_id=meeting_id, description="Send samples"),
        "purchase_order": row("purchase_orders", line_item_id=item_id, vendor_id=vendor_id, po_number="PO-1", amount=1),
        "vendor_quote": row("vendor_quotes", line_item_id=item_id, vendor_id=vendor_id, unit_cost=1),
    }
    for kind, thing in things.items():
        assert log_activity(kind, thing, "photographed")["project_id"] == project_id, kind

    feed = [line for line in project_feed(project_id)["items"] if line["action"] == "photographed"]
    assert [(line["entity_type"], line["entity_id"]) for line in reversed(feed)] == list(things.items())
    assert log_activity("vendor", vendor_id, "called")["project_id"] is None


@pytest.mark.parametrize("kind", ["room", "line_item", "meeting", "vendor", "task", "agent_session"])
def test_a_line_about_nothing_is_refused(kind: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        log_activity(kind, uuid4(), "photographed")

    assert raised.value.details["entity_type"] == kind
    assert db.one("SELECT count(*) AS lines FROM activity_log") == {"lines": 0}


@pytest.mark.parametrize("named", ["Room", "rooms", "project_rooms"])
def test_a_known_kind_is_stored_under_its_name(named: str) -> None:
    project_id = create_project(create_client("Ann")["id"], "Den", "furnishings")["project"]["id"]
    room_id = row("project_rooms", project_id=project_id, name="Living")

    assert log_activity(named, room_id, "photographed")["entity_type"] == "room"
