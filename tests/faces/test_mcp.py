"""The MCP server, as a process of its own that the SDK's client speaks to."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolRequestParams, CallToolResult, TextContent

from studio_data import db
from studio_data.cli.app import MISCONFIGURED
from studio_data.contract.actor import Actor, ActorType
from studio_data.contract.roles import Role
from studio_data.errors import ConfigurationError
from studio_data.export import export
from studio_data.mcp import _listen, answer
from tests.support import clients
from tests.support.embedded import within

COMMAND = ["-m", "studio_data", "mcp"]
TOKEN = "sixteen-or-more-characters"  # noqa: S105
ODD_TOOLS = """
import subprocess
from typing import Any
from studio_data.__main__ import main
from studio_data.contract.registry import tool

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

main()
"""
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


def over_stdio[T](use: Callable[[Client], Awaitable[T]], *arguments: str, program: list[str] = COMMAND, **how: Any) -> T:
    """Start a server process, let a client of it do something, and return what it returned."""
    started = StdioServerParameters(command=sys.executable, args=[*program, *arguments], env=dict(os.environ))

    async def connected() -> T:
        async with Client(started, **how) as client:
            return await use(client)

    return asyncio.run(connected())


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
def served_http(*arguments: str, token: str | None = None) -> Generator[str]:
    """Start an HTTP server on a free port, yield its address, and see it end at SIGTERM."""
    environment = os.environ | ({} if token is None else {"STUDIO_DATA_MCP_TOKEN": token})
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
        found = re.search(r"http://\S+:\d+/mcp", said)
        assert found, said + server.stderr.read()
        yield found[0]
    finally:
        server.terminate()
        printed, complained = server.communicate(timeout=10)
    assert (server.returncode, printed) == (0, "")
    assert "Traceback" not in complained


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
    assert error.keys() == {"code", "message", "hint", "details", "retryable"}
    return error


def ours(**wishes: Any) -> Any:
    """Write a client's wishes as ``_meta``."""
    return {f"studio-data/{name.replace('_', '-')}": value for name, value in wishes.items()}


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


@pytest.mark.parametrize(("role", "mode"), [(None, "legacy"), (Role.READER, "auto")])
def test_a_client_is_shown_the_export_of_the_role_and_nothing_else(committed_db: str, role: Role | None, mode: str) -> None:
    async def look(client: Client) -> list[dict[str, Any]]:
        assert client.server_info is not None
        assert client.server_info.name == "studio-data"
        assert client.server_info.version
        assert f"You act as {role or 'mcp'}" in (client.instructions or "")
        listed = await client.list_tools()
        return [found.model_dump(mode="json", by_alias=True, exclude_unset=True) for found in listed.tools]

    shown = over_stdio(look, *(["--role", role] if role else []), mode=mode)

    assert shown == export("mcp", role=role)
    names = {definition["name"] for definition in shown}
    assert "get_client" in names
    assert ("create_client" in names) == (role is None)
    assert all(definition["annotations"]["readOnlyHint"] for definition in shown) == (role is Role.READER)


def test_a_write_leaves_its_row_and_its_line_with_the_actor_the_role_and_the_run(committed_db: str) -> None:
    async def write(client: Client) -> tuple[CallToolResult, CallToolResult]:
        first = await client.call_tool("create_client", {"name": "Ann", "screening_data": {"rooms": None}})
        second = await client.call_tool("create_client", {"name": "Bea", "email": None}, meta=ours(run_id="run-43"))
        return first, second

    by = ["--role", "studio_manager", "--actor", "intake", "--on-behalf-of", "Maria", "--run-id", "run-42"]
    first, second = over_stdio(write, *by)

    row = db.one("SELECT * FROM clients WHERE name = 'Ann'")
    assert first.structured_content == told(first)
    assert first.structured_content["id"] == str(row["id"])
    assert first.structured_content["screening_data"] == {"rooms": None}
    assert not first.is_error
    assert not second.is_error
    log = db.many("SELECT actor_type, actor_name, context FROM activity_log ORDER BY id")
    assert [(line["actor_type"], line["actor_name"]) for line in log] == [("agent", "intake")] * 2
    assert [line["context"]["run_id"] for line in log] == ["run-42", "run-43"]
    for line in log:
        assert line["context"]["role"] == "studio_manager"
        assert line["context"]["on_behalf_of"] == "Maria"
        assert line["context"]["tool"] == "create_client"


def test_a_call_with_a_key_is_executed_once_however_often_and_however_fast_it_comes(committed_db: str) -> None:
    async def repeat(client: Client) -> tuple[list[CallToolResult], CallToolResult, list[CallToolResult]]:
        again = [await client.call_tool("create_client", {"name": "Ann"}, meta=ours(idempotency_key="a")) for _ in range(2)]
        other = await client.call_tool("create_client", {"name": "Bea"}, meta=ours(idempotency_key="a"))
        at_once = [client.call_tool("create_client", {"name": "Cho"}, meta=ours(idempotency_key="c")) for _ in range(16)]
        return again, other, await asyncio.gather(*at_once)

    again, other, at_once = over_stdio(repeat)

    assert again[0].structured_content == again[1].structured_content
    assert refused(other)["code"] == "conflict"
    assert len({json.dumps(result.structured_content) for result in at_once}) == 1
    assert not any(result.is_error for result in at_once)
    assert [row["name"] for row in db.many("SELECT name FROM clients ORDER BY name")] == ["Ann", "Cho"]


