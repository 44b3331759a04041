"""Reading the audit trail: by filter, of one thing, of a project, and as it grows."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as, changeset, db
from studio_data import call as dispatch
from studio_data.contract import paging
from studio_data.contract.cursors import cursor_of
from studio_data.db import many, one, transaction
from studio_data.errors import NotFoundError
from studio_data.tools import change_feed
from studio_data.tools.activity import get_history, list_activity, log_activity, project_feed
from studio_data.tools.change_feed import changes_since
from studio_data.tools.clients import create_client, update_client
from studio_data.tools.practice.fees import add_fee
from studio_data.tools.practice.invoicing import invoice_fee
from studio_data.tools.projects import create_project
from tests.support import as_administrator
from tests.support.rows import row


def actions(page: Any) -> list[str]:
    return [line["action"] for line in page["items"]]


# Looking back ---------------------------------------------------------------------------------------------------------


def test_the_history_of_a_thing_is_its_lines_the_newest_first() -> None:
    client = create_client("Ann")
    create_client("Ben")
    update_client(client["id"], phone="1")
    log_activity("client", client["id"], "called")
    log_activity("project", client["id"], "of something else with that id")

    history = get_history("client", client["id"])
    assert actions(history) == ["called", "updated", "created"]
    assert history["next"] is None
    assert history["items"][0].keys() == list_activity()["items"][0].keys()
    assert "transaction_id" not in history["items"][0]

    first = get_history("client", client["id"], limit=2)
    assert actions(get_history("client", client["id"], limit=2, after=first["next"])) == ["created"]
    assert get_history("client", uuid4()) == {"items": [], "next": None, "left": 0}


def test_the_feed_of_a_project_has_the_project_and_everything_under_it() -> None:
    client = create_client("Ann")
    project_id, other = (create_project(client["id"], name, "furnishings")["project"]["id"] for name in ("LR", "DR"))
    fee = add_fee(project_id, label="Retainer", amount=1)
    add_fee(other, label="Retainer", amount=1)
    invoice_fee(fee["id"])
    log_activity("project", project_id, "site_visited")

    feed = project_feed(project_id)
    assert [(line["entity_type"], line["action"]) for line in feed["items"]] == [
        ("project", "site_visited"), ("fee", "status_changed"), ("fee", "created"), ("project", "created"),
    ]  # fmt: skip
    first = project_feed(project_id, limit=3)
    assert actions(project_feed(project_id, after=first["next"])) == ["created"]


def test_a_project_without_a_line_has_an_empty_feed_and_no_project_has_none() -> None:
    project_id = row("projects", client_id=create_client("Ann")["id"], name="LR", project_type="mixed")

    assert project_feed(project_id) == {"items": [], "next": None, "left": 0}
    with pytest.raises(NotFoundError, match="There is no project"):
        project_feed(uuid4())


def test_lines_are_listed_by_who_acted_what_they_did_and_the_change_set() -> None:
    with acting_as("agent", "maria", run_id="run-1"), changeset("a busy morning") as together:
        client = create_client("Ann")
        update_client(client["id"], phone="1")
    with acting_as("user", "jo"):
        create_client("Ben")

    assert actions(list_activity(actor_name="maria")) == ["updated", "created"]
    assert actions(list_activity(actor_name="maria", action="created")) == ["created"]
    assert len(list_activity(action="created")["items"]) == 2
    assert actions(list_activity(changeset_id=together.id)) == ["updated", "created"]
    assert actions(list_activity(changeset_id=str(together.id), run_id="run-1", limit=1)) == ["updated"]
    assert actions(list_activity(changeset_id=uuid4())) == []


def line_at(moment: datetime, action: str) -> None:
    """Write a line whose transaction began at a moment; its id is a second and a half later."""
    milliseconds = int(moment.timestamp() * 1000) + 1500
    line_id = UUID(int=(milliseconds << 80) | (uuid4().int & ((1 << 80) - 1)))
    with as_administrator():
        row("activity_log", id=line_id, entity_type="client", entity_id=uuid4(), action=action, created_at=moment)


def test_lines_are_listed_by_day_and_a_day_counts_when_the_transaction_began() -> None:
    midnight = datetime(2026, 5, 2, tzinfo=UTC)
    for number, moment in enumerate([-timedelta(days=40), -timedelta(seconds=1), timedelta(0), timedelta(hours=23)]):
        line_at(midnight + moment, f"line {number}")
    line_at(midnight + timedelta(days=1), "line 4")

    assert actions(list_activity(from_date="2026-05-02", to_date="2026-05-02")) == ["line 3", "line 2"]
    assert actions(list_activity(to_date="2026-05-01")) == ["line 1", "line 0"]
    assert actions(list_activity(from_date="2026-05-01")) == ["line 4", "line 3", "line 2", "line 1"]
    assert actions(list_activity(from_date="2026-05-03", to_date="2026-05-01")) == []
    assert len(list_activity(from_date="1900-01-01", to_date="2199-12-31")["items"]) == 5


# Following ------------------------------------------------------------------------------------------------------------


def everything_since(cursor: str | None, **given: Any) -> tuple[list[str], str]:
    seen: list[str] = []
    while True:
        changes = changes_since(cursor, **given)
        seen += actions(changes)
        cursor = changes["cursor"]
        if not changes["more"]:
            return seen, cursor


def called(*actions: str, entity_type: str = "client") -> None:
    for action in actions:
        log_activity(entity_type, uuid4(), action)


def test_somebody_who_follows_the_trail_sees_every_line_once_and_gets_a_cursor_always(committed_db: str) -> None:
    empty = changes_since()
    assert (empty["items"], empty["more"]) == ([], False)
    assert changes_since(empty["cursor"]) == empty

    called("a", "b", "c", "d", "e")
    first = changes_since(empty["cursor"], limit=2)
    assert (actions(first), first["more"]) == (["a", "b"], True)
    assert first["items"] == list_activity()["items"][:-3:-1]
    second = changes_since(first["cursor"], limit=3)
    assert (actions(second), second["more"]) == (["c", "d", "e"], False)
    assert changes_since(second["cursor"]) == {"items": [], "cursor": second["cursor"], "more": False}
    called("f")
    assert actions(changes_since(second["cursor"])) == ["f"]
    assert actions(changes_since()) == ["a", "b", "c", "d", "e", "f"]


def test_only_new_begins_after_all_there_is(committed_db: str) -> None:
    called("before")
    begun = changes_since(only_new=True)
    called("after")

    assert (begun["items"], begun["more"]) == ([], False)
    assert actions(changes_since(begun["cursor"])) == ["after"]


def test_lines_are_followed_by_entity_and_by_run(committed_db: str) -> None:
    begun = changes_since()
    called("a", "b", "c")
    with acting_as("agent", "maria", run_id="run-1"):
        client = create_client("Ann")
        called("visited", entity_type="project")

    of_projects = changes_since(begun["cursor"], entity_type="project")
    assert actions(of_projects) == ["visited"]
    assert actions(changes_since(entity_type="client", entity_id=client["id"])) == ["created"]
    assert everything_since(begun["cursor"], run_id="run-1", limit=1)[0] == ["created", "visited"]
    assert everything_since(of_projects["cursor"]) == ([], of_projects["cursor"])
    called("d", entity_type="project")
    assert actions(changes_since(of_projects["cursor"], entity_type="project")) == ["d"]


def test_a_kind_of_thing_is_looked_for_in_so_many_lines_at_a_time_and_none_is_missed(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "LOOKED_AT", 4)
    called("a", entity_type="project")
    called("b", "c", "d", "e", "f", "g", "h")
    called("i", entity_type="project")
    called("j")

    first = changes_since(entity_type="project", limit=1)
    second = changes_since(first["cursor"], entity_type="project", limit=1)
    third = changes_since(second["cursor"], entity_type="project", limit=1)

    assert [(actions(page), page["more"]) for page in (first, second, third)] == [(["a"], True), ([], True), (["i"], False)]
    assert everything_since(third["cursor"]) == ([], third["cursor"])
    assert everything_since(changes_since(limit=1)["cursor"], entity_type="project")[0] == ["i"]


def test_what_waits_of_a_kind_of_thing_is_counted_among_the_next_lines(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "LOOKED_AT", 2)
    monkeypatch.setattr(change_feed, "COUNTED", 1)
    with db.get_connection() as waiting, waiting.transaction():
        waiting.execute("SELECT pg_current_xact_id()")
        with ThreadPoolExecutor(1) as other:
            other.submit(called, "a", "b", "c").result()
            other.submit(partial(called, "d", entity_type="project")).result()
            found = changes_since(entity_type="client", limit=1), changes_since(entity_type="project", limit=1)

    assert [page.get("held_back", {}).get("lines") for page in found] == [1, None]


def test_a_line_waits_for_the_transactions_that_began_to_write_before_it(committed_db: str) -> None:
    cursor = changes_since()["cursor"]
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction():
            called("written first, committed last")
            elsewhere.submit(called, "quick").result()
            assert actions(list_activity()) == ["quick", "written first, committed last"]
            assert elsewhere.submit(changes_since, cursor).result()["items"] == []
        assert actions(changes_since(cursor)) == ["written first, committed last", "quick"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"entity_id": str(uuid4())}, "entity_type is missing."),
        ({"cursor": "A" * 32, "only_new": True}, "only_new cannot be given with a cursor."),
        ({"cursor": "A" * 22}, "cursor must be the previous answer's cursor."),
        ({"cursor": "!" * 32}, "cursor must be the previous answer's cursor."),
    ],
)
def test_a_place_to_begin_that_is_none_is_refused(given: dict[str, Any], message: str) -> None:
    refused = dispatch("changes_since", given)

    assert (refused["code"], refused["message"]) == ("invalid_input", message)


def test_a_cursor_may_be_of_the_last_transaction_there_can_be() -> None:
    last = "_" * 32

    assert changes_since(last)["cursor"] == last
    assert changes_since(last, run_id="run-1")["cursor"] == last


class UndoneError(Exception):
    """A writer has changed its mind."""


def test_a_follower_among_twelve_writers_sees_every_committed_line_exactly_once(committed_db: str) -> None:
    def write(number: int) -> None:
        dice = random.Random(number)
        for step in range(25):
            with suppress(UndoneError), transaction():
                for part in range(dice.randint(1, 3)):
                    log_activity("client", uuid4(), f"{number}.{step}.{part}")
                    time.sleep(dice.random() * 0.008)
                if dice.random() < 0.1:
                    raise UndoneError

    seen: list[UUID] = []
    polls, cursor = 0, None
    with ThreadPoolExecutor(12) as threads:
        writers = [threads.submit(write, number) for number in range(12)]
        while True:
            all_done = all(writer.done() for writer in writers)
            changes = changes_since(cursor, limit=20)
            cursor, polls = changes["cursor"], polls + 1
            seen += [line["id"] for line in changes["items"]]
            if all_done and not changes["more"]:
                break
        for writer in writers:
            writer.result()

    committed = [line["id"] for line in many("SELECT id FROM activity_log ORDER BY transaction_id, id")]
    assert seen == committed
    assert len(seen) > 300
    assert polls > 20
    assert committed != sorted(committed)  # lines did become visible in another order than that of their ids


@pytest.mark.parametrize("history", [partial(get_history, "project"), project_feed], ids=["history", "feed"])
def test_a_page_deep_in_a_long_history_reads_no_more_than_the_first(history: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNTED", 1)  # what follows the page
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    one(
        """
        INSERT INTO activity_log (entity_type, entity_id, project_id, action)
        SELECT 'project', %(id)s, %(id)s, 'called'
        FROM generate_series(1, 2000)
        """,
        {"id": project},
    )
    oldest = many("SELECT id FROM activity_log WHERE entity_id = %(id)s ORDER BY id LIMIT 20", {"id": project})
    one("SET LOCAL plan_cache_mode = force_generic_plan")  # what the server comes to once a session has called it often
    one("SET LOCAL enable_seqscan = off")
    one("SET LOCAL enable_bitmapscan = off")
    before = rows_fetched()

    assert len(history(project, limit=10, after=cursor_of(oldest[-1]["id"]))["items"]) == 10
    assert rows_fetched() - before <= 11


def rows_fetched() -> int:
    return one("SELECT idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relname = 'activity_log'")["rows"]
