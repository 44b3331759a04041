"""The short way of a call over HTTP answers what the SDK answers, to the letter of its JSON, and takes nothing unusual."""

import json
from collections.abc import Generator
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import pytest

from studio_data.mcp import direct
from tests.conftest import new_database
from tests.support.mcp_server import TOKEN, Served, headers, served

HANDSHAKE = sorted(direct.DIRECT_VERSIONS)
STATELESS = sorted(direct.STATELESS_VERSIONS)
ENVELOPE = {
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}
ELSEWHERE = {"Origin": "http://localhost"}
"""An allowed origin: such a request goes the SDK's way."""

KEY = str(uuid4())
CALLS: dict[str, dict[str, Any]] = {
    "a row": {"name": "create_client", "arguments": {"name": "Ann"}, "_meta": {"studio-data/idempotency-key": KEY}},
    "a page": {"name": "list_clients", "arguments": {"limit": 2}},
    "a page of everything": {"name": "list_activity", "arguments": {"fields": "*", "limit": 1}},
    "what is no object": {"name": "find_tools", "arguments": {"query": "fee"}},
    "a call inside": {
        "name": "call_tool",
        "arguments": {"name": "create_client", "arguments": {"name": "Ann"}},
        "_meta": {"studio-data/idempotency-key": KEY},
    },
    "a call inside itself": {"name": "call_tool", "arguments": {"name": "call_tool", "arguments": {}}},
    "no arguments": {"name": "list_clients"},
    "null for arguments": {"name": "list_clients", "arguments": None},
    "an unknown tool": {"name": "make_client", "arguments": {}},
    "a bad argument": {"name": "create_client", "arguments": {"name": ""}},
    "an unknown wish": {"name": "list_clients", "arguments": {}, "_meta": {"studio-data/colour": "red"}},
    "arguments that are a list": {"name": "list_clients", "arguments": []},
    "a name that is a number": {"name": 7, "arguments": {}},
    "more than a call has": {"name": "list_clients", "arguments": {}, "limit": 7},
}


@pytest.fixture(scope="module")
def server(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with new_database(server_url, template=template) as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url)
        with served(tmp_path_factory.mktemp("mcp")) as running:
            yield running


def asked(server: Served, message: object, version: str, **more: str) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        sent = message if isinstance(message, bytes) else json.dumps(message).encode()
        connection.request("POST", "/mcp", sent, headers() | {"MCP-Protocol-Version": version} | more)
        answer = connection.getresponse()
        text = answer.read()
        is_json = text and answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(text) if is_json else text
    finally:
        connection.close()


