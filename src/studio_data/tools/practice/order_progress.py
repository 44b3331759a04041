"""How purchase orders and their line items progress, from the submitted order to the installed item.

Each statement locks the line item first and then its order, so two callers wait for each other in one order.
"""

from datetime import UTC, datetime
from uuid import UUID

from studio_data.contract import lifecycles
from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Day, EntityId, Text
from studio_data.contract.lifecycles import LineItemStatus, PurchaseOrderStatus
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import LARGEST_AMOUNT, day
from studio_data.db import one
from studio_data.errors import ConflictError, InvalidInputError, RuleViolationError, StudioError
from studio_data.tools.practice.line_items import LineItem
from studio_data.tools.practice.purchase_orders import ORDERING_PHASES, PurchaseOrder, not_ready_to_order

# The status to which the line item follows its order. A cancellation returns only an item that was ordered.
_ITEM_FOLLOWS = {
    PurchaseOrderStatus.SUBMITTED: LineItemStatus.ORDERED,
    PurchaseOrderStatus.SHIPPED: LineItemStatus.SHIPPED,
    PurchaseOrderStatus.DELIVERED: LineItemStatus.DELIVERED,
}


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def submit_purchase_order(purchase_order_id: EntityId) -> PurchaseOrder:
    """Record that a draft order was sent to the vendor. Its line item becomes ordered.

    Refused if the selected quote changed after the draft, without a signed Exhibit B, or outside the phases that may
    order.

    Sets ordered_at. Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _moved(purchase_order_id, PurchaseOrderStatus.SUBMITTED)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def acknowledge_purchase_order(purchase_order_id: EntityId, *, estimated_delivery: Day | None = None) -> PurchaseOrder:
    """Record that the vendor confirmed a submitted order, and its delivery date.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _moved(purchase_order_id, PurchaseOrderStatus.ACKNOWLEDGED, estimated_delivery=estimated_delivery)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def start_production(purchase_order_id: EntityId) -> PurchaseOrder:
    """Record that the vendor started to make an acknowledged order.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _moved(purchase_order_id, PurchaseOrderStatus.IN_PRODUCTION)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def ship_purchase_order(purchase_order_id: EntityId, *, estimated_delivery: Day | None = None) -> PurchaseOrder:
    """Record that the vendor shipped an order in production. Its line item becomes shipped.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _moved(purchase_order_id, PurchaseOrderStatus.SHIPPED, estimated_delivery=estimated_delivery)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def deliver_purchase_order(purchase_order_id: EntityId, *, actual_delivery: Day | None = None) -> PurchaseOrder:
    """Record that a shipped order arrived, today unless a day is given. Its line item becomes delivered.

    Returns the order's row. Today is today in UTC. Raises ``NotFoundError``, ``InvalidTransitionError``,
    ``InvalidInputError`` for a day that nowhere has begun.
    """
    today = datetime.now(UTC).date()
    arrived = today if actual_delivery is None else day(actual_delivery)
    if (arrived - today).days > 1:
        raise InvalidInputError(
            f"actual_delivery {arrived} is in the future.",
            hint="Record a delivery once it has arrived.",
            details={"arguments": ["actual_delivery"]},
        )
    return _moved(purchase_order_id, PurchaseOrderStatus.DELIVERED, actual_delivery=arrived)


@tool(roles=[Role.PROCUREMENT_COORDINATOR], destructive=True)
def cancel_purchase_order(purchase_order_id: EntityId, *, reason: Text) -> PurchaseOrder:
    """Cancel an order before it is shipped, and say why.

    If it was submitted, its line item returns to specified without vendor and prices, for another quote.

    The item of a cancelled draft stays as it is. Returns the order's row. Raises ``NotFoundError``,
    ``InvalidTransitionError`` for an order that was shipped or cancelled.
    """
    return _moved(purchase_order_id, PurchaseOrderStatus.CANCELLED, reason=reason)


