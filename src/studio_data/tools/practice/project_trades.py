"""Trades on a project: who is asked for what work, and their amounts from the trade day to the final quote."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Line, Money, Text
from studio_data.contract.paging import LOWEST_ID, Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import batch, one
from studio_data.errors import ConflictError, RuleViolationError, StudioError
from studio_data.tools.practice.fields import QuoteStatusName, TradeRoleName
from studio_data.tools.practice.rules.lifecycles import TradeRole
from studio_data.tools.practice.rules.live import waiting_refusal
from studio_data.tools.practice.rules.moves import TRADE_QUOTE_MOVES
from studio_data.tools.practice.trades import specialties


class ProjectTrade(TypedDict):
    """One row of ``project_trades``. Money in dollars: what the trade asks. ``is_chosen`` marks the project's one GC."""

    id: UUID
    project_id: UUID
    trade_id: UUID
    role: str
    scope: str | None
    quote_status: str
    ballpark_amount: Decimal | None
    final_amount: Decimal | None
    created_at: datetime
    is_chosen: bool


class ComparedTrade(TypedDict):
    """A trade of a project in a comparison. ``difference`` is the final quote minus the ballpark."""

    id: UUID
    trade_id: UUID
    name: str
    company: str | None
    specialty: str | None
    role: str
    quote_status: str
    ballpark_amount: Decimal | None
    final_amount: Decimal | None
    difference: Decimal | None
    is_chosen: bool


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def assign_trade(
    project_id: EntityId,
    *,
    trade_id: EntityId,
    role: TradeRoleName = TradeRole.SOFT_TRADE,
    scope: Text | None = None,
) -> ProjectTrade:
    """Assign a trade to a project and invite its quote.

    ``scope`` says what work they do. Several general contractors (gc) may bid; choose_gc chooses one. Refused for a trade
    that already has the role.

    Returns the assignment's row. Raises ``NotFoundError``, ``ConflictError`` that names the present assignment.
    """
    row = one(
        """
        WITH assigned AS (
            INSERT INTO project_trades (project_id, trade_id, role, scope)
            SELECT project.id, trade.id, %(role)s::trade_role, %(scope)s
            FROM projects AS project, trades AS trade
            WHERE project.id = %(project_id)s AND trade.id = %(trade_id)s
            ON CONFLICT (project_id, trade_id, role) DO NOTHING
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project_trade', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('trade_id', trade_id, 'role', role)
            FROM assigned
        )
        SELECT * FROM assigned
        """,
        {"project_id": project_id, "trade_id": trade_id, "role": role, "scope": scope, **actor()},
    )
    if row is None:
        raise _assign_refusal(project_id, trade_id, TradeRole(role))
    return row


def _assign_refusal(project_id: EntityId, trade_id: EntityId, role: TradeRole) -> StudioError:
    found = one(
        """
        SELECT
            EXISTS (SELECT FROM projects WHERE id = %(project_id)s) AS has_project,
            EXISTS (SELECT FROM trades WHERE id = %(trade_id)s) AS has_trade,
            present.id AS project_trade_id, present.trade_id, present.name, present.quote_status
        FROM (SELECT) AS nothing
        LEFT JOIN (
            SELECT assigned.id, assigned.trade_id, trade.name, assigned.quote_status
            FROM project_trades AS assigned
            JOIN trades AS trade ON trade.id = assigned.trade_id
            WHERE assigned.project_id = %(project_id)s
                AND assigned.role = %(role)s::trade_role
                AND assigned.trade_id = %(trade_id)s
        ) AS present ON true
        """,
        {"project_id": project_id, "trade_id": trade_id, "role": role},
        reads=True,
    )
    if not found["has_project"]:
        return no_such("project", project_id)
    if not found["has_trade"]:
        return no_such("trade", trade_id)
    return ConflictError(
        f"{found['name']} is already on project {project_id} as {role}.",
        hint="Use that assignment.",
        details={name: str(found[name]) for name in ("project_trade_id", "trade_id", "name", "quote_status")},
    )


