"""Whatever a file of another orchestrator holds: no row is lost, doubled or counted twice."""

from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from studio_data import acting_as
from studio_data.db import one, transaction
from studio_data.imports.accounts import Account
from studio_data.imports.values import NotText
from studio_data.tools.runs.sqlite_file import KINDS, read
from tests.support.session_files import DEEP, HUGE, artifact, counted, execution, imported, session, untyped


@pytest.fixture(autouse=True)
def maria() -> Generator[None]:
    with acting_as("user", "Maria"):
        yield


KEYS = strategies.sampled_from(
    ["a", "a ", "\u200ba", "b", "1", 1, 2, 2.0, None, "", b"a", NotText(b"a\xff"), "x" * 80, "a\nb"]
)
TIMES = strategies.sampled_from([
    "2026-03-02", "2026-03-02 09:00:00+02:00", 1772442000, 1772442000000, 2461102.5, 20260302, 0, "soon", None, "", b"1",
    1e300,
])  # fmt: skip
TEXTS = strategies.sampled_from(["pm", "", None, 7, b"\xff", NotText(b"\xff"), "\x00", "\ud7ff\u202e", "x" * 300])
JSONS = strategies.sampled_from([
    "{}", "", None, "[]", "{", "null", '{"a": NaN}', '{"a":' * 40 + "1" + "}" * 40, DEEP, HUGE, b"{}",
])  # fmt: skip
STATES = strategies.sampled_from(["failed", "running", "completed", "lost", None, 1])
ROWS: dict[str, Any] = {
    "sessions": {
        "id": KEYS, "session_id": KEYS, "user_mission": TEXTS, "status": STATES,
        "current_phase": strategies.sampled_from(["pm", "complete", "moon"]), "iteration_count": KEYS,
        "qa_passed": strategies.sampled_from([0, 1, None, "true", 5]), "state_json": JSONS, "created_at": TIMES,
    },
    "executions": {
        "id": KEYS, "agent_session_id": KEYS, "agent_type": TEXTS, "status": STATES, "started_at": TIMES,
        "completed_at": TIMES, "output_summary": TEXTS, "error_message": TEXTS, "tokens_used": KEYS, "metadata": JSONS,
    },
    "artifacts": {
        "id": KEYS, "agent_session_id": KEYS, "artifact_type": strategies.sampled_from(["prd", "song"]), "file_path": TEXTS,
        "content_hash": strategies.sampled_from(["a" * 64, "b" * 64, "abc"]), "metadata": JSONS,
        "version": strategies.sampled_from([1, 2, 0, "1"]), "created_at": TIMES,
    },
}  # fmt: skip
NAMES = strategies.sampled_from(["a", "b", "c", "d"])
GOOD = {
    "sessions": strategies.builds(session, NAMES, id=strategies.integers(1, 9), metadata=strategies.none()),
    "executions": strategies.builds(execution, strategies.integers(1, 9), NAMES, metadata=strategies.none()),
    "artifacts": strategies.builds(artifact, strategies.sampled_from(["x", "y", "z"]), NAMES, metadata=strategies.none()),
}


def a_row(kind: str) -> strategies.SearchStrategy[dict[str, Any]]:
    """Draw a good row in which at most two values are drawn anew."""
    columns = strategies.sets(strategies.sampled_from(sorted(ROWS[kind])), max_size=2)
    spoiled = columns.flatmap(lambda names: strategies.fixed_dictionaries({name: ROWS[kind][name] for name in names}))
    return strategies.tuples(GOOD[kind], spoiled).map(lambda both: both[0] | both[1])


FILES = strategies.fixed_dictionaries({kind: strategies.lists(a_row(kind), max_size=8) for kind in KINDS})
_numbers = count()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_of_any_file_every_row_is_read_and_ends_once(tmp_path: Path, rows: dict[str, Any]) -> None:
    path = untyped(tmp_path / f"{next(_numbers)}.db", **rows)
    account = Account(*KINDS)

    sessions = read(path, account)

    with_a_session = [row for found in sessions for row in [found.row, *found.rows]]
    ended = [(row.kind, row.number) for row in with_a_session] + [(row.kind, row.row) for row in account.refused]
    assert sorted(ended) == sorted((kind, number) for kind in KINDS for number in range(1, len(rows[kind]) + 1))
    assert {kind: counts.read for kind, counts in account.counts.items()} == {kind: len(rows[kind]) for kind in KINDS}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_of_any_file_what_is_new_is_there_and_comes_once(tmp_path: Path, rows: dict[str, Any]) -> None:
    path = untyped(tmp_path / f"{next(_numbers)}.db", **rows)

    with transaction(rollback=True):
        account = imported(path)
        stored = one(
            """
            SELECT
                (SELECT count(*) FROM agent_sessions) AS sessions, (SELECT count(*) FROM agent_executions) AS executions,
                (SELECT count(*) FROM agent_artifacts) AS artifacts
            """
        )
        assert list(stored.values()) == counted(account, "new")
        assert counted(account, "known") == [0, 0, 0]

        again = imported(path)
        assert (counted(again, "new"), counted(again, "known")) == ([0, 0, 0], counted(account, "new"))
        assert again.refused == account.refused
