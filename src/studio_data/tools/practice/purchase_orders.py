"""Purchase orders: one for each line item, drafted when Exhibit B is signed; order_progress.py says how they move on."""

from contextlib import nullcontext
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

import psycopg

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Limit, PurchaseOrderStatusName, Truth
from studio_data.contract.lifecycles import ProjectPhase
from studio_data.contract.paging import LOWEST_ID, Page, page
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import LARGEST_AMOUNT
from studio_data.db import in_transaction, many, one, transaction
from studio_data.errors import ConflictError, RuleViolationError, SatisfyingCall, StudioError

ORDERING_PHASES = [ProjectPhase.PURCHASING.value, ProjectPhase.CONSTRUCTION.value, ProjectPhase.REVEAL_PUNCH_LIST.value]
"""The phases in which a project may order."""


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
    """Draft the purchase order of a quoted line item, with the next number of the year.

    Vendor, amount and freight come from the selected quote. Needs Exhibit B signed and the project in purchasing or later;
    refused while the line item has another order that is not cancelled.

    The amount is designer net times quantity. Numbers (PO-2026-0001) follow each other without gaps in a calendar year:
    a draft that is refused or undone uses none. Returns the order's row. Raises ``NotFoundError``, ``ConflictError`` that
    names the open order, ``RuleViolationError`` with everything that is missing.
    """
    order = _draft(line_item_id)
    if order is None:
        raise _why_no_draft(line_item_id)
    return order


def _draft(line_item_id: EntityId) -> PurchaseOrder | None:
    """Draft the order if the rules allow it; None if they do not, or there is no such line item.

    The year's counter is locked before the line item: a unit that drafts several orders holds the counter from the first on,
    and would wait in a circle with a caller who had locked the second line item and waited for the counter.
    """
    try:
        # In the caller's unit, a refused statement would spoil the unit; alone it needs no transaction of its own.
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
                    JOIN projects AS project ON project.id = room.project_id
                    WHERE item.id = %(line_item_id)s
                        AND (SELECT count(*) FROM this_year) <= 1
                        AND item.status = 'quoted'
                        AND item.selected_vendor_id IS NOT NULL
                        AND item.designer_net * item.quantity <= %(largest_amount)s
                        AND project.phase = ANY(%(phases)s::project_phase[])
                        AND EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b')
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
        # Another draft was committed after this statement had begun, which therefore did not see it.
        if not (error.diag.constraint_name or "").startswith("purchase_orders_one_open_per_line_item_key"):
            raise
        return None


def _why_no_draft(line_item_id: EntityId) -> StudioError:
    item = one(
        """
        SELECT
            item.status, item.selected_vendor_id, item.designer_net, item.quantity, room.project_id, project.phase,
            item.designer_net * item.quantity <= %(largest_amount)s AS fits,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS is_signed,
            purchase.id AS order_id, purchase.po_number, purchase.status AS order_status
        FROM line_items AS item
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        LEFT JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id AND purchase.status <> 'cancelled'
        WHERE item.id = %(line_item_id)s
        """,
        {"line_item_id": line_item_id, "largest_amount": LARGEST_AMOUNT},
        reads=True,
    )
    if item is None:
        return no_such("line_item", line_item_id, hint="list_line_items shows the project's.")
    if item["order_id"] is not None:
        return ConflictError(
            f"Line item {line_item_id} has the open order {item['po_number']}, which is {item['order_status']}.",
            hint="Work with that order, or cancel it before you draft another.",
            details={
                "line_item_id": str(line_item_id),
                "purchase_order_id": str(item["order_id"]),
                "po_number": item["po_number"],
                "status": item["order_status"],
            },
        )
    return not_ready_to_order(line_item_id, item)


