"""Budgets: what a project's rooms, orders and trades add up to, for the practice and for its client.

A sum counts what is known. Beside it stands how many rows it leaves out.
"""

from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId
from studio_data.db import Statement


class RoomLeftOut(TypedDict):
    """How many rows the sums of a room leave out, since their amount is not known, of how many there are.

    Line items without an estimated price do not count where the room's estimate was given. Orders without freight count with
    their amount alone.
    """

    line_items: int
    line_items_without_estimate: int
    orders: int
    orders_without_freight: int


class LeftOut(RoomLeftOut):
    """How many rows the sums of a project leave out, since their amount is not known, of how many there are."""

    rooms: int
    rooms_without_estimate: int
    rooms_without_exhibit_b: int
    rooms_without_actual: int
    trades: int
    trades_without_final_quote: int


class Budget(TypedDict):
    """What was estimated, agreed, ordered and spent, in dollars. An amount that is not set is None.

    ``exhibit_b`` is what it comes to now, ``exhibit_b_signed`` what the client's newest signature covers.
    ``committed`` is amount and freight of the orders that are not cancelled, drafts included. ``variance`` is the rest of
    Exhibit B: ``exhibit_b`` minus ``actual``, or minus ``committed`` for a room whose actual amount is unknown.
    """

    estimate: Decimal | None
    exhibit_b: Decimal | None
    exhibit_b_signed: Decimal | None
    committed: Decimal
    actual: Decimal | None
    variance: Decimal | None


class RoomBudget(Budget):
    """The budget of one room."""

    room_id: UUID
    name: str
    left_out: RoomLeftOut


class TradeQuote(TypedDict):
    """What a trade asks for its work on the project."""

    project_trade_id: UUID
    name: str
    role: str
    final_amount: Decimal


class ProjectBudget(Budget):
    """A project's budget in total and per room. Its trades' final quotes are separate, since they belong to no room.

    Of the general contractors who bid the chosen one counts, or the lowest final quote while none is chosen.
    """

    project_id: UUID
    rooms: list[RoomBudget]
    trades: list[TradeQuote]
    trades_total: Decimal
    left_out: LeftOut


class RoomLeftOutForClient(TypedDict):
    """How many line items a room has, and how many the retail total leaves out: only estimated, or without a price."""

    line_items: int
    line_items_without_price: int


class LeftOutForClient(RoomLeftOutForClient):
    """How many line items and rooms a project has, and how many of them the sums leave out."""

    rooms: int
    rooms_without_estimate: int
    rooms_without_exhibit_b: int


class ClientBudget(TypedDict):
    """What a client may see of a budget. It leaves out what the practice pays or earns.

    ``exhibit_b`` is what it comes to now, ``exhibit_b_signed`` what the client's newest signature covers.
    """

    estimate: Decimal | None
    exhibit_b: Decimal | None
    exhibit_b_signed: Decimal | None
    retail_total: Decimal


class RoomBudgetForClient(ClientBudget):
    """The budget of one room, for the client."""

    room_id: UUID
    name: str
    left_out: RoomLeftOutForClient


class ProjectBudgetForClient(ClientBudget):
    """A project's budget for its client, in total and per room."""

    project_id: UUID
    rooms: list[RoomBudgetForClient]
    left_out: LeftOutForClient


