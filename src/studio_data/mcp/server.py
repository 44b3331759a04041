"""The MCP server: the registry's tools for any client of the Model Context Protocol, over ``stdio`` or ``http``."""

import signal
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import FrameType
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

from studio_data.contract.actor import Actor
from studio_data.contract.domain import domains
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import EVERYBODY
from studio_data.export import export
from studio_data.mcp.answers import Request
from studio_data.mcp.calls import Calls, answer_in_time


def server_for(acting: Actor, calls: Calls | None = None) -> Server[Any]:
    """Return the server whose calls are made by this actor, with the toolset of its role."""
    tools = [Tool.model_validate(definition) for definition in export("mcp", role=acting.role)]
    running = calls or Calls()

    async def list_tools(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: ServerRequestContext[Any, Any], given: CallToolRequestParams) -> CallToolResult:
        request = Request(given.name, given.arguments, cast("Mapping[str, Any] | None", given.meta))
        answered = await answer_in_time(running, acting, request)
        return CallToolResult.model_validate_json(answered.json)

    return Server(
        "studio-data",
        version=version("studio-data"),
        instructions=_instructions(acting),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=_no_header_holds_an_argument,
    )


def _instructions(acting: Actor) -> str:
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


def _no_header_holds_an_argument(_: str) -> None:
    """Spare every call over HTTP a listing of the tools, in which the SDK would look for arguments sent as headers."""


def on_signals(stop: Callable[[], None]) -> None:
    """Stop at SIGINT and SIGTERM."""

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