def not_ready_to_order(line_item_id: UUID | str, item: dict[str, Any]) -> StudioError:
    """Return the error that says what a line item lacks before it can be ordered, and the calls that would bring it."""
    found: dict[str, str] = {}
    calls: list[SatisfyingCall] = []
    if not item["is_signed"]:
        found["exhibit_b_signed"] = "no exhibit_b on file"
        calls.append(
            {
                "tool": "register_document",
                "arguments": {"project_id": str(item["project_id"]), "doc_type": "exhibit_b"},
            }
        )
    if item["phase"] not in ORDERING_PHASES:
        found["project_in_purchasing_or_later"] = f"the project is in {item['phase']}"
        calls += _calls_to_purchasing(item["project_id"], item["phase"])
    if item["status"] != "quoted" or item["selected_vendor_id"] is None or item["designer_net"] is None:
        found["line_item_quoted"] = _what_of_the_quote(item)
        calls += _calls_to_quoted(line_item_id, item["status"])
    elif not item["fits"]:
        found["amount_fits"] = f"{item['quantity']:,} times {item['designer_net']:,} is more than {LARGEST_AMOUNT:,}"
        calls += _calls_to_quoted(line_item_id, item["status"])
    if not found:
        return ConflictError(f"Line item {line_item_id} has just changed.", hint="Call again.")
    return RuleViolationError(
        f"Line item {line_item_id} cannot be ordered yet: {'; '.join(found.values())}.",
        rule="ready_to_order",
        found=found,
        calls=calls,
        hint="Make the calls in details first." if calls else "No call can change that: ask a person.",
    )


def _what_of_the_quote(item: dict[str, Any]) -> str:
    if item["status"] != "quoted":
        return f"the line item is {item['status']}, not quoted"
    missing = [
        words
        for column, words in (("selected_vendor_id", "selected vendor"), ("designer_net", "designer net"))
        if item[column] is None
    ]
    return f"the line item has no {' and no '.join(missing)}"


def _calls_to_purchasing(project_id: UUID, phase: str) -> list[SatisfyingCall]:
    if phase == ProjectPhase.ON_HOLD:
        return [{"tool": "resume_project", "arguments": {"project_id": str(project_id)}}]
    to_come = [ProjectPhase.DETAILED_DESIGN.value, ProjectPhase.PURCHASING.value]
    to_come = {ProjectPhase.CONCEPTUAL_DESIGN: to_come, ProjectPhase.DETAILED_DESIGN: to_come[1:]}.get(
        ProjectPhase(phase), []
    )
    return [{"tool": "advance_project", "arguments": {"project_id": str(project_id), "to": to}} for to in to_come]


def _calls_to_quoted(line_item_id: UUID | str, status: str) -> list[SatisfyingCall]:
    of_item = {"line_item_id": str(line_item_id)}
    quote: list[SatisfyingCall] = [
        {"tool": "record_quote", "arguments": of_item},
        {"tool": "select_quote", "arguments": {}},
    ]
    match status:
        case "estimated":
            return [{"tool": "specify_line_item", "arguments": of_item}, *quote]
        case "specified":
            return quote
        case "quoted":
            return [{"tool": "respecify_line_item", "arguments": of_item}, *quote]
        case _:
            return []


@tool(reads=True)
def get_purchase_order(purchase_order_id: EntityId) -> PurchaseOrder:
    """Look a purchase order up by its id.

    Returns the order's row. Raises ``NotFoundError`` if there is none.
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
        raise no_such("purchase_order", purchase_order_id, hint="list_purchase_orders shows them all.")
    return row


@tool(reads=True)
def list_purchase_orders(
    *,
    project_id: EntityId | None = None,
    vendor_id: EntityId | None = None,
    status: PurchaseOrderStatusName | None = None,
    open_only: Truth = False,
    late_only: Truth = False,
    limit: Limit = 50,
    after: Cursor | None = None,
) -> Page[PurchaseOrder]:
    """List purchase orders, the oldest first: by project, vendor, status, open or late.

    Late is what is open and was estimated to be delivered before today.

    Returns ``limit`` rows at most and the cursor of the next page, None on the last.
    """
    rows = many(
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
            AND id > %(after)s
        ORDER BY id
        LIMIT %(limit)s + 1
        """,
        {
            "project_id": project_id,
            "vendor_id": vendor_id,
            "status": status,
            "open_only": open_only,
            "late_only": late_only,
            "after": after or LOWEST_ID,
            "limit": limit,
        },
    )
    return page(rows, limit)