def test_slow_calls_do_not_hold_up_others(committed_db: str) -> None:
    async def race(client: Client) -> list[str]:
        ended: list[str] = []

        async def noted(name: str, call: Awaitable[Any]) -> None:
            await call
            ended.append(name)

        await client.call_tool("list_clients", {})
        blocked = asyncio.create_task(noted("blocked", client.call_tool("create_client", {"name": "Ann"})))
        await asyncio.sleep(0.2)
        await noted("listing", client.list_tools())
        await noted("reading", client.call_tool("list_clients", {}))
        locking.execute("COMMIT")
        await blocked
        return ended

    with psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        assert over_stdio(race) == ["listing", "reading", "blocked"]


def test_what_is_refused_is_a_structured_tool_error(committed_db: str) -> None:
    async def ask(client: Client) -> list[dict[str, Any]]:
        calls: list[tuple[str, dict[str, Any] | None, Any]] = [
            ("create_project", {"client_id": str(uuid4()), "name": "Bath", "project_type": "renovatoin"}, None),
            ("get_client", {"client_id": str(uuid4())}, None),
            ("create_client", {"name": "Ann"}, None),
            ("get_clients", {}, None),
            ("get_client", None, None),
            ("list_clients", {"limit": 5, "colour": "red"}, None),
            ("list_clients", {}, ours(idempotency_key="x" * 256)),
            ("list_clients", {}, ours(idempotency_key=7)),
            ("list_clients", {}, ours(run_id="two\nlines")),
            ("list_clients", {}, ours(preview="yes")),
            ("list_clients", {}, ours(idempotence_key="a")),
        ]
        return [refused(await client.call_tool(tool, arguments, meta=meta)) for tool, arguments, meta in calls]

    errors = over_stdio(ask, "--role", "project_manager")

    assert [error["code"] for error in errors] == [
        "invalid_input", "not_found", "permission_denied", *["invalid_input"] * 8,
    ]  # fmt: skip
    assert errors[0]["hint"] == "Did you mean renovation?"
    assert errors[2]["details"]["roles"] == ["studio_manager"]
    assert errors[3]["hint"].startswith("Did you mean ")
    assert errors[4]["message"] == "client_id is missing."
    assert errors[5]["details"]["arguments"] == ["colour"]
    assert errors[6]["details"]["arguments"] == ["studio-data/idempotency-key"]
    assert errors[9]["message"] == "studio-data/preview must be true or false."
    assert errors[10]["hint"] == "Did you mean studio-data/idempotency-key?"
    assert clients() == 0


def test_a_preview_answers_the_result_and_the_changes_and_writes_nothing(committed_db: str) -> None:
    async def look_ahead(client: Client) -> list[CallToolResult]:
        return [
            await client.call_tool("create_client", {"name": "Ann"}, meta=ours(preview=True, idempotency_key="a")),
            await client.call_tool("create_client", {"name": ""}, meta=ours(preview=True)),
            await client.call_tool("create_client", {"name": "Ann"}, meta=ours(preview=False, idempotency_key="a")),
        ]

    planned, wrong, done = over_stdio(look_ahead)

    assert planned.meta is not None
    changes = planned.meta["studio-data/changes"]
    assert {change["table"] for change in changes} == {"clients", "activity_log"}
    assert told(planned) == {"result": planned.structured_content, "changes": changes}
    assert planned.structured_content["id"] != done.structured_content["id"]
    assert refused(wrong)["code"] == "invalid_input"
    assert clients() == 1
    assert db.one("SELECT count(*) AS lines FROM activity_log") == {"lines": 1}


def test_results_that_are_no_objects_are_put_under_result_and_stray_output_misses_the_protocol(committed_db: str) -> None:
    async def ask(client: Client) -> list[CallToolResult]:
        calls: list[tuple[str, dict[str, str]]] = [
            ("list_words", {}), ("find_word", {"word": "one"}), ("find_word", {"word": "two"}), ("fail", {}),
        ]  # fmt: skip
        return [await client.call_tool(tool, arguments) for tool, arguments in calls]

    *results, failed = over_stdio(ask, "mcp", program=["-c", ODD_TOOLS])

    assert [result.structured_content for result in results] == [
        {"result": ["one", "two"]},
        {"result": {"word": "one"}},
        {"result": None},
    ]
    assert [told(result) for result in results] == [result.structured_content for result in results]
    assert refused(failed) == {
        "code": "internal_error",
        "message": "The server failed; its log says why.",
        "hint": "Look at what was written before you repeat it.",
        "details": {},
        "retryable": False,
    }


