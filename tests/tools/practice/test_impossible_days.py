"""Days that cannot be are refused; where they may still be true, a person gives a reason."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from studio_data import acting_as, call, db
from studio_data.tools.practice.meetings import confirm_meeting, schedule_meeting
from studio_data.tools.practice.phases import check_gates
from tests.examples import Practice
from tests.examples.practice.fees import fee, invoiced
from tests.examples.practice.purchase_orders import order_in
from tests.support import state
from tests.support.lifecycle import lines

REASON = {"override_reason": "It is in the paper file."}


def day(days: int) -> str:
    return str(datetime.now(UTC).date() + timedelta(days=days))


def meeting_of(practice: Practice, on: str) -> dict[str, Any]:
    return dict(schedule_meeting(practice.project["id"], meeting_type="cdm", scheduled_date=on))


def impossible(name: str) -> tuple[str, dict[str, Any], str]:
    """Return a tool, a call that gives an impossible day, and the argument that holds it."""
    practice = Practice()
    match name:
        case "schedule_meeting":
            arguments = {"project_id": practice.project["id"], "meeting_type": "cdm", "scheduled_date": day(-1)}
            return name, arguments, "scheduled_date"
        case "reschedule_meeting":
            meeting = meeting_of(practice, day(5))["id"]
            return name, {"meeting_id": meeting, "scheduled_date": day(-1)}, "scheduled_date"
        case "pay_fee":
            return name, {"fee_id": invoiced(practice)["id"], "paid_on": day(-1)}, "paid_on"
        case "invoice_fee":
            return name, {"fee_id": fee(practice)["id"], "due_date": day(-1)}, "due_date"
        case _:
            order = order_in(practice, "shipped")["id"]
            return name, {"purchase_order_id": order, "actual_delivery": day(-1)}, "actual_delivery"


MAY_BE_TRUE = ["schedule_meeting", "reschedule_meeting", "pay_fee", "invoice_fee", "deliver_purchase_order"]


@pytest.mark.parametrize("name", MAY_BE_TRUE)
def test_a_day_that_cannot_be_is_refused(name: str) -> None:
    tool, arguments, argument = impossible(name)
    before = state()

    refused = call(tool, arguments)

    assert (refused["code"], refused["details"]["arguments"]) == ("invalid_input", [argument])
    assert f"{argument} must not be before" in refused["message"]
    assert "override_reason" in refused["hint"]
    assert state() == before


@pytest.mark.parametrize("name", MAY_BE_TRUE)
def test_only_a_person_may_give_a_reason_for_such_a_day(name: str) -> None:
    tool, arguments, argument = impossible(name)
    before = state()

    with acting_as("agent", "somebody"):
        assert call(tool, arguments | REASON)["code"] == "permission_denied"
    assert state() == before
    with acting_as("user", "Maria"):
        answer = call(tool, arguments | REASON)

    kept = {"paid_on": "paid_at", "due_date": "due_at"}.get(argument, argument)
    assert answer[kept].startswith(day(-1))
    assert REASON["override_reason"] in [line["metadata"].get("reason") for line in lines()[-2:]]


def test_a_day_to_come_needs_no_reason_and_no_person_changes_it() -> None:
    _, paid, _ = impossible("pay_fee")
    _, delivered, _ = impossible("deliver_purchase_order")

    with acting_as("user", "Maria"):
        for tool, arguments in (
            ("pay_fee", paid | {"paid_on": day(2)}),
            ("deliver_purchase_order", delivered | {"actual_delivery": day(2)}),
        ):
            refused = call(tool, arguments | REASON)
            assert "must not be after today" in refused["message"]


@pytest.mark.parametrize(
    ("name", "status"), [("acknowledge_purchase_order", "submitted"), ("ship_purchase_order", "in_production")]
)
def test_no_delivery_is_expected_before_its_order_was_sent(name: str, status: str) -> None:
    order = order_in(Practice(), status)["id"]
    before = state()

    refused = call(name, {"purchase_order_id": order, "estimated_delivery": day(-1)})

    assert (refused["code"], refused["details"]["arguments"]) == ("invalid_input", ["estimated_delivery"])
    assert state() == before
    assert call(name, {"purchase_order_id": order, "estimated_delivery": day(0)})["estimated_delivery"] == day(0)


def test_a_meeting_in_four_weeks_was_not_held_today() -> None:
    practice = Practice()
    meeting = meeting_of(practice, day(28))["id"]
    confirm_meeting(meeting)
    before = state()

    refused = call("complete_meeting", {"meeting_id": meeting})
    said = call("available_actions", {"entity_type": "meeting", "entity_id": meeting})

    assert (refused["code"], refused["details"]["rule"]) == ("rule_violation", "meetings_are_held_on_their_day")
    assert refused["details"]["calls"] == [{"tool": "reschedule_meeting", "arguments": {"meeting_id": str(meeting)}}]
    (shown,) = [other for other in said["refused"] if other["tool"] == "complete_meeting"]
    assert shown["reason"] == refused["message"]
    assert state() == before
    (gate,) = [gate for gate in check_gates(practice.project["id"])["gates"] if gate["gate"] == "cdm_completed"]
    assert not gate["passed"]

    for tool, more in (
        ("reschedule_meeting", {"scheduled_date": day(0)}),
        ("confirm_meeting", {}),
        ("complete_meeting", {}),
    ):
        assert "code" not in call(tool, {"meeting_id": meeting, **more})
    assert db.one("SELECT status, scheduled_date FROM meetings") == {
        "status": "completed", "scheduled_date": date.fromisoformat(day(0)),
    }  # fmt: skip


def test_a_payment_on_the_day_of_its_invoice_follows_it() -> None:
    fee_id = invoiced(Practice())["id"]

    paid = call("pay_fee", {"fee_id": fee_id, "paid_on": day(0)})

    assert datetime.fromisoformat(paid["paid_at"]) >= datetime.fromisoformat(paid["invoiced_at"])
