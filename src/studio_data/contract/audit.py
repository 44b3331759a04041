"""What a tool's rows in the audit trail say about the call.

Every write puts its line into ``activity_log`` in the same statement as the change itself, so that neither can be there
without the other.
"""

import json
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from psycopg.types.json import Jsonb

from studio_data.contract.actor import Actor, ActorType, current_actor
from studio_data.contract.changeset import Changeset, current_changeset


class Action(StrEnum):
    """What every domain's tools say they did. A domain declares words of its own; ``log_activity`` takes any."""

    CREATED = "created"  # a row was inserted
    UPDATED = "updated"  # fields were changed, but not the status
    STATUS_CHANGED = "status_changed"  # a move of a lifecycle; with a reason where the tool takes one


@dataclass(frozen=True, slots=True)
class Call:
    """The tool that runs, and which version of its contract."""

    tool: str
    fingerprint: str | None = None


NOBODY = Call("unknown")

current_call: ContextVar[Call] = ContextVar("current call", default=NOBODY)
"""The outermost tool's call, or the one of the tool that it called in turn."""


def actor() -> dict[str, Any]:
    """Return the parameters ``actor_type``, ``actor_name`` and ``context`` of the running tool's audit rows.

    When nobody said who acts, it is the system, by the tool's own name. ``context`` holds the tool and its fingerprint, and
    where they are known the role, the run, the person for whom the actor acts, and the change set with its reason.
    """
    running = current_call.get()
    acting = current_actor.get() or Actor(ActorType.SYSTEM, running.tool)
    context = _context(running, acting, current_changeset.get())
    return {"actor_type": acting.type, "actor_name": acting.name, "context": Jsonb(context, dumps=_as_it_is)}


@lru_cache(maxsize=1024)
def _context(running: Call, acting: Actor, together: Changeset | None) -> str:
    """Write the context as JSON: a run makes many calls with the same."""
    context = {
        "tool": running.tool,
        "fingerprint": running.fingerprint,
        "role": acting.role,
        "run_id": acting.run_id,
        "on_behalf_of": acting.on_behalf_of,
    }
    if together is not None:
        context |= {"changeset_id": str(together.id), "reason": together.reason}
    return json.dumps({name: value for name, value in context.items() if value is not None})


def _as_it_is(written: str) -> str:
    return written
