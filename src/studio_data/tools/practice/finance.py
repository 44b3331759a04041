"""The finances of a project and of the practice: budgets, and the controller's report. The database makes every sum."""

from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.fields import Cursor, Day, EntityId, Limit
from studio_data.contract.paging import LOWEST_ID, page
from studio_data.contract.registry import tool
from studio_data.db import many
from studio_data.errors import InvalidInputError
from studio_data.tools.practice.budgets import (
    ProjectBudget,
    ProjectBudgetForClient,
    budget_of,
    budget_sql,
    client_budget_of,
    client_budget_sql,
)


class Figures(TypedDict):
    """What the practice earned and ordered, in dollars.

    In the period: ``fees_invoiced``, ``fees_paid``, and ``committed`` (amount and freight of its orders that are not
    cancelled). Now: ``fees_outstanding`` (invoiced and not paid), ``fees_overdue`` (outstanding and past due), and
    ``margin`` (retail minus designer net and freight of the line items that are ordered or later).

    A sum counts what is known. ``fees_undated`` were invoiced or paid on an unknown day, and are in no period.
    ``committed_without_freight`` orders count with their amount alone, ``margin_without_freight`` line items with their
    prices alone. Of ``margin_items`` the margin leaves out ``margin_left_out``, which have no client's price or no designer
    net; they cost ``margin_left_out_cost``.
    """

    fees_invoiced: Decimal
    fees_paid: Decimal
    fees_outstanding: Decimal
    fees_overdue: Decimal
    committed: Decimal
    margin: Decimal
    fees_undated: int
    fees_undated_amount: Decimal
    committed_without_freight: int
    margin_items: int
    margin_without_freight: int
    margin_left_out: int
    margin_left_out_cost: Decimal


class ProjectFigures(Figures):
    """The figures of one project."""

    project_id: UUID
    name: str


class PracticeReport(TypedDict):
    """The figures of the whole practice, and of each project that has any."""

    totals: Figures
    projects: list[ProjectFigures]
    next: str | None
    left: int


@tool(reads=True)
def project_budget(project_id: EntityId) -> ProjectBudget:
    """Compare a project's estimate, Exhibit B, orders and actual amounts, in total and per room. Internal.

    ``variance`` is Exhibit B minus actual, or minus committed if actual is unknown. Trades' final quotes are apart. For the
    client use project_budget_for_client.

    ``left_out`` counts what has no amount yet. Without rooms, the project's own estimate and Exhibit B total count.
    Returns the sums and their rooms in id order. Raises ``NotFoundError`` for an unknown project.
    """
    return budget_of(project_id, many(*budget_sql(project_id)))


@tool(reads=True)
def project_budget_for_client(project_id: EntityId) -> ProjectBudgetForClient:
    """Show a project's budget as its client may see it: estimate, Exhibit B and retail prices, in total and per room.

    It leaves out what the practice pays.

    ``left_out`` counts what has no amount yet. Returns the sums and their rooms in id order. Raises ``NotFoundError``
    for an unknown project.
    """
    return client_budget_of(project_id, many(*client_budget_sql(project_id)))


