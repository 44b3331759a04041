"""The finances of a project and of the practice: budgets, and the controller's report. The database makes every sum."""

from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Limit
from studio_data.contract.paging import LOWEST_ID, page
from studio_data.contract.registry import tool
from studio_data.db import Statement, many
from studio_data.errors import InvalidInputError


class Budget(TypedDict):
    """What was estimated, agreed, ordered and spent, in dollars. An amount that is not set is None.

    ``committed`` is amount and freight of the orders that are not cancelled, drafts included. ``variance`` is the rest of
    Exhibit B: ``exhibit_b`` minus ``actual``, or minus ``committed`` for a room whose actual amount is unknown.
    """

    estimate: Decimal | None
    exhibit_b: Decimal | None
    committed: Decimal
    actual: Decimal | None
    variance: Decimal | None


class RoomBudget(Budget):
    """The budget of one room."""

    room_id: UUID
    name: str


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


class ClientBudget(TypedDict):
    """What a client may see of a budget. It leaves out what the practice pays or earns."""

    estimate: Decimal | None
    exhibit_b: Decimal | None
    retail_total: Decimal


class RoomBudgetForClient(ClientBudget):
    """The budget of one room, for the client."""

    room_id: UUID
    name: str


class ProjectBudgetForClient(ClientBudget):
    """A project's budget for its client, in total and per room."""

    project_id: UUID
    rooms: list[RoomBudgetForClient]


class Figures(TypedDict):
    """What the practice earned and ordered, in dollars.

    In the period: ``fees_invoiced``, ``fees_paid``, and ``committed`` (amount and freight of its orders that are not
    cancelled). Now: ``fees_outstanding`` (invoiced and not paid), ``fees_overdue`` (outstanding and past due), and
    ``margin`` (retail minus designer net of all that is ordered or later).
    """

    fees_invoiced: Decimal
    fees_paid: Decimal
    fees_outstanding: Decimal
    fees_overdue: Decimal
    committed: Decimal
    margin: Decimal


class ProjectFigures(Figures):
    """The figures of one project."""

    project_id: UUID
    name: str


class PracticeReport(TypedDict):
    """The figures of the whole practice, and of each project that has any."""

    totals: Figures
    projects: list[ProjectFigures]
    next: str | None


@tool(reads=True)
def project_budget(project_id: EntityId) -> ProjectBudget:
    """Compare a project's estimate, Exhibit B, orders and actual amounts, in total and per room. Internal.

    ``variance`` is Exhibit B minus actual, or minus committed if actual is unknown. Trades' final quotes are listed
    separately. For the client use project_budget_for_client.

    Without rooms, the project's own estimate and Exhibit B total count. Returns the sums and their rooms in id order.
    Raises ``NotFoundError`` for an unknown project.
    """
    return budget_of(project_id, many(*budget_sql(project_id)))


