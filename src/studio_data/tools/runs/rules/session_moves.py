"""The moves of agent sessions: what each tool makes of a session and from where, and the statement that does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.lifecycle import Facts, Move, Moves, Rule, move_to, read_by
from studio_data.contract.validators import entity_id, is_id
from studio_data.db import Statement, one
from studio_data.errors import ConflictError, InvalidTransitionError, NotFoundError, RuleViolationError, StudioError
from studio_data.tools.runs.fields import SessionKey, State
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.lifecycles import (
    AGENT_EXECUTION,
    AGENT_SESSION,
    AGENT_SESSION_PHASE,
    AgentExecutionStatus,
    AgentSessionPhase,
    AgentSessionStatus,
)


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


# The moves ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What a tool makes of a session, and from where."""

    tool: str
    done: str
    """What the trail says was done."""
    to: AgentSessionStatus
    sources: tuple[AgentSessionStatus, ...]
    to_phase: AgentSessionPhase | None = None
    phases: tuple[AgentSessionPhase, ...] = ()
    """The phases from which it may be made; any, if empty."""
    needs_qa: bool = False
    told: str | None = None
    """The argument that tells the tool the phase, where it leads to several."""

    @property
    def move(self) -> Move:
        """The step as ``available_actions`` and refusals read it."""
        rules: list[Rule] = []
        if self.sources == _RUNNING:
            rules.append(_is_running)
        if self.sources == _AWAITING:
            rules.append(_awaits_approval)
        if self.phases:
            rules.append(self._is_in_the_phase)
        if self.needs_qa:
            rules.append(_qa_has_passed)
        told = {self.told: self.to_phase.value} if self.told and self.to_phase else {}
        return Move(self.tool, self.to.value, self.sources, tuple(rules), told, rules_first=True)

    def _is_in_the_phase(self, session: Facts, _to: str) -> StudioError | None:
        present = session["current_phase"]
        if session["status"] not in self.sources or present in self.phases:
            return None
        if self.to_phase is not None:
            return AGENT_SESSION_PHASE.refusal(session["id"], present, self.to_phase)
        return RuleViolationError(
            f"Session {session['id']} is in the phase {present}, and this belongs to {' or '.join(self.phases)}.",
            rule="session_is_in_the_phase",
            found=present,
            hint="advance_phase moves it on.",
        )


_RUNNING = (AgentSessionStatus.RUNNING,)
_AWAITING = (AgentSessionStatus.AWAITING_APPROVAL,)


def _is_running(session: Facts, to: str) -> RuleViolationError | None:
    """Refuse what is for running sessions, where the lifecycle by itself would let the session go there."""
    present = AgentSessionStatus(session["status"])
    may_become = {AgentSessionStatus.RUNNING, *AGENT_SESSION.moves[present]}
    if present is AgentSessionStatus.RUNNING or to not in may_become:
        return None
    return not_running(session["id"], present)


def _awaits_approval(session: Facts, _to: str) -> InvalidTransitionError | None:
    present = session["status"]
    if present == AgentSessionStatus.AWAITING_APPROVAL:
        return None
    calls = SESSION_MOVES.calls_to(session, [status.value for status in _AWAITING])
    error = AGENT_SESSION.refusal(session["id"], present, AgentSessionStatus.AWAITING_APPROVAL, calls=calls)
    error.message = f"Agent session {session['id']} is {present}. Only one that awaits approval is approved or rejected."
    return error


def _qa_has_passed(session: Facts, _to: str) -> RuleViolationError | None:
    if session["qa_passed"] or session["status"] != AgentSessionStatus.RUNNING:
        return None
    return RuleViolationError(
        f"QA has not passed session {session['id']}.",
        rule="qa_has_passed",
        found=session["qa_passed"],
        calls=[{"tool": "record_iteration", "arguments": {"session_id": session["id"], "qa_passed": True}}],
        hint="record_iteration says when it has.",
    )


def _advance(to: AgentSessionPhase, *phases: AgentSessionPhase) -> Step:
    return Step("advance_phase", "phase_advanced", AgentSessionStatus.RUNNING, _RUNNING, to, phases, told="to")


def _reject(to: AgentSessionPhase) -> Step:
    return Step("reject_session", "session_rejected", AgentSessionStatus.RUNNING, _AWAITING, to, told="back_to")


START = Step("start_session", "started", AgentSessionStatus.RUNNING, (AgentSessionStatus.PENDING,))
ADVANCE = {
    AgentSessionPhase.ARCH: _advance(AgentSessionPhase.ARCH, AgentSessionPhase.PM),
    AgentSessionPhase.ENG: _advance(AgentSessionPhase.ENG, AgentSessionPhase.QA),
    AgentSessionPhase.QA: _advance(AgentSessionPhase.QA, AgentSessionPhase.ENG),
}
ITERATE = Step(
    "record_iteration", "iteration_recorded", AgentSessionStatus.RUNNING, _RUNNING, phases=(AgentSessionPhase.QA,)
)
AWAIT_APPROVAL = Step(
    "await_approval",
    "approval_requested",
    AgentSessionStatus.AWAITING_APPROVAL,
    _RUNNING,
    AgentSessionPhase.HUMAN_GATE,
    (AgentSessionPhase.ARCH,),
)
APPROVE = Step("approve_session", "session_approved", AgentSessionStatus.RUNNING, _AWAITING, AgentSessionPhase.ENG)
REJECT = {phase: _reject(phase) for phase in (AgentSessionPhase.ARCH, AgentSessionPhase.PM)}
COMPLETE = Step(
    "complete_session",
    "session_completed",
    AgentSessionStatus.COMPLETED,
    _RUNNING,
    AgentSessionPhase.COMPLETE,
    (AgentSessionPhase.QA,),
    needs_qa=True,
)
FAIL = Step(
    "fail_session",
    "session_failed",
    AgentSessionStatus.FAILED,
    tuple(status for status, allowed in AGENT_SESSION.moves.items() if AgentSessionStatus.FAILED in allowed),
)


