"""Fees: what the practice earns on a project, in numbered instalments."""

from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, NotRequired, TypedDict, cast
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb
from pydantic import ConfigDict

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Fields, Limit, Money, Name, Search
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import CENT
from studio_data.db import batch, one
from studio_data.errors import ConflictError, InvalidInputError, RuleViolationError
from studio_data.tools.practice.fields import FeeStatusName, InstalmentCount
from studio_data.tools.rules.lifecycles import ProjectPhase

MOST_FEES = 100


class Instalment(TypedDict):
    """One instalment of a new schedule."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    label: Name
    amount: Money
    due_date: NotRequired[Day | None]


class Fee(TypedDict):
    """One row of ``design_fees``; money in dollars. ``due_date`` is the practice's day on which it is due."""

    id: UUID
    project_id: UUID
    label: str
    amount: Decimal
    payment_number: int
    status: str
    due_at: datetime | None
    paid_at: datetime | None
    created_at: datetime
    invoiced_at: datetime | None
    due_date: date | None


class FeeSchedule(TypedDict):
    """The instalments of a project's design fee, and their sum."""

    fees: list[Fee]
    total: Decimal


@tool(roles=[Role.CONTROLLER])
def create_fee_schedule(
    project_id: EntityId,
    *,
    amounts: Annotated[list[Instalment], Len(1, 12)] | None = None,
    total: Money | None = None,
    instalments: InstalmentCount | None = None,
) -> FeeSchedule:
    """Create a project's design fee as pending instalments, numbered from 1.

    Give ``amounts``, or a ``total`` and the number of equal ``instalments``; the first takes the odd cents. Refused if the
    project is completed or has fees: add_fee adds one.

    Returns the fees by number and their sum. Raises ``InvalidInputError`` for a wrong combination, ``NotFoundError``,
    ``ConflictError`` for a project that has fees, ``RuleViolationError`` for a completed one.
    """
    parts = _parts(amounts, cast("Decimal | None", total), instalments)
    fees, present = _add(project_id, parts, after_at_most=0)
    if not fees:
        raise ConflictError(
            f"Project {project_id} already has {present} fees.",
            hint="add_fee adds another instalment; list_fees shows them.",
            details={"project_id": str(project_id), "fees": present},
        )
    return {"fees": fees, "total": sum((fee["amount"] for fee in fees), Decimal("0.00"))}


@tool(roles=[Role.CONTROLLER])
def add_fee(project_id: EntityId, *, label: Name, amount: Money, due_date: Day | None = None) -> Fee:
    """Add one pending instalment to a project's design fee, with the next payment number.

    Refused for a completed project.

    Returns the fee's row. Raises ``NotFoundError`` for an unknown project, ``RuleViolationError`` for a completed one, and
    for one that has 100 instalments.
    """
    part: Instalment = {"label": label, "amount": amount, "due_date": due_date}
    fees, present = _add(project_id, [part], after_at_most=MOST_FEES - 1)
    if not fees:
        raise RuleViolationError(
            f"Project {project_id} already has {MOST_FEES} instalments, the most that a project may have.",
            rule="projects_have_at_most_100_fees",
            found=f"payment {present}",
            hint="Bill it with an existing instalment.",
        )
    return fees[0]


def _parts(amounts: list[Instalment] | None, total: Decimal | None, instalments: int | None) -> list[Instalment]:
    """Return the instalments that the arguments describe, in order."""
    if amounts is not None and total is None and instalments is None:
        return amounts
    if amounts is not None or total is None or instalments is None:
        raise InvalidInputError(
            "A fee schedule takes either amounts, or a total and the number of instalments.",
            hint="Give one of the two.",
            details={"arguments": ["amounts", "total", "instalments"]},
        )
    share = (total / instalments).quantize(CENT, ROUND_DOWN)
    shares = [total - share * (instalments - 1), *[share] * (instalments - 1)]
    return [{"label": f"Instalment {number} of {instalments}", "amount": share} for number, share in enumerate(shares, 1)]


