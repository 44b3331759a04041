"""A core of the tools, and the way to the others: what a model is shown, finds and calls over MCP."""

import json
import logging
import os
import re
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from studio_data import db
from studio_data.contract.actor import Actor, ActorType
from studio_data.contract.domain import core_of, domains
from studio_data.contract.registry import all_tools, get_tool, tool
from studio_data.contract.roles import Role
from studio_data.mcp import toolset
from studio_data.mcp.answers import Request, answer, report_of
from studio_data.mcp.toolset import Toolset, call_tool
from tests.conftest import ROOT
from tests.faces.test_export import CHARACTERS_PER_TOKEN, own
from tests.support import clients, tools_of_the_test
from tests.support.mcp_client import in_process, ours, refused

ROLES = [None, *Role]
PAGE = ROOT / "docs" / "mcp.md"
TABLE = re.compile(r"\| role \| tools \|.*?\n\n", re.DOTALL)
MOST_TOKENS = 8_000
MOST_TOKENS_FOUND = 2_500
ANN = {"name": "create_client", "arguments": {"name": "Ann"}}


def tools_of(role: Role | None, *, discover: bool | None = None) -> Toolset:
    return Toolset.of(Actor(ActorType.AGENT, "test", role=role), discover=discover)


def tokens(value: Any) -> int:
    return round(len(json.dumps(value, separators=(",", ":"))) / CHARACTERS_PER_TOKEN)


def called(name: str, arguments: Any = None, role: Role | None = None, **how: Any) -> dict[str, Any]:
    """Return the structured content of an answer."""
    answered = answer(tools_of(role, **how), Request(name, arguments, None))
    return json.loads(answered.json)["structuredContent"]


# What is shown --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_a_client_is_shown_the_core_and_the_way_to_the_others(committed_db: str, role: Role | None) -> None:
    async def look(client: Client) -> tuple[str, list[dict[str, Any]]]:
        listed = await client.list_tools()
        made = [found.model_dump(mode="json", by_alias=True, exclude_unset=True) for found in listed.tools]
        return client.instructions or "", made

    said, shown = in_process(look, role=role)

    assert shown == tools_of(role).shown()
    assert [one["name"] for one in shown] == [*core_of(role), "find_tools", "call_tool"]
    assert shown[-1]["annotations"] == {
        "readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": False,
    }  # fmt: skip
    assert f"You have {len(all_tools(role=role))} tools and see those that you need most." in said


def test_few_tools_are_all_shown_unless_a_core_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(tools_of(role).discover for role in ROLES)
    assert not tools_of(None, discover=False).discover

    monkeypatch.setattr(toolset, "MOST_SHOWN", len(all_tools(role=Role.ORCHESTRATOR)))

    assert [role for role in ROLES if not tools_of(role).discover] == [Role.ORCHESTRATOR]
    assert tools_of(Role.ORCHESTRATOR, discover=True).discover


def cost(role: Role | None, *, discover: bool) -> tuple[int, int]:
    """Return how many of the library's tools are shown, and the tokens that a model reads of them."""
    shown = [one for one in tools_of(role, discover=discover).shown() if one["name"] in {*own(), "call_tool"}]
    read = [{"name": one["name"], "description": one["description"], "input_schema": one["inputSchema"]} for one in shown]
    return len(shown), tokens(read)


@pytest.mark.parametrize("role", ROLES)
def test_what_is_shown_costs_a_model_little(role: Role | None) -> None:
    assert cost(role, discover=True)[1] <= MOST_TOKENS


def test_the_page_has_what_every_toolset_costs() -> None:
    lines = ["| role | tools | tokens | shown with `--discover` | tokens |", "|---|---|---|---|---|"]
    for role in [*Role, None]:
        (every, whole), (shown, core) = cost(role, discover=False), cost(role, discover=True)
        lines.append(f"| {f'`{role}`' if role else 'none'} | {every} | {whole:,} | {shown} | {core:,} |")
    table = "\n".join([*lines, "", ""])
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_FORMS"):
        PAGE.write_text(TABLE.sub(table, text, count=1), encoding="utf-8")
        return

    assert table in text, "UPDATE_FORMS=1 writes the table anew"


# What is found --------------------------------------------------------------------------------------------------------


def test_what_is_found_comes_with_its_schema() -> None:
    found = called("find_tools", {"query": "reschedule"}, Role.STUDIO_MANAGER)["items"]

    assert found[0]["tool"] == "reschedule_meeting"
    assert found[0]["input_schema"] == get_tool("reschedule_meeting").input_schema
    assert found[0]["description"] == get_tool("reschedule_meeting").description
    inside = {"name": "find_tools", "arguments": '{"query": "reschedule", "schemas": null}'}
    assert called("call_tool", inside, Role.STUDIO_MANAGER)["items"] == found


