"""Invoicing: a fee is invoiced, paid, or overdue."""

from typing import TypedDict

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal
from studio_data.contract.fields import Day, EntityId, Text
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import many, one
from studio_data.tools.practice.fees import Fee
from studio_data.tools.practice.rules.days import past_day_refusal, payment_day_refusal
from studio_data.tools.practice.rules.moves import FEE_MOVES


class OverdueFees(TypedDict):
    """Every fee that is overdue now."""

    overdue: list[Fee]


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
