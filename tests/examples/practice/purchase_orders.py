from collections.abc import Callable
from typing import Any
from uuid import UUID

from studio_data import db
from studio_data.tools.practice.order_progress import (
    acknowledge_purchase_order,
    deliver_purchase_order,
    ship_purchase_order,
    start_production,
    submit_purchase_order,
)
from studio_data.tools.practice.purchase_orders import PurchaseOrder, draft_purchase_order, get_purchase_order
from tests.examples.example import Example
from tests.examples.studio import Practice

WAY_OF_AN_ORDER: list[tuple[str, Callable[[UUID], PurchaseOrder]]] = [
    ("draft", get_purchase_order),
    ("submitted", submit_purchase_order),
    ("acknowledged", acknowledge_purchase_order),
    ("in_production", start_production),
    ("shipped", ship_purchase_order),
    ("delivered", deliver_purchase_order),
]


def ready_to_order(project_id: UUID) -> None:
    """Sign a project's Exhibit B, and bring it to purchasing."""
    db.one("UPDATE projects SET phase = 'purchasing' WHERE id = %s", (project_id,))
    db.one(
        """
        INSERT INTO documents (project_id, doc_type, s3_key)
        VALUES (%s, 'exhibit_b', 'exhibit-b.pdf')
        ON CONFLICT DO NOTHING
        """,
        (project_id,),
    )


def quoted_item(project_id: UUID) -> UUID:
    """Make a line item of a project: two sofas at 1,250.50 each, 300.00 freight, with the vendor selected."""
    return db.one(
        """
        WITH room AS (
            INSERT INTO project_rooms (project_id, name) VALUES (%s, 'Living room') RETURNING id
        ), vendor AS (
            INSERT INTO vendors (name) VALUES ('Verellen') RETURNING id
        )
        INSERT INTO line_items (
            room_id, description_generic, product_name, quantity, selected_vendor_id, designer_net, unit_retail_price,
            freight, status
        )
        SELECT room.id, 'sofa, 90 in', 'Duke sofa', 2, vendor.id, 1250.50, 2100.00, 300.00, 'quoted'
        FROM room, vendor
        RETURNING id
        """,
        (project_id,),
    )["id"]


def orderable_item(practice: Practice) -> UUID:
    """Make a line item whose order may be drafted."""
    ready_to_order(practice.project["id"])
    return quoted_item(practice.project["id"])


def order_in(practice: Practice, status: str) -> PurchaseOrder:
    """Draft an order and bring it to a status."""
    made = draft_purchase_order(orderable_item(practice))
    for reached, move in WAY_OF_AN_ORDER:
        made = move(made["id"])
        if reached == status:
            break
    return made


def order(status: str, **arguments: Any) -> Callable[[Practice], dict[str, Any]]:
    """Return what makes the arguments of a call for an order in this status."""
    return lambda practice: {"purchase_order_id": order_in(practice, status)["id"], **arguments}


EXAMPLES = {
    "draft_purchase_order": Example(
        lambda practice: {"line_item_id": orderable_item(practice)}, logs=[("purchase_order", "created")]
    ),
    "get_purchase_order": Example(order("draft")),
    "list_purchase_orders": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "vendor_id": order_in(practice, "submitted")["vendor_id"],
            "status": "submitted",
            "open_only": True,
        }
    ),
}