def test_a_database_that_cannot_be_reached_is_a_retryable_error_of_the_call(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://studio@127.0.0.1:9/studio?connect_timeout=2")

    async def ask(client: Client) -> CallToolResult:
        return await client.call_tool("list_clients", {})

    error = refused(over_stdio(ask))
    assert (error["code"], error["retryable"]) == ("unavailable", True)


@contextmanager
def conversation(*arguments: str, program: list[str] = COMMAND) -> Generator[subprocess.Popen[str]]:
    """Start a server on pipes and shake hands with it."""
    server = subprocess.Popen(
        [sys.executable, *program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        for message in (
            {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
        ):
            server.stdin.write(json.dumps(message) + "\n")
        assert json.loads(server.stdout.readline())["result"]["serverInfo"]["name"] == "studio-data"
        yield server
    finally:
        server.kill()
        server.communicate()


def call_tool(server: subprocess.Popen[str], number: int, name: str, arguments: dict[str, Any]) -> None:
    """Send a call and do not wait for its answer."""
    call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    assert server.stdin is not None
    server.stdin.write(json.dumps(call) + "\n")


def test_stdout_holds_the_protocol_only_and_the_end_of_stdin_ends_the_server(committed_db: str) -> None:
    with conversation("mcp", program=["-c", ODD_TOOLS]) as server:
        assert server.stdout is not None
        for number, name in enumerate(["list_words", "fail", "list_clients"], start=1):
            call_tool(server, number, name, {})
        answers = [json.loads(server.stdout.readline()) for _ in range(3)]
        rest, complained = server.communicate(timeout=10)

        assert (server.returncode, rest) == (0, "")
        assert {answer["id"] for answer in answers} == {1, 2, 3}
        assert all(answer["jsonrpc"] == "2.0" and "result" in answer for answer in answers)
        assert "hunter2" not in json.dumps(answers)
        assert "RuntimeError: postgresql://ann:hunter2@db/studio" in complained
        for stray in ("a stray line", "a child's line", "no whole line"):
            assert stray in complained


def test_a_server_whose_client_no_longer_reads_ends(committed_db: str) -> None:
    with conversation() as server:
        assert server.stdout is not None
        server.stdout.close()
        call_tool(server, 1, "create_client", {"name": "Ann"})

        assert server.wait(timeout=60) == 0
        assert server.stderr is not None
        assert server.stderr.read() == "studio-data: WARNING studio_data.mcp: the client no longer reads: Broken pipe\n"
    assert clients() == 1


def test_signals_end_the_server_while_stdin_is_open_but_not_before_the_call_that_runs_has_ended(committed_db: str) -> None:
    with conversation() as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        call_tool(server, 1, "create_client", {"name": "Ann"})
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with psycopg.connect(committed_db, autocommit=True) as watching:
            assert within(5, lambda: watching.execute(waiting).fetchone() == (1,))
        for number in (signal.SIGTERM, signal.SIGINT):
            server.send_signal(number)
            time.sleep(0.1)
            assert server.poll() is None
        locking.execute("COMMIT")
        assert server.wait(timeout=5) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""
    assert clients() == 1


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

        assert tools == export("mcp", role=Role.STUDIO_MANAGER)
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


def test_an_error_that_quotes_half_a_surrogate_pair_can_be_sent() -> None:
    result = answer(Actor(ActorType.AGENT, "test"), CallToolRequestParams(name="\ud800"))

    assert refused(result)["details"] == {"tool": "?"}
    assert result.model_dump_json()


def post(url: str, headers: dict[str, str]) -> int:
    """Send a handshake without the SDK and return the status."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    sent = {"Accept": "application/json, text/event-stream"} | headers
    return httpx2.post(url, json=body, headers=httpx2.Headers(sent, encoding="utf-8")).status_code


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 (with a token)
def test_a_token_once_set_is_required_everywhere(committed_db: str, host: str) -> None:
    async def look(client: Client) -> int:
        return len((await client.list_tools()).tools)

    with served_http("--host", host, token=TOKEN) as url:
        reachable = url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert over_http(look, reachable, TOKEN) == len(export("mcp"))
        assert post(reachable, {}) == 401
        for wrong in (f"Bearer {TOKEN}x", TOKEN, "Bearer ü"):
            assert post(reachable, {"Authorization": wrong}) == 401
        assert post(reachable, {"Authorization": f"Bearer {TOKEN}"}) == 200


def test_off_loopback_the_server_does_not_start_without_a_token() -> None:
    ended = run("--http", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 (refused)

    assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
    assert "Without a token the server may not listen on 0.0.0.0" in ended.stderr
    assert "Set STUDIO_DATA_MCP_TOKEN" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_without_the_sdk_the_command_says_how_to_install_it_and_the_others_work() -> None:
    ended = run("mcp", program=["-c", WITHOUT_THE_SDK])

    assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
    assert ended.stderr == "studio-data: The MCP server needs mcp. Install studio-data[mcp].\n"
    assert run("--version", program=["-c", WITHOUT_THE_SDK]).returncode == 0
