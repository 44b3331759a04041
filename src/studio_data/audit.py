"""Who acts, for the audit trail.

Every write puts its line into ``activity_log`` in the same statement as the change itself, so that neither can be there
without the other.
"""

from contextvars import ContextVar
from enum import StrEnum

current_tool: ContextVar[str] = ContextVar("current tool", default="unknown")
"""Name of the tool that runs."""


class ActorType(StrEnum):
    """What kind of actor did it."""

    SYSTEM = "system"  # the library by itself
    AGENT = "agent"  # an AI agent
    USER = "user"  # a person


def actor() -> dict[str, str]:
    """Return the parameters ``actor_type`` and ``actor_name`` of the running tool's audit row.

    Nobody said who acts: it is the system, by the tool's own name.
    """
    return {"actor_type": ActorType.SYSTEM, "actor_name": current_tool.get()}
