"""How purchase orders and their line items progress, from the submitted order to the installed item.

Each statement locks the line item first and then its order, so two callers wait for each other in one order.
"""

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal
from studio_data.contract.fields import Day, EntityId, Text
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.practice.line_items import LineItem
from studio_data.tools.practice.purchase_orders import ORDERING_PHASES, PurchaseOrder
from studio_data.tools.practice.rules.days import delivery_day_refusal
from studio_data.tools.practice.rules.lifecycles import LineItemStatus, PurchaseOrderStatus
from studio_data.tools.practice.rules.orders import ITEM_FOLLOWS, LINE_ITEM_MOVES, PURCHASE_ORDER_MOVES, item_sources


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def submit_purchase_order(purchase_order_id: EntityId) -> PurchaseOrder:
    """Record that a draft order was sent to the vendor. Its line item becomes ordered.

    Refused if the selected quote changed after the draft, without an Exhibit B that is signed for the rooms' present
    amounts, or outside the phases that may order.

    Sets ordered_at. Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(purchase_order_id, "submit_purchase_order")


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def acknowledge_purchase_order(purchase_order_id: EntityId, *, estimated_delivery: Day | None = None) -> PurchaseOrder:
    """Record that the vendor confirmed a submitted order, and its delivery date.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``InvalidInputError`` for a delivery
    before the order was sent.
    """
    return _move(purchase_order_id, "acknowledge_purchase_order", estimated_delivery=estimated_delivery)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def start_production(purchase_order_id: EntityId) -> PurchaseOrder:
    """Record that the vendor started to make an acknowledged order.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(purchase_order_id, "start_production")


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def ship_purchase_order(purchase_order_id: EntityId, *, estimated_delivery: Day | None = None) -> PurchaseOrder:
    """Record that the vendor shipped an order in production. Its line item becomes shipped.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``InvalidInputError`` for a delivery
    before the order was sent.
    """
    return _move(purchase_order_id, "ship_purchase_order", estimated_delivery=estimated_delivery)


@tool(roles=[Role.PROCUREMENT_COORDINATOR], people_only=["override_reason"])
def deliver_purchase_order(
    purchase_order_id: EntityId, *, actual_delivery: Day | None = None, override_reason: Text | None = None
) -> PurchaseOrder:
    """Record that a shipped order arrived, today unless a day is given. Its line item becomes delivered.

    Refused for a day to come, and without ``override_reason`` for a day before the order was sent.

    Returns the order's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``InvalidInputError`` for the day.
    """
    return _move(
        purchase_order_id, "deliver_purchase_order", actual_delivery=actual_delivery, override_reason=override_reason
    )


@tool(roles=[Role.PROCUREMENT_COORDINATOR], destructive=True)
def cancel_purchase_order(purchase_order_id: EntityId, *, reason: Text) -> PurchaseOrder:
    """Cancel an order before it is shipped, and say why.

    If it was submitted, its line item returns to specified without vendor, net price and freight, for another quote. The
    client's price stays.

    The item of a cancelled draft stays as it is. Returns the order's row. Raises ``NotFoundError``,
    ``InvalidTransitionError`` for an order that was shipped or cancelled.
    """
    return _move(purchase_order_id, "cancel_purchase_order", reason=reason)


def _move(
    purchase_order_id: EntityId,
    tool_name: str,
    *,
    estimated_delivery: Day | None = None,
    actual_delivery: Day | None = None,
    override_reason: str | None = None,
    reason: str | None = None,
) -> PurchaseOrder:
    """Move an order, and its line item where that follows, if both lifecycles and the rules allow it; else raise why not."""
    move = PURCHASE_ORDER_MOVES.made_by(tool_name)
    to = PurchaseOrderStatus(str(move.to))
    item_to = LineItemStatus.SPECIFIED if to is PurchaseOrderStatus.CANCELLED else ITEM_FOLLOWS.get(to)
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
                actual_delivery = CASE %(to)s
                    WHEN 'delivered' THEN coalesce(%(actual_delivery)s, today()) ELSE before.actual_delivery
                END,
                ordered_at = CASE WHEN %(to)s = 'submitted' THEN now() ELSE before.ordered_at END
            FROM before, item, project
            WHERE purchase.id = before.id
                AND before.status = ANY(%(sources)s::po_status[])
                AND (%(actual_delivery)s::date <= today()) IS NOT FALSE
                AND (
                    (%(actual_delivery)s::date >= day_of(before.ordered_at)) IS NOT FALSE
                    OR %(override_reason)s::text IS NOT NULL
                )
                AND (%(estimated_delivery)s::date >= day_of(before.ordered_at))
                    IS NOT FALSE
                AND (item.status = ANY(%(item_sources)s::line_item_status[]) OR NOT %(item_must_follow)s)
                AND (
                    %(to)s <> 'submitted'
                    OR (
                        project.phase = ANY(%(phases)s::project_phase[])
                        AND EXISTS (SELECT FROM live_projects WHERE id = project.id)
                        AND exhibit_b_is_signed(project.id)
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
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', changes, 'reason', coalesce(%(reason)s::text, %(override_reason)s::text)
                ))
            FROM changed, project
        )
        SELECT * FROM after
        """,
        {
            "purchase_order_id": purchase_order_id,
            "to": to,
            "sources": list(move.sources),
            "item_to": item_to,
            "item_sources": item_sources(to),
            "item_must_follow": to in ITEM_FOLLOWS,
            "phases": ORDERING_PHASES,
            "estimated_delivery": estimated_delivery,
            "actual_delivery": actual_delivery,
            "override_reason": override_reason,
            "reason": reason,
            **actor(),
        },
    )
    if row is None:
        refusal = delivery_day_refusal(purchase_order_id, estimated_delivery, actual_delivery, override_reason)
        raise refusal or move_refusal(PURCHASE_ORDER_MOVES, purchase_order_id, tool_name)
    return row


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
            "sources": list(LINE_ITEM_MOVES.made_by("install_line_item").sources),
            **actor(),
        },
    )
    if row is None:
        raise move_refusal(LINE_ITEM_MOVES, line_item_id, "install_line_item")
    return row
