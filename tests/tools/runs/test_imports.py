"""``import_session``: all of a call or nothing, and what is there already stays as it is."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from studio_data import acting_as
from studio_data.db import many, one
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.tools.runs.imports import import_session
from studio_data.tools.runs.sessions import get_session, open_session, resume_session
from tests.support.lifecycle import lines

SESSION: dict[str, Any] = {"status": "failed", "current_phase": "pm", "created_at": "2026-03-02T09:00:00Z"}
EXECUTION: Any = {"source_id": "11", "agent_type": "pm", "status": "running", "started_at": "2026-03-02T09:01:00Z"}
ARTIFACT: Any = {
    "artifact_type": "prd", "file_path": "prd.md", "content_hash": "a" * 64, "version": 1,
    "created_at": "2026-03-02T09:03:00Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def maria() -> Generator[None]:
    with acting_as("user", "Maria"):
        yield


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"executions": [EXECUTION, EXECUTION | {"source_id": "12"}, EXECUTION]},
         r"executions\[0\] and executions\[2\] are both execution 11"),
        ({"executions": [EXECUTION, EXECUTION | {"started_at": "2026-03-03T09:01:00Z"}]},
         r"executions\[0\] and executions\[1\] are both execution 11"),
        ({"artifacts": [ARTIFACT, ARTIFACT | {"content_hash": "b" * 64}]},
         r"artifacts\[0\] and artifacts\[1\] are both version 1 of prd\.md"),
    ],
    ids=["an execution", "at another time", "an artifact"],
)  # fmt: skip
def test_a_row_that_is_there_twice_refuses_the_call(rows: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        import_session("a", "Plan", **SESSION, **rows)

    assert one("SELECT count(*) AS n FROM agent_sessions") == {"n": 0}
    assert lines() == []


def test_an_execution_is_known_by_its_source_id_whenever_it_started() -> None:
    import_session("a", "Plan", **SESSION, executions=[EXECUTION])
    import_session("b", "Plan", **SESSION)

    later = EXECUTION | {"started_at": "2026-03-03T09:01:00Z", "agent_type": "qa"}
    assert import_session("a", "Plan", **SESSION, executions=[later])["executions"] == 0
    assert import_session("b", "Plan", **SESSION, executions=[later])["executions"] == 1
    assert [row["agent_type"] for row in many("SELECT agent_type FROM agent_executions ORDER BY started_at")] == ["pm", "qa"]
    assert [line["metadata"]["executions"] for line in lines()] == [1, 0, 1]


def test_a_session_that_was_opened_here_takes_no_imported_rows() -> None:
    open_session("a", "Plan the kitchen")
    before = lines()

    with pytest.raises(ConflictError, match="Session a was opened here and not imported") as refused:
        import_session("a", "Plan", **SESSION, executions=[EXECUTION])

    assert refused.value.details == {"session_id": "a"}
    assert one("SELECT count(*) AS n FROM agent_executions") == {"n": 0}
    assert lines() == before


def test_an_imported_session_takes_more_after_it_went_on_here() -> None:
    import_session("a", "Plan", **SESSION)
    resume_session("a")

    later: dict[str, Any] = SESSION | {"created_at": "2026-03-04T09:00:00Z"}
    answer = import_session("a", "Plan", **later, executions=[EXECUTION])

    assert answer == {"session_id": "a", "sessions": 0, "executions": 1, "artifacts": 0}
    assert get_session("a")["status"] == "running"


def test_rows_of_a_session_that_another_import_brings_meanwhile_arrive(committed_db: str) -> None:
    def one_more(number: int) -> int:
        with acting_as("user", "Maria"):
            row = EXECUTION | {"source_id": str(number)}
            return import_session("a", "Plan", **SESSION, executions=[row])["executions"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one_more, range(40))) == [1] * 40
    assert one("SELECT count(*) AS n FROM agent_executions") == {"n": 40}
    assert one("SELECT count(*) AS n FROM agent_sessions") == {"n": 1}
