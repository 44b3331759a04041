"""What the server says of itself before any call, and the signals that end it. Nothing here needs the SDK."""

import signal
from collections.abc import Callable
from types import FrameType

from studio_data.contract.actor import Actor
from studio_data.contract.domain import domains
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import EVERYBODY

NAME = "studio-data"


def instructions(acting: Actor) -> str:
    """Return what a model should know of the server and of itself."""
    role = f" in the role {acting.role}" if acting.role else ""
    person = f", on behalf of {acting.on_behalf_of}" if acting.on_behalf_of else ""
    return (
        f"StudioData keeps the records of an interior-design practice: {'; '.join(_what_is_kept(acting))}.\n"
        f"You act as {acting.name}{role}{person}; every change is recorded so. The tools you see are yours to call.\n"
        "A refused call answers with code, message, hint and details: the hint names the way out.\n"
        "After an error with retryable true, make the same call again; after any other one, correct the call first.\n"
        "After an error that is not retryable and says outcome unknown, look at what was written before you repeat the call."
    )


def _what_is_kept(acting: Actor) -> list[str]:
    """Return what the domains keep that the actor's role has tools of."""
    packages = {tool.module.rpartition(".")[0] for tool in all_tools(role=acting.role) if tool.roles != EVERYBODY}
    return [domain.title for package, domain in domains().items() if package in packages]


def on_signals(stop: Callable[[], None]) -> None:
    """Stop at SIGINT and SIGTERM."""

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
