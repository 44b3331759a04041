"""Purchase orders: each for one line item, drafted once Exhibit B is signed. order_progress.py has their further steps."""

from contextlib import nullcontext
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

import psycopg

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Search, Truth
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import LARGEST_AMOUNT
from studio_data.db import in_transaction, one, transaction
from studio_data.tools.practice.fields import PurchaseOrderStatusName
from studio_data.tools.practice.rules.orders import LINE_ITEM_MOVES, ORDERING_PHASES


class PurchaseOrder(TypedDict):
    """One row of ``purchase_orders``; money in dollars, what the practice pays."""

    id: UUID
    line_item_id: UUID
    vendor_id: UUID
    po_number: str
    amount: Decimal
    freight: Decimal | None
    status: str
    estimated_delivery: date | None
    actual_delivery: date | None
    ordered_at: datetime | None
    created_at: datetime
    updated_at: datetime


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def draft_purchase_order(line_item_id: EntityId) -> PurchaseOrder:
    """Draft the purchase order of a quoted line item, with the year's next number.

    Vendor, amount and freight come from the selected quote. Needs an Exhibit B that is signed for
    the rooms' present amounts, and a project in purchasing or later.
    Refused while the line item has another order that is not cancelled.

    The amount is designer net times quantity. Numbers (PO-2026-0001) follow each other without gaps in a calendar year:
    a draft that is refused or undone uses none. Returns the order's row. Raises ``NotFoundError``, ``ConflictError`` that
    names the open order, ``RuleViolationError`` with everything that is missing.
    """
    order = _draft(line_item_id)
    if order is None:
        raise move_refusal(LINE_ITEM_MOVES, line_item_id, "draft_purchase_order")
    return order


def _draft(line_item_id: EntityId) -> PurchaseOrder | None:
    """Draft the order if the rules allow it. Return None if they do not, or if the line item is unknown.

    The year's counter is locked before the line item. A unit that drafts several orders holds the counter from its first
    order on. A caller that locked a line item first and then waited for the counter would deadlock with it.
    """
    try:
        # A refused statement would undo the caller's unit, so there it needs a savepoint. Alone it needs no transaction.
        with transaction() if in_transaction() else nullcontext():
            return one(
                """
                WITH this_year AS (
                    SELECT year
                    FROM purchase_order_numbers
                    WHERE year = extract(YEAR FROM today())::integer
                    FOR NO KEY UPDATE
                ), item AS (
                    SELECT item.*, room.project_id
                    FROM line_items AS item
                    JOIN project_rooms AS room ON room.id = item.room_id
                    JOIN live_projects AS project ON project.id = room.project_id
                    WHERE item.id = %(line_item_id)s
                        AND (SELECT count(*) FROM this_year) <= 1
                        AND item.status = 'quoted'
                        AND item.selected_vendor_id IS NOT NULL
                        AND item.designer_net * item.quantity <= %(largest_amount)s
                        AND project.phase = ANY(%(phases)s::project_phase[])
                        AND exhibit_b_is_signed(project.id)
                        AND NOT EXISTS (
                            SELECT FROM purchase_orders WHERE line_item_id = item.id AND status <> 'cancelled'
                        )
                    FOR NO KEY UPDATE OF item
                ), number AS (
                    INSERT INTO purchase_order_numbers AS present (year, last_number)
                    SELECT extract(YEAR FROM today())::integer, 1
                    FROM item
                    ON CONFLICT (year) DO UPDATE SET last_number = present.last_number + 1
                    RETURNING year, last_number
                ), purchase AS (
                    INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount, freight)
                    SELECT
                        item.id, item.selected_vendor_id,
                        format(
                            'PO-%%s-%%s', year, lpad(last_number::text, greatest(4, length(last_number::text)), '0')
                        ),
                        item.designer_net * item.quantity, item.freight
                    FROM item, number
                    RETURNING *
                ), logged AS (
                    INSERT INTO activity_log (
                        entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                    )
                    SELECT 'purchase_order', purchase.id, item.project_id, 'created', %(actor_type)s, %(actor_name)s,
                        %(context)s, jsonb_build_object(
                            'line_item_id', line_item_id, 'vendor_id', vendor_id, 'po_number', po_number, 'amount', amount
                        )
                    FROM purchase, item
                )
                SELECT * FROM purchase
                """,
                {
                    "line_item_id": line_item_id,
                    "largest_amount": LARGEST_AMOUNT,
                    "phases": ORDERING_PHASES,
                    **actor(),
                },
            )
    except psycopg.errors.UniqueViolation as error:
        # Another draft was committed after this statement began, so this statement did not see it.
        if not (error.diag.constraint_name or "").startswith("purchase_orders_one_open_per_line_item_key"):
            raise
        return None


@tool(reads=True)
def get_purchase_order(purchase_order_id: EntityId) -> PurchaseOrder:
    """Get a purchase order by its id.

    Returns the order's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM purchase_orders
        WHERE id = %(purchase_order_id)s
        """,
        {"purchase_order_id": purchase_order_id},
    )
    if row is None:
        raise no_such("purchase_order", purchase_order_id)
    return row


@tool(reads=True, brief=["vendor_id", "po_number", "amount", "status", "estimated_delivery"])
def list_purchase_orders(
    *,
    project_id: EntityId | None = None,
    vendor_id: EntityId | None = None,
    status: PurchaseOrderStatusName | None = None,
    open_only: Truth = False,
    late_only: Truth = False,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[PurchaseOrder]:
    """List purchase orders, newest first, or the late ones by delivery.

    A late order is open and its estimated delivery was before today.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT purchase.*
        FROM purchase_orders AS purchase
        WHERE (
                %(project_id)s::uuid IS NULL
                OR line_item_id = ANY(ARRAY(
                    SELECT item.id
                    FROM project_rooms AS room
                    JOIN line_items AS item ON item.room_id = room.id
                    WHERE room.project_id = %(project_id)s
                ))
            )
            AND (%(vendor_id)s::uuid IS NULL OR vendor_id = %(vendor_id)s)
            AND (%(status)s::po_status IS NULL OR status = %(status)s)
            AND (
                NOT (%(open_only)s OR %(late_only)s)
                OR status IN ('draft', 'submitted', 'acknowledged', 'in_production', 'shipped')
            )
            AND (NOT %(late_only)s OR estimated_delivery < today())
            AND (%(after)s::uuid IS NULL OR %(late_only)s OR id < %(after)s)
            AND (
                %(after)s::uuid IS NULL
                OR NOT %(late_only)s
                OR (estimated_delivery, id) > (SELECT estimated_delivery, id FROM purchase_orders WHERE id = %(after)s)
            )
            AND (%(search)s::text IS NULL OR strpos(lower(po_number), lower(%(search)s)) > 0)
        ORDER BY CASE WHEN %(late_only)s THEN estimated_delivery END, CASE WHEN %(late_only)s THEN id END, id DESC
        """,
        {
            "project_id": project_id,
            "vendor_id": vendor_id,
            "status": status,
            "open_only": open_only,
            "late_only": late_only,
            "after": after,
            "search": search,
            "limit": limit,
        },
        fields,
    )
