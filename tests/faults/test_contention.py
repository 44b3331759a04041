"""Twelve callers make the same call at once, for every tool that writes: no update is lost, and nobody deadlocks."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from studio_data import db
from studio_data.contract.audit import Action
from studio_data.contract.registry import Tool, all_tools
from studio_data.errors import StudioError, UnavailableError
from tests.examples import EXAMPLES, Practice, by_whom
from tests.support import contents

CALLERS = 12
WRITERS = [tool for tool in all_tools() if not tool.reads and tool.module.startswith("studio_data.tools.")]

type Line = dict[str, Any]


def at_once(call: Callable[[], Any]) -> list[Any]:
    """Let every caller begin at the same moment, with a connection of its own, and return answers and errors."""
    ready = Barrier(CALLERS)

    def one_caller() -> Any:
        db.one("SELECT 1 AS connected")
        ready.wait()
        try:
            return call()
        except StudioError as error:
            return error

    with ThreadPoolExecutor(CALLERS) as threads:
        return [answer.result() for answer in [threads.submit(one_caller) for _ in range(CALLERS)]]


def broken_chains(lines: Iterable[Line]) -> list[str]:
    """Find changes that do not begin where the change before them ended: one of the two was lost."""
    last: dict[tuple[UUID, str], Any] = {}
    broken: list[str] = []
    for line in lines:
        changes: dict[str, list[Any]] = line["metadata"].get("changes") or {}
        for field, (old, new) in changes.items():
            before = last.get((line["entity_id"], field), old)
            if before != old:
                broken.append(f"{line['entity_type']}.{field}: {before!r}, then {old!r} -> {new!r}")
            last[line["entity_id"], field] = new
    return broken


@pytest.mark.parametrize("tool", WRITERS, ids=lambda tool: tool.name)
def test_no_update_is_lost_and_nobody_deadlocks(tool: Tool, committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", str(CALLERS))
    example = EXAMPLES[tool.name]
    arguments = example.arguments(Practice())
    before = {line["id"] for line in db.many("SELECT id FROM activity_log")}

    def call() -> Any:
        with by_whom(tool):
            return tool.run((), arguments)

    answers = at_once(call)

    done = [answer for answer in answers if not isinstance(answer, StudioError)]
    assert done, answers
    assert not [answer for answer in answers if isinstance(answer, UnavailableError)], answers
    assert db.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == {"deadlocks": 0}
    lines = db.many("SELECT * FROM activity_log ORDER BY id")
    assert broken_chains(lines) == []
    moves = [
        (line["entity_id"], str(line["metadata"]["changes"]))
        for line in lines
        if line["id"] not in before and line["action"] in {Action.STATUS_CHANGED, "phase_changed"}
    ]
    assert len(moves) == len(set(moves)), "a move was made twice"
    for line in lines:
        assert_row_is_as_last_written(line, lines)


def assert_row_is_as_last_written(line: Line, lines: list[Line]) -> None:
    """Hold the last line about each row's status against the row itself."""
    changes: dict[str, list[Any]] = line["metadata"].get("changes") or {}
    later = [other for other in lines if other["entity_id"] == line["entity_id"] and other["id"] > line["id"]]
    if "status" not in changes or any("status" in (other["metadata"].get("changes") or {}) for other in later):
        return
    for rows in contents().values():
        row = rows.get(line["entity_id"])
        if row is not None and "status" in row:
            assert row["status"] == changes["status"][1], line