@tool(roles=[Role.PROCUREMENT_COORDINATOR], idempotent=True)
def choose_gc(project_trade_id: EntityId) -> ProjectTrade:
    """Choose a project's general contractor among those who bid. It takes the place of one that was chosen before.

    From then on the gate gc_quoted and the budget count this one's final quote. Only in a live project.

    Returns the assignment's row. Raises ``NotFoundError``, ``RuleViolationError`` for another role.
    """
    _, chosen = batch(
        (
            """
            SELECT
            FROM projects
            WHERE id = (SELECT project_id FROM project_trades WHERE id = %(project_trade_id)s)
            FOR NO KEY UPDATE
            """,
            {"project_trade_id": project_trade_id},
        ),
        (
            """
            WITH before AS (
                SELECT other.*
                FROM project_trades AS assigned
                JOIN live_projects AS project ON project.id = assigned.project_id
                JOIN project_trades AS other ON other.project_id = project.id
                WHERE assigned.id = %(project_trade_id)s
                    AND assigned.role = 'gc'
                    AND (other.id = assigned.id OR other.is_chosen)
                FOR NO KEY UPDATE OF other
            ), after AS (
                UPDATE project_trades
                SET is_chosen = project_trades.id = %(project_trade_id)s
                FROM before
                WHERE project_trades.id = before.id
                RETURNING project_trades.*
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'project_trade', after.id, after.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
                FROM before
                JOIN after ON after.id = before.id
                WHERE before.is_chosen <> after.is_chosen
                ORDER BY after.is_chosen
            )
            SELECT * FROM after WHERE is_chosen
            """,
            {"project_trade_id": project_trade_id, **actor()},
        ),
    )
    if not chosen:
        raise _choose_refusal(project_trade_id)
    return chosen[0]