def budget_sql(project_id: EntityId) -> Statement:
    """Return the query of a project's budget."""
    return (
        """
        WITH rooms AS (
            SELECT
                room.id, room.name, room.investment_estimate AS estimate, room.exhibit_b_amount AS exhibit_b,
                (exhibit_b_covers(room.project_id) ->> room.id::text)::numeric(12, 2) AS exhibit_b_signed,
                room.actual_amount AS actual, ordered.*, listed.*
            FROM project_rooms AS room
            CROSS JOIN LATERAL (
                SELECT
                    count(*) AS orders,
                    count(*) FILTER (WHERE purchase.freight IS NULL) AS orders_without_freight,
                    coalesce(sum(purchase.amount + coalesce(purchase.freight, 0.00)), 0.00) AS committed
                FROM line_items AS item
                JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
                WHERE item.room_id = room.id AND purchase.status <> 'cancelled'
            ) AS ordered
            CROSS JOIN LATERAL (
                SELECT
                    count(*) AS line_items,
                    count(*) FILTER (
                        WHERE estimated_unit_price IS NULL
                            AND (room.estimate_from_items OR room.investment_estimate IS NULL)
                    ) AS line_items_without_estimate
                FROM line_items
                WHERE room_id = room.id
            ) AS listed
            WHERE room.project_id = %(project_id)s
        ), sums AS (
            SELECT
                project.id, project.name,
                coalesce(sum(rooms.estimate), project.investment_estimate) AS estimate,
                coalesce(sum(rooms.exhibit_b), project.exhibit_b_total) AS exhibit_b,
                sum(rooms.exhibit_b_signed) AS exhibit_b_signed,
                coalesce(sum(rooms.committed), 0.00) AS committed,
                sum(rooms.actual) AS actual,
                coalesce(sum(coalesce(rooms.actual, rooms.committed)), 0.00) AS spent,
                jsonb_build_object(
                    'line_items', coalesce(sum(rooms.line_items), 0),
                    'line_items_without_estimate', coalesce(sum(rooms.line_items_without_estimate), 0),
                    'orders', coalesce(sum(rooms.orders), 0),
                    'orders_without_freight', coalesce(sum(rooms.orders_without_freight), 0),
                    'rooms', count(rooms.id),
                    'rooms_without_estimate', count(*) FILTER (WHERE rooms.id IS NOT NULL AND rooms.estimate IS NULL),
                    'rooms_without_exhibit_b', count(*) FILTER (WHERE rooms.id IS NOT NULL AND rooms.exhibit_b IS NULL),
                    'rooms_without_actual', count(*) FILTER (WHERE rooms.id IS NOT NULL AND rooms.actual IS NULL),
                    'trades', (SELECT count(*) FROM project_trades WHERE project_id = project.id),
                    'trades_without_final_quote', (
                        SELECT count(*) FROM project_trades WHERE project_id = project.id AND final_amount IS NULL
                    )
                ) AS left_out
            FROM projects AS project
            LEFT JOIN rooms ON true
            WHERE project.id = %(project_id)s
            GROUP BY project.id
        ), gc AS (
            SELECT id
            FROM project_trades
            WHERE project_id = %(project_id)s AND role = 'gc' AND (is_chosen OR final_amount IS NOT NULL)
            ORDER BY is_chosen DESC, final_amount, id
            LIMIT 1
        ), quoted AS (
            SELECT *
            FROM project_trades
            WHERE project_id = %(project_id)s
                AND final_amount IS NOT NULL
                AND (role <> 'gc' OR id = (SELECT id FROM gc))
        )
        SELECT
            'project' AS part, id, name, NULL AS role, estimate, exhibit_b, exhibit_b_signed, committed, actual,
            exhibit_b - spent AS variance, left_out
        FROM sums
        UNION ALL
        SELECT
            'room', id, name, NULL, estimate, exhibit_b, exhibit_b_signed, committed, actual,
            exhibit_b - coalesce(actual, committed),
            jsonb_build_object(
                'line_items', line_items, 'line_items_without_estimate', line_items_without_estimate,
                'orders', orders, 'orders_without_freight', orders_without_freight
            )
        FROM rooms
        UNION ALL
        SELECT 'trade', quoted.id, trade.name, quoted.role::text, NULL, NULL, NULL, quoted.final_amount, NULL, NULL, NULL
        FROM quoted
        JOIN trades AS trade ON trade.id = quoted.trade_id
        UNION ALL
        SELECT 'trades', NULL, NULL, NULL, NULL, NULL, NULL, coalesce(sum(final_amount), 0.00), NULL, NULL, NULL
        FROM quoted
        ORDER BY part, id
        """,
        {"project_id": project_id},
    )


