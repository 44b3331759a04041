"""Agent executions: each turn of an agent in a session, with its result and its cost."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Line, ReportedObject, ReportedText, Search
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.db import many, one
from studio_data.errors import StudioError
from studio_data.tools.runs.fields import ExecutionStatusName, Minutes, ReportedTokens, ReportedUsage, SessionKey
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.lifecycles import AgentExecutionStatus, AgentSessionStatus
from studio_data.tools.runs.rules.session_moves import (
    EXECUTION_MOVES,
    has_ended,
    no_such_session,
    not_running,
    session_params,
)

DAY = 24 * 60
"""Minutes."""


class AgentExecution(TypedDict):
    """One row of ``agent_executions``; duration in seconds, cost in dollars.

    Until ``lease_until`` a running execution is taken to work, even if it says nothing.
    """

    id: UUID
    agent_session_id: UUID
    agent_type: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    duration_seconds: Decimal | None
    input_summary: str | None
    output_summary: str | None
    error_message: str | None
    tokens_used: int
    cost: Decimal
    metadata: dict[str, Any]
    created_at: datetime
    lease_until: datetime


class AgentPerformance(TypedDict):
    """One row of the view ``agent_performance``: seconds, dollars, and completed executions as a fraction of ended ones."""

    agent_type: str
    executions: int
    completed: int
    failed: int
    success_rate: Decimal | None
    mean_seconds: Decimal | None
    p95_seconds: Decimal | None
    tokens_used: int
    cost: Decimal


class AgentPerformances(TypedDict):
    """The executions of the last seven days, by type of agent."""

    agents: list[AgentPerformance]


@tool()
def start_execution(
    session_id: SessionKey,
    agent_type: Line,
    *,
    input_summary: ReportedText | None = None,
    metadata: ReportedObject | None = None,
    lease_minutes: Minutes = DAY,
) -> AgentExecution:
    """Record that an agent's turn began in a running session.

    ``agent_type`` is pm, arch, eng, qa, or a profile's name. finish_execution ends the turn. Its session does not expire for
    ``lease_minutes``; record_heartbeat renews them.

    Returns the execution's row. Raises ``NotFoundError``, ``RuleViolationError`` for a session that does not run.
    """
    row = one(
        """
        WITH session AS (
            SELECT id, project_id
            FROM agent_sessions
            WHERE (session_id = %(session_id)s OR id = %(id)s) AND status = 'running'
            FOR KEY SHARE
        ), execution AS (
            INSERT INTO agent_executions (agent_session_id, agent_type, input_summary, metadata, lease_until)
            SELECT id, %(agent_type)s, %(input_summary)s, %(metadata)s, now() + make_interval(mins => %(lease_minutes)s)
            FROM session
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_execution', execution.id, session.project_id, 'created', %(actor_type)s, %(actor_name)s,
                %(context)s, %(event)s || jsonb_build_object(
                    'agent_session_id', agent_session_id, 'agent_type', agent_type
                )
            FROM execution, session
        )
        SELECT * FROM execution
        """,
        {
            **session_params(session_id),
            "agent_type": agent_type,
            "input_summary": input_summary,
            "metadata": Jsonb(metadata or {}),
            "lease_minutes": lease_minutes,
            "event": event("agent_started", input_summary=input_summary, metadata=metadata),
            **actor(),
        },
    )
    if row is None:
        raise _start_refusal(session_id)
    return row


def _start_refusal(session_id: SessionKey) -> StudioError:
    session = one(
        "SELECT session_id, status FROM agent_sessions WHERE session_id = %(session_id)s OR id = %(id)s",
        session_params(session_id),
        reads=True,
    )
    if session is None:
        return no_such_session(session_id)
    return not_running(session["session_id"], AgentSessionStatus(session["status"]))


@tool()
def record_heartbeat(execution_id: EntityId, *, lease_minutes: Minutes = 60) -> AgentExecution:
    """Record that a running execution still works: its session does not expire for ``lease_minutes``.

    Call it every few minutes in long turns. A session that has expired meanwhile runs again.

    Returns the execution's row. Raises ``NotFoundError``, ``RuleViolationError`` for an execution that has ended.
    """
    row = one(
        """
        WITH before AS (
            SELECT execution.id, session.id AS session_id, session.status, session.project_id
            FROM agent_executions AS execution
            JOIN agent_sessions AS session ON session.id = execution.agent_session_id
            WHERE execution.id = %(execution_id)s AND execution.status = 'running'
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE agent_executions
            SET lease_until = now() + make_interval(mins => %(lease_minutes)s)
            FROM before
            WHERE agent_executions.id = before.id
            RETURNING agent_executions.*
        ), session AS (
            -- Also one that runs is written, so that its updated_at tells whoever waits to expire it.
            UPDATE agent_sessions
            SET status = CASE before.status WHEN 'expired' THEN 'running' ELSE before.status END
            FROM before
            WHERE agent_sessions.id = before.session_id
                AND (before.status = 'expired' OR agent_sessions.updated_at < now())
            RETURNING agent_sessions.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_execution', after.id, before.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object(
                    'agent_session_id', after.agent_session_id, 'lease_until', after.lease_until
                )
            FROM before, after
            UNION ALL
            SELECT 'agent_session', session.id, session.project_id, 'status_changed', %(actor_type)s, %(actor_name)s,
                %(context)s, %(revived)s || jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, session.status))
                )
            FROM before, session
            WHERE session.status <> before.status
        )
        SELECT * FROM after
        """,
        {
            "execution_id": execution_id,
            "lease_minutes": lease_minutes,
            "event": event("agent_works"),
            "revived": event("session_resumed"),
            **actor(),
        },
    )
    if row is None:
        raise _heartbeat_refusal(execution_id)
    return row


def _heartbeat_refusal(execution_id: EntityId) -> StudioError:
    execution = one("SELECT id, status FROM agent_executions WHERE id = %(id)s", {"id": execution_id}, reads=True)
    return no_such("agent_execution", execution_id) if execution is None else has_ended(execution)


@tool()
def finish_execution(
    execution_id: EntityId,
    *,
    output_summary: ReportedText | None = None,
    error_message: ReportedText | None = None,
    tokens_used: ReportedTokens = 0,
    cost: ReportedUsage = "0",
) -> AgentExecution:
    """Record that an agent's turn ended: completed, or failed if ``error_message`` is given.

    ``tokens_used`` and ``cost`` (dollars) are the turn's usage. Texts are cleaned and cut, never refused.

    An error without text still fails the turn. A session that has expired meanwhile runs again. Returns the execution's row,
    with its duration. Raises ``NotFoundError``, ``InvalidTransitionError`` for an execution that has ended.
    """
    to = AgentExecutionStatus.COMPLETED if error_message is None else AgentExecutionStatus.FAILED
    row = one(
        """
        WITH before AS (
            SELECT execution.*, session.project_id
            FROM agent_executions AS execution
            JOIN agent_sessions AS session ON session.id = execution.agent_session_id
            WHERE execution.id = %(execution_id)s
            FOR NO KEY UPDATE OF execution
        ), after AS (
            UPDATE agent_executions
            SET status = %(to)s::agent_execution_status,
                completed_at = greatest(now(), before.started_at),
                output_summary = %(output_summary)s,
                error_message = %(error_message)s,
                tokens_used = %(tokens_used)s,
                cost = %(cost)s
            FROM before
            WHERE agent_executions.id = before.id AND before.status = ANY(%(sources)s::agent_execution_status[])
            RETURNING agent_executions.*
        ), revived AS (
            UPDATE agent_sessions
            SET status = 'running'
            FROM after
            WHERE agent_sessions.id = after.agent_session_id AND agent_sessions.status = 'expired'
            RETURNING agent_sessions.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_execution', after.id, before.project_id, 'status_changed', %(actor_type)s, %(actor_name)s,
                %(context)s, %(event)s || jsonb_build_object(
                    'agent_session_id', after.agent_session_id,
                    'agent_type', after.agent_type,
                    'tokens_used', after.tokens_used,
                    'cost', after.cost,
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status))
                )
            FROM before, after
            UNION ALL
            SELECT 'agent_session', id, project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                %(revived)s || '{"changes": {"status": ["expired", "running"]}}'
            FROM revived
        )
        SELECT * FROM after
        """,
        {
            "execution_id": execution_id,
            "to": to,
            "sources": list(EXECUTION_MOVES.made_by("finish_execution", to.value).sources),
            "output_summary": output_summary,
            "error_message": error_message,
            "tokens_used": tokens_used,
            "cost": cost,
            "revived": event("session_resumed"),
            "event": event(f"agent_{to}", output_summary=output_summary, error_message=error_message),
            **actor(),
        },
    )
    if row is None:
        raise move_refusal(EXECUTION_MOVES, execution_id, "finish_execution", to.value)
    return row


@tool(reads=True, brief=["agent_type", "status", "started_at", "duration_seconds", "cost", "error_message"])
def list_executions(
    *,
    session_id: SessionKey | None = None,
    agent_type: Line | None = None,
    status: ExecutionStatusName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentExecution]:
    """List executions, newest first. Filter by session, agent type or status.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM agent_executions
        WHERE id < %(after)s
            AND (
                num_nonnulls(%(session_id)s::text, %(id)s::uuid) = 0 OR agent_session_id = (
                    SELECT id FROM agent_sessions WHERE session_id = %(session_id)s OR id = %(id)s LIMIT 1
                )
            )
            AND (%(agent_type)s::text IS NULL OR agent_type = %(agent_type)s)
            AND (%(status)s::agent_execution_status IS NULL OR status = %(status)s)
            AND (
                %(search)s::text IS NULL
                OR strpos(lower(concat_ws(' ', input_summary, output_summary, error_message)), lower(%(search)s)) > 0
            )
        ORDER BY id DESC
        """,
        {
            **({"session_id": None, "id": None} if session_id is None else session_params(session_id)),
            "agent_type": agent_type,
            "status": status,
            "after": after or HIGHEST_ID,
            "search": search,
            "limit": limit,
        },
        fields,
    )


@tool(reads=True)
def agent_performance() -> AgentPerformances:
    """Compare agent types over the last seven days: executions, success, seconds, tokens, dollars.

    Returns a row for each type of agent that began an execution in these days, by name.
    """
    return {"agents": many("SELECT * FROM agent_performance ORDER BY agent_type")}
