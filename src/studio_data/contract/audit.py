"""What a tool's rows in the audit trail say about the call.

Every write puts its line into ``activity_log`` in the same statement as the change itself, so that neither can be there
without the other.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from studio_data.contract.actor import Actor, ActorType, current_actor
from studio_data.contract.validators import checked, line
from studio_data.db import transaction
from studio_data.errors import StudioError


class Action(StrEnum):
    """What the library's tools say they did. ``log_activity`` takes any other word too."""

    CREATED = "created"  # a row was inserted
    UPDATED = "updated"  # fields were changed, but not the status
    STATUS_CHANGED = "status_changed"  # a move of a lifecycle; with a reason where the tool takes one
    PHASE_CHANGED = "phase_changed"  # a project's move; the row in phase_transitions has the gates
    RETIRED = "retired"  # a template will not be used for new projects
    PRUNED = "pruned"  # old checkpoints of a thread were removed


@dataclass(frozen=True, slots=True)
class Call:
    """The tool that runs, and which version of its contract."""

    tool: str
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Changeset:
    """Several calls that belong together, and why they were made."""

    id: UUID
    reason: str


NOBODY = Call("unknown")

current_call: ContextVar[Call] = ContextVar("current call", default=NOBODY)
"""The outermost tool's call, or the one of the tool that it called in turn."""

current_changeset: ContextVar[Changeset | None] = ContextVar("current change set", default=None)


def actor() -> dict[str, Any]:
    """Return the parameters ``actor_type``, ``actor_name`` and ``context`` of the running tool's audit rows.

    When nobody said who acts, it is the system, by the tool's own name. ``context`` holds the tool and its fingerprint, and
    where they are known the role, the run, the person for whom the actor acts, and the change set with its reason.
    """
    running = current_call.get()
    acting = current_actor.get() or Actor(ActorType.SYSTEM, running.tool)
    context = _context(running, acting, current_changeset.get())
    return {"actor_type": acting.type, "actor_name": acting.name, "context": Jsonb(context, dumps=_as_it_is)}


def event(user_action: str) -> Jsonb:
    """Return metadata of an agent run's line: what was done, and the address it was asked from where that is known."""
    acting = current_actor.get()
    address = {} if acting is None or acting.ip_address is None else {"ip_address": acting.ip_address}
    return Jsonb({"user_action": user_action, **address})


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


@contextmanager
def changeset(reason: str) -> Generator[Changeset]:
    """Make the calls in the block one unit, all or nothing, bound by one id and one reason in the audit trail.

    Raises ``InvalidInputError`` for a bad reason, ``StudioError`` inside another change set, and what ``db.transaction``
    raises.
    """
    if current_changeset.get() is not None:
        raise StudioError("A change set is open already.", hint="Make the calls in it, or end it first.")
    together = Changeset(uuid4(), checked("reason", line, reason))
    with transaction():
        token = current_changeset.set(together)
        try:
            yield together
        finally:
            current_changeset.reset(token)
