"""Line items: one thing in one room, from a generic estimate to a specified product."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Line, Money, Search, Text
from studio_data.contract.paging import LOWEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import batch, one
from studio_data.tools.practice.fields import LineItemStatusName, Quantity
from studio_data.tools.practice.rooms import lock_project_sql, project_totals_sql, room_estimate_sql
from studio_data.tools.practice.rules.orders import LINE_ITEM_MOVES
from studio_data.tools.projects import closed_project_refusal


class LineItem(TypedDict):
    """One row of ``line_items``. Money in dollars per unit: what the practice pays, and what the client pays."""

    id: UUID
    room_id: UUID
    benchmark_id: UUID | None
    description_generic: str
    quantity: int
    estimated_unit_price: Decimal | None
    product_name: str | None
    product_spec: str | None
    selected_vendor_id: UUID | None
    designer_net: Decimal | None
    unit_retail_price: Decimal | None
    freight: Decimal | None
    status: str
    created_at: datetime
    updated_at: datetime
    estimated_freight_factor: Decimal


class ClientLineItem(TypedDict):
    """A line item as a client may see it, without what the practice pays and to whom."""

    id: UUID
    room_id: UUID
    room_name: str
    description_generic: str
    quantity: int
    product_name: str | None
    product_spec: str | None
    unit_retail_price: Decimal | None
    status: str


@tool(roles=[Role.SOURCING_SPECIALIST])
def add_line_item(
    room_id: EntityId,
    *,
    description_generic: Line,
    quantity: Quantity = 1,
    benchmark_id: EntityId | None = None,
    estimated_unit_price: Money | None = None,
) -> LineItem:
    """Add an item to a room, as an estimate ("sofa, 90 in"). The room's and the project's estimate follow.

    The price is the price benchmark's unless given. An estimate that update_room was given for the room stays.

    Returns the line item's row. Raises ``NotFoundError``, ``RuleViolationError`` for a completed project.
    """
    _, items, *_ = batch(
        lock_project_sql(room_id),
        (
            """
            WITH room AS (
                SELECT room.id, room.project_id
                FROM project_rooms AS room
                JOIN projects AS project ON project.id = room.project_id
                WHERE room.id = %(room_id)s AND project.phase <> 'completed'
            ), benchmark AS (
                SELECT id, unit_price_estimate, freight_factor
                FROM pricing_benchmarks
                WHERE id = %(benchmark_id)s
            ), item AS (
                INSERT INTO line_items (
                    room_id, benchmark_id, description_generic, quantity, estimated_unit_price, estimated_freight_factor
                )
                SELECT room.id, benchmark.id, %(description_generic)s, %(quantity)s,
                    coalesce(%(estimated_unit_price)s, benchmark.unit_price_estimate),
                    coalesce(benchmark.freight_factor, 0.18)
                FROM room
                LEFT JOIN benchmark ON true
                WHERE %(benchmark_id)s::uuid IS NULL OR benchmark.id IS NOT NULL
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'line_item', item.id, room.project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('description_generic', item.description_generic, 'quantity', item.quantity)
                FROM item, room
            )
            SELECT * FROM item
            """,
            {
                "room_id": room_id,
                "description_generic": description_generic,
                "quantity": quantity,
                "benchmark_id": benchmark_id,
                "estimated_unit_price": estimated_unit_price,
                **actor(),
            },
        ),
        room_estimate_sql(room_id),
        project_totals_sql(room_id, of_completed=False),
    )
    if not items:
        room = one("SELECT project_id FROM project_rooms WHERE id = %(id)s", {"id": room_id}, reads=True)
        if room is None:
            raise no_such("room", room_id)
        if benchmark_id is not None and not benchmarks_exist([benchmark_id]):
            raise no_such("benchmark", benchmark_id)
        raise closed_project_refusal(room["project_id"])
    return items[0]


@tool(roles=[Role.SOURCING_SPECIALIST])
def specify_line_item(
    line_item_id: EntityId,
    *,
    product_name: Line,
    product_spec: Text | None = None,
    unit_retail_price: Money | None = None,
) -> LineItem:
    """Choose the product of an estimated line item. ``unit_retail_price`` is what the client pays per unit.

    Only in a live project.

    Returns the line item's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(
        line_item_id,
        "specify_line_item",
        {"product_name": product_name, "product_spec": product_spec, "unit_retail_price": unit_retail_price},
    )


@tool(roles=[Role.SOURCING_SPECIALIST])
def respecify_line_item(
    line_item_id: EntityId,
    *,
    reason: Text,
    product_name: Line | None = None,
    product_spec: Text | None = None,
    unit_retail_price: Money | None = None,
) -> LineItem:
    """Return a quoted line item to specified, to choose another product or vendor. Its selected quote is cleared.

    Refused while the line item has an order that is not cancelled.

    Returns the line item's row. Raises ``NotFoundError``, ``InvalidTransitionError``, which names the open order.
    """
    return _move(
        line_item_id,
        "respecify_line_item",
        {"product_name": product_name, "product_spec": product_spec, "unit_retail_price": unit_retail_price},
        reason,
    )


