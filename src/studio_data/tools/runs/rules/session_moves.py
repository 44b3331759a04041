"""The moves of agent sessions: one statement that moves a session if its lifecycles allow it, and why it was not moved."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor, event
from studio_data.contract.validators import entity_id
from studio_data.db import Statement, one
from studio_data.errors import NotFoundError, RuleViolationError, StudioError
from studio_data.tools.runs.fields import SessionKey, State
from studio_data.tools.runs.rules.lifecycles import AGENT_SESSION, AGENT_SESSION_PHASE, AgentSessionPhase, AgentSessionStatus

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class AgentSession(TypedDict):
    """A session, without its state."""

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
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def session_params(session_id: SessionKey) -> dict[str, Any]:
    """Return the parameters ``session_id`` and ``id`` that find a session by its own key or its id."""
    key = str(session_id)
    return {"session_id": key, "id": entity_id(key) if _UUID.fullmatch(key) else None}


def move(session_id: SessionKey, done: str, **how: Any) -> AgentSession:  # noqa: ANN401 (what moving takes)
    """Move a session, in one statement; see ``moving``. Raises what ``why_not`` returns."""
    row = one(*moving(session_id, done, **how))
    if row is None:
        raise why_not(session_id, **how)
    return row


def moving(
    session_id: SessionKey,
    done: str,
    *,
    to: AgentSessionStatus,
    sources: Sequence[AgentSessionStatus] | None = None,
    to_phase: AgentSessionPhase | None = None,
    phases: Sequence[AgentSessionPhase] = (),
    qa_passed: bool | None = None,
    needs_qa: bool = False,
    feedback: str | None = None,
    reason: str | None = None,
    state: State | None = None,
) -> Statement:
    """Return what moves a session ``to`` a status, from the ``sources`` or whatever its lifecycle allows.

    With ``phases`` it moves only from these, with ``to_phase`` into another. ``qa_passed`` counts an iteration. ``done`` is
    what the trail says was done.
    """
    return (
        """
        WITH before AS (
            SELECT *
            FROM agent_sessions
            WHERE session_id = %(session_id)s OR id = %(id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE agent_sessions
            SET status = %(to)s::agent_session_status,
                current_phase = coalesce(%(to_phase)s::agent_session_phase, before.current_phase),
                iteration_count = before.iteration_count + (%(qa_passed)s::boolean IS NOT NULL)::integer,
                qa_passed = coalesce(%(qa_passed)s, before.qa_passed),
                feedback = coalesce(%(feedback)s, before.feedback),
                state_json = coalesce(%(state)s::jsonb, before.state_json)
            FROM before
            WHERE agent_sessions.id = before.id
                AND before.status = ANY(%(sources)s::agent_session_status[])
                AND (
                    %(phases)s::agent_session_phase[] = '{}'
                    OR before.current_phase = ANY(%(phases)s::agent_session_phase[])
                )
                AND (NOT %(needs_qa)s OR before.qa_passed)
            RETURNING agent_sessions.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT
                'agent_session', after.id, after.project_id,
                CASE
                    WHEN after.status <> before.status THEN 'status_changed'
                    WHEN after.current_phase <> before.current_phase THEN 'phase_changed'
                    ELSE 'updated'
                END,
                %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_strip_nulls(jsonb_build_object(
                    'reason', %(reason)s::text,
                    'feedback', %(feedback)s::text,
                    'changes', jsonb_build_object(
                        'status', CASE WHEN after.status <> before.status
                            THEN jsonb_build_array(before.status, after.status) END,
                        'current_phase', CASE WHEN after.current_phase <> before.current_phase
                            THEN jsonb_build_array(before.current_phase, after.current_phase) END,
                        'iteration_count', CASE WHEN after.iteration_count <> before.iteration_count
                            THEN jsonb_build_array(before.iteration_count, after.iteration_count) END,
                        'qa_passed', CASE WHEN after.qa_passed IS DISTINCT FROM before.qa_passed
                            THEN jsonb_build_array(before.qa_passed, after.qa_passed) END
                    )
                ))
            FROM before, after
        )
        SELECT answer.*
        FROM after
        CROSS JOIN session_answer(after) AS answer
        """,
        {
            **session_params(session_id),
            "to": to,
            "sources": AGENT_SESSION.sources_of(to) if sources is None else list(sources),
            "to_phase": to_phase,
            "phases": list(phases),
            "qa_passed": qa_passed,
            "needs_qa": needs_qa,
            "feedback": feedback,
            "reason": reason,
            "state": None if state is None else Jsonb(state),
            "event": event(done),
            **actor(),
        },
    )


def why_not(
    session_id: SessionKey,
    *,
    to: AgentSessionStatus,
    sources: Sequence[AgentSessionStatus] | None = None,
    to_phase: AgentSessionPhase | None = None,
    phases: Sequence[AgentSessionPhase] = (),
    **_more: Any,  # noqa: ANN401 (what moving takes besides)
) -> StudioError:
    """Return why a session was not moved, having looked at it."""
    session = one(
        """
        SELECT session_id, status, current_phase, qa_passed
        FROM agent_sessions
        WHERE session_id = %(session_id)s OR id = %(id)s
        """,
        session_params(session_id),
        reads=True,
    )
    if session is None:
        return no_such_session(session_id)
    key, status = session["session_id"], AgentSessionStatus(session["status"])
    if status not in (AGENT_SESSION.sources_of(to) if sources is None else sources):
        if sources == (AgentSessionStatus.RUNNING,) and to in {AgentSessionStatus.RUNNING, *AGENT_SESSION.moves[status]}:
            return not_running(key, status)
        return AGENT_SESSION.refusal(key, status, to)
    if phases and session["current_phase"] not in phases and to_phase is not None:
        return AGENT_SESSION_PHASE.refusal(key, session["current_phase"], to_phase)
    if phases and session["current_phase"] not in phases:
        return RuleViolationError(
            f"Session {key} is in the phase {session['current_phase']}, and this belongs to {' or '.join(phases)}.",
            rule="session_is_in_the_phase",
            found=session["current_phase"],
            hint="advance_phase moves it on.",
        )
    return RuleViolationError(
        f"QA has not passed session {key}.",
        rule="qa_has_passed",
        found=session["qa_passed"],
        calls=[{"tool": "record_iteration", "arguments": {"session_id": key, "qa_passed": True}}],
        hint="record_iteration says when it has.",
    )


_WAY_ON = {
    AgentSessionStatus.PENDING: "start_session starts it.",
    AgentSessionStatus.AWAITING_APPROVAL: "A person approves it with approve_session, or rejects it with reject_session.",
    AgentSessionStatus.COMPLETED: "It has ended; open_session begins another.",
    AgentSessionStatus.FAILED: "resume_session takes it up again.",
    AgentSessionStatus.EXPIRED: "resume_session takes it up again.",
}


def not_running(key: str, status: AgentSessionStatus) -> RuleViolationError:
    """Say that agents work in running sessions only."""
    return RuleViolationError(
        f"Session {key} is {status}, and agents work in running sessions only.",
        rule="session_is_running",
        found=status.value,
        hint=_WAY_ON[status],
    )


def no_such_session(session_id: SessionKey) -> NotFoundError:
    """Return the error for a key that is no session's."""
    return NotFoundError(
        f"There is no agent session {session_id}.",
        hint="list_sessions finds them.",
        details={"entity_type": "agent_session", "session_id": str(session_id)},
    )
