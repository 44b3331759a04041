"""Who acts: set once by the harness around a run, recorded with everything that the run does.

The actor is a context variable: it follows asyncio tasks and ``asyncio.to_thread`` by itself. A thread begins without it,
unless it runs what ``carried`` returns, or belongs to ``Threads``. The model never names its own actor.
"""

import logging
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from inspect import iscoroutinefunction
from typing import Annotated, override

from studio_data.config import settings
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
    with being(actor):
        yield actor


class being:  # noqa: N801 (used as a function is)
    """Let everything in the block be done by an actor who is known already."""

    __slots__ = ("_actor", "_token")

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def __enter__(self) -> None:
        self._token = current_actor.set(self._actor)

    def __exit__(self, *_error: object) -> None:
        if current_actor.get() is not self._actor:
            # A generator that yields inside the block hands its actor to whoever runs it, and gets another's.
            name = self._actor.name
            log.error("acting_as(%r) did not end in the context that began it: do not yield inside the block", name)
        current_actor.reset(self._token)


# Threads --------------------------------------------------------------------------------------------------------------


def carried[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with the actor, key, unit, preview and change set of this moment, for a thread to call.

    A thread begins with an empty context: without this a call in it is made by nobody, without a role. The function may be
    called in several threads at once. Raises ``TypeError`` for a coroutine function, since asyncio carries the context.
    """
    if iscoroutinefunction(function):
        raise TypeError(f"{function.__name__} is async: asyncio's tasks have the context of where they are created")
    context = copy_context()

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return call


class Threads(ThreadPoolExecutor):
    """A ``ThreadPoolExecutor`` in which each call has the context of where it was submitted."""

    @override
    def submit[**P, R](self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Submit the call with the actor of this moment."""
        return super().submit(carried(fn), *args, **kwargs)


# Nobody ---------------------------------------------------------------------------------------------------------------

_required_by: list[str] = []


def require_actor(by: str) -> None:
    """Refuse every write of this process that nobody makes, as ``STUDIO_DATA_ACTOR_REQUIRED`` does; ``by`` demands it."""
    _required_by.append(by)


def actor_required_by() -> str | None:
    """Return what demands that somebody acts, or None."""
    if _required_by:
        return _required_by[0]
    return "STUDIO_DATA_ACTOR_REQUIRED" if settings().actor_required else None
