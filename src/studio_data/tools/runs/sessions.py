"""Agent sessions: one mission each, from the request to its end, with all that is needed to continue after a crash."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.fields import (
    Cursor,
    EntityId,
    Fields,
    JsonObject,
    Limit,
    Name,
    ReportedText,
    Search,
    StorageKey,
    Text,
)
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.db import batch, many, one
from studio_data.errors import ConflictError
from studio_data.tools.runs.checkpoints import AgentCheckpoint
from studio_data.tools.runs.executions import AgentExecution
from studio_data.tools.runs.fields import Minutes, NewSessionKey, SessionKey, SessionPhaseName, SessionStatusName, State
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.session_moves import (
    COMPLETE,
    FAIL,
    SESSION_MOVES,
    START,
    AgentSession,
    move,
    no_such_session,
    session_params,
    session_refusal,
)


class StatefulSession(TypedDict):
    """One row of ``agent_sessions``."""

    id: UUID
    session_id: str
    user_mission: str
    project_name: str | None
    project_id: UUID | None
    status: str
    current_phase: str
    iteration_count: int
    qa_passed: bool | None
    feedback: str | None
    work_dir: str | None
    state_json: dict[str, Any]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ExpiredSessions(TypedDict):
    """The sessions that expired in this call."""

    expired: list[AgentSession]


class ResumedSession(TypedDict):
    """What a new process needs to continue a session. ``unfinished`` are the executions that did not end."""

    session: StatefulSession
    checkpoint: AgentCheckpoint | None
    unfinished: list[AgentExecution]


@tool()
def open_session(
    session_id: NewSessionKey,
    user_mission: Text,
    *,
    project_name: Name | None = None,
    project_id: EntityId | None = None,
    work_dir: StorageKey | None = None,
    state: State | None = None,
    metadata: JsonObject | None = None,
) -> AgentSession:
    """Open a session for a mission. It is pending, in the phase pm.

    ``session_id`` is your own key of at most 64 characters. Refused if another session has it, or if it looks like an id.
    ``project_id`` names the practice's project that the mission concerns.

    Returns the session's row. Raises ``ConflictError`` for a key that is taken, ``NotFoundError`` for an unknown project.
    """
    row = one(
        """
        WITH session AS (
            INSERT INTO agent_sessions (
                session_id, user_mission, project_name, project_id, work_dir, state_json, metadata
            )
            VALUES (
                %(session_id)s, %(user_mission)s, %(project_name)s, %(project_id)s, %(work_dir)s, %(state)s, %(metadata)s
            )
            ON CONFLICT (session_id) DO NOTHING
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_session', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('session_id', session_id)
            FROM session
        )
        SELECT answer.*
        FROM session
        CROSS JOIN session_answer(session) AS answer
        """,
        {
            "session_id": session_id,
            "user_mission": user_mission,
            "project_name": project_name,
            "project_id": project_id,
            "work_dir": work_dir,
            "state": Jsonb(state or {}),
            "metadata": Jsonb(metadata or {}),
            "event": event("session_created"),
            **actor(),
        },
    )
    if row is None:
        raise ConflictError(
            f"Session {session_id} already exists.",
            hint="resume_session continues it; a new mission needs another key.",
            details={"session_id": str(session_id)},
        )
    return row


@tool()
def start_session(session_id: SessionKey) -> AgentSession:
    """Start a pending session, so that agents can work in it.

    Returns the session's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session that is not pending.
    """
    return move(session_id, START)


@tool()
def complete_session(session_id: SessionKey, *, state: State | None = None) -> AgentSession:
    """End a session whose mission is accomplished.

    Only from the phase qa, after the last record_iteration recorded that QA passed.

    Returns the session's row, in the phase complete. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session
    that does not run or is in another phase, ``RuleViolationError`` while QA has not passed.
    """
    return move(session_id, COMPLETE, state=state)


@tool(destructive=True)
def fail_session(session_id: SessionKey, *, reason: ReportedText, state: State | None = None) -> AgentSession:
    """Record that a session failed, and why. resume_session can continue it.

    Returns the session's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session that has ended.
    """
    return move(session_id, FAIL, reason=reason, state=state)


@tool(idempotent=True)
def expire_stale_sessions(*, idle_minutes: Minutes = 60) -> ExpiredSessions:
    """Expire pending and running sessions without activity for ``idle_minutes``.

    Run it every few minutes. Activity is a change of the session, an execution, checkpoint, artifact or reservation, or a
    write for its run. A session with an execution under lease, or one that awaits approval, does not expire.

    record_heartbeat, finish_execution and resume_session bring an expired session back. Returns the sessions that have
    expired now, by id.
    """
    expired = many(
        """
        WITH before AS (
            SELECT id, status
            FROM agent_sessions AS session
            WHERE status IN ('pending', 'running')
                AND updated_at < now() - make_interval(mins => %(idle_minutes)s)
                AND NOT EXISTS (
                    SELECT
                    FROM agent_executions
                    WHERE agent_session_id = session.id
                        AND (
                            greatest(started_at, completed_at) >= now() - make_interval(mins => %(idle_minutes)s)
                            OR (status = 'running' AND lease_until >= now())
                        )
                )
                AND NOT EXISTS (
                    SELECT
                    FROM agent_checkpoints
                    WHERE thread_id = session.session_id AND created_at >= now() - make_interval(mins => %(idle_minutes)s)
                )
                AND NOT EXISTS (
                    SELECT
                    FROM agent_artifacts
                    WHERE agent_session_id = session.id
                        AND created_at >= now() - make_interval(mins => %(idle_minutes)s)
                )
                AND NOT EXISTS (
                    SELECT
                    FROM agent_reservations
                    WHERE agent_session_id = session.id
                        AND greatest(created_at, settled_at) >= now() - make_interval(mins => %(idle_minutes)s)
                )
                AND NOT EXISTS (
                    SELECT
                    FROM activity_log
                    WHERE context ? 'run_id' AND context ->> 'run_id' IN (session.session_id, session.id::text)
                        AND created_at >= now() - make_interval(mins => %(idle_minutes)s)
                )
            ORDER BY id
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE agent_sessions
            SET status = 'expired'
            FROM before
            WHERE agent_sessions.id = before.id
            RETURNING agent_sessions.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_session', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s,
                %(context)s, %(event)s || jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'idle_minutes', %(idle_minutes)s
                )
            FROM before
            JOIN after ON after.id = before.id
            ORDER BY after.id
        )
        SELECT answer.*
        FROM after
        CROSS JOIN session_answer(after) AS answer
        ORDER BY answer.id
        """,
        {"idle_minutes": idle_minutes, "event": event("session_expired"), **actor()},
    )
    return {"expired": expired}


@tool()
def resume_session(session_id: SessionKey) -> ResumedSession:
    """Continue a session in a new process: returns its state, its last checkpoint and its unfinished executions.

    A failed or expired session returns to its earlier status. A running one, or one that awaits approval, is unchanged.
    The last checkpoint is the newest of the thread with the session's key.

    Returns all three. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session that is pending or completed.
    """
    sessions, checkpoints, unfinished = batch(
        (
            """
            WITH before AS (
                SELECT *
                FROM agent_sessions
                WHERE session_id = %(session_id)s OR id = %(id)s
                FOR NO KEY UPDATE
            ), after AS (
                UPDATE agent_sessions
                SET status = CASE
                    WHEN before.status NOT IN ('failed', 'expired') THEN before.status
                    WHEN before.current_phase = 'human_gate' THEN 'awaiting_approval'
                    ELSE 'running'
                END
                FROM before
                WHERE agent_sessions.id = before.id AND before.status NOT IN ('pending', 'completed')
                RETURNING agent_sessions.*
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'agent_session', after.id, after.project_id,
                    CASE WHEN after.status = before.status THEN 'updated' ELSE 'status_changed' END,
                    %(actor_type)s, %(actor_name)s, %(context)s, %(event)s || CASE
                        WHEN after.status = before.status THEN '{}'
                        ELSE jsonb_build_object(
                            'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status))
                        )
                    END
                FROM before, after
            )
            SELECT * FROM after
            """,
            {**session_params(session_id), "event": event("session_resumed"), **actor()},
        ),
        (
            """
            SELECT checkpoint.*
            FROM agent_sessions AS session
            JOIN agent_checkpoints AS checkpoint ON checkpoint.thread_id = session.session_id
            WHERE session.session_id = %(session_id)s OR session.id = %(id)s
            ORDER BY checkpoint.id DESC
            LIMIT 1
            """,
            session_params(session_id),
        ),
        (
            """
            SELECT execution.*
            FROM agent_sessions AS session
            JOIN agent_executions AS execution ON execution.agent_session_id = session.id
            WHERE (session.session_id = %(session_id)s OR session.id = %(id)s) AND execution.status = 'running'
            ORDER BY execution.id
            """,
            session_params(session_id),
        ),
    )
    if not sessions:
        raise session_refusal(session_id, SESSION_MOVES.made_by("resume_session"))
    return {"session": sessions[0], "checkpoint": checkpoints[0] if checkpoints else None, "unfinished": unfinished}


@tool(reads=True)
def get_session(session_id: SessionKey) -> StatefulSession:
    """Get a session by its key or id, with its state.

    Returns the session's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM agent_sessions
        WHERE session_id = %(session_id)s OR id = %(id)s
        """,
        session_params(session_id),
    )
    if row is None:
        raise no_such_session(session_id)
    return row


@tool(reads=True, brief=["session_id", "project_name", "status", "current_phase", "created_at"])
def list_sessions(
    *,
    status: SessionStatusName | None = None,
    phase: SessionPhaseName | None = None,
    project_id: EntityId | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentSession]:
    """List sessions, newest first. Filter by status, phase or project.

    ``search`` finds text in the key, the mission or the project's name; upper and lower case are equal.

    Returns at most ``limit`` rows without their states, and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM session_answers
        WHERE id < %(after)s
            AND (%(status)s::agent_session_status IS NULL OR status = %(status)s)
            AND (%(phase)s::agent_session_phase IS NULL OR current_phase = %(phase)s)
            AND (%(project_id)s::uuid IS NULL OR project_id = %(project_id)s)
            AND (
                %(search)s::text IS NULL
                OR strpos(lower(concat_ws(chr(10), session_id, user_mission, project_name)), lower(%(search)s)) > 0
            )
        ORDER BY id DESC
        """,
        {
            "status": status,
            "phase": phase,
            "project_id": project_id,
            "search": search,
            "after": after or HIGHEST_ID,
            "limit": limit,
        },
        fields,
    )
