"""What a tool's rows in the audit trail say about the call.

Every write puts its line into ``activity_log`` in the same statement as the change itself, so that neither can be there
without the other.
"""

from contextvars import ContextVar
from typing import Any

from psycopg.types.json import Jsonb

from studio_data.actor import Actor, ActorType, current_actor

current_tool: ContextVar[str] = ContextVar("current tool", default="unknown")
"""Name of the tool that runs."""


def actor() -> dict[str, Any]:
    """Return the parameters ``actor_type``, ``actor_name`` and ``context`` of the running tool's audit rows.

    When nobody said who acts, it is the system, by the tool's own name. ``context`` holds the tool, the run, and the person
    for whom the actor acts.
    """
    tool = current_tool.get()
    acting = current_actor.get() or Actor(ActorType.SYSTEM, tool)
    context = {"tool": tool, "run_id": acting.run_id, "on_behalf_of": acting.on_behalf_of}
    return {
        "actor_type": acting.type,
        "actor_name": acting.name,
        "context": Jsonb({name: value for name, value in context.items() if value is not None}),
    }