def _where_it_was(session: Facts) -> str:
    """Return what a session becomes when it is resumed; one that has not ended stays as it is."""
    if session["status"] in {AgentSessionStatus.RUNNING, AgentSessionStatus.AWAITING_APPROVAL}:
        return session["status"]
    if session["current_phase"] == AgentSessionPhase.HUMAN_GATE:
        return AgentSessionStatus.AWAITING_APPROVAL.value
    return AgentSessionStatus.RUNNING.value


RESUMABLE = (
    AgentSessionStatus.RUNNING, AgentSessionStatus.AWAITING_APPROVAL, AgentSessionStatus.FAILED, AgentSessionStatus.EXPIRED,
)  # fmt: skip

SESSION_MOVES = Moves(
    AGENT_SESSION,
    "session_id",
    read_by("SELECT session_id AS id, status, current_phase, qa_passed FROM agent_sessions WHERE id = %(id)s"),
    [
        START.move,
        *(step.move for step in ADVANCE.values()),
        AWAIT_APPROVAL.move,
        APPROVE.move,
        *(step.move for step in REJECT.values()),
        ITERATE.move,
        COMPLETE.move,
        FAIL.move,
        Move("resume_session", _where_it_was, RESUMABLE),
    ],
)

EXECUTION_MOVES = Moves(
    AGENT_EXECUTION,
    "execution_id",
    read_by("SELECT id, status FROM agent_executions WHERE id = %(id)s"),
    [
        move_to(AGENT_EXECUTION, "finish_execution", AgentExecutionStatus.COMPLETED),
        move_to(AGENT_EXECUTION, "finish_execution", AgentExecutionStatus.FAILED, is_listed=False),
    ],
)


# Moving ---------------------------------------------------------------------------------------------------------------


def session_params(session_id: SessionKey) -> dict[str, Any]:
    """Return the parameters ``session_id`` and ``id`` that find a session by its own key or its id: one of them is None."""
    key = str(session_id)
    return {"session_id": None, "id": entity_id(key)} if is_id(key) else {"session_id": key, "id": None}


def move(
    session_id: SessionKey,
    step: Step,
    *,
    qa_passed: bool | None = None,
    feedback: str | None = None,
    reason: str | None = None,
    state: State | None = None,
) -> AgentSession:
    """Move a session, in one statement; see ``move_sql``. Raises what ``session_refusal`` returns."""
    row = one(*move_sql(session_id, step, qa_passed=qa_passed, feedback=feedback, reason=reason, state=state))
    if row is None:
        raise session_refusal(session_id, step.move)
    return row


def move_sql(
    session_id: SessionKey,
    step: Step,
    *,
    qa_passed: bool | None = None,
    feedback: str | None = None,
    reason: str | None = None,
    state: State | None = None,
) -> Statement:
    """Return what makes a step of a session, if its status, its phase and its QA allow it.

    ``qa_passed`` counts an iteration.
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
            "to": step.to,
            "sources": list(step.sources),
            "to_phase": step.to_phase,
            "phases": list(step.phases),
            "qa_passed": qa_passed,
            "needs_qa": step.needs_qa,
            "feedback": feedback,
            "reason": reason,
            "state": None if state is None else Jsonb(state),
            "event": event(step.done, reason=reason),
            **actor(),
        },
    )


# Refusals -------------------------------------------------------------------------------------------------------------


def session_refusal(session_id: SessionKey, move: Move) -> StudioError:
    """Return why a session was not moved, having looked at it."""
    session = one(
        """
        SELECT session_id AS id, status, current_phase, qa_passed
        FROM agent_sessions
        WHERE session_id = %(session_id)s OR id = %(id)s
        """,
        session_params(session_id),
        reads=True,
    )
    if session is None:
        return no_such_session(session_id)
    return SESSION_MOVES.refusal(move, session) or ConflictError(
        f"Session {session['id']} has just been changed by somebody else.", hint="Nothing was written: call again."
    )


_WAY_ON = {
    AgentSessionStatus.PENDING: ("start_session", "start_session starts it."),
    AgentSessionStatus.AWAITING_APPROVAL: (
        "approve_session", "A person approves it with approve_session, or rejects it with reject_session.",
    ),
    AgentSessionStatus.COMPLETED: (None, "It has ended; open_session begins another."),
    AgentSessionStatus.FAILED: ("resume_session", "resume_session takes it up again."),
    AgentSessionStatus.EXPIRED: ("resume_session", "resume_session takes it up again."),
}  # fmt: skip


def not_running(key: str, status: AgentSessionStatus) -> RuleViolationError:
    """Say that agents work in running sessions only."""
    tool, hint = _WAY_ON[status]
    return RuleViolationError(
        f"Session {key} is {status}, and agents work in running sessions only.",
        rule="session_is_running",
        found=status.value,
        calls=[{"tool": tool, "arguments": {"session_id": key}}] if tool else [],
        hint=hint,
    )


def has_ended(execution: Facts) -> RuleViolationError:
    """Say that only a running execution has signs of life."""
    return RuleViolationError(
        f"Execution {execution['id']} is {execution['status']}. Only a running one has heartbeats.",
        rule="execution_is_running",
        found=execution["status"],
        hint="start_execution begins the next turn.",
    )


def no_such_session(session_id: SessionKey) -> NotFoundError:
    """Return the error for a key that is no session's."""
    return NotFoundError(
        f"There is no agent session {session_id}.",
        hint="list_sessions finds them.",
        details={"entity_type": "agent_session", "session_id": str(session_id)},
    )
