"""Change sets: several calls as one."""

import asyncio
from typing import Any

import pytest

from studio_data import acting_as, call, changeset, db
from studio_data.errors import InvalidInputError, StudioError
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project
from tests.support import clients


def test_the_lines_of_a_change_set_share_an_id_and_a_reason(committed_db: str) -> None:
    with acting_as("user", "Maria"), changeset("the Nguyens signed") as together:
        client = create_client("Ann")
        create_project(client["id"], "LR", "mixed")
    create_client("Ben")

    lines = db.many("SELECT context FROM activity_log ORDER BY id")
    assert [(line["context"].get("changeset_id"), line["context"].get("reason")) for line in lines] == [
        (str(together.id), "the Nguyens signed"),
        (str(together.id), "the Nguyens signed"),
        (None, None),
    ]


def test_a_change_set_is_done_whole_or_not_at_all(committed_db: str) -> None:
    with pytest.raises(InvalidInputError), changeset("two at once"):
        create_client("Ann")
        create_client("")

    assert clients() == 0
    assert db.many("SELECT * FROM activity_log") == []


def test_two_change_sets_have_two_ids() -> None:
    with changeset("one") as first:
        pass
    with changeset("two") as second:
        pass

    assert first.id != second.id


def test_a_change_set_in_a_change_set_is_refused() -> None:
    with pytest.raises(StudioError, match="A change set is open already"), changeset("one"), changeset("two"):
        create_client("Ann")

    assert clients() == 0


@pytest.mark.parametrize("reason", ["", " ", "a\nb", None])
def test_a_change_set_needs_a_reason(reason: str) -> None:
    with pytest.raises(InvalidInputError, match="reason must"), changeset(reason):
        create_client("Ann")

    assert clients() == 0


def test_calls_of_threads_in_one_change_set_take_turns(committed_db: str) -> None:
    async def work() -> list[Any]:
        with changeset("six at once"):
            calls = [asyncio.to_thread(call, "create_client", {"name": f"C{n}"}, key=f"k{n}") for n in range(6)]
            calls += [asyncio.to_thread(call, "create_client", {"name": f"D{n}"}) for n in range(6)]
            return await asyncio.gather(*calls)

    answers = asyncio.run(work())

    assert [answer.get("status") for answer in answers] == ["lead"] * 12
    assert clients() == 12


def test_a_refused_call_leaves_the_rest_of_its_change_set(committed_db: str) -> None:
    with changeset("one is refused by the database"):
        create_client("Ann")
        with pytest.raises(InvalidInputError):
            create_client("Ben", screening_data={"a": [1e299] * 1_000})
        create_client("Cal")

    assert clients() == 2
