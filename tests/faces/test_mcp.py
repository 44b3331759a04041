"""The MCP server as the SDK's client sees it, both in this process."""

import asyncio
import json
import time
from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from mcp import Client
from mcp.types import CallToolResult

from studio_data import db
from studio_data.config import settings
from studio_data.contract.actor import Actor, ActorType
from studio_data.contract.roles import Role
from studio_data.export import export
from studio_data.mcp.answers import Request, answer
from studio_data.mcp.toolset import Toolset
from tests.support import clients, with_setting
from tests.support.mcp_client import in_process, ours, refused, told


@pytest.mark.parametrize(("role", "mode"), [(None, "legacy"), (Role.READER, "auto")])
def test_without_discover_a_client_is_shown_the_export_of_the_role(committed_db: str, role: Role | None, mode: str) -> None:
    async def look(client: Client) -> list[dict[str, Any]]:
        assert client.server_info is not None
        assert client.server_info.name == "studio-data"
        assert client.server_info.version
        assert f"You act as {role or 'mcp'}" in (client.instructions or "")
        listed = await client.list_tools()
        return [found.model_dump(mode="json", by_alias=True, exclude_unset=True) for found in listed.tools]

    shown = in_process(look, actor=role or "mcp", role=role, mode=mode, discover=False)

    assert shown == export("mcp", role=role)
    names = {definition["name"] for definition in shown}
    assert "get_client" in names
    assert ("create_client" in names) == (role is None)
    assert all(definition["annotations"]["readOnlyHint"] for definition in shown) == (role is Role.READER)


def test_a_write_leaves_a_line_that_says_who_acts(committed_db: str) -> None:
    async def write(client: Client) -> CallToolResult:
        return await client.call_tool("create_client", {"name": "Ann"}, meta=ours(run_id="run-43"))

    written = in_process(write, actor="intake", role=Role.STUDIO_MANAGER, on_behalf_of="Maria", run_id="run-42")

    assert written.structured_content == told(written)
    line = db.one("SELECT entity_id::text, actor_type, actor_name, context FROM activity_log")
    assert (line["entity_id"], line["actor_type"], line["actor_name"]) == (
        written.structured_content["id"],
        "agent",
        "intake",
    )
    assert {**line["context"], "fingerprint": ""} == {
        "tool": "create_client", "fingerprint": "", "role": "studio_manager", "run_id": "run-43", "on_behalf_of": "Maria",
    }  # fmt: skip


def is_repeated(result: CallToolResult) -> bool:
    return (result.meta or {}).get("studio-data/repeated", False)


def test_a_call_with_a_key_is_executed_once_however_often_and_however_fast_it_comes(committed_db: str) -> None:
    async def repeat(client: Client) -> tuple[list[CallToolResult], CallToolResult, list[CallToolResult]]:
        again = [await client.call_tool("create_client", {"name": "Ann"}, meta=ours(idempotency_key="a")) for _ in range(2)]
        other = await client.call_tool("create_client", {"name": "Bea"}, meta=ours(idempotency_key="a"))
        at_once = [client.call_tool("create_client", {"name": "Cho"}, meta=ours(idempotency_key="c")) for _ in range(16)]
        return again, other, await asyncio.gather(*at_once)

    again, other, at_once = in_process(repeat)

    assert again[0].structured_content == again[1].structured_content
    assert [is_repeated(result) for result in again] == [False, True]
    assert refused(other)["code"] == "conflict"
    assert len({json.dumps(result.structured_content) for result in at_once}) == 1
    assert not any(result.is_error for result in at_once)
    assert sum(is_repeated(result) for result in at_once) == 15
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
        assert in_process(race) == ["listing", "reading", "blocked"]


def test_a_call_that_waits_for_its_turn_ends_at_its_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "2")
    with_setting(monkeypatch, "CALL_TIMEOUT", "2")

    async def crowd(client: Client) -> list[tuple[float, dict[str, Any]]]:
        async def timed(number: int) -> tuple[float, dict[str, Any]]:
            started = time.monotonic()
            result = await client.call_tool("create_client", {"name": f"Ann {number}"})
            return time.monotonic() - started, refused(result)

        await client.call_tool("list_clients", {})
        return await asyncio.gather(*(timed(number) for number in range(16)))

    with psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        answers = in_process(crowd)

    # in turns of two each would have waited for those before it: the last 16 seconds
    assert max(took for took, _ in answers) < 10
    assert {answer["code"] for _, answer in answers} == {"unavailable"}
    waited = {f"Ann {number}": answer for number, (_, answer) in enumerate(answers) if answer["outcome"] == "not_done"}
    assert len(waited) >= 8
    assert "The server was busy until the call's deadline." in {answer["message"] for answer in waited.values()}
    assert all(answer["retryable"] for answer in waited.values())
    # one whose outcome is unknown may be written when the lock is gone, behind a pooler
    assert not {row["name"] for row in db.many("SELECT name FROM clients")} & waited.keys()


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

    errors = in_process(ask, role=Role.PROJECT_MANAGER)

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

    planned, wrong, done = in_process(look_ahead)

    assert planned.meta is not None
    changes = planned.meta["studio-data/changes"]
    assert {change["table"] for change in changes} == {"clients", "activity_log"}
    assert told(planned) == {"result": planned.structured_content, "changes": changes}
    assert planned.structured_content["id"] != done.structured_content["id"]
    assert refused(wrong)["code"] == "invalid_input"
    assert clients() == 1
    assert db.one("SELECT count(*) AS lines FROM activity_log") == {"lines": 1}


def test_a_database_that_cannot_be_reached_is_a_retryable_error_of_the_call(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://studio@127.0.0.1:9/studio?connect_timeout=2")

    settings.cache_clear()
    db.close()

    async def ask(client: Client) -> CallToolResult:
        return await client.call_tool("list_clients", {})

    error = refused(in_process(ask))
    assert (error["code"], error["retryable"]) == ("unavailable", True)


def test_an_error_that_quotes_half_a_surrogate_pair_can_be_sent() -> None:
    answered = answer(Toolset.of(Actor(ActorType.AGENT, "test")), Request("\ud800", None, None))

    assert refused(CallToolResult.model_validate_json(answered.json))["details"] == {"tool": "?"}
