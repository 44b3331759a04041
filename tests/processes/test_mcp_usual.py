"""What is usual over stdio is answered without the SDK, and as the SDK answers it; what is not is the SDK's."""

import json
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from studio_data.contract.roles import Role
from studio_data.export import export
from studio_data.mcp.usual import HANDSHAKE_VERSIONS
from tests.support.mcp_client import COMMAND

THE_SDK_ALONE = """
from studio_data.mcp import usual
usual.Usual._answers = lambda *_: False
from studio_data.__main__ import main
main()
"""
TELLING = """
import atexit, sys
atexit.register(lambda: print("loaded:", sorted({"mcp", "anyio", "starlette"} & sys.modules.keys()), file=sys.stderr))
from studio_data.__main__ import main
main()
"""


def hello(version: str, number: Any = 0) -> list[dict[str, Any]]:
    client = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return [
        {"jsonrpc": "2.0", "id": number, "method": "initialize", "params": client},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]


def a_call(number: Any, name: str, arguments: Any, **meta: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments} | ({"_meta": meta} if meta else {})
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def conversation(messages: list[Any], *options: str, program: list[str] = COMMAND) -> tuple[dict[Any, Any], str]:
    """Say everything to a server and end stdin. Return its answers by their ids, and what it says on stderr."""
    sent = "".join((message if isinstance(message, str) else json.dumps(message)) + "\n" for message in messages)
    command = [sys.executable, *program, "--role", "studio_manager", *options]
    server = subprocess.run(command, input=sent, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in server.stdout.splitlines()]
    assert len({json.dumps(answer.get("id")) for answer in answers}) == len(answers)
    return {answer.get("id"): compared(answer) for answer in answers}, server.stderr


def compared(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out the text of a call's result, which is compared with its structured content."""
    result = answer.get("result", {})
    if "structuredContent" in result:
        (text,) = result.pop("content")
        assert json.loads(text["text"]) == result["structuredContent"]
    return answer


def test_the_versions_are_those_of_the_sdk() -> None:
    assert HANDSHAKE_VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS


@pytest.mark.parametrize("version", [*HANDSHAKE_VERSIONS, "1999-01-01"])
def test_a_conversation_goes_as_with_the_sdk_alone(committed_db: str, version: str) -> None:
    key = {"studio-data/idempotency-key": str(uuid4())}
    conversation([*hello(version), a_call(1, "create_client", {"name": "Ann"}, **key)])
    messages: list[Any] = [
        *hello(version, "zero"),
        {"jsonrpc": "2.0", "id": "tools", "method": "tools/list"},
        {"jsonrpc": "2.0", "id": "all", "method": "tools/list", "params": {}},
        a_call("again", "create_client", {"name": "Ann"}, **key),
        a_call("page", "list_clients", {"limit": 2}),
        a_call("refused", "list_clients", {"colour": "red"}),
        a_call("unknown", "make_client", None),
        a_call("inside", "call_tool", {"name": "list_clients", "arguments": {"limit": 2}}),
        a_call("found", "find_tools", {"query": "fee"}),
        {"jsonrpc": "2.0", "id": "ping", "method": "ping"},
        {"jsonrpc": "2.0", "id": "nothing", "method": "no/such"},
        {"jsonrpc": "2.0", "id": "odd", "method": "tools/call", "params": {"name": 7}},
        a_call("last", "list_clients", {}),
    ]
    ours, _ = conversation(messages)
    the_sdks, _ = conversation(messages, program=["-c", THE_SDK_ALONE, "mcp"])

    assert ours.keys() == {message["id"] for message in messages if "id" in message}
    assert ours == the_sdks


def test_without_discover_the_list_is_that_of_the_sdk_too(committed_db: str) -> None:
    messages = [*hello("2025-11-25"), {"jsonrpc": "2.0", "id": "tools", "method": "tools/list"}]
    ours, _ = conversation(messages, "--no-discover")
    the_sdks, _ = conversation(messages, "--no-discover", program=["-c", THE_SDK_ALONE, "mcp"])

    assert ours == the_sdks
    assert ours["tools"]["result"]["tools"] == export("mcp", role=Role.STUDIO_MANAGER)


def test_what_is_usual_needs_no_sdk(committed_db: str) -> None:
    messages = [*hello("2025-11-25"), {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, a_call(2, "list_clients", {})]
    answers, said = conversation(messages, program=["-c", TELLING, "mcp"])
    assert (answers.keys(), "loaded: []" in said) == ({0, 1, 2}, True)

    _, said = conversation([*messages, {"jsonrpc": "2.0", "id": 3, "method": "ping"}], program=["-c", TELLING, "mcp"])
    assert "loaded: ['anyio', 'mcp', 'starlette']" in said


def test_a_call_before_the_handshake_is_refused_and_one_after_it_is_not(committed_db: str) -> None:
    answers, _ = conversation(
        [a_call("early", "list_clients", {}), *hello("2025-11-25"), a_call("late", "list_clients", {})]
    )

    assert "error" in answers["early"]
    assert answers["late"]["result"]["isError"] is False


def test_a_line_that_is_no_json_stops_nothing(committed_db: str) -> None:
    answers, _ = conversation([*hello("2025-11-25"), "{", a_call(1, "list_clients", {})])

    assert answers[1]["result"]["isError"] is False
