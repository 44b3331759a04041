"""The MCP server: the registry's tools for any client of the Model Context Protocol, over ``stdio`` or ``http``."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

from studio_data.contract.actor import Actor
from studio_data.export import export
from studio_data.mcp.answers import Request
from studio_data.mcp.calls import Calls, answer_in_time
from studio_data.mcp.introduction import NAME, instructions


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
        NAME,
        version=version(NAME),
        instructions=instructions(acting),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=_no_header_holds_an_argument,
    )


def _no_header_holds_an_argument(_: str) -> None:
    """Spare every call over HTTP a listing of the tools, in which the SDK would look for arguments sent as headers."""
