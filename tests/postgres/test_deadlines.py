import time
from typing import Any

import pytest

from studio_data import db, deadline
from studio_data.errors import InvalidInputError, UnavailableError
from studio_data.postgres.deadlines import pause_before, time_left
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