@tool(roles=[Role.SOURCING_SPECIALIST, Role.CONTROLLER], idempotent=True)
def set_retail_price(line_item_id: EntityId, *, unit_retail_price: Money) -> LineItem:
    """Set what the client pays per unit of a line item, in any status. What the practice pays does not change.

    Returns the line item's row. Raises ``NotFoundError``.
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
            SET unit_retail_price = %(unit_retail_price)s
            FROM before
            WHERE line_items.id = before.id
            RETURNING line_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'line_item', after.id, room.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            JOIN project_rooms AS room ON room.id = after.room_id
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {"line_item_id": line_item_id, "unit_retail_price": unit_retail_price, **actor()},
    )
    if row is None:
        raise no_such("line_item", line_item_id)
    return row


@tool(reads=True)
def get_line_item(line_item_id: EntityId) -> LineItem:
    """Get a line item by its id.

    Returns the line item's row. Raises ``NotFoundError``.
    """
    row = one("SELECT * FROM line_items WHERE id = %(line_item_id)s", {"line_item_id": line_item_id})
    if row is None:
        raise no_such("line_item", line_item_id)
    return row


@tool(
    reads=True,
    brief=["room_id", "description_generic", "quantity", "product_name", "designer_net", "unit_retail_price", "status"],
)
def list_line_items(
    project_id: EntityId,
    *,
    room_id: EntityId | None = None,
    status: LineItemStatusName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[LineItem]:
    """List the line items of a project or room, with what the practice pays. Never show it to clients.

    Returns a page of rows, the oldest first.
    """
    return listed(
        """
        SELECT item.*
        FROM project_rooms AS room
        JOIN line_items AS item ON item.room_id = room.id
        WHERE room.project_id = %(project_id)s
            AND (%(room_id)s::uuid IS NULL OR room.id = %(room_id)s)
            AND (%(status)s::line_item_status IS NULL OR item.status = %(status)s)
            AND item.id > %(after)s
            AND (
                %(search)s::text IS NULL
                OR strpos(
                    lower(concat_ws(' ', item.description_generic, item.product_name, item.product_spec)), lower(%(search)s)
                ) > 0
            )
        ORDER BY item.id
        """,
        {
            "project_id": project_id,
            "room_id": room_id,
            "status": status,
            "after": after or LOWEST_ID,
            "search": search,
            "limit": limit,
        },
        fields,
    )


@tool(reads=True, brief=["room_name", "description_generic", "quantity", "product_name", "unit_retail_price", "status"])
def list_line_items_for_client(
    project_id: EntityId,
    *,
    room_id: EntityId | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ClientLineItem]:
    """List the line items of a project or room, as the client may see them.

    Returns a page, the oldest first.
    """
    return listed(
        """
        SELECT item.id, room.id AS room_id, room.name AS room_name, item.description_generic, item.quantity,
            item.product_name, item.product_spec, item.unit_retail_price, item.status
        FROM project_rooms AS room
        JOIN line_items AS item ON item.room_id = room.id
        WHERE room.project_id = %(project_id)s
            AND (%(room_id)s::uuid IS NULL OR room.id = %(room_id)s)
            AND item.id > %(after)s
            AND (
                %(search)s::text IS NULL
                OR strpos(
                    lower(concat_ws(' ', item.description_generic, item.product_name, item.product_spec)), lower(%(search)s)
                ) > 0
            )
        ORDER BY item.id
        """,
        {"project_id": project_id, "room_id": room_id, "after": after or LOWEST_ID, "search": search, "limit": limit},
        fields,
    )


def benchmarks_exist(ids: list[EntityId]) -> bool:
    """Tell whether every id is a price benchmark's."""
    found = one("SELECT count(*) AS benchmarks FROM pricing_benchmarks WHERE id = ANY(%(ids)s)", {"ids": ids})
    return found["benchmarks"] == len(set(ids))


def _move(
    line_item_id: EntityId,
    tool_name: str,
    product: dict[str, Any],
    reason: str | None = None,
) -> LineItem:
    """Specify a line item: set what is given of the product, and clear what was selected before."""
    move = LINE_ITEM_MOVES.made_by(tool_name)
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM line_items
            WHERE id = %(line_item_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE line_items
            SET status = %(to)s::line_item_status,
                product_name = coalesce(%(product_name)s, before.product_name),
                product_spec = coalesce(%(product_spec)s, before.product_spec),
                unit_retail_price = coalesce(%(unit_retail_price)s, before.unit_retail_price),
                selected_vendor_id = NULL,
                designer_net = NULL,
                freight = NULL
            FROM before
            WHERE line_items.id = before.id
                AND before.status = ANY(%(sources)s::line_item_status[])
                AND NOT EXISTS (SELECT FROM purchase_orders WHERE line_item_id = before.id AND status <> 'cancelled')
                AND (
                    before.status <> 'estimated'
                    OR EXISTS (
                        SELECT
                        FROM project_rooms AS room
                        JOIN live_projects AS project ON project.id = room.project_id
                        WHERE room.id = before.room_id
                    )
                )
            RETURNING line_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'line_item', after.id, room.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'product_name', after.product_name,
                    'reason', %(reason)s::text
                ))
            FROM before, after
            JOIN project_rooms AS room ON room.id = after.room_id
        )
        SELECT * FROM after
        """,
        {
            "line_item_id": line_item_id,
            "to": move.to,
            "sources": list(move.sources),
            "reason": reason,
            **product,
            **actor(),
        },
    )
    if row is None:
        raise move_refusal(LINE_ITEM_MOVES, line_item_id, tool_name)
    return row
