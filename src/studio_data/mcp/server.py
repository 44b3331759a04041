"""The MCP server: the registry's tools for any client of the Model Context Protocol, over ``stdio`` or ``http``."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

from studio_data.mcp.answers import Request
from studio_data.mcp.calls import Calls, answer_in_time
from studio_data.mcp.introduction import NAME, instructions
from studio_data.mcp.toolset import Toolset

SECONDS_TO_KEEP_THE_LIST = 3600
"""It changes only with the server's version: a client of the stateless revision asks again in an hour."""


def server_for(toolset: Toolset, calls: Calls | None = None) -> Server[Any]:
    """Return the server of this toolset, whose calls are made by its actor."""
    tools = [Tool.model_validate(definition) for definition in toolset.shown()]
    running = calls or Calls()

    async def list_tools(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools, ttl_ms=SECONDS_TO_KEEP_THE_LIST * 1000)

    async def call_tool(_: ServerRequestContext[Any, Any], given: CallToolRequestParams) -> CallToolResult:
        request = Request(given.name, given.arguments, cast("Mapping[str, Any] | None", given.meta))
        answered = await answer_in_time(running, toolset, request)
        return CallToolResult.model_validate_json(answered.json)

    return Server(
        NAME,
        version=version(NAME),
        instructions=instructions(toolset),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=_no_header_holds_an_argument,
    )


def _no_header_holds_an_argument(_: str) -> None:
    """Spare every call over HTTP a listing of the tools, in which the SDK would look for arguments sent as headers."""
