"""The phases of an agent session: the work between them, and the gate at which a person decides."""

from enum import StrEnum
from typing import Annotated

from studio_data.contract.fields import ReportedText, Text, Truth, choice
from studio_data.contract.registry import tool
from studio_data.tools.runs.fields import SessionKey, State
from studio_data.tools.runs.rules.lifecycles import AgentSessionPhase
from studio_data.tools.runs.rules.session_moves import ADVANCE, APPROVE, AWAIT_APPROVAL, ITERATE, REJECT, AgentSession, move


class NextPhase(StrEnum):
    """The phases to which agents may move a session themselves."""

    ARCH = "arch"
    ENG = "eng"
    QA = "qa"


class ReworkPhase(StrEnum):
    """The phases to which a rejected session may return."""

    PM = "pm"
    ARCH = "arch"


@tool()
def advance_phase(
    session_id: SessionKey, to: Annotated[NextPhase | str, *choice(NextPhase)], *, state: State | None = None
) -> AgentSession:
    """Move a running session to its next phase: pm to arch, eng to qa, or qa back to eng.

    await_approval moves it from arch to the human gate, approve_session from there to eng. complete_session ends it.

    Returns the session's row. Raises ``NotFoundError``, ``RuleViolationError`` for a session that does not run,
    ``InvalidTransitionError`` for a phase that cannot follow.
    """
    return move(session_id, ADVANCE[AgentSessionPhase(to)], state=state)


@tool()
def record_iteration(session_id: SessionKey, *, qa_passed: Truth, note: ReportedText | None = None) -> AgentSession:
    """Record QA's verdict on a session in the phase qa, and count the iteration.

    If QA failed, call advance_phase to eng. If it passed, call complete_session.

    Returns the session's row. Raises ``NotFoundError``, ``RuleViolationError`` for a session that does not run or is in
    another phase.
    """
    return move(session_id, ITERATE, qa_passed=qa_passed, reason=note)


@tool()
def await_approval(session_id: SessionKey, *, state: State | None = None) -> AgentSession:
    """Move a running session from arch to the human gate, where it waits for a person.

    ``state`` holds what the session needs to continue, in this process or another.

    Returns the session's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a session that does not run or is
    not in the phase arch.
    """
    return move(session_id, AWAIT_APPROVAL, state=state)


@tool(people_only=True)
def approve_session(session_id: SessionKey, *, feedback: Text | None = None) -> AgentSession:
    """Approve a session's design: it continues with eng.

    Returns the session's row. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for a session that does not await approval.
    """
    return move(session_id, APPROVE, feedback=feedback)


@tool(people_only=True)
def reject_session(
    session_id: SessionKey,
    *,
    feedback: Text,
    back_to: Annotated[ReworkPhase | str, *choice(ReworkPhase)] = ReworkPhase.ARCH,
) -> AgentSession:
    """Reject a session's design and say what must change: it returns to arch, or to pm.

    The feedback stays with the session.

    Returns the session's row. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for a session that does not await approval.
    """
    return move(session_id, REJECT[AgentSessionPhase(back_to)], feedback=feedback)