@tool(reads=True)
def practice_report(*, from_date: Day, to_date: Day, limit: Limit = 50, after: Cursor | None = None) -> PracticeReport:
    """Report a period's fees and orders, and what is outstanding, overdue and earned now. Internal.

    Both days count.

    Sums count what is known; the counts beside them say what they leave out. Returns the totals, a page of projects in
    id order, and the cursor of the next, None on the last. Raises ``InvalidInputError`` for a period that ends before it
    begins.
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
                ) AS overdue,
                count(*) FILTER (WHERE is_undated) AS undated,
                sum(amount) FILTER (WHERE is_undated) AS undated_amount
            FROM design_fees
            CROSS JOIN LATERAL (
                SELECT (status <> 'pending' AND invoiced_at IS NULL) OR (status = 'paid' AND paid_at IS NULL) AS is_undated
            ) AS dated
            CROSS JOIN period
            GROUP BY project_id
        ), orders AS (
            SELECT
                room.project_id,
                sum(purchase.amount + coalesce(purchase.freight, 0.00)) AS committed,
                count(*) FILTER (WHERE purchase.freight IS NULL) AS without_freight
            FROM purchase_orders AS purchase
            JOIN line_items AS item ON item.id = purchase.line_item_id
            JOIN project_rooms AS room ON room.id = item.room_id
            CROSS JOIN period
            WHERE purchase.status <> 'cancelled' AND purchase.ordered_at >= begins AND purchase.ordered_at < ends
            GROUP BY room.project_id
        ), margins AS (
            SELECT
                room.project_id,
                sum((item.unit_retail_price - item.designer_net) * item.quantity - coalesce(item.freight, 0.00)) AS margin,
                count(*) AS items,
                count(*) FILTER (WHERE is_known AND item.freight IS NULL) AS without_freight,
                count(*) FILTER (WHERE NOT is_known) AS left_out,
                sum(coalesce(item.designer_net * item.quantity, 0.00) + coalesce(item.freight, 0.00))
                    FILTER (WHERE NOT is_known) AS left_out_cost
            FROM line_items AS item
            JOIN project_rooms AS room ON room.id = item.room_id
            CROSS JOIN LATERAL (
                SELECT item.unit_retail_price IS NOT NULL AND item.designer_net IS NOT NULL AS is_known
            ) AS priced
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
                coalesce(margins.margin, 0.00) AS margin,
                coalesce(fees.undated, 0) AS fees_undated,
                coalesce(fees.undated_amount, 0.00) AS fees_undated_amount,
                coalesce(orders.without_freight, 0) AS committed_without_freight,
                coalesce(margins.items, 0) AS margin_items,
                coalesce(margins.without_freight, 0) AS margin_without_freight,
                coalesce(margins.left_out, 0) AS margin_left_out,
                coalesce(margins.left_out_cost, 0.00) AS margin_left_out_cost
            FROM projects AS project
            LEFT JOIN fees ON fees.project_id = project.id
            LEFT JOIN orders ON orders.project_id = project.id
            LEFT JOIN margins ON margins.project_id = project.id
        ), listed AS (
            SELECT *, count(*) OVER () AS found_rows
            FROM figures
            WHERE (fees_invoiced, fees_paid, fees_outstanding, committed, fees_undated, margin_items)
                <> (0, 0, 0, 0, 0, 0)
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
            coalesce(sum(margin), 0.00) AS margin,
            coalesce(sum(fees_undated), 0)::bigint AS fees_undated,
            coalesce(sum(fees_undated_amount), 0.00) AS fees_undated_amount,
            coalesce(sum(committed_without_freight), 0)::bigint AS committed_without_freight,
            coalesce(sum(margin_items), 0)::bigint AS margin_items,
            coalesce(sum(margin_without_freight), 0)::bigint AS margin_without_freight,
            coalesce(sum(margin_left_out), 0)::bigint AS margin_left_out,
            coalesce(sum(margin_left_out_cost), 0.00) AS margin_left_out_cost,
            NULL AS found_rows
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
        "left": listed["left"],
    }


def _figures(row: dict[str, Any]) -> Figures:
    return {
        "fees_invoiced": row["fees_invoiced"],
        "fees_paid": row["fees_paid"],
        "fees_outstanding": row["fees_outstanding"],
        "fees_overdue": row["fees_overdue"],
        "committed": row["committed"],
        "margin": row["margin"],
        "fees_undated": row["fees_undated"],
        "fees_undated_amount": row["fees_undated_amount"],
        "committed_without_freight": row["committed_without_freight"],
        "margin_items": row["margin_items"],
        "margin_without_freight": row["margin_without_freight"],
        "margin_left_out": row["margin_left_out"],
        "margin_left_out_cost": row["margin_left_out_cost"],
    }