def _moved(
    purchase_order_id: EntityId,
    to: PurchaseOrderStatus,
    *,
    estimated_delivery: Day | None = None,
    actual_delivery: Day | None = None,
    reason: str | None = None,
) -> PurchaseOrder:
    """Move an order, and its line item if it follows, when the lifecycles and rules allow it. Else raise the refusal."""
    item_to = LineItemStatus.SPECIFIED if to is PurchaseOrderStatus.CANCELLED else _ITEM_FOLLOWS.get(to)
    row = one(
        """
        WITH item AS (
            SELECT *
            FROM line_items
            WHERE id = (SELECT line_item_id FROM purchase_orders WHERE id = %(purchase_order_id)s)
            FOR NO KEY UPDATE
        ), before AS (
            SELECT purchase.*
            FROM item
            JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
            WHERE purchase.id = %(purchase_order_id)s
            FOR NO KEY UPDATE OF purchase
        ), project AS (
            SELECT project.id, project.phase
            FROM item
            JOIN project_rooms AS room ON room.id = item.room_id
            JOIN projects AS project ON project.id = room.project_id
        ), after AS (
            UPDATE purchase_orders AS purchase
            SET status = %(to)s::po_status,
                estimated_delivery = coalesce(%(estimated_delivery)s, before.estimated_delivery),
                actual_delivery = coalesce(%(actual_delivery)s, before.actual_delivery),
                ordered_at = CASE WHEN %(to)s = 'submitted' THEN now() ELSE before.ordered_at END
            FROM before, item, project
            WHERE purchase.id = before.id
                AND before.status = ANY(%(sources)s::po_status[])
                AND (item.status = ANY(%(item_sources)s::line_item_status[]) OR NOT %(item_must_follow)s)
                AND (
                    %(to)s <> 'submitted'
                    OR (
                        project.phase = ANY(%(phases)s::project_phase[])
                        AND EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b')
                        AND before.vendor_id = item.selected_vendor_id
                        AND before.amount = item.designer_net * item.quantity
                        AND before.freight IS NOT DISTINCT FROM item.freight
                    )
                )
            RETURNING purchase.*
        ), followed AS (
            UPDATE line_items
            SET status = %(item_to)s::line_item_status,
                selected_vendor_id = CASE WHEN %(to)s <> 'cancelled' THEN item.selected_vendor_id END,
                designer_net = CASE WHEN %(to)s <> 'cancelled' THEN item.designer_net END,
                unit_retail_price = CASE WHEN %(to)s <> 'cancelled' THEN item.unit_retail_price END,
                freight = CASE WHEN %(to)s <> 'cancelled' THEN item.freight END
            FROM item, after
            WHERE line_items.id = item.id AND item.status = ANY(%(item_sources)s::line_item_status[])
            RETURNING line_items.*
        ), changed AS (
            SELECT 'purchase_order' AS entity_type, after.id, changed_fields(to_jsonb(before), to_jsonb(after)) AS changes
            FROM before, after
            UNION ALL
            SELECT 'line_item', followed.id, changed_fields(to_jsonb(item), to_jsonb(followed))
            FROM item, followed
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT entity_type, changed.id, project.id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object('changes', changes, 'reason', %(reason)s::text))
            FROM changed, project
        )
        SELECT * FROM after
        """,
        {
            "purchase_order_id": purchase_order_id,
            "to": to,
            "sources": lifecycles.PURCHASE_ORDER.sources_of(to),
            "item_to": item_to,
            "item_sources": _item_sources(to),
            "item_must_follow": to in _ITEM_FOLLOWS,
            "phases": ORDERING_PHASES,
            "estimated_delivery": estimated_delivery,
            "actual_delivery": actual_delivery,
            "reason": reason,
            **actor(),
        },
    )
    if row is None:
        raise _why_not(purchase_order_id, to)
    return row


def _item_sources(to: PurchaseOrderStatus) -> list[str]:
    """Return the statuses from which the line item follows its order; none if it does not follow."""
    if to is PurchaseOrderStatus.CANCELLED:
        return [LineItemStatus.ORDERED.value]
    return lifecycles.LINE_ITEM.sources_of(_ITEM_FOLLOWS[to]) if to in _ITEM_FOLLOWS else []


def _why_not(purchase_order_id: EntityId, to: PurchaseOrderStatus) -> StudioError:
    found = one(
        """
        SELECT
            purchase.status AS order_status, purchase.po_number, purchase.line_item_id,
            item.status, item.selected_vendor_id, item.designer_net, item.quantity, room.project_id, project.phase,
            item.designer_net * item.quantity <= %(largest_amount)s AS fits,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS is_signed,
            (
                purchase.vendor_id = item.selected_vendor_id
                AND purchase.amount = item.designer_net * item.quantity
                AND purchase.freight IS NOT DISTINCT FROM item.freight
            ) IS TRUE AS is_as_selected
        FROM purchase_orders AS purchase
        JOIN line_items AS item ON item.id = purchase.line_item_id
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        WHERE purchase.id = %(purchase_order_id)s
        """,
        {"purchase_order_id": purchase_order_id, "largest_amount": LARGEST_AMOUNT},
        reads=True,
    )
    if found is None:
        return no_such("purchase_order", purchase_order_id, hint="list_purchase_orders shows them all.")
    if found["order_status"] not in lifecycles.PURCHASE_ORDER.sources_of(to):
        return lifecycles.PURCHASE_ORDER.refusal(purchase_order_id, found["order_status"], to)
    line_item_id: UUID = found["line_item_id"]
    if to in _ITEM_FOLLOWS and found["status"] not in _item_sources(to):
        return lifecycles.LINE_ITEM.refusal(line_item_id, found["status"], _ITEM_FOLLOWS[to])
    if to is PurchaseOrderStatus.SUBMITTED and not found["is_as_selected"]:
        return RuleViolationError(
            f"Order {found['po_number']} does not match its line item's selected quote.",
            rule="orders_follow_the_selection",
            found="another vendor, amount or freight",
            calls=[
                {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(purchase_order_id)}},
                {"tool": "draft_purchase_order", "arguments": {"line_item_id": str(line_item_id)}},
            ],
            hint="Cancel the draft and draft a new order.",
        )
    if to is PurchaseOrderStatus.SUBMITTED:
        return not_ready_to_order(line_item_id, found)
    return ConflictError(f"Order {found['po_number']} has just changed its status.", hint="Call again.")


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def install_line_item(line_item_id: EntityId) -> LineItem:
    """Record that a delivered line item is installed in its room.

    Returns the line item's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM line_items
            WHERE id = %(line_item_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE line_items
            SET status = 'installed'
            FROM before
            WHERE line_items.id = before.id AND before.status = ANY(%(sources)s::line_item_status[])
            RETURNING line_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'line_item', after.id, room.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            JOIN project_rooms AS room ON room.id = after.room_id
        )
        SELECT * FROM after
        """,
        {
            "line_item_id": line_item_id,
            "sources": lifecycles.LINE_ITEM.sources_of(LineItemStatus.INSTALLED),
            **actor(),
        },
    )
    if row is None:
        present = one("SELECT status FROM line_items WHERE id = %(id)s", {"id": line_item_id}, reads=True)
        if present is None:
            raise no_such("line_item", line_item_id, hint="list_line_items shows the project's.")
        raise lifecycles.LINE_ITEM.refusal(line_item_id, present["status"], LineItemStatus.INSTALLED)
    return row
