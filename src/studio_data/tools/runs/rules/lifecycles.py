"""The states that an agent run goes through, and the moves between them."""

from enum import StrEnum

from studio_data.contract.lifecycle import Lifecycle


class AgentSessionStatus(StrEnum):
    """Whether a session runs, waits or has ended."""

    PENDING = "pending"  # opened, nobody works on it yet
    RUNNING = "running"  # agents work on it
    AWAITING_APPROVAL = "awaiting_approval"  # a person has to look
    COMPLETED = "completed"  # the mission is accomplished
    FAILED = "failed"  # given up, for a reason; may be resumed
    EXPIRED = "expired"  # showed no sign of life; may be resumed


class AgentSessionPhase(StrEnum):
    """Which kind of work a session is at."""

    PM = "pm"  # requirements
    ARCH = "arch"  # the design
    HUMAN_GATE = "human_gate"  # a person decides about the design
    ENG = "eng"  # the work itself
    QA = "qa"  # its examination
    COMPLETE = "complete"  # nothing left to do


class AgentExecutionStatus(StrEnum):
    """How far one agent's turn is."""

    RUNNING = "running"  # the agent works
    COMPLETED = "completed"  # it has brought its output
    FAILED = "failed"  # it has brought an error


class AgentArtifactType(StrEnum):
    """What an artifact is."""

    PRD = "prd"  # product requirements
    TECH_SPEC = "tech_spec"  # the design
    SCAFFOLD = "scaffold"  # the frame that the work begins in
    BUG_REPORT = "bug_report"  # what QA found
    CODE = "code"
    TEST = "test"


class AgentUsageUnit(StrEnum):
    """What a profile's budget is counted in."""

    RUNS = "runs"  # executions
    TOKENS = "tokens"
    COST = "cost"  # dollars


AGENT_SESSION = Lifecycle("agent_session", {
    AgentSessionStatus.PENDING: (AgentSessionStatus.RUNNING, AgentSessionStatus.FAILED, AgentSessionStatus.EXPIRED),
    AgentSessionStatus.RUNNING: (
        AgentSessionStatus.AWAITING_APPROVAL, AgentSessionStatus.COMPLETED, AgentSessionStatus.FAILED,
        AgentSessionStatus.EXPIRED,
    ),
    AgentSessionStatus.AWAITING_APPROVAL: (AgentSessionStatus.RUNNING, AgentSessionStatus.FAILED),
    AgentSessionStatus.COMPLETED: (),
    AgentSessionStatus.FAILED: (AgentSessionStatus.RUNNING, AgentSessionStatus.AWAITING_APPROVAL),  # back to where it was
    AgentSessionStatus.EXPIRED: (AgentSessionStatus.RUNNING,),
})  # fmt: skip

AGENT_SESSION_PHASE = Lifecycle("agent_session_phase", {
    AgentSessionPhase.PM: (AgentSessionPhase.ARCH,),
    AgentSessionPhase.ARCH: (AgentSessionPhase.HUMAN_GATE,),
    AgentSessionPhase.HUMAN_GATE: (  # approved, or rejected
        AgentSessionPhase.ENG, AgentSessionPhase.ARCH, AgentSessionPhase.PM,
    ),
    AgentSessionPhase.ENG: (AgentSessionPhase.QA,),
    AgentSessionPhase.QA: (AgentSessionPhase.ENG, AgentSessionPhase.COMPLETE),  # failed, passed
    AgentSessionPhase.COMPLETE: (),
})  # fmt: skip

AGENT_EXECUTION = Lifecycle("agent_execution", {
    AgentExecutionStatus.RUNNING: (AgentExecutionStatus.COMPLETED, AgentExecutionStatus.FAILED),
    AgentExecutionStatus.COMPLETED: (),
    AgentExecutionStatus.FAILED: (),
})  # fmt: skip