def budget_of(project_id: EntityId, rows: list[dict[str, Any]]) -> ProjectBudget:
    """Return the budget that ``budget_sql`` has found. Raises ``NotFoundError`` if it has found no project."""
    parts = _by_part(rows)
    if not parts["project"]:
        raise no_such("project", project_id)
    (project,), (trades,) = parts["project"], parts["trades"]
    return {
        "project_id": project["id"],
        **_budget(project),
        "left_out": project["left_out"],
        "rooms": [
            {"room_id": room["id"], "name": room["name"], **_budget(room), "left_out": room["left_out"]}
            for room in parts["room"]
        ],
        "trades": [
            {
                "project_trade_id": trade["id"],
                "name": trade["name"],
                "role": trade["role"],
                "final_amount": trade["committed"],
            }
            for trade in parts["trade"]
        ],
        "trades_total": trades["committed"],
    }


def _by_part(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = {"project": [], "room": [], "trade": [], "trades": []}
    for row in rows:
        parts[row["part"]].append(row)
    return parts


def _budget(row: dict[str, Any]) -> Budget:
    return {
        "estimate": row["estimate"],
        "exhibit_b": row["exhibit_b"],
        "exhibit_b_signed": row["exhibit_b_signed"],
        "committed": row["committed"],
        "actual": row["actual"],
        "variance": row["variance"],
    }


def client_budget_sql(project_id: EntityId) -> Statement:
    """Return the query of what a client may be told of a project's budget."""
    return (
        """
        WITH rooms AS (
            SELECT
                room.id, room.name, room.investment_estimate AS estimate, room.exhibit_b_amount AS exhibit_b,
                (exhibit_b_covers(room.project_id) ->> room.id::text)::numeric(12, 2) AS exhibit_b_signed, listed.*
            FROM project_rooms AS room
            CROSS JOIN LATERAL (
                SELECT
                    coalesce(sum(quantity * unit_retail_price) FILTER (WHERE status <> 'estimated'), 0.00) AS retail_total,
                    count(*) AS line_items,
                    count(*) FILTER (WHERE status = 'estimated' OR unit_retail_price IS NULL) AS line_items_without_price
                FROM line_items
                WHERE room_id = room.id
            ) AS listed
            WHERE room.project_id = %(project_id)s
        )
        SELECT
            'project' AS part, project.id, project.name,
            coalesce(sum(rooms.estimate), project.investment_estimate) AS estimate,
            coalesce(sum(rooms.exhibit_b), project.exhibit_b_total) AS exhibit_b,
            sum(rooms.exhibit_b_signed) AS exhibit_b_signed,
            coalesce(sum(rooms.retail_total), 0.00) AS retail_total,
            jsonb_build_object(
                'line_items', coalesce(sum(rooms.line_items), 0),
                'line_items_without_price', coalesce(sum(rooms.line_items_without_price), 0),
                'rooms', count(rooms.id),
                'rooms_without_estimate', count(*) FILTER (WHERE rooms.id IS NOT NULL AND rooms.estimate IS NULL),
                'rooms_without_exhibit_b', count(*) FILTER (WHERE rooms.id IS NOT NULL AND rooms.exhibit_b IS NULL)
            ) AS left_out
        FROM projects AS project
        LEFT JOIN rooms ON true
        WHERE project.id = %(project_id)s
        GROUP BY project.id
        UNION ALL
        SELECT
            'room', id, name, estimate, exhibit_b, exhibit_b_signed, retail_total,
            jsonb_build_object('line_items', line_items, 'line_items_without_price', line_items_without_price)
        FROM rooms
        ORDER BY part, id
        """,
        {"project_id": project_id},
    )


def client_budget_of(project_id: EntityId, rows: list[dict[str, Any]]) -> ProjectBudgetForClient:
    """Return the budget that ``client_budget_sql`` has found. Raises ``NotFoundError`` if it has found no project."""
    parts = _by_part(rows)
    if not parts["project"]:
        raise no_such("project", project_id)
    (project,) = parts["project"]
    return {
        "project_id": project["id"],
        **_budget_for_client(project),
        "left_out": project["left_out"],
        "rooms": [
            {"room_id": room["id"], "name": room["name"], **_budget_for_client(room), "left_out": room["left_out"]}
            for room in parts["room"]
        ],
    }


def _budget_for_client(row: dict[str, Any]) -> ClientBudget:
    return {
        "estimate": row["estimate"],
        "exhibit_b": row["exhibit_b"],
        "exhibit_b_signed": row["exhibit_b_signed"],
        "retail_total": row["retail_total"],
    }
