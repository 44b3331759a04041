"""What the server says of itself before any call, and the signals that end it. Nothing here needs the SDK."""

import signal
from collections.abc import Callable
from types import FrameType

from studio_data.contract.domain import domains
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import EVERYBODY, Role
from studio_data.mcp.toolset import Toolset

NAME = "studio-data"


def instructions(toolset: Toolset) -> str:
    """Return what a model should know of the server and of itself."""
    acting = toolset.acting
    role = f" in the role {acting.role}" if acting.role else ""
    person = f", on behalf of {acting.on_behalf_of}" if acting.on_behalf_of else ""
    return (
        f"StudioData keeps the records of an interior-design practice: {'; '.join(_what_is_kept(acting.role))}.\n"
        f"You act as {acting.name}{role}{person}; every change is recorded so. {_what_is_seen(toolset)}\n"
        "A refused call answers with code, message, hint and details: the hint names the way out.\n"
        "After an error with retryable true, make the same call again; after any other one, correct the call first.\n"
        "After an error that is not retryable and says outcome unknown, look at what was written before you repeat the call."
    )


def _what_is_seen(toolset: Toolset) -> str:
    if not toolset.discover:
        return "The tools you see are yours to call."
    return (
        f"You have {len(all_tools(role=toolset.acting.role))} tools and see those that you need most. "
        "find_tools finds the others by what they do, with their input schemas, and call_tool calls them."
    )


def _what_is_kept(role: Role | None) -> list[str]:
    """Return what the domains keep that a role has tools of."""
    packages = {tool.module.rpartition(".")[0] for tool in all_tools(role=role) if tool.roles != EVERYBODY}
    return [domain.title for package, domain in domains().items() if package in packages]


def on_signals(stop: Callable[[], None]) -> None:
    """Stop at SIGINT and SIGTERM."""

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
