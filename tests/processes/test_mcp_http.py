"""The MCP server over HTTP, as a process of its own, and the command where it cannot serve."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from studio_data import db
from studio_data.cli.app import MISCONFIGURED
from studio_data.contract.actor import Actor, ActorType
from studio_data.contract.roles import Role
from studio_data.errors import ConfigurationError
from studio_data.export import export
from studio_data.mcp.http import _listen
from studio_data.mcp.toolset import Toolset
from tests.support.mcp_client import COMMAND, ours, refused
from tests.support.mcp_server import TOKEN

WITHOUT_THE_SDK = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"mcp", "mcp_types"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from studio_data.__main__ import main
main()
"""


def over_http[T](use: Callable[[Client], Awaitable[T]], url: str, token: str | None = None) -> T:
    """Let a client of a running server do something, and return what it returned."""

    async def connected() -> T:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await use(client)

    return asyncio.run(connected())


@contextmanager
def served_http(*arguments: str, token: str | None = None, **settings: str) -> Generator[str]:
    """Start an HTTP server on a free port, yield its address, and see it end at SIGTERM."""
    environment = os.environ | ({} if token is None else {"STUDIO_DATA_MCP_TOKEN": token}) | settings
    server = subprocess.Popen(
        [sys.executable, *COMMAND, "--http", "--port", "0", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        said = server.stderr.readline()
        if "many clients take at most" in said:  # without a role
            said = server.stderr.readline()
        found = re.search(r"http://\S+:\d+/mcp", said)
        assert found, said + server.stderr.read()
        yield found[0]
    finally:
        server.terminate()
        printed, complained = server.communicate(timeout=60)
    assert (server.returncode, printed) == (0, "")
    assert "Traceback" not in complained


def run(*arguments: str, program: list[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def post(url: str, headers: dict[str, str]) -> int:
    """Send a handshake without the SDK and return the status."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    sent = {"Accept": "application/json, text/event-stream"} | headers
    return httpx2.post(url, json=body, headers=httpx2.Headers(sent, encoding="utf-8")).status_code


def test_over_http_a_client_lists_and_calls_tools_like_over_stdio(committed_db: str) -> None:
    async def use(client: Client) -> tuple[list[dict[str, Any]], list[CallToolResult], CallToolResult]:
        listed = await client.list_tools()
        key = ours(idempotency_key="a", run_id="run-42")
        calls = [client.call_tool("create_client", {"name": "Ann"}, meta=key) for _ in range(16)]
        done = await asyncio.gather(*calls)
        wrong = await client.call_tool("create_project", {})
        tools = [found.model_dump(mode="json", by_alias=True, exclude_unset=True) for found in listed.tools]
        return tools, done, wrong

    with served_http("--role", "studio_manager") as url:
        assert url.startswith("http://127.0.0.1:")
        tools, done, wrong = over_http(use, url)

        assert tools == Toolset.of(Actor(ActorType.AGENT, "test", role=Role.STUDIO_MANAGER)).shown()
        assert len({json.dumps(result.structured_content) for result in done}) == 1
        assert done[0].structured_content["phone"] is None
        assert refused(wrong)["code"] == "invalid_input"
        log = db.one("SELECT actor_name, context FROM activity_log")
        assert (log["actor_name"], log["context"]["run_id"]) == ("studio_manager", "run-42")

        assert post(url, {"Host": "evil.example:80"}) == 421
        assert post(url, {"Origin": "http://evil.example"}) == 403
        assert post(url, {"Origin": url.removesuffix("/mcp")}) == 200
        with pytest.raises(ConfigurationError, match=r": Address already in use\. Choose another --port"):
            _listen("127.0.0.1", int(url.split(":")[2].removesuffix("/mcp")))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 (with a token)
def test_a_token_once_set_is_required_everywhere(committed_db: str, host: str) -> None:
    async def look(client: Client) -> int:
        return len((await client.list_tools()).tools)

    with served_http("--no-discover", "--host", host, token=TOKEN) as url:
        reachable = url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert over_http(look, reachable, TOKEN) == len(export("mcp"))
        assert post(reachable, {}) == 401
        for wrong in (f"Bearer {TOKEN}x", TOKEN, "Bearer ü"):
            assert post(reachable, {"Authorization": wrong}) == 401
        assert post(reachable, {"Authorization": f"Bearer {TOKEN}"}) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 (with a token)
def test_behind_a_proxy_the_allowed_names_are_accepted(committed_db: str, host: str) -> None:
    allowed = {
        "STUDIO_DATA_MCP_ALLOWED_HOSTS": "MCP.example.com, other.example.com:8443",
        "STUDIO_DATA_MCP_ALLOWED_ORIGINS": "https://app.example.com",
    }
    token = {"Authorization": f"Bearer {TOKEN}"}
    with served_http("--host", host, token=TOKEN, **allowed) as address:
        url = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for name in ("mcp.example.com", "mcp.example.com:443", "other.example.com:8443", "127.0.0.1:80"):
            assert post(url, token | {"Host": name}) == 200
        for name in ("evil.example", "mcp.example.com.evil.example", "other.example.com", "other.example.com:1"):
            assert post(url, token | {"Host": name}) == 421
        for origin in ("https://mcp.example.com", "https://other.example.com:8443", "https://app.example.com"):
            assert post(url, token | {"Host": "mcp.example.com", "Origin": origin}) == 200
        for origin in ("https://evil.example", "http://mcp.example.com"):
            assert post(url, token | {"Host": "mcp.example.com", "Origin": origin}) == 403

        asks = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        asked = httpx2.options(url, headers=asks | {"Access-Control-Request-Headers": "authorization"})
        assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


def test_only_post_is_answered_and_the_rest_at_once(committed_db: str) -> None:
    with served_http() as url:
        for method in ("GET", "DELETE", "PUT", "HEAD"):
            answer = httpx2.request(method, url, headers={"Accept": "text/event-stream"}, timeout=5)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_off_loopback_the_server_does_not_start_without_a_token() -> None:
    ended = run("--role", "reader", "--http", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 (refused)

    assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
    assert "Without a token the server may not listen on 0.0.0.0" in ended.stderr
    assert "Set STUDIO_DATA_MCP_TOKEN" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_without_the_sdk_the_command_says_how_to_install_it_and_the_others_work() -> None:
    ended = run("mcp", program=["-c", WITHOUT_THE_SDK])

    assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
    assert ended.stderr == "studio-data: The MCP server needs mcp. Install studio-data[mcp].\n"
    assert run("--version", program=["-c", WITHOUT_THE_SDK]).returncode == 0
