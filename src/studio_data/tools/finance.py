"""Money answers: a project's budget, and the practice's fees, orders and margin."""

from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from studio_data.db import many, one
from studio_data.entities import no_such
from studio_data.errors import InvalidInputError
from studio_data.fields import Day, EntityId
from studio_data.registry import tool

MOST_PROJECTS = 500


class BudgetLine(TypedDict):
    """The budget of a room, or of all rooms; dollars.

    ``committed`` is what is ordered and not cancelled, with freight. ``variance`` is Exhibit B less the actual amount, or
    less the committed one while there is no actual; None without an Exhibit B.
    """

    estimate: Decimal | None
    exhibit_b: Decimal | None
    committed: Decimal
    actual: Decimal | None
    variance: Decimal | None


class RoomBudget(BudgetLine):
    """The budget of one room."""

    room_id: UUID
    name: str


class ProjectBudget(TypedDict):
    """The budget of a project, per room and in all; trades' final quotes stand beside it, as they belong to no room."""

    project_id: UUID
    rooms: list[RoomBudget]
    total: BudgetLine
    trades_final_quotes: Decimal


class ClientBudgetLine(TypedDict):
    """What a client sees of a budget; dollars. ``specified`` is the retail price of the products that are chosen."""

    estimate: Decimal | None
    exhibit_b: Decimal | None
    specified: Decimal


class ClientRoomBudget(ClientBudgetLine):
    """What a client sees of a room's budget."""

    room_id: UUID
    name: str


class ClientBudget(TypedDict):
    """A project's budget as the client may see it."""

    project_id: UUID
    rooms: list[ClientRoomBudget]
    total: ClientBudgetLine


class ProjectMargin(TypedDict):
    """What a project's ordered items bring: retail less designer net, times quantity; dollars."""

    project_id: UUID
    name: str
    margin: Decimal


class PracticeReport(TypedDict):
    """Fees, orders and margin; dollars. What is outstanding and overdue is as of now, the rest is of the period."""

    from_date: str
    to_date: str
    fees_invoiced: Decimal
    fees_paid: Decimal
    fees_outstanding: Decimal
    fees_overdue: Decimal
    committed_orders: Decimal
    margin: Decimal
    margin_per_project: list[ProjectMargin]


@tool(reads=True)
def project_budget(project_id: EntityId) -> ProjectBudget:
    """Show a project's budget per room and in all: estimate, Exhibit B, committed, actual, variance. Not for clients' eyes.

    Returns dollars; the total's variance is the sum of the rooms'. Raises ``NotFoundError``.
    """
    rows = many(
        """
        WITH room AS (
            SELECT room.id AS room_id, room.name, room.investment_estimate AS estimate, room.exhibit_b_amount AS exhibit_b,
                coalesce((
                    SELECT sum(purchase.amount + coalesce(purchase.freight, 0))
                    FROM line_items AS item
                    JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
                    WHERE item.room_id = room.id AND purchase.status <> 'cancelled'
                ), 0)::numeric(14, 2) AS committed,
                room.actual_amount AS actual
            FROM project_rooms AS room
            WHERE room.project_id = %(project_id)s
        )
        SELECT room_id, name, sum(estimate)::numeric(14, 2) AS estimate, sum(exhibit_b)::numeric(14, 2) AS exhibit_b,
            coalesce(sum(committed), 0)::numeric(14, 2) AS committed, sum(actual)::numeric(14, 2) AS actual,
            sum(exhibit_b - coalesce(actual, committed))::numeric(14, 2) AS variance,
            (
                SELECT coalesce(sum(final_amount), 0)::numeric(14, 2)
                FROM project_trades
                WHERE project_id = %(project_id)s
            ) AS trades,
            (SELECT id FROM projects WHERE id = %(project_id)s) AS project_id
        FROM room
        GROUP BY GROUPING SETS ((room_id, name), ())
        ORDER BY room_id NULLS LAST
        """,
        {"project_id": project_id},
    )
    total = rows.pop()
    if total["project_id"] is None:
        raise no_such("project", project_id, hint="list_projects shows them all.")
    for row in rows:
        del row["trades"], row["project_id"]
    return {
        "project_id": total.pop("project_id"),
        "rooms": rows,
        "trades_final_quotes": total.pop("trades"),
        "total": {name: value for name, value in total.items() if name not in {"room_id", "name"}},  # pyright: ignore[reportReturnType]
    }


