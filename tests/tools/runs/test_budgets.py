"""Agent budgets: reserved before it is used, settled after, and never overspent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from studio_data import acting_as, db
from studio_data.errors import ConflictError, NotFoundError, PermissionDeniedError, RuleViolationError
from studio_data.tools.runs.budgets import Reservation, reserve_usage, reset_usage, settle_usage, sweep_usage
from studio_data.tools.runs.sessions import open_session
from studio_data.tools.runs.settings import AgentSettings, create_agent_settings, list_agent_settings
from tests.support.lifecycle import lines
from tests.support.time_zone import today


def profile(**limits: Any) -> AgentSettings:
    return create_agent_settings("eng", provider="anthropic", model="large", **limits)


def used() -> Decimal:
    (found,) = list_agent_settings(profile_name="eng")["items"]
    return found["used_today"]


def a_day_passes() -> None:
    db.one("UPDATE agent_settings SET last_reset_date = last_reset_date - 1")
    db.one("UPDATE agent_reservations SET usage_date = usage_date - 1")


def test_what_is_reserved_counts_until_it_is_settled_with_what_was_used() -> None:
    profile(hard_limit="10")

    reserved = reserve_usage("eng", amount="4")
    assert (reserved["used_today"], reserved["left_today"], reserved["warning"]) == (Decimal(4), Decimal(6), None)
    settled = settle_usage(reserved["id"], amount="1.25")

    assert (settled["settled_amount"], settled["used_today"], settled["left_today"]) == (
        Decimal("1.25"), Decimal("1.25"), Decimal("8.75"),
    )  # fmt: skip
    assert settled["resets_at"] == datetime.combine(datetime.now(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
    assert [line["metadata"]["user_action"] for line in lines()[1:]] == ["usage_reserved", "usage_settled"]


def test_the_hard_limit_refuses_with_what_is_left_and_when_it_resets() -> None:
    profile(hard_limit="10", usage_unit="tokens")
    reserve_usage("eng", amount=7)
    before = lines()

    with pytest.raises(RuleViolationError) as raised:
        reserve_usage("eng", amount="3.5")

    assert str(raised.value).startswith("The profile eng has 3 of its 10 tokens left today, and 3.5 was requested.")
    tomorrow = f"{datetime.now(UTC).date() + timedelta(days=1)}T00:00:00+00:00"
    assert f"resets at {tomorrow}" in str(raised.value)
    assert raised.value.details["rule"] == "hard_limit_holds"
    assert (Decimal(raised.value.details["left"]), raised.value.details["resets_at"]) == (3, tomorrow)
    assert (used(), lines()) == (7, before)
    assert reserve_usage("eng", amount=3)["left_today"] == 0


def test_the_daily_limit_warns_and_refuses_nothing() -> None:
    profile(daily_limit="1", usage_unit="runs")

    assert reserve_usage("eng", amount=1)["warning"] is None
    warned = reserve_usage("eng", amount=1)
    assert warned["warning"] == "2 runs used or reserved today, above the daily limit of 1."
    assert warned["left_today"] is None


def test_more_than_was_reserved_is_recorded_since_it_is_spent() -> None:
    profile(hard_limit="10")

    settled = settle_usage(reserve_usage("eng", amount="9")["id"], amount="12")

    assert (settled["used_today"], settled["left_today"]) == (12, 0)
    with pytest.raises(RuleViolationError, match="has 0 of its 10 dollars left today"):
        reserve_usage("eng", amount="0.01")


def test_a_reservation_is_settled_once() -> None:
    profile()
    reserved = reserve_usage("eng", amount="2")
    settle_usage(reserved["id"], amount="1")

    with pytest.raises(ConflictError, match="is already settled, with 1"):
        settle_usage(reserved["id"], amount="2")
    assert used() == 1


def test_a_new_day_begins_with_nothing_used_without_anybody_resetting_it() -> None:
    profile(hard_limit="10")
    yesterdays = reserve_usage("eng", amount="10")
    a_day_passes()

    assert used() == 0
    assert reserve_usage("eng", amount="6")["used_today"] == 6
    settled = settle_usage(yesterdays["id"], amount="8")  # counts for its own day
    assert (settled["settled_amount"], settled["used_today"]) == (8, 6)


def test_a_sweep_puts_former_days_back_to_nothing_and_nothing_else() -> None:
    profile(hard_limit="10")
    create_agent_settings("qa", provider="anthropic", model="small")
    reserve_usage("eng", amount="10")
    a_day_passes()
    db.one("UPDATE agent_settings SET last_reset_date = last_reset_date + 1 WHERE profile_name = 'qa'")

    assert sweep_usage() == {"reset": ["eng"]}
    assert sweep_usage() == {"reset": []}
    row = db.one("SELECT usage_today, last_reset_date FROM agent_settings WHERE profile_name = 'eng'")
    assert row == {"usage_today": 0, "last_reset_date": datetime.now(UTC).date()}
    assert lines()[-1]["metadata"]["changes"] == {"usage_today": [10, 0]}


def test_yesterdays_reservation_is_settled_beside_todays_figures() -> None:
    profile(hard_limit="10")
    yesterdays = reserve_usage("eng", amount="4")
    a_day_passes()

    settled = settle_usage(yesterdays["id"], amount="3")
    assert (settled["usage_date"], settled["used_today"], settled["left_today"]) == (today() - timedelta(days=1), 0, 10)
    assert settled["resets_at"] == datetime.combine(today() + timedelta(days=1), datetime.min.time(), UTC)

    later = reserve_usage("eng", amount="4")
    a_day_passes()
    todays = reserve_usage("eng", amount="2")
    settled = settle_usage(later["id"], amount="1")
    assert (settled["used_today"], settled["left_today"], settled["resets_at"]) == (2, 8, todays["resets_at"])


def test_a_person_resets_what_a_clock_that_was_ahead_has_frozen() -> None:
    profile(hard_limit="10")
    reserved = reserve_usage("eng", amount="10")
    db.one("UPDATE agent_settings SET last_reset_date = today() + 1")
    db.one("UPDATE agent_reservations SET usage_date = today() + 1")
    with pytest.raises(RuleViolationError, match="has 0 of its 10 dollars left"):
        reserve_usage("eng", amount="1")

    with acting_as("user", "Maria"):
        found = reset_usage("eng", reason="The clock was ahead.")
    assert (found["used_today"], found["left_today"], found["last_reset_date"]) == (0, 10, today())
    line = lines()[-1]
    assert (line["actor_name"], line["metadata"]["reason"]) == ("Maria", "The clock was ahead.")
    assert line["metadata"]["changes"]["usage_today"] == [10, 0]
    assert line["metadata"]["reservations_forgotten"] == 1
    assert settle_usage(reserved["id"], amount="12")["used_today"] == 0
    assert reserve_usage("eng", amount="1")["left_today"] == 9

    with acting_as("agent", "eng", role="orchestrator"), pytest.raises(PermissionDeniedError, match="Only a person"):
        reset_usage("eng", reason="More.")
    with acting_as("user", "Maria"), pytest.raises(NotFoundError):
        reset_usage("nobody", reason="More.")


def test_an_unknown_profile_session_or_reservation_is_not_found() -> None:
    settings = profile(hard_limit="10")

    with pytest.raises(NotFoundError, match="no agent profile qa"):
        reserve_usage("qa", amount=1)
    with pytest.raises(NotFoundError, match="no agent session mission-9"):
        reserve_usage("eng", amount=1, session_id="mission-9")
    with pytest.raises(NotFoundError, match="That is the id of an agent settings"):
        settle_usage(settings["id"], amount=1)
    assert used() == 0


def test_a_reservation_may_name_its_session() -> None:
    profile()
    session = open_session("mission-7", "Plan")

    reserved = reserve_usage("eng", amount=1, session_id="mission-7")

    row = db.one("SELECT agent_session_id FROM agent_reservations WHERE id = %s", (reserved["id"],))
    assert row["agent_session_id"] == session["id"]


def test_workers_racing_for_the_last_of_a_budget_never_overspend_it(committed_db: str) -> None:
    profile(hard_limit="10")

    def reserve(_: int) -> Reservation | None:
        try:
            return reserve_usage("eng", amount="0.3")
        except RuleViolationError:
            return None

    with ThreadPoolExecutor(8) as threads:
        got = [reservation for reservation in threads.map(reserve, range(80)) if reservation]

    assert len(got) == 33
    assert used() == Decimal("9.9")
    assert sorted(reservation["used_today"] for reservation in got) == [Decimal("0.3") * number for number in range(1, 34)]
    total = db.one("SELECT sum(amount) AS total, count(*) AS reservations FROM agent_reservations")
    assert total == {"total": Decimal("9.9"), "reservations": 33}


def test_settling_and_reserving_at_once_lose_nothing(committed_db: str) -> None:
    profile(hard_limit="1000")

    def work(number: int) -> None:
        settle_usage(reserve_usage("eng", amount="2")["id"], amount=f"0.{number:02}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(1, 61)))

    assert used() == sum(Decimal(number) / 100 for number in range(1, 61))
