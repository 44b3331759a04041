from studio_data.tools.practice.action_items import ActionItem, add_action_item, start_action_item
from tests.examples.days import in_days
from tests.examples.example import Example
from tests.examples.practice.meetings import scheduled
from tests.examples.studio import Practice


def agreed(practice: Practice) -> ActionItem:
    return add_action_item(
        scheduled(practice)["id"], description="Send the revised sofa fabric.", assigned_to="Maria", due_date=in_days(21)
    )


def started(practice: Practice) -> ActionItem:
    return start_action_item(agreed(practice)["id"])


EXAMPLES = {
    "add_action_item": Example(
        lambda practice: {
            "meeting_id": scheduled(practice)["id"],
            "description": "Send the revised sofa fabric.",
            "assigned_to": "Maria",
            "due_date": in_days(21),
        },
        logs=[("action_item", "created")],
    ),
    "start_action_item": Example(
        lambda practice: {"action_item_id": agreed(practice)["id"]}, logs=[("action_item", "status_changed")]
    ),
    "complete_action_item": Example(
        lambda practice: {"action_item_id": started(practice)["id"]}, logs=[("action_item", "status_changed")]
    ),
    "cancel_action_item": Example(
        lambda practice: {"action_item_id": agreed(practice)["id"], "reason": "The clients keep their sofa."},
        logs=[("action_item", "status_changed")],
    ),
    "update_action_item": Example(
        lambda practice: {"action_item_id": agreed(practice)["id"], "assigned_to": "Tom", "clear": ["due_date"]},
        logs=[("action_item", "updated")],
    ),
    "get_action_item": Example(lambda practice: {"action_item_id": agreed(practice)["id"]}),
    "list_action_items": Example(
        lambda practice: {"meeting_id": agreed(practice)["meeting_id"], "assigned_to": "Maria", "open_only": True}
    ),
}