@tool(reads=True)
def project_budget_for_client(project_id: EntityId) -> ClientBudget:
    """Show a project's budget as the client may see it: estimate, Exhibit B, and what the chosen products retail for.

    Returns dollars, per room and in all. Raises ``NotFoundError``.
    """
    rows = many(
        """
        WITH room AS (
            SELECT room.id AS room_id, room.name, room.investment_estimate AS estimate, room.exhibit_b_amount AS exhibit_b,
                (
                    SELECT coalesce(sum(item.unit_retail_price * item.quantity), 0)
                    FROM line_items AS item
                    WHERE item.room_id = room.id AND item.status <> 'estimated'
                ) AS specified
            FROM project_rooms AS room
            WHERE room.project_id = %(project_id)s
        )
        SELECT room_id, name, sum(estimate)::numeric(14, 2) AS estimate, sum(exhibit_b)::numeric(14, 2) AS exhibit_b,
            coalesce(sum(specified), 0)::numeric(14, 2) AS specified,
            (SELECT id FROM projects WHERE id = %(project_id)s) AS project_id
        FROM room
        GROUP BY GROUPING SETS ((room_id, name), ())
        ORDER BY room_id NULLS LAST
        """,
        {"project_id": project_id},
    )
    total = rows.pop()
    if total["project_id"] is None:
        raise no_such("project", project_id, hint="list_projects shows them all.")
    for row in rows:
        del row["project_id"]
    return {
        "project_id": total["project_id"],
        "rooms": rows,
        "total": {name: total[name] for name in ("estimate", "exhibit_b", "specified")},  # pyright: ignore[reportReturnType]
    }


@tool(reads=True)
def practice_report(*, from_date: Day, to_date: Day) -> PracticeReport:
    """Report on the practice: fees invoiced and paid in a period, outstanding and overdue now, orders, margin per project.

    Both days belong to the period, in UTC.

    Returns dollars; at most 500 projects, the largest margin first. Raises ``InvalidInputError`` for a period that ends
    before it begins. Margin is retail less designer net times quantity, over items that are ordered or later.
    """
    if str(from_date) > str(to_date):
        raise InvalidInputError(
            f"to_date must not be before from_date, which is {from_date}.", details={"arguments": ["from_date", "to_date"]}
        )
    period = {"from_date": from_date, "to_date": to_date}
    totals = one(
        """
        WITH period AS (
            SELECT %(from_date)s::date::timestamp AT TIME ZONE 'UTC' AS begins,
                (%(to_date)s::date + 1)::timestamp AT TIME ZONE 'UTC' AS ends
        )
        SELECT
            coalesce(sum(fee.amount) FILTER (
                WHERE fee.invoiced_at >= period.begins AND fee.invoiced_at < period.ends
            ), 0)::numeric(14, 2) AS fees_invoiced,
            coalesce(sum(fee.amount) FILTER (
                WHERE fee.paid_at >= period.begins AND fee.paid_at < period.ends
            ), 0)::numeric(14, 2) AS fees_paid,
            coalesce(sum(fee.amount) FILTER (
                WHERE fee.status IN ('invoiced', 'overdue')
            ), 0)::numeric(14, 2) AS fees_outstanding,
            coalesce(sum(fee.amount) FILTER (
                WHERE fee.status = 'overdue' OR (fee.status = 'invoiced' AND fee.due_at < now())
            ), 0)::numeric(14, 2) AS fees_overdue,
            (
                SELECT coalesce(sum(purchase.amount + coalesce(purchase.freight, 0)), 0)::numeric(14, 2)
                FROM purchase_orders AS purchase
                WHERE purchase.status <> 'cancelled'
                    AND purchase.ordered_at >= min(period.begins) AND purchase.ordered_at < min(period.ends)
            ) AS committed_orders
        FROM period
        LEFT JOIN design_fees AS fee ON true
        """,
        period,
    )
    margins = many(
        """
        SELECT project.id AS project_id, project.name,
            sum((item.unit_retail_price - item.designer_net) * item.quantity)::numeric(14, 2) AS margin,
            sum(sum((item.unit_retail_price - item.designer_net) * item.quantity)) OVER ()::numeric(14, 2) AS in_all
        FROM line_items AS item
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        WHERE item.status >= 'ordered' AND item.unit_retail_price IS NOT NULL AND item.designer_net IS NOT NULL
        GROUP BY project.id, project.name
        ORDER BY margin DESC, project.id
        LIMIT %(most)s
        """,
        {"most": MOST_PROJECTS},
    )
    margin = margins[0]["in_all"] if margins else Decimal("0.00")
    for row in margins:
        del row["in_all"]
    return {
        "from_date": str(from_date),
        "to_date": str(to_date),
        **totals,
        "margin": margin,
        "margin_per_project": margins,
    }  # pyright: ignore[reportReturnType] (the sums are named as the fields are)
