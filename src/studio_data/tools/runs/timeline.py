"""The timeline of an agent session: executions, tool calls, artifacts, approvals and their cost in one list."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.fields import Cursor, Limit
from studio_data.contract.paging import COUNTED, LOWEST_ID, counted, page
from studio_data.contract.registry import tool
from studio_data.db import batch
from studio_data.tools.runs.fields import SessionKey
from studio_data.tools.runs.rules.session_moves import AgentSession, no_such_session, session_params


class SessionTotals(TypedDict):
    """A session's totals: dollars, seconds of agents' work, and seconds from beginning to end."""

    executions: int
    failed_executions: int
    tokens_used: int
    cost: Decimal
    agent_seconds: Decimal
    artifacts: int
    elapsed_seconds: Decimal


class TimelineItem(TypedDict):
    """One thing that happened.

    ``kind`` is session, execution, tool_call or artifact. ``what`` is the action (``session_approved``), the tool's name,
    the type of agent, or the artifact's path. ``details`` holds the other facts.
    """

    id: UUID
    at: datetime
    kind: str
    what: str
    actor_type: str | None
    actor_name: str | None
    details: dict[str, Any]


class SessionTimeline(TypedDict):
    """A session, its totals, and a page of what happened, oldest first."""

    session: AgentSession
    totals: SessionTotals
    items: list[TimelineItem]
    next: str | None
    left: int


@tool(reads=True)
def session_timeline(session_id: SessionKey, *, limit: Limit = 100, after: Cursor | None = None) -> SessionTimeline:
    """Show what happened in a session, in order: moves, approvals, executions, tool calls, artifacts and cost.

    Tool calls are writes by an actor whose ``run_id`` is the session's key or id.

    Returns the session, its totals, ``limit`` items at most, the oldest first, and the cursor of the next page, None on
    the last. Raises ``NotFoundError`` for an unknown session.
    """
    sessions, items = batch(
        (
            """
            SELECT
                answer.*, executions, failed_executions, tokens_used, cost, agent_seconds, artifacts, elapsed_seconds
            FROM session_answers AS answer
            JOIN session_metrics ON session_metrics.id = answer.id
            WHERE answer.session_id = %(session_id)s OR answer.id = %(id)s
            """,
            session_params(session_id),
        ),
        (
            counted("""
            WITH session AS (
                SELECT id, session_id
                FROM agent_sessions
                WHERE session_id = %(session_id)s OR id = %(id)s
            ), moves AS (
                SELECT found.*
                FROM session, LATERAL (
                    SELECT
                        id, created_at AS at, 'session' AS kind, metadata ->> 'user_action' AS what, actor_type,
                        actor_name::text, metadata AS details
                    FROM activity_log
                    WHERE entity_type = 'agent_session' AND entity_id = session.id AND NOT is_noted(context)
                        AND id > %(after)s
                    ORDER BY id
                    LIMIT %(limit)s + %(counted)s
                ) AS found
            ), executions AS (
                SELECT found.*
                FROM session, LATERAL (
                    SELECT
                        id, started_at, 'execution', agent_type::text, NULL, NULL,
                        jsonb_strip_nulls(jsonb_build_object(
                            'status', status, 'input_summary', input_summary, 'output_summary', output_summary,
                            'error_message', error_message, 'tokens_used', tokens_used, 'cost', cost,
                            'duration_seconds', duration_seconds
                        ))
                    FROM agent_executions
                    WHERE agent_session_id = session.id AND id > %(after)s
                    ORDER BY id
                    LIMIT %(limit)s + %(counted)s
                ) AS found
            ), artifacts AS (
                SELECT found.*
                FROM session, LATERAL (
                    SELECT
                        id, created_at, 'artifact', file_path::text, NULL, NULL, jsonb_build_object(
                            'artifact_type', artifact_type, 'version', version, 'content_hash', content_hash
                        )
                    FROM agent_artifacts
                    WHERE agent_session_id = session.id AND id > %(after)s
                    ORDER BY id
                    LIMIT %(limit)s + %(counted)s
                ) AS found
            ), tool_calls AS (
                SELECT found.*
                FROM session, unnest(ARRAY[session.session_id, session.id::text]) AS run (id), LATERAL (
                    SELECT
                        line.id, created_at, 'tool_call', context ->> 'tool', actor_type, actor_name::text,
                        metadata || jsonb_build_object(
                            'entity_type', entity_type, 'entity_id', entity_id, 'action', action
                        )
                    FROM activity_log AS line
                    WHERE context ? 'run_id' AND context ->> 'run_id' = run.id
                        AND (
                            entity_type NOT IN ('agent_session', 'agent_execution', 'agent_artifact') OR is_noted(context)
                        )
                        AND line.id > %(after)s
                    ORDER BY line.id
                    LIMIT %(limit)s + %(counted)s
                ) AS found
            )
            SELECT * FROM moves
            UNION ALL SELECT * FROM executions
            UNION ALL SELECT * FROM artifacts
            UNION ALL SELECT * FROM tool_calls
            ORDER BY id
            """),
            {**session_params(session_id), "after": after or LOWEST_ID, "limit": limit, "counted": COUNTED},
        ),
    )
    if not sessions:
        raise no_such_session(session_id)
    (row,) = sessions
    totals = {name: row.pop(name) for name in SessionTotals.__annotations__}
    return {"session": row, "totals": totals, **page(items, limit)}  # pyright: ignore[reportReturnType]