def _choose_refusal(project_trade_id: EntityId) -> StudioError:
    assigned = one("SELECT project_id, role FROM project_trades WHERE id = %(id)s", {"id": project_trade_id}, reads=True)
    if assigned is None:
        return no_such("project_trade", project_trade_id)
    if assigned["role"] == TradeRole.GC and (refusal := waiting_refusal(assigned["project_id"])) is not None:
        return refusal
    return RuleViolationError(
        f"Project trade {project_trade_id} is {assigned['role']}, not gc.",
        rule="only_general_contractors_are_chosen",
        found=assigned["role"],
        calls=[{"tool": "assign_trade", "arguments": {"project_id": str(assigned["project_id"]), "role": "gc"}}],
        hint="list_project_trades with role gc shows those who bid.",
    )


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def record_ballpark(project_trade_id: EntityId, *, ballpark_amount: Money) -> ProjectTrade:
    """Record an invited trade's first, rough amount.

    Returns the assignment's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(project_trade_id, "record_ballpark", ballpark_amount=ballpark_amount)


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def send_final_rfq(project_trade_id: EntityId) -> ProjectTrade:
    """Record that a trade with a ballpark was asked for its final quote (RFQ).

    Only in a live project.

    Returns the assignment's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(project_trade_id, "send_final_rfq")


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def record_final_quote(project_trade_id: EntityId, *, final_amount: Money) -> ProjectTrade:
    """Record a trade's final amount after the RFQ.

    Returns the assignment's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(project_trade_id, "record_final_quote", final_amount=final_amount)


def _move(
    project_trade_id: EntityId,
    tool_name: str,
    *,
    ballpark_amount: Money | None = None,
    final_amount: Money | None = None,
) -> ProjectTrade:
    """Move a trade's quote as a tool does, or raise why not."""
    move = TRADE_QUOTE_MOVES.made_by(tool_name)
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM project_trades
            WHERE id = %(project_trade_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE project_trades
            SET quote_status = %(to)s::quote_status,
                ballpark_amount = coalesce(%(ballpark_amount)s, before.ballpark_amount),
                final_amount = coalesce(%(final_amount)s, before.final_amount)
            FROM before
            WHERE project_trades.id = before.id AND before.quote_status = ANY(%(sources)s::quote_status[])
                AND (%(to)s <> 'final_rfq_sent' OR EXISTS (SELECT FROM live_projects WHERE id = before.project_id))
            RETURNING project_trades.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project_trade', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s,
                %(context)s, jsonb_build_object(
                    'changes',
                    changed_fields(to_jsonb(before), to_jsonb(after)) - 'quote_status'
                    || jsonb_build_object('status', jsonb_build_array(before.quote_status, after.quote_status))
                )
            FROM before, after
        )
        SELECT * FROM after
        """,
        {
            "project_trade_id": project_trade_id,
            "to": move.to,
            "sources": list(move.sources),
            "ballpark_amount": ballpark_amount,
            "final_amount": final_amount,
            **actor(),
        },
    )
    if row is None:
        raise move_refusal(TRADE_QUOTE_MOVES, project_trade_id, tool_name)
    return row


@tool(reads=True, brief=["trade_id", "role", "quote_status", "ballpark_amount", "final_amount", "is_chosen"])
def list_project_trades(
    project_id: EntityId,
    *,
    role: TradeRoleName | None = None,
    quote_status: QuoteStatusName | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ProjectTrade]:
    """List the trades on a project in order of assignment.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM project_trades
        WHERE project_id = %(project_id)s
            AND (%(role)s::trade_role IS NULL OR role = %(role)s)
            AND (%(quote_status)s::quote_status IS NULL OR quote_status = %(quote_status)s)
            AND id > %(after)s
        ORDER BY id
        """,
        {"project_id": project_id, "role": role, "quote_status": quote_status, "after": after or LOWEST_ID, "limit": limit},
        fields,
    )


@tool(reads=True, brief=["name", "role", "ballpark_amount", "final_amount", "is_chosen"])
def compare_trades(
    project_id: EntityId,
    *,
    role: TradeRoleName | None = None,
    specialty: Line | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ComparedTrade]:
    """Compare the amounts that trades of a role or specialty ask on a project, cheapest first.

    The final quote counts, else the ballpark.

    Without role and specialty it compares all trades of the project. Returns at most ``limit`` trades and the cursor of
    the next page (None on the last page). ``difference`` is final minus ballpark, negative if the final quote is lower.
    ``is_chosen`` marks the chosen general contractor.
    """
    found = listed(
        """
        SELECT
            assigned.id, assigned.trade_id, trade.name, trade.company, trade.specialty, assigned.role,
            assigned.quote_status, assigned.ballpark_amount, assigned.final_amount,
            assigned.final_amount - assigned.ballpark_amount AS difference, assigned.is_chosen
        FROM project_trades AS assigned
        JOIN trades AS trade ON trade.id = assigned.trade_id
        WHERE assigned.project_id = %(project_id)s
            AND (%(role)s::trade_role IS NULL OR assigned.role = %(role)s)
            AND (%(specialty)s::text IS NULL OR lower(trade.specialty) = lower(%(specialty)s))
            AND (
                %(after)s::uuid IS NULL
                OR (coalesce(assigned.final_amount, assigned.ballpark_amount, 'Infinity'::numeric), assigned.id) > (
                    SELECT coalesce(final_amount, ballpark_amount, 'Infinity'::numeric), id
                    FROM project_trades
                    WHERE id = %(after)s
                )
            )
        ORDER BY coalesce(assigned.final_amount, assigned.ballpark_amount, 'Infinity'::numeric), assigned.id
        """,
        {"project_id": project_id, "role": role, "specialty": specialty, "after": after, "limit": limit},
        fields,
    )
    return near_miss(found, "specialty", specialty, specialties)
