"""Calls leave nothing in memory: no object that waits for the garbage collector, and none that stays."""

import gc
import logging
from collections.abc import Callable, Generator
from typing import Any

import pytest

from studio_data import acting_as, call, db, preview, raising_call
from studio_data.errors import StudioError
from studio_data.mcp.answers import Request, answer
from studio_data.mcp.toolset import Toolset
from studio_data.tools.clients import create_client

NOBODY = "01a226a0-0255-7e49-b137-666ca7f4a86d"
CALLS = 60
RUNS = {"raising_call", "answer_of", "make", "run"}
"""What is still running when a refusal leaves the tool: its frames are its callers'."""


@pytest.fixture
def client() -> str:
    return str(create_client("Ann")["id"])


@pytest.fixture
def without_collector() -> Generator[None]:
    """Keep the collector from hiding what waits for it, and pytest from keeping the lines of the log."""
    gc.collect()
    gc.disable()
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.enable()


def as_reader(tool: str, arguments: dict[str, Any]) -> Any:
    with acting_as("agent", "reader", role="reader"):
        return call(tool, arguments)


def refused_in_a_preview(arguments: dict[str, Any]) -> Any:
    with preview():
        return call("advance_client", arguments)


def over_mcp(tool: str, arguments: dict[str, Any], **meta: Any) -> Any:
    with acting_as("agent", "studio_manager", role="studio_manager") as acting:
        return answer(Toolset.of(acting), Request(tool, arguments, meta or None))


ANSWERS: dict[str, Callable[[str], Any]] = {
    "a row": lambda client: call("get_client", {"client_id": client}),
    "a page": lambda _: call("list_clients", {"fields": "*"}),
    "an unknown tool": lambda _: call("make_client", {}),
    "a bad argument": lambda _: call("create_client", {"name": ""}),
    "an unknown argument": lambda _: call("create_client", {"nmae": "Ann"}),
    "no day": lambda _: call("list_tasks", {"due_before": "today"}),
    "an unknown id": lambda _: call("get_client", {"client_id": NOBODY}),
    "a move that is not allowed": lambda client: call("advance_client", {"client_id": client, "to": "contracted"}),
    "a broken rule": lambda client: call("advance_client", {"client_id": client, "to": "qualified"}),
    "a role's refusal": lambda _: as_reader("create_client", {"name": "Ann"}),
    "people only": lambda client: as_reader("available_actions", {"entity_type": "client", "entity_id": client}),
    "a refusal in a preview": lambda client: refused_in_a_preview({"client_id": client, "to": "contracted"}),
    "a refusal with a key": lambda client: call("advance_client", {"client_id": client, "to": "contracted"}, key="k"),
    "a value that the database refuses": lambda _: call("record_metric", {"metric_name": "a", "metric_value": 1e301}),
    "a row over MCP": lambda client: over_mcp("get_client", {"client_id": client}),
    "a refusal over MCP": lambda client: over_mcp("advance_client", {"client_id": client, "to": "contracted"}),
    "a call inside a call over MCP": lambda client: over_mcp(
        "call_tool", {"name": "get_client", "arguments": {"client_id": client}}
    ),
    "a refusal of call_tool over MCP": lambda _: over_mcp("call_tool", {"name": "call_tool"}),
    "a bad argument of call_tool over MCP": lambda _: over_mcp("call_tool", {"nmae": 7, "arguments": "{}"}),
    "a refused wish over MCP": lambda client: over_mcp("get_client", {"client_id": client}, **{"studio-data/kye": "a"}),
}


@pytest.mark.parametrize("made", ANSWERS.values(), ids=ANSWERS)
def test_a_call_leaves_no_object(client: str, without_collector: None, made: Callable[[str], Any]) -> None:
    for _ in range(20):
        made(client)
    gc.collect()
    before = len(gc.get_objects())

    for _ in range(CALLS):
        made(client)

    assert len(gc.get_objects()) - before < CALLS // 4
    gc.collect()
    assert len(gc.get_objects()) - before < CALLS // 12


def test_a_refusal_that_is_kept_keeps_no_arguments_and_rows(client: str, without_collector: None) -> None:
    kept: list[StudioError] = []
    for number in range(CALLS):
        try:
            raising_call("advance_client", {"client_id": client, "to": "contracted"}, key=f"key {number}")
        except StudioError as error:
            kept.append(error)

    locals_left = [
        frame.f_locals
        for error in kept
        for frame in _frames(error)
        if "/studio_data/" in frame.f_code.co_filename and frame.f_code.co_name not in RUNS
    ]
    assert len(locals_left) > CALLS
    assert [names for names in locals_left if names] == []
    assert db.one("SELECT 1 AS alive") == {"alive": 1}


def _frames(error: BaseException) -> list[Any]:
    found: list[Any] = []
    traceback = error.__traceback__
    while traceback is not None:
        found.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return found
