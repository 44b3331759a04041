"""Clients of the MCP server: in this process, or of a process of its own; and how their answers are read."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from studio_data.contract.actor import acting_as
from studio_data.contract.roles import Role
from studio_data.mcp.server import server_for
from studio_data.mcp.toolset import Toolset

COMMAND = ["-m", "studio_data", "mcp"]
ODD_TOOLS = """
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from studio_data.__main__ import main
from studio_data.contract.registry import tool
from studio_data.tools.clients import create_client

@tool(reads=True)
def fail() -> dict[str, Any]:
    '''Fail as nobody foresaw.'''
    raise RuntimeError("postgresql://ann:hunter2@db/studio")

@tool(reads=True)
def list_words() -> list[str]:
    '''List words, and print some.'''
    print("a stray line")
    subprocess.run(["echo", "a child's line"])
    print("no whole line", end="")
    return ["one", "two"]

@tool(reads=True)
def find_word(word: str) -> dict[str, Any] | None:
    '''Find a word.'''
    return {"word": word} if word == "one" else None

@tool(reads=True)
def lose_the_actor() -> dict[str, Any]:
    '''Write in a thread that has no actor.'''
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(create_client, "Ann").result()

main()
"""


def in_process[T](
    use: Callable[[Client], Awaitable[T]],
    *,
    actor: str = "mcp",
    role: Role | None = None,
    mode: str = "auto",
    discover: bool | None = None,
    **who: str,
) -> T:
    """Let a client do something with a server in this process, and return what it returned."""
    with acting_as("agent", actor, role=role, **who) as acting:
        server = server_for(Toolset.of(acting, discover=discover))

    async def connected() -> T:
        async with Client(server, mode=mode) as client:
            return await use(client)

    return asyncio.run(connected())


def over_stdio[T](use: Callable[[Client], Awaitable[T]], *arguments: str, program: list[str] = COMMAND, **how: Any) -> T:
    """Start a server process, let a client of it do something, and return what it returned."""
    started = StdioServerParameters(command=sys.executable, args=[*program, *arguments], env=dict(os.environ))

    async def connected() -> T:
        async with Client(started, **how) as client:
            return await use(client)

    return asyncio.run(connected())


def told(result: CallToolResult) -> Any:
    """Return the JSON of the one text block."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return json.loads(block.text)


def refused(result: CallToolResult) -> dict[str, Any]:
    """Return the structured error that a call answered."""
    assert result.is_error
    error = result.structured_content
    assert told(result) == error
    assert error.keys() == {"code", "message", "hint", "details", "retryable", "outcome"}
    return error


def ours(**wishes: Any) -> Any:
    """Write a client's wishes as ``_meta``."""
    return {f"studio-data/{name.replace('_', '-')}": value for name, value in wishes.items()}
