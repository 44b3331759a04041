import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest

from studio_data import Threads, acting_as, call, call_key, carried, changeset, db, preview
from studio_data.config import settings
from studio_data.contract import actor
from studio_data.contract.fields import Name
from studio_data.contract.registry import tool
from studio_data.errors import InvalidInputError, PermissionDeniedError, StudioError
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.projects import create_project


def lines() -> list[dict[str, Any]]:
    return db.many("SELECT entity_type, action, actor_type, actor_name, context FROM activity_log ORDER BY id")


def test_the_actor_and_the_run_are_on_every_line() -> None:
    with acting_as("agent", "studio_manager", run_id="run-42", on_behalf_of="Maria"):
        client = create_client("Ann")
        db.one("UPDATE clients SET status = 'contracted'")
        create_project(client["id"], "LR", "furnishings")
        log_activity("client", client["id"], "called")

    assert len(lines()) == 4
    for line in lines():
        assert (line["actor_type"], line["actor_name"]) == ("agent", "studio_manager")
        assert (line["context"]["run_id"], line["context"]["on_behalf_of"]) == ("run-42", "Maria")
    assert [line["context"]["tool"] for line in lines()] == [
        "create_client", "create_project", "create_project", "log_activity",
    ]  # fmt: skip


def test_after_the_block_nobody_acts_any_more() -> None:
    with acting_as("user", "Maria"):
        create_client("Ann")
    create_client("Ben")

    assert [(line["actor_type"], line["actor_name"]) for line in lines()] == [
        ("user", "Maria"), ("system", "create_client"),
    ]  # fmt: skip
    assert lines()[1]["context"].keys() == {"tool", "fingerprint"}


def test_the_inner_actor_counts() -> None:
    with acting_as("agent", "project_manager", run_id="run-1"), acting_as("user", "Maria"):
        create_client("Ann")

    assert lines()[0]["actor_name"] == "Maria"
    assert "run_id" not in lines()[0]["context"]


def test_the_general_log_entry_may_name_another_actor() -> None:
    with acting_as("agent", "project_manager", run_id="run-1"):
        line = log_activity("client", uuid4(), "called", actor_type="user", actor_name="Maria")

    assert (line["actor_type"], line["actor_name"], line["context"]["run_id"]) == ("user", "Maria", "run-1")


def test_the_actor_follows_asyncio_and_copied_contexts_into_threads(committed_db: str) -> None:
    async def work() -> None:
        with acting_as("agent", "first"):
            first = asyncio.create_task(asyncio.to_thread(create_client, "Ann"))
        with acting_as("agent", "second"):
            second = asyncio.create_task(asyncio.to_thread(create_client, "Ben"))
        await asyncio.gather(first, second)

    asyncio.run(work())
    with acting_as("agent", "third"), ThreadPoolExecutor(1) as thread:
        thread.submit(copy_context().run, create_client, "Cal").result()

    assert {line["actor_name"] for line in lines()} == {"first", "second", "third"}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (lambda: acting_as("robot", "R2"), "actor_type must be system, agent or user, not 'robot'."),
        (lambda: acting_as("agent", " "), "name must not be empty or blank."),
        (lambda: acting_as("agent", "A", run_id="x" * 201), "run_id must have at most 200 characters, not 201."),
        (lambda: acting_as("agent", "A", on_behalf_of=5), "on_behalf_of must be text, not int."),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_bad_actor_is_one_clear_error(block: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message), block():
        create_client("Ann")

    assert lines() == []


def test_the_lines_of_a_run_are_found_by_an_index() -> None:
    db.one("SET LOCAL enable_seqscan = off")
    plan = db.many(
        "EXPLAIN SELECT * FROM activity_log WHERE context ? 'run_id' AND context ->> 'run_id' = 'run-42' ORDER BY id"
    )

    assert "activity_log_run_idx" in str(plan)


# Threads --------------------------------------------------------------------------------------------------------------


def in_an_executor(function: Callable[..., Any], *given: Any) -> Any:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(carried(function), *given).result()


def in_our_executor(function: Callable[..., Any], *given: Any) -> Any:
    with Threads(1) as threads:
        return threads.submit(function, *given).result()


def in_our_executors_map(function: Callable[..., Any], *given: Any) -> Any:
    with Threads(1) as threads:
        (answer,) = threads.map(function, *([one] for one in given))
        return answer


def in_a_thread(function: Callable[..., Any], *given: Any) -> Any:
    answers: list[Any] = []
    thread = Thread(target=carried(lambda: answers.append(function(*given))))
    thread.start()
    thread.join()
    return answers[0]