def budget_sql(project_id: EntityId) -> Statement:
    """Return the query of a project's budget."""
    return (
        """
        WITH rooms AS (
            SELECT
                id, name, investment_estimate AS estimate, exhibit_b_amount AS exhibit_b, actual_amount AS actual,
                (
                    SELECT coalesce(sum(purchase.amount + coalesce(purchase.freight, 0.00)), 0.00)
                    FROM line_items AS item
                    JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
                    WHERE item.room_id = room.id AND purchase.status <> 'cancelled'
                ) AS committed
            FROM project_rooms AS room
            WHERE project_id = %(project_id)s
        ), sums AS (
            SELECT
                project.id, project.name,
                coalesce(sum(rooms.estimate), project.investment_estimate) AS estimate,
                coalesce(sum(rooms.exhibit_b), project.exhibit_b_total) AS exhibit_b,
                coalesce(sum(rooms.committed), 0.00) AS committed,
                sum(rooms.actual) AS actual,
                coalesce(sum(coalesce(rooms.actual, rooms.committed)), 0.00) AS spent
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
            'project' AS part, id, name, NULL AS role, estimate, exhibit_b, committed, actual,
            exhibit_b - spent AS variance
        FROM sums
        UNION ALL
        SELECT 'room', id, name, NULL, estimate, exhibit_b, committed, actual, exhibit_b - coalesce(actual, committed)
        FROM rooms
        UNION ALL
        SELECT 'trade', quoted.id, trade.name, quoted.role::text, NULL, NULL, quoted.final_amount, NULL, NULL
        FROM quoted
        JOIN trades AS trade ON trade.id = quoted.trade_id
        UNION ALL
        SELECT 'trades', NULL, NULL, NULL, NULL, NULL, coalesce(sum(final_amount), 0.00), NULL, NULL
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
        "rooms": [{"room_id": room["id"], "name": room["name"], **_budget(room)} for room in parts["room"]],
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
        "committed": row["committed"],
        "actual": row["actual"],
        "variance": row["variance"],
    }


@tool(reads=True)
def project_budget_for_client(project_id: EntityId) -> ProjectBudgetForClient:
    """Show a project's budget as its client may see it: estimate, Exhibit B and retail prices, in total and per room.

    It leaves out what the practice pays.

    Returns the sums and their rooms in id order. Raises ``NotFoundError`` for an unknown project.
    """
    return client_budget_of(project_id, many(*client_budget_sql(project_id)))


def client_budget_sql(project_id: EntityId) -> Statement:
    """Return the query of what a client may be told of a project's budget."""
    return (
        """
        WITH rooms AS (
            SELECT
                id, name, investment_estimate AS estimate, exhibit_b_amount AS exhibit_b,
                (
                    SELECT coalesce(sum(quantity * unit_retail_price), 0.00)
                    FROM line_items
                    WHERE room_id = room.id AND status <> 'estimated'
                ) AS retail_total
            FROM project_rooms AS room
            WHERE project_id = %(project_id)s
        )
        SELECT
            'project' AS part, project.id, project.name,
            coalesce(sum(rooms.estimate), project.investment_estimate) AS estimate,
            coalesce(sum(rooms.exhibit_b), project.exhibit_b_total) AS exhibit_b,
            coalesce(sum(rooms.retail_total), 0.00) AS retail_total
        FROM projects AS project
        LEFT JOIN rooms ON true
        WHERE project.id = %(project_id)s
        GROUP BY project.id
        UNION ALL
        SELECT 'room', id, name, estimate, exhibit_b, retail_total
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
        "rooms": [{"room_id": room["id"], "name": room["name"], **_budget_for_client(room)} for room in parts["room"]],
    }


def _budget_for_client(row: dict[str, Any]) -> ClientBudget:
    return {"estimate": row["estimate"], "exhibit_b": row["exhibit_b"], "retail_total": row["retail_total"]}


@tool(reads=True)
def practice_report(*, from_date: Day, to_date: Day, limit: Limit = 50, after: Cursor | None = None) -> PracticeReport:
    """Report a period's fees and orders, and what is outstanding, overdue and earned now. Internal.

    Both days belong to the period.

    Returns the totals, a page of projects in id order, and the cursor of the next, None on the last. Raises
    ``InvalidInputError`` for a period that ends before it begins.
    """
    if from_date > to_date:  # pyright: ignore[reportOperatorIssue] (both are dates when they have been checked)
        raise InvalidInputError(
            "The period ends before it begins.",
            hint="Swap from_date and to_date.",
            details={"arguments": ["from_date", "to_date"]},
        )
    totals, *rows = many(
        """
        WITH period AS (
            SELECT
                start_of_day(%(from_date)s) AS begins,
                start_of_day(%(to_date)s::date + 1) AS ends
        ), fees AS (
            SELECT
                project_id,
                sum(amount) FILTER (WHERE invoiced_at >= begins AND invoiced_at < ends) AS invoiced,
                sum(amount) FILTER (WHERE paid_at >= begins AND paid_at < ends) AS paid,
                sum(amount) FILTER (WHERE status IN ('invoiced', 'overdue')) AS outstanding,
                sum(amount) FILTER (
                    WHERE status = 'overdue' OR (status = 'invoiced' AND due_at < now())
                ) AS overdue
            FROM design_fees
            CROSS JOIN period
            GROUP BY project_id
        ), orders AS (
            SELECT room.project_id, sum(purchase.amount + coalesce(purchase.freight, 0.00)) AS committed
            FROM purchase_orders AS purchase
            JOIN line_items AS item ON item.id = purchase.line_item_id
            JOIN project_rooms AS room ON room.id = item.room_id
            CROSS JOIN period
            WHERE purchase.status <> 'cancelled' AND purchase.ordered_at >= begins AND purchase.ordered_at < ends
            GROUP BY room.project_id
        ), margins AS (
            SELECT room.project_id, sum((item.unit_retail_price - item.designer_net) * item.quantity) AS margin
            FROM line_items AS item
            JOIN project_rooms AS room ON room.id = item.room_id
            WHERE item.status >= 'ordered'
            GROUP BY room.project_id
        ), figures AS (
            SELECT
                project.id, project.name,
                coalesce(fees.invoiced, 0.00) AS fees_invoiced,
                coalesce(fees.paid, 0.00) AS fees_paid,
                coalesce(fees.outstanding, 0.00) AS fees_outstanding,
                coalesce(fees.overdue, 0.00) AS fees_overdue,
                coalesce(orders.committed, 0.00) AS committed,
                coalesce(margins.margin, 0.00) AS margin
            FROM projects AS project
            LEFT JOIN fees ON fees.project_id = project.id
            LEFT JOIN orders ON orders.project_id = project.id
            LEFT JOIN margins ON margins.project_id = project.id
        ), listed AS (
            SELECT *
            FROM figures
            WHERE (fees_invoiced, fees_paid, fees_outstanding, committed, margin) <> (0, 0, 0, 0, 0)
                AND id > %(after)s
            ORDER BY id
            LIMIT %(limit)s + 1
        )
        SELECT
            NULL::uuid AS id, NULL AS name,
            coalesce(sum(fees_invoiced), 0.00) AS fees_invoiced,
            coalesce(sum(fees_paid), 0.00) AS fees_paid,
            coalesce(sum(fees_outstanding), 0.00) AS fees_outstanding,
            coalesce(sum(fees_overdue), 0.00) AS fees_overdue,
            coalesce(sum(committed), 0.00) AS committed,
            coalesce(sum(margin), 0.00) AS margin
        FROM figures
        UNION ALL
        SELECT * FROM listed
        ORDER BY id NULLS FIRST
        """,
        {"from_date": from_date, "to_date": to_date, "limit": limit, "after": after or LOWEST_ID},
    )
    listed = page(rows, limit)
    return {
        "totals": _figures(totals),
        "projects": [{"project_id": row["id"], "name": row["name"], **_figures(row)} for row in listed["items"]],
        "next": listed["next"],
    }


def _figures(row: dict[str, Any]) -> Figures:
    return {
        "fees_invoiced": row["fees_invoiced"],
        "fees_paid": row["fees_paid"],
        "fees_outstanding": row["fees_outstanding"],
        "fees_overdue": row["fees_overdue"],
        "committed": row["committed"],
        "margin": row["margin"],
    }
