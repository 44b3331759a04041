"""The phases of an agent session: the work between them, and the gate at which a person decides."""

from enum import StrEnum
from typing import Annotated

from studio_data.contract.actor import ActorType, current_actor
from studio_data.contract.fields import Text, Truth, choice
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.errors import PermissionDeniedError
from studio_data.tools.runs.fields import SessionKey, State
from studio_data.tools.runs.rules.lifecycles import AGENT_SESSION_PHASE, AgentSessionPhase, AgentSessionStatus
from studio_data.tools.runs.rules.session_moves import AgentSession, move

_RUNNING = (AgentSessionStatus.RUNNING,)
_AWAITING = (AgentSessionStatus.AWAITING_APPROVAL,)


class NextPhase(StrEnum):
    """The phases to which agents may move a session themselves."""

    ARCH = "arch"
    ENG = "eng"
    QA = "qa"


class ReworkPhase(StrEnum):
    """The phases to which a rejected session may return."""

    PM = "pm"
    ARCH = "arch"


@tool(roles=[Role.ORCHESTRATOR])
def advance_phase(
    session_id: SessionKey, to: Annotated[NextPhase | str, *choice(NextPhase)], *, state: State | None = None
) -> AgentSession:
    """Move a running session to its next phase: pm to arch, eng to qa, or qa back to eng.

    await_approval moves it from arch to the human gate, approve_session from there to eng. complete_session ends it.

    Returns the session's row. Raises ``NotFoundError``, ``RuleViolationError`` for a session that does not run,
    ``InvalidTransitionError`` for a phase that cannot follow.
    """
    target = AgentSessionPhase(to)
    sources = [AgentSessionPhase(source) for source in AGENT_SESSION_PHASE.sources_of(target)]
    return move(
        session_id,
        "phase_advanced",
        to=AgentSessionStatus.RUNNING,
        sources=_RUNNING,
        to_phase=target,
        phases=[source for source in sources if source is not AgentSessionPhase.HUMAN_GATE],
        state=state,
    )


@tool(roles=[Role.ORCHESTRATOR])
def record_iteration(session_id: SessionKey, *, qa_passed: Truth, note: Text | None = None) -> AgentSession:
    """Record QA's verdict on a session in the phase qa, and count the iteration.

    If QA failed, call advance_phase to eng. If it passed, call complete_session.

    Returns the session's row. Raises ``NotFoundError``, ``RuleViolationError`` for a session that does not run or is in
    another phase.
    """
    return move(
        session_id,
        "iteration_recorded",
        to=AgentSessionStatus.RUNNING,
        sources=_RUNNING,
        phases=(AgentSessionPhase.QA,),
        qa_passed=qa_passed,
        reason=note,
    )


@tool(roles=[Role.ORCHESTRATOR])
def await_approval(session_id: SessionKey, *, state: State | None = None) -> AgentSession:
    """Move a running session from arch to the human gate, where it waits for a person.

    ``state`` holds what the session needs to continue, in this process or another.

    Returns the session's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session that does not run or is
    not in the phase arch.
    """
    return move(
        session_id,
        "approval_requested",
        to=AgentSessionStatus.AWAITING_APPROVAL,
        sources=_RUNNING,
        to_phase=AgentSessionPhase.HUMAN_GATE,
        phases=(AgentSessionPhase.ARCH,),
        state=state,
    )


@tool(roles=[Role.ORCHESTRATOR])
def approve_session(session_id: SessionKey, *, feedback: Text | None = None) -> AgentSession:
    """Approve a session's design: it continues with eng.

    Only a person may call it.

    Returns the session's row. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for a session that does not await approval.
    """
    _let_only_a_person("approve_session")
    return move(
        session_id,
        "session_approved",
        to=AgentSessionStatus.RUNNING,
        sources=_AWAITING,
        to_phase=AgentSessionPhase.ENG,
        feedback=feedback,
    )


@tool(roles=[Role.ORCHESTRATOR])
def reject_session(
    session_id: SessionKey,
    *,
    feedback: Text,
    back_to: Annotated[ReworkPhase | str, *choice(ReworkPhase)] = ReworkPhase.ARCH,
) -> AgentSession:
    """Reject a session's design and say what must change: it returns to arch, or to pm.

    Only a person may call it. The session keeps the feedback.

    Returns the session's row. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for a session that does not await approval.
    """
    _let_only_a_person("reject_session")
    return move(
        session_id,
        "session_rejected",
        to=AgentSessionStatus.RUNNING,
        sources=_AWAITING,
        to_phase=AgentSessionPhase(back_to),
        feedback=feedback,
    )


def _let_only_a_person(tool_name: str) -> None:
    acting = current_actor.get()
    actor_type = acting.type if acting else ActorType.SYSTEM
    if actor_type != ActorType.USER:
        raise PermissionDeniedError(
            f"Only a person decides at the human gate, not {actor_type}.",
            hint="Ask a person of the practice.",
            details={"tool": tool_name, "actor_type": str(actor_type)},
        )
