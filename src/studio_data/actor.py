"""Who acts: set once by the harness around a run, recorded with everything that the run does.

The actor is a context variable: it follows asyncio tasks and ``asyncio.to_thread`` by itself, and threads that are started
through ``contextvars.copy_context().run``. The model never names its own actor.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import PlainValidator

from studio_data.fields import checked, line, member_of


class ActorType(StrEnum):
    """What kind of actor did it."""

    SYSTEM = "system"  # the library by itself
    AGENT = "agent"  # an AI agent
    USER = "user"  # a person


ActorTypeName = Annotated[ActorType | str, PlainValidator(member_of(ActorType))]
"""A kind of actor, or its string."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who calls tools, and what they call them for."""

    type: ActorType
    name: str
    run_id: str | None = None
    on_behalf_of: str | None = None


current_actor: ContextVar[Actor | None] = ContextVar("current actor", default=None)


@contextmanager
def acting_as(
    actor_type: ActorType | str, name: str, *, run_id: str | None = None, on_behalf_of: str | None = None
) -> Generator[Actor]:
    """Let everything in the block be done by this actor.

    ``run_id`` ties the calls of one agent run together; ``on_behalf_of`` names the person for whom the agent acts. Blocks
    nest, the inner one counts. Raises ``InvalidInputError`` for an unknown type or a bad name.
    """
    actor = Actor(
        checked("actor_type", member_of(ActorType), actor_type),
        checked("name", line, name),
        None if run_id is None else checked("run_id", line, run_id),
        None if on_behalf_of is None else checked("on_behalf_of", line, on_behalf_of),
    )
    token = current_actor.set(actor)
    try:
        yield actor
    finally:
        current_actor.reset(token)