@pytest.mark.parametrize(("given", "discover"), [({}, False), ({"schemas": False}, True)])
def test_a_model_that_has_the_schemas_is_spared_them(given: dict[str, Any], *, discover: bool) -> None:
    found = called("find_tools", {"query": "meeting", **given}, discover=discover)["items"]

    assert len(found) == 10
    assert not any("input_schema" in one for one in found)


@pytest.mark.parametrize("role", ROLES)
def test_every_tool_is_found_by_its_name_with_its_schema(role: Role | None) -> None:
    for name in {known.name for known in all_tools(role=role)} & own().keys():
        found = {one["tool"]: one for one in called("find_tools", {"query": name}, role)["items"]}
        assert "input_schema" in found[name], name


@pytest.mark.parametrize("role", ROLES)
def test_no_search_costs_a_model_much(role: Role | None) -> None:
    in_names = {word for name in own() for word in name.split("_")}
    everyday = {word for domain in domains().values() for word in domain.words}

    for query in sorted({*in_names, *everyday, " ".join(in_names)[:200]}):
        assert tokens(called("find_tools", {"query": query}, role)) <= MOST_TOKENS_FOUND, query


# What is called -------------------------------------------------------------------------------------------------------


def test_a_call_by_call_tool_is_the_call_itself(committed_db: str) -> None:
    async def call(client: Client) -> list[CallToolResult]:
        wishes = ours(idempotency_key="a", run_id="run-42")
        return [
            await client.call_tool("call_tool", ANN, meta=wishes),
            await client.call_tool("create_client", {"name": "Ann"}, meta=wishes),
            await client.call_tool("call_tool", ANN, meta=ours(preview=True)),
            await client.call_tool("call_tool", {"name": "list_clients"}),
            await client.call_tool("list_clients", {}),
            await client.call_tool("call_tool", {"name": "merge_clients", "arguments": {}}),
            await client.call_tool("merge_clients", {}),
        ]

    inside, itself, planned, *others = in_process(call, role=Role.STUDIO_MANAGER)

    assert inside.structured_content == itself.structured_content
    assert (itself.meta or {})["studio-data/repeated"]
    assert [change["table"] for change in (planned.meta or {})["studio-data/changes"]] == ["clients", "activity_log"]
    assert clients() == 1
    line = db.one("SELECT context FROM activity_log")["context"]
    assert (line["tool"], line["run_id"]) == ("create_client", "run-42")
    assert line["fingerprint"] == get_tool("create_client").fingerprint
    assert others[0].structured_content == others[1].structured_content
    assert refused(others[2]) == refused(others[3])


@pytest.mark.parametrize(
    ("given", "code", "message", "named"),
    [
        ({"name": "call_tool", "arguments": ANN}, "invalid_input", "call_tool does not call itself.", "call_tool"),
        ({}, "invalid_input", "name is missing.", "call_tool"),
        (None, "invalid_input", "name is missing.", "call_tool"),
        ({"name": "get_fee", "fee_id": 7}, "invalid_input", "call_tool takes no argument fee_id.", "call_tool"),
        ({"name": "get_fee", "arguments": "{"}, "invalid_input", "arguments must be a JSON object, like", "call_tool"),
        ({"name": "get_fee", "arguments": [7]}, "invalid_input", "arguments must be an object, not list.", "call_tool"),
        ({"name": "get_fee", "arguments": {"\ud800": 7}}, "invalid_input", "", None),
        ({"name": "get_fees"}, "invalid_input", "There is no tool 'get_fees'.", "get_fees"),
        ({"name": "get_fee", "arguments": None}, "invalid_input", "fee_id is missing.", "get_fee"),
        ({"name": "pay_fee"}, "permission_denied", "pay_fee is not in the toolset of the role reader.", "pay_fee"),
    ],
)
def test_a_refusal_names_the_tool_that_refuses(given: Any, code: str, message: str, named: str | None) -> None:
    error = called("call_tool", given, Role.READER)

    assert error["code"] == code
    assert error["message"].startswith(message)
    assert named is None or error["details"]["tool"] == named


def test_arguments_inside_may_be_text(committed_db: str) -> None:
    client = called("call_tool", {"name": "create_client", "arguments": '{"name": "Ann", "screening_data": "{}"}'})

    assert (client["name"], client["screening_data"]) == ("Ann", {})


def test_the_log_names_the_tool_inside(caplog: pytest.LogCaptureFixture) -> None:
    with tools_of_the_test(), caplog.at_level(logging.WARNING, "studio_data"):

        @tool(reads=True)
        def fail() -> dict[str, Any]:
            """Fail as nobody foresaw."""
            raise RuntimeError

        assert called("call_tool", {"name": "fail"})["code"] == "internal_error"
        report_of(tools_of(None), Request("call_tool", ANN, None), None)

    assert "fail failed" in caplog.messages
    assert any(message.startswith("cancelled: tool=create_client ") for message in caplog.messages)


def test_called_in_python_it_makes_the_call_too(committed_db: str) -> None:
    assert call_tool("create_client", arguments={"name": "Ann"})["name"] == "Ann"
