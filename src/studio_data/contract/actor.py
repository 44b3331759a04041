"""Who acts: set once by the harness around a run, recorded with everything that the run does.

The actor is a context variable: it follows asyncio tasks and ``asyncio.to_thread`` by itself, and threads that are started
through ``contextvars.copy_context().run``. The model never names its own actor.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from studio_data.contract.fields import choice
from studio_data.contract.roles import Role
from studio_data.contract.validators import checked, line, member_of, network_address


class ActorType(StrEnum):
    """What kind of actor did it."""

    SYSTEM = "system"  # the library by itself
    AGENT = "agent"  # an AI agent
    USER = "user"  # a person


type ActorTypeName = Annotated[ActorType | str, *choice(ActorType)]
"""A kind of actor, or its string."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who calls tools, in which role, and what they call them for."""

    type: ActorType
    name: str
    role: Role | None = None
    run_id: str | None = None
    on_behalf_of: str | None = None
    ip_address: str | None = None


log = logging.getLogger("studio_data")

current_actor: ContextVar[Actor | None] = ContextVar("current actor", default=None)


@contextmanager
def acting_as(
    actor_type: ActorType | str,
    name: str,
    *,
    role: Role | str | None = None,
    run_id: str | None = None,
    on_behalf_of: str | None = None,
    ip_address: str | None = None,
) -> Generator[Actor]:
    """Let everything in the block be done by this actor.

    With a ``role``, tools outside the role's toolset are refused with ``PermissionDeniedError``; without one, as for the
    people of the practice, every tool may be called. ``run_id`` ties the calls of one agent run together; ``on_behalf_of``
    names the person for whom the agent acts, ``ip_address`` is where a person's request came from. Blocks nest, the inner
    one counts. Do not yield inside the block: the actor would go astray. Raises ``InvalidInputError`` for an unknown type
    or role, a bad name or address.
    """
    actor = Actor(
        checked("actor_type", member_of(ActorType), actor_type),
        checked("name", line, name),
        None if role is None else checked("role", member_of(Role), role),
        None if run_id is None else checked("run_id", line, run_id),
        None if on_behalf_of is None else checked("on_behalf_of", line, on_behalf_of),
        None if ip_address is None else checked("ip_address", network_address, ip_address),
    )
    token = current_actor.set(actor)
    try:
        yield actor
    finally:
        if current_actor.get() is not actor:
            # A generator that yields inside the block hands its actor to whoever runs it, and gets another's.
            log.error("acting_as(%r) did not end in the context that began it: do not yield inside the block", name)
        current_actor.reset(token)
