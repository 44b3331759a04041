"""Fees: what the practice earns on a project, in numbered instalments."""

from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, NotRequired, TypedDict, cast
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb
from pydantic import ConfigDict

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Fields, Limit, Money, Name, Search, Text
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import CENT
from studio_data.db import batch, many, one
from studio_data.errors import ConflictError, InvalidInputError, RuleViolationError
from studio_data.tools.practice.fields import FeeStatusName, InstalmentCount
from studio_data.tools.practice.rules.days import past_day_refusal, payment_day_refusal
from studio_data.tools.practice.rules.moves import FEE_MOVES
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


class OverdueFees(TypedDict):
    """Every fee that is overdue now."""

    overdue: list[Fee]


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


@tool(roles=[Role.CONTROLLER], people_only=["override_reason"])
def invoice_fee(fee_id: EntityId, *, due_date: Day | None = None, override_reason: Text | None = None) -> Fee:
    """Record that a pending fee was invoiced.

    It is due at the end of ``due_date``. Without ``due_date`` it keeps its due date if that is in the future, else it is
    due in 30 days. Refused for a due date before today without ``override_reason``.

    Returns the fee's row. Raises ``InvalidInputError`` for a past due date, ``NotFoundError``, ``InvalidTransitionError``
    for a fee that is not pending.
    """
    row = _move(fee_id, "invoice_fee", due_date=due_date, override_reason=override_reason)
    if row is None:
        raise past_day_refusal("due_date", due_date, override_reason) or move_refusal(FEE_MOVES, fee_id, "invoice_fee")
    return row


@tool(roles=[Role.CONTROLLER], people_only=["override_reason"])
def pay_fee(fee_id: EntityId, *, paid_on: Day | None = None, override_reason: Text | None = None) -> Fee:
    """Record that an invoiced or overdue fee was paid, today or on an earlier day.

    Refused for a day to come, and without ``override_reason`` for a day before the invoice.

    Returns the fee's row; ``paid_at`` is now, or noon of ``paid_on`` if it was invoiced before. Raises
    ``InvalidInputError`` for the day, ``NotFoundError``, ``InvalidTransitionError`` for a fee that is not invoiced.
    """
    row = _move(fee_id, "pay_fee", paid_on=paid_on, override_reason=override_reason)
    if row is None:
        raise payment_day_refusal(fee_id, paid_on, override_reason) or move_refusal(FEE_MOVES, fee_id, "pay_fee")
    return row


def _move(
    fee_id: EntityId,
    tool_name: str,
    *,
    due_date: Day | None = None,
    paid_on: Day | None = None,
    override_reason: str | None = None,
) -> Fee | None:
    """Move a fee as a tool does; None if the lifecycle does not allow it, or there is no such fee."""
    move = FEE_MOVES.made_by(tool_name)
    return one(
        """
        WITH before AS (
            SELECT *
            FROM design_fees
            WHERE id = %(fee_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE design_fees
            SET status = %(to)s::fee_status,
                invoiced_at = CASE %(to)s WHEN 'invoiced' THEN now() ELSE before.invoiced_at END,
                due_at = CASE %(to)s WHEN 'invoiced' THEN coalesce(
                    start_of_day(%(due_date)s::date + 1) - interval '1 second',
                    CASE WHEN before.due_at > now() THEN before.due_at END,
                    start_of_day(today() + 31) - interval '1 second'
                ) ELSE before.due_at END,
                paid_at = CASE %(to)s WHEN 'paid' THEN least(now(), CASE
                    WHEN %(paid_on)s::date = day_of(before.invoiced_at)
                    THEN greatest(noon, before.invoiced_at) ELSE noon
                END) END
            FROM before, CAST((%(paid_on)s::date + time '12:00') AT TIME ZONE practice_time_zone() AS timestamptz) AS noon
            WHERE design_fees.id = before.id
                AND before.status = ANY(%(sources)s::fee_status[])
                AND (%(paid_on)s::date <= today()) IS NOT FALSE
                AND (
                    (
                        %(paid_on)s::date >= day_of(before.invoiced_at)
                        AND %(due_date)s::date >= today()
                    ) IS NOT FALSE
                    OR %(override_reason)s::text IS NOT NULL
                )
            RETURNING design_fees.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'fee', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'reason', %(override_reason)s::text
                ))
            FROM before, after
        )
        SELECT *, day_of(due_at) AS due_date FROM after
        """,
        {
            "fee_id": fee_id,
            "to": move.to,
            "sources": list(move.sources),
            "due_date": due_date,
            "paid_on": paid_on,
            "override_reason": override_reason,
            **actor(),
        },
    )


@tool(roles=[Role.CONTROLLER], idempotent=True)
def sweep_overdue_fees() -> OverdueFees:
    """Mark every invoiced fee past its due date as overdue.

    Run it daily. The answer lists all fees that are overdue now, old and new.

    Returns the fees in the order of their ids.
    """
    overdue = many(
        """
        WITH before AS (
            SELECT *
            FROM design_fees
            WHERE status = 'invoiced' AND due_at < now()
            ORDER BY id
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE design_fees
            SET status = 'overdue'
            FROM before
            WHERE design_fees.id = before.id
            RETURNING design_fees.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'fee', id, project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                '{"changes": {"status": ["invoiced", "overdue"]}}'
            FROM after
            ORDER BY id
        )
        SELECT *, day_of(due_at) AS due_date FROM after
        UNION ALL
        SELECT *, day_of(due_at) FROM design_fees WHERE status = 'overdue'
        ORDER BY id
        """,
        actor(),
    )
    return {"overdue": overdue}


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
