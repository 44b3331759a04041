"""Vendors' quotes for line items: record, compare, select one."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import EntityId, Money, ReportedText
from studio_data.contract.registry import tool
from studio_data.contract.reports import cleaned
from studio_data.contract.roles import Role
from studio_data.db import many, one
from studio_data.errors import StudioError
from studio_data.tools.practice.fields import Weeks
from studio_data.tools.practice.line_items import LineItem
from studio_data.tools.practice.rules.lifecycles import LINE_ITEM, LineItemStatus
from studio_data.tools.practice.rules.orders import LINE_ITEM_MOVES


class VendorQuote(TypedDict):
    """One row of ``vendor_quotes``. Money in dollars: what the practice would pay."""

    id: UUID
    line_item_id: UUID
    vendor_id: UUID
    unit_cost: Decimal
    freight: Decimal | None
    lead_time_weeks: int | None
    notes: str | None
    received_at: datetime


class ComparedQuote(TypedDict):
    """A quote in a comparison. ``landed_cost`` is unit cost x quantity + freight, if the quote names freight."""

    vendor_quote_id: UUID
    vendor_id: UUID
    vendor_name: str
    unit_cost: Decimal
    freight: Decimal | None
    landed_cost: Decimal
    lead_time_weeks: int | None
    is_selected: bool


class QuoteComparison(TypedDict):
    """All quotes for a line item, cheapest first."""

    line_item_id: UUID
    quantity: int
    quotes: list[ComparedQuote]


@tool(roles=[Role.SOURCING_SPECIALIST])
def record_quote(
    line_item_id: EntityId,
    *,
    vendor_id: EntityId,
    unit_cost: Money,
    freight: Money | None = None,
    lead_time_weeks: Weeks | None = None,
    notes: ReportedText | None = None,
) -> VendorQuote:
    """Record a vendor's quote for a specified line item: cost per unit, and freight in total.

    Returns the quote's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for an item that is neither specified nor
    quoted.
    """
    row = one(
        """
        WITH item AS (
            SELECT item.id, room.project_id
            FROM line_items AS item
            JOIN project_rooms AS room ON room.id = item.room_id
            WHERE item.id = %(line_item_id)s AND item.status IN ('specified', 'quoted')
            FOR NO KEY UPDATE OF item
        ), quote AS (
            INSERT INTO vendor_quotes (line_item_id, vendor_id, unit_cost, freight, lead_time_weeks, notes)
            SELECT item.id, vendor.id, %(unit_cost)s, %(freight)s, %(lead_time_weeks)s, %(notes)s
            FROM item
            JOIN vendors AS vendor ON vendor.id = %(vendor_id)s
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'vendor_quote', quote.id, item.project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                %(cleaned)s || jsonb_build_object(
                    'line_item_id', quote.line_item_id, 'vendor_id', quote.vendor_id, 'unit_cost', quote.unit_cost
                )
            FROM quote, item
        )
        SELECT * FROM quote
        """,
        {
            "line_item_id": line_item_id,
            "vendor_id": vendor_id,
            "unit_cost": unit_cost,
            "freight": freight,
            "lead_time_weeks": lead_time_weeks,
            "notes": notes,
            "cleaned": Jsonb(cleaned(notes=notes)),
            **actor(),
        },
    )
    if row is None:
        raise _record_refusal(line_item_id, vendor_id)
    return row


@tool(reads=True)
def compare_quotes(line_item_id: EntityId) -> QuoteComparison:
    """Compare the quotes for a line item, cheapest first: price with freight, lead time, which one is selected.

    ``landed_cost`` leaves out freight that a quote does not name.

    Returns the quotes by landed cost, at most 500. Raises ``NotFoundError``.
    """
    rows = many(
        """
        SELECT item.id AS line_item_id, item.quantity, quote.id AS vendor_quote_id, quote.vendor_id,
            vendor.name AS vendor_name, quote.unit_cost, quote.freight,
            (quote.unit_cost * item.quantity + coalesce(quote.freight, 0))::numeric AS landed_cost, quote.lead_time_weeks,
            coalesce(
                item.selected_vendor_id = quote.vendor_id AND item.designer_net = quote.unit_cost
                AND item.freight IS NOT DISTINCT FROM quote.freight, false
            ) AS is_selected
        FROM line_items AS item
        LEFT JOIN vendor_quotes AS quote ON quote.line_item_id = item.id
        LEFT JOIN vendors AS vendor ON vendor.id = quote.vendor_id
        WHERE item.id = %(line_item_id)s
        ORDER BY landed_cost, quote.id
        LIMIT 500
        """,
        {"line_item_id": line_item_id},
    )
    if not rows:
        raise no_such("line_item", line_item_id)
    comparison: QuoteComparison = {
        "line_item_id": rows[0]["line_item_id"], "quantity": rows[0]["quantity"], "quotes": [],
    }  # fmt: skip
    for row in rows:
        del row["line_item_id"], row["quantity"]
        if row["vendor_quote_id"] is not None:
            comparison["quotes"].append(row)
    return comparison


@tool(roles=[Role.SOURCING_SPECIALIST])
def select_quote(vendor_quote_id: EntityId, *, unit_retail_price: Money | None = None) -> LineItem:
    """Select a vendor's quote for a specified line item. It sets the vendor, what the practice pays, and freight.

    ``unit_retail_price`` is what the client will pay per unit. Refused if a quote is already selected: call
    respecify_line_item first. Only in a live project.

    Returns the line item's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    row = one(
        """
        WITH quote AS (
            SELECT *
            FROM vendor_quotes
            WHERE id = %(vendor_quote_id)s
        ), before AS (
            SELECT item.*
            FROM line_items AS item
            JOIN quote ON quote.line_item_id = item.id
            FOR NO KEY UPDATE OF item
        ), after AS (
            UPDATE line_items
            SET status = 'quoted',
                selected_vendor_id = quote.vendor_id,
                designer_net = quote.unit_cost,
                freight = quote.freight,
                unit_retail_price = coalesce(%(unit_retail_price)s, before.unit_retail_price)
            FROM before, quote
            WHERE line_items.id = before.id
                AND before.status = 'specified'
                AND EXISTS (
                    SELECT
                    FROM project_rooms AS room
                    JOIN live_projects AS project ON project.id = room.project_id
                    WHERE room.id = before.room_id
                )
            RETURNING line_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'line_item', after.id, room.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'vendor_quote_id', %(vendor_quote_id)s::uuid
                )
            FROM before, after
            JOIN project_rooms AS room ON room.id = after.room_id
        )
        SELECT * FROM after
        """,
        {"vendor_quote_id": vendor_quote_id, "unit_retail_price": unit_retail_price, **actor()},
    )
    if row is None:
        raise _select_refusal(vendor_quote_id)
    return row


def _record_refusal(line_item_id: EntityId, vendor_id: EntityId) -> StudioError:
    item = one("SELECT status FROM line_items WHERE id = %(id)s", {"id": line_item_id}, reads=True)
    if item is None:
        return no_such("line_item", line_item_id)
    if item["status"] not in {LineItemStatus.SPECIFIED, LineItemStatus.QUOTED}:
        refusal = LINE_ITEM.refusal(line_item_id, item["status"], LineItemStatus.QUOTED)
        if item["status"] == LineItemStatus.ESTIMATED:
            refusal.hint = "Call specify_line_item first: it chooses the product."
        return refusal
    return no_such("vendor", vendor_id)


def _select_refusal(vendor_quote_id: EntityId) -> StudioError:
    item = one(
        """
        SELECT line_item_id AS id
        FROM vendor_quotes
        WHERE id = %(id)s
        """,
        {"id": vendor_quote_id},
        reads=True,
    )
    if item is None:
        return no_such("vendor_quote", vendor_quote_id)
    refusal = move_refusal(LINE_ITEM_MOVES, item["id"], "select_quote")
    if refusal.details.get("from") == LineItemStatus.QUOTED:
        refusal.hint = "A quote is selected: respecify_line_item takes it back first."
    return refusal