def a_call(params: dict[str, Any], version: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the message of a call and the headers that its version wants."""
    message = {"jsonrpc": "2.0", "id": "call-1", "method": "tools/call", "params": params}
    if version not in STATELESS:
        return message, {}
    meta = params.get("_meta", {}) | ENVELOPE | {"io.modelcontextprotocol/protocolVersion": version}
    named = {"Mcp-Method": "tools/call", "Mcp-Name": str(params["name"])}
    return message | {"params": params | {"_meta": meta}}, named


def without_what_changes(answer: Any) -> Any:
    """Leave out the text, which is compared with the structured content, and whether the key was used before."""
    result = answer.get("result")
    if result is not None and "content" in result:
        (text,) = result.pop("content")
        assert json.loads(text["text"]) == result["structuredContent"]
        result.pop("_meta", None)
    return answer


@pytest.mark.parametrize("version", [*HANDSHAKE, *STATELESS])
@pytest.mark.parametrize("params", CALLS.values(), ids=CALLS)
def test_both_ways_answer_the_same(server: Served, params: dict[str, Any], version: str) -> None:
    message, named = a_call(params, version)
    short = asked(server, message, version, **named)
    through_the_sdk = asked(server, message, version, **named, **ELSEWHERE)

    assert short[0] == through_the_sdk[0]
    assert without_what_changes(short[1]) == without_what_changes(through_the_sdk[1])


@pytest.mark.parametrize("version", [*HANDSHAKE, *STATELESS])
def test_half_a_surrogate_pair_is_a_refusal_of_ours(server: Served, version: str) -> None:
    """The SDK answers 400 to it in the versions with a handshake: there its parser takes no such text."""
    message, named = a_call({"name": "create_client", "arguments": {"name": "\ud800"}}, version)
    status, answer = asked(server, message, version, **named)

    assert (status, answer["result"]["structuredContent"]["code"]) == (200, "invalid_input")


def test_a_preview_answers_the_same_but_for_its_ids(server: Served) -> None:
    params = {"name": "create_client", "arguments": {"name": "Ann"}, "_meta": {"studio-data/preview": True}}
    message, _ = a_call(params, HANDSHAKE[-1])
    short, through_the_sdk = (asked(server, message, HANDSHAKE[-1], **more)[1]["result"] for more in ({}, ELSEWHERE))

    for result in (short, through_the_sdk):
        changes = result["_meta"]["studio-data/changes"]
        assert json.loads(result["content"][0]["text"]) == {"result": result["structuredContent"], "changes": changes}
        assert [(change["table"], change["operation"]) for change in changes] == [
            ("clients", "inserted"),
            ("activity_log", "inserted"),
        ]
    assert short.keys() == through_the_sdk.keys()
    assert short["_meta"].keys() == through_the_sdk["_meta"].keys()


UNUSUAL: dict[str, tuple[bytes | dict[str, Any], dict[str, str], int]] = {
    "no JSON": (b"{", {}, 400),
    "a batch": (b"[]", {}, 400),
    "another host": ({}, {"Host": "practice.example"}, 421),
    "another origin": ({}, {"Origin": "https://practice.example"}, 403),
    "another content type": ({}, {"Content-Type": "text/plain"}, 400),
    "another token": ({}, {"Authorization": f"Bearer {TOKEN}x"}, 401),
    "another answer wanted": ({}, {"Accept": "text/html"}, 406),
}


@pytest.mark.parametrize(("message", "more", "status"), UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("version", HANDSHAKE)
def test_what_is_unusual_is_refused_as_ever(
    server: Served, message: bytes | dict[str, Any], more: dict[str, str], status: int, version: str
) -> None:
    usual, _ = a_call({"name": "list_clients", "arguments": {}}, version)

    assert asked(server, message or usual, version, **more)[0] == status


def test_an_older_version_goes_the_sdks_way_and_gets_its_answer(server: Served) -> None:
    message, _ = a_call({"name": "list_clients", "arguments": {}}, "2025-03-26")
    status, answer = asked(server, message, "2025-03-26")

    assert (status, answer["result"]["isError"]) == (200, False)
    assert json.loads(answer["result"]["content"][0]["text"])["left"] == 0


def test_a_stateless_call_whose_headers_contradict_it_is_refused(server: Served) -> None:
    message, named = a_call({"name": "list_clients", "arguments": {}}, STATELESS[-1])

    assert asked(server, message, STATELESS[-1], **named | {"Mcp-Name": "create_client"})[0] == 400
    assert asked(server, message, STATELESS[-1], **named)[0] == 200


def test_a_stateless_client_may_keep_the_list_for_an_hour(server: Served) -> None:
    meta = ENVELOPE | {"io.modelcontextprotocol/protocolVersion": STATELESS[-1]}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    status, answer = asked(server, message, STATELESS[-1], **{"Mcp-Method": "tools/list"})

    result = answer["result"]
    assert (status, result["ttlMs"], result["cacheScope"]) == (200, 3_600_000, "private")
    assert {tool["name"]: tool["title"] for tool in result["tools"]}["create_client"] == "Create client"
    assert asked(server, message, STATELESS[-1], **{"Mcp-Method": "tools/list"})[1] == answer
