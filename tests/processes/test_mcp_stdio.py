"""The MCP server over stdio, as a process of its own that the SDK's client speaks to."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from mcp import Client
from mcp.types import CallToolResult

from studio_data import db
from tests.support import clients
from tests.support.embedded import within
from tests.support.mcp_client import COMMAND, ODD_TOOLS, ours, over_stdio, refused, told


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
        "outcome": "unknown",
    }


def test_a_tool_that_loses_its_actor_in_a_thread_writes_nothing(committed_db: str) -> None:
    async def ask(client: Client) -> CallToolResult:
        return await client.call_tool("lose_the_actor", {})

    error = refused(over_stdio(ask, "mcp", program=["-c", ODD_TOOLS]))

    assert (error["code"], error["details"]["rule"]) == ("permission_denied", "somebody_acts")
    assert error["details"]["required_by"] == "the MCP server"
    assert clients() == 0


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


def call_tool(
    server: subprocess.Popen[str], number: int, name: str, arguments: dict[str, Any], meta: dict[str, Any] | None = None
) -> None:
    """Send a call and do not wait for its answer."""
    params = {"name": name, "arguments": arguments, "_meta": meta or {}}
    call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    assert server.stdin is not None
    server.stdin.write(json.dumps(call) + "\n")


def test_stdout_holds_the_protocol_only_and_the_end_of_stdin_ends_the_server(committed_db: str) -> None:
    with conversation("mcp", program=["-c", ODD_TOOLS]) as server:
        assert server.stdout is not None
        for number, name in enumerate(["list_words", "fail", "list_clients"], start=1):
            call_tool(server, number, name, {})
        answers = [json.loads(server.stdout.readline()) for _ in range(3)]
        rest, complained = server.communicate(timeout=60)

        assert (server.returncode, rest) == (0, "")
        assert {answer["id"] for answer in answers} == {1, 2, 3}
        assert all(answer["jsonrpc"] == "2.0" and "result" in answer for answer in answers)
        assert "hunter2" not in json.dumps(answers)
        assert "RuntimeError: postgresql://ann:hunter2@db/studio" in complained
        for stray in ("a stray line", "a child's line", "no whole line"):
            assert stray in complained


def test_a_server_whose_client_no_longer_reads_ends(committed_db: str) -> None:
    with conversation("--role", "studio_manager") as server:
        assert server.stdout is not None
        server.stdout.close()
        call_tool(server, 1, "create_client", {"name": "Ann"})

        assert server.wait(timeout=60) == 0
        assert server.stderr is not None
        assert server.stderr.read() == "studio-data: WARNING studio_data.mcp: the client no longer reads: Broken pipe\n"
    assert clients() == 1


def test_signals_end_the_server_while_stdin_is_open_but_not_before_the_call_that_runs_has_ended(committed_db: str) -> None:
    with conversation("--role", "studio_manager") as server, psycopg.connect(committed_db) as locking:
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