def in_the_loops_executor(function: Callable[..., Any], *given: Any) -> Any:
    async def work() -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, carried(function), *given)

    return asyncio.run(work())


EVERY_THREAD = pytest.mark.parametrize(
    "run", [in_an_executor, in_our_executor, in_our_executors_map, in_a_thread, in_the_loops_executor]
)


@EVERY_THREAD
def test_the_role_follows_into_threads(run: Callable[..., Any]) -> None:
    with acting_as("agent", "minutes", role="transcriptionist"):
        answer = run(call, "create_client", {"name": "Ann"})

    assert (answer["code"], lines()) == ("permission_denied", [])


@EVERY_THREAD
def test_the_key_and_the_change_set_follow_into_threads(run: Callable[..., Any], committed_db: str) -> None:
    with acting_as("agent", "studio_manager"), changeset("Two at once"):
        for _ in range(2):
            with call_key("k"):
                run(create_client, "Ann")

    (line,) = lines()
    assert (line["actor_name"], line["context"]["reason"]) == ("studio_manager", "Two at once")


@EVERY_THREAD
def test_a_preview_follows_into_threads(run: Callable[..., Any], committed_db: str) -> None:
    with preview() as plan:
        run(create_client, "Ann")

    assert [change["table"] for change in plan.changes] == ["clients", "activity_log"]
    assert lines() == []


def test_one_carried_function_runs_in_several_threads_at_once(committed_db: str) -> None:
    together = Barrier(4, timeout=10)

    def create(name: str) -> None:
        together.wait()
        create_client(name)

    with acting_as("agent", "studio_manager"), ThreadPoolExecutor(4) as threads:
        list(threads.map(carried(create), "ABCD"))

    assert [line["actor_name"] for line in lines()] == ["studio_manager"] * 4


def test_a_coroutine_function_is_not_carried() -> None:
    async def work() -> None:
        create_client("Ann")

    with pytest.raises(TypeError, match="work is async"):
        carried(work)


# Nobody ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["by the setting", "by the process"])
def actor_required(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Demand that somebody acts, and return who demands it."""
    monkeypatch.setattr(actor, "_required_by", [])
    if request.param == "by the process":
        actor.require_actor("the harness")
        return "the harness"
    monkeypatch.setenv("STUDIO_DATA_ACTOR_REQUIRED", "true")
    settings.cache_clear()
    return "STUDIO_DATA_ACTOR_REQUIRED"


def test_what_nobody_writes_is_refused_where_somebody_must_act(actor_required: str) -> None:
    with pytest.raises(PermissionDeniedError, match="Nobody acts, and create_client writes") as raised:
        create_client("Ann")

    assert raised.value.details == {"tool": "create_client", "rule": "somebody_acts", "required_by": actor_required}
    assert call("create_client", {"name": "Ann"})["details"]["rule"] == "somebody_acts"
    assert list_clients() == {"items": [], "next": None, "left": 0}
    assert lines() == []


def test_a_thread_that_lost_its_actor_writes_nothing(actor_required: str, committed_db: str) -> None:
    with acting_as("agent", "minutes", role="transcriptionist"), ThreadPoolExecutor(1) as threads:
        lost = threads.submit(call, "create_client", {"name": "Ann"}).result()
    with acting_as("agent", "studio_manager"), preview(), ThreadPoolExecutor(1) as threads:
        unpreviewed = threads.submit(call, "create_client", {"name": "Ann"}).result()

    assert [answer["details"]["rule"] for answer in (lost, unpreviewed)] == ["somebody_acts"] * 2
    assert lines() == []


def test_a_tool_that_reads_cannot_write_through_a_thread(actor_required: str) -> None:
    @tool(reads=True)
    def count_clients(name: Name) -> dict[str, int]:
        """Count the clients, and write one in a thread."""
        with ThreadPoolExecutor(1) as threads:
            threads.submit(create_client, name).result()
        return {"clients": 1}

    with acting_as("agent", "reader", role="reader"), pytest.raises(StudioError, match="Nobody acts"):
        count_clients("Ann")

    assert lines() == []


def test_who_acts_writes_where_somebody_must_act(actor_required: str) -> None:
    with acting_as("user", "Maria"):
        create_client("Ann")

    assert lines()[0]["actor_name"] == "Maria"


def test_a_call_that_nobody_made_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    call("create_client", {"name": "Ann"})
    call("list_clients")
    with acting_as("user", "Maria"):
        call("create_client", {"name": "Ben"})

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "nobody acts: tool=create_client was called outside acting_as, with every right and as the system"
    )