def _add(project_id: EntityId, parts: list[Instalment], *, after_at_most: int) -> tuple[list[Fee], int]:
    """Add instalments after the last one, if at most ``after_at_most`` exist. Return the new ones, and how many existed.

    The project is locked first, so that two callers take numbers one after the other. Raises ``NotFoundError`` for an
    unknown project, ``RuleViolationError`` for a completed one.
    """
    projects, (present,), fees = batch(
        (
            """
            SELECT phase
            FROM projects
            WHERE id = %(project_id)s
            FOR NO KEY UPDATE
            """,
            {"project_id": project_id},
        ),
        (
            """
            SELECT coalesce(max(payment_number), 0) AS last_number
            FROM design_fees
            WHERE project_id = %(project_id)s
            """,
            {"project_id": project_id},
        ),
        (
            """
            WITH present AS (
                SELECT coalesce(max(payment_number), 0) AS last_number
                FROM design_fees
                WHERE project_id = %(project_id)s
            ), parts AS (
                SELECT number, part ->> 'label' AS label, (part ->> 'amount')::numeric AS amount,
                    (part ->> 'due_date')::date AS due_date
                FROM jsonb_array_elements(%(parts)s) WITH ORDINALITY AS parts (part, number)
            ), fees AS (
                INSERT INTO design_fees (project_id, label, amount, payment_number, due_at)
                SELECT
                    project.id, parts.label, parts.amount, present.last_number + parts.number,
                    start_of_day(parts.due_date + 1) - interval '1 second'
                FROM projects AS project, present, parts
                WHERE project.id = %(project_id)s AND project.phase <> 'completed'
                    AND present.last_number <= %(after_at_most)s
                ORDER BY parts.number
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'fee', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('payment_number', payment_number, 'amount', amount)
                FROM fees
                ORDER BY payment_number
            )
            SELECT *, day_of(due_at) AS due_date FROM fees ORDER BY payment_number
            """,
            {
                "project_id": project_id,
                "after_at_most": after_at_most,
                "parts": Jsonb([{name: _json(value) for name, value in part.items()} for part in parts]),
                **actor(),
            },
        ),
    )
    if not projects:
        raise no_such("project", project_id)
    if projects[0]["phase"] == ProjectPhase.COMPLETED:
        raise RuleViolationError(
            f"Project {project_id} is completed. No fees can be added to it.",
            rule="completed_projects_get_no_fees",
            found=projects[0]["phase"],
            hint="Create a new project for further work.",
        )
    return fees, present["last_number"]


def _json(value: object) -> str | None:
    return None if value is None else str(value)


@tool(reads=True)
def get_fee(fee_id: EntityId) -> Fee:
    """Get a fee by its id.

    Returns the fee's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *, day_of(due_at) AS due_date
        FROM design_fees
        WHERE id = %(fee_id)s
        """,
        {"fee_id": fee_id},
    )
    if row is None:
        raise no_such("fee", fee_id)
    return row


@tool(reads=True, brief=["project_id", "label", "payment_number", "amount", "status", "due_date"])
def list_fees(
    project_id: EntityId | None = None,
    *,
    status: FeeStatusName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Fee]:
    """List a project's fees by payment number. Without a project: by due date, those without one last.

    ``overdue`` finds every fee that is past its due date and not paid.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *, day_of(due_at) AS due_date
        FROM design_fees
        WHERE (%(project_id)s::uuid IS NULL OR project_id = %(project_id)s)
            AND (
                %(status)s::fee_status IS NULL
                OR status = %(status)s
                OR (%(status)s = 'overdue' AND status = 'invoiced' AND due_at < now())
            )
            AND (
                %(after)s::uuid IS NULL
                OR %(by_date)s
                OR payment_number > (SELECT payment_number FROM design_fees WHERE id = %(after)s)
            )
            AND (
                %(after)s::uuid IS NULL
                OR NOT %(by_date)s
                OR (coalesce(due_at, 'infinity'::timestamptz), id) > (
                    SELECT coalesce(due_at, 'infinity'::timestamptz), id FROM design_fees WHERE id = %(after)s
                )
            )
            AND (%(search)s::text IS NULL OR strpos(lower(label), lower(%(search)s)) > 0)
        ORDER BY CASE WHEN %(by_date)s THEN due_at END, CASE WHEN %(by_date)s THEN id END, payment_number
        """,
        {
            "project_id": project_id,
            "by_date": project_id is None,
            "status": status,
            "after": after,
            "search": search,
            "limit": limit,
        },
        fields,
    )
