from typing import Any

from studio_data.tools.practice.rooms import Room, add_room
from tests.examples.example import Example
from tests.examples.studio import Practice


def room(practice: Practice) -> Room:
    return add_room(practice.project["id"], name="Living room")


def changes(practice: Practice) -> dict[str, Any]:
    return {"room_id": room(practice)["id"], "investment_estimate": "42000.00", "exhibit_b_amount": "45000.00"}


EXAMPLES = {
    "add_room": Example(
        lambda practice: {"project_id": practice.project["id"], "name": "Living room", "scope": "Sofa, rug, lighting."},
        logs=[("room", "created")],
    ),
    "update_room": Example(changes, logs=[("room", "updated"), ("project", "updated")]),
    "get_room": Example(lambda practice: {"room_id": room(practice)["id"]}),
    "list_rooms": Example(lambda practice: {"project_id": room(practice)["project_id"]}),
}
