import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import uuid4

import pytest

from studio_data import acting_as, db
from studio_data.errors import InvalidInputError
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client
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
