import time
from collections.abc import Generator
from threading import Event
from typing import Any

import pytest

from studio_data import call_key, db, deadline
from studio_data.contract import ledger
from studio_data.errors import CallCancelledError, InvalidInputError, UnavailableError
from studio_data.postgres.deadlines import current_cancellation, pause_before, time_left
from studio_data.tools.clients import create_client
from tests.support import clients, with_setting


def test_a_block_has_the_time_that_it_is_given_and_calls_share_it(committed_db: str) -> None:
    db.one("SELECT 1 AS ready")
    started = time.monotonic()

    with pytest.raises(UnavailableError, match="did not finish in time") as raised, deadline(0.6):
        db.one("SELECT pg_sleep(0.4)")
        db.one("SELECT pg_sleep(0.4)", reads=True)

    assert time.monotonic() - started > 0.5
    assert raised.value.outcome == "not_done"
    assert create_client("Ann")["name"] == "Ann"


def test_a_unit_shares_the_time_of_its_block_and_is_undone_as_a_whole(committed_db: str) -> None:
    with pytest.raises(UnavailableError) as raised, deadline(0.5), db.transaction():
        create_client("Ann")
        db.one("SELECT pg_sleep(0.3)")
        db.one("SELECT pg_sleep(0.3)")

    assert raised.value.outcome == "not_done"
    assert clients() == 0


def test_the_earliest_deadline_counts() -> None:
    with deadline(5), deadline(60):
        assert 4 < time_left() <= 5
        with deadline(1):
            assert time_left() <= 1
        assert time_left() > 4
    assert time_left() == 20


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "2", None])
def test_a_deadline_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(InvalidInputError, match="number of seconds above 0"), deadline(seconds):
        pass


def test_attempts_and_their_pauses_are_settings(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [pause_before(attempt) is None for attempt in (2, 5, 6)] == [False, False, True]
    with_setting(monkeypatch, "RETRY_ATTEMPTS", "2")
    with_setting(monkeypatch, "RETRY_PAUSE", "10")
    with_setting(monkeypatch, "RETRY_LONGEST_PAUSE", "0.001")

    assert pause_before(3) is None
    assert all((pause_before(2) or 0) <= 0.001 for _ in range(100))


def test_no_attempt_begins_after_the_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "RETRY_PAUSE", "60")
    with_setting(monkeypatch, "RETRY_LONGEST_PAUSE", "60")

    with deadline(0.001):
        time.sleep(0.002)
        assert pause_before(2) is None


# Cancelled ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cancelled() -> Generator[Event]:
    """What says that nobody wants the calls of the test any more."""
    event = Event()
    token = current_cancellation.set(event)
    yield event
    current_cancellation.reset(token)


def test_a_cancelled_call_sends_no_statement(committed_db: str, cancelled: Event) -> None:
    cancelled.set()
    with pytest.raises(CallCancelledError):
        create_client("Ann")

    cancelled.clear()
    assert clients() == 0


def test_a_unit_that_is_cancelled_before_its_commit_is_undone(committed_db: str, cancelled: Event) -> None:
    with pytest.raises(CallCancelledError), db.transaction():
        create_client("Ann")
        cancelled.set()

    cancelled.clear()
    assert clients() == 0
    assert db.one("SELECT count(*) AS lines FROM activity_log")["lines"] == 0


def test_a_keyed_call_that_is_cancelled_before_its_commit_leaves_its_key_unused(
    committed_db: str, cancelled: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = ledger._executed

    def cancel_meanwhile(*given: Any) -> Any:
        result = executed(*given)
        cancelled.set()
        return result

    with monkeypatch.context() as patched, pytest.raises(CallCancelledError) as raised, call_key("k"):
        patched.setattr(ledger, "_executed", cancel_meanwhile)
        create_client("Ann")
    assert (raised.value.outcome, raised.value.retryable) == ("not_done", True)

    cancelled.clear()
    assert clients() == 0
    with call_key("k") as key:
        create_client("Ann")
    assert (key.repeated, clients()) == (False, 1)
