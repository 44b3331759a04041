from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one
from studio_data.errors import InvalidInputError, RuleViolationError, StudioError
from studio_data.tools.practice.finance import project_budget_for_client
from studio_data.tools.practice.order_progress import (
    acknowledge_purchase_order,
    cancel_purchase_order,
    deliver_purchase_order,
    install_line_item,
    ship_purchase_order,
    start_production,
    submit_purchase_order,
)
from studio_data.tools.practice.phases import hold_project
from studio_data.tools.practice.purchase_orders import draft_purchase_order, get_purchase_order
from studio_data.tools.practice.quotes import record_quote, select_quote
from studio_data.tools.practice.rules.lifecycles import LINE_ITEM, PURCHASE_ORDER
from tests.examples import Practice
from tests.examples.practice.purchase_orders import order_in
from tests.support.lifecycle import assert_move, every_pair

MOVES: dict[str, Callable[[UUID], Any]] = {
    "submitted": submit_purchase_order,
    "acknowledged": acknowledge_purchase_order,
    "in_production": start_production,
    "shipped": ship_purchase_order,
    "delivered": deliver_purchase_order,
    "cancelled": lambda order_id: cancel_purchase_order(order_id, reason="Discontinued."),
}
ITEM_OF = {
    "draft": "quoted",
    "submitted": "ordered",
    "acknowledged": "ordered",
    "in_production": "ordered",
    "shipped": "shipped",
    "delivered": "delivered",
    "cancelled": "specified",
}


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def item_of(order: Any) -> dict[str, Any]:
    return one("SELECT * FROM line_items WHERE id = %s", (order["line_item_id"],))


def planted(order_status: str, item_status: str) -> Any:
    """An order and its line item in any two states, as a person with psql could leave them."""
    order = order_in(Practice(), "draft")
    one("UPDATE purchase_orders SET status = %s::po_status WHERE id = %s", (order_status, order["id"]))
    one("UPDATE line_items SET status = %s::line_item_status WHERE id = %s", (item_status, order["line_item_id"]))
    return order


@every_pair(PURCHASE_ORDER)
def test_every_move_of_an_order_takes_its_line_item_along(source: str, target: str) -> None:
    order = planted(source, ITEM_OF[source])
    if target == "draft":  # an order is made as a draft and never becomes one
        assert target not in MOVES
        return

    assert_move(
        PURCHASE_ORDER, source, target, lambda: MOVES[target](order["id"]), lambda: get_purchase_order(order["id"])["status"]
    )
    came_to = get_purchase_order(order["id"])["status"]
    expected = "quoted" if (source, came_to) == ("draft", "cancelled") else ITEM_OF[came_to]
    assert item_of(order)["status"] == expected


@pytest.mark.parametrize("target", ["ordered", "shipped", "delivered", "installed"])
@pytest.mark.parametrize("source", [status.value for status in LINE_ITEM.moves])
def test_every_move_that_an_order_makes_with_its_line_item(source: str, target: str) -> None:
    order_was, order_becomes = {
        "ordered": ("draft", "submitted"),
        "shipped": ("in_production", "shipped"),
        "delivered": ("shipped", "delivered"),
        "installed": ("delivered", ""),
    }[target]
    order = planted(order_was, source)

    def move() -> object:
        return MOVES[order_becomes](order["id"]) if order_becomes else install_line_item(order["line_item_id"])

    assert_move(LINE_ITEM, source, target, move, lambda: item_of(order)["status"])
    if source not in LINE_ITEM.sources_of(LINE_ITEM_STATUS[target]):
        assert get_purchase_order(order["id"])["status"] == order_was


LINE_ITEM_STATUS = {status.value: status for status in LINE_ITEM.moves}


@pytest.mark.parametrize("source", [status.value for status in LINE_ITEM.moves])
def test_a_cancelled_order_takes_back_only_a_line_item_that_was_ordered(source: str) -> None:
    order = planted("submitted", source)

    assert cancel_purchase_order(order["id"], reason="Discontinued.")["status"] == "cancelled"

    assert item_of(order)["status"] == ("specified" if source == "ordered" else source)
    assert len(log_of(order["line_item_id"])) == (source == "ordered")


def test_an_order_and_its_line_item_leave_a_line_each() -> None:
    practice = Practice()
    order = submit_purchase_order(order_in(practice, "draft")["id"])

    of_order, of_item = log_of(order["id"])[-1], log_of(order["line_item_id"])[-1]
    assert {line["action"] for line in (of_order, of_item)} == {"status_changed"}
    assert {line["project_id"] for line in (of_order, of_item)} == {practice.project["id"]}
    assert of_order["metadata"]["changes"]["status"] == ["draft", "submitted"]
    assert list(of_order["metadata"]["changes"]) == ["status", "ordered_at"]
    assert of_item["metadata"] == {"changes": {"status": ["quoted", "ordered"]}}
    assert order["ordered_at"] is not None
    assert abs(order["ordered_at"] - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_days_of_an_order_are_kept_until_better_ones_are_known() -> None:
    order_id = order_in(Practice(), "submitted")["id"]
    today = datetime.now(UTC).date()
    first, better = today + timedelta(days=60), today + timedelta(days=70)

    assert acknowledge_purchase_order(order_id, estimated_delivery=first)["estimated_delivery"] == first
    assert start_production(order_id)["estimated_delivery"] == first
    assert ship_purchase_order(order_id, estimated_delivery=better)["estimated_delivery"] == better
    delivered = deliver_purchase_order(order_id)
    assert (delivered["estimated_delivery"], delivered["actual_delivery"]) == (better, today)
    assert log_of(order_id)[-1]["metadata"] == {
        "changes": {"status": ["shipped", "delivered"], "actual_delivery": [None, today.isoformat()]}
    }


def test_a_delivery_may_be_recorded_late_but_not_before_it_happens() -> None:
    order_id = order_in(Practice(), "shipped")["id"]
    today = datetime.now(UTC).date()

    with pytest.raises(InvalidInputError, match="must not be after today") as raised:
        deliver_purchase_order(order_id, actual_delivery=today + timedelta(days=2))
    assert raised.value.details == {"arguments": ["actual_delivery"]}

    yesterday = today - timedelta(days=1)
    one("UPDATE purchase_orders SET ordered_at = ordered_at - interval '3 days'")
    assert deliver_purchase_order(order_id, actual_delivery=yesterday)["actual_delivery"] == yesterday


def test_the_line_item_of_a_cancelled_order_can_be_selected_for_again() -> None:
    order = order_in(Practice(), "in_production")
    before = item_of(order)

    cancelled = cancel_purchase_order(order["id"], reason="The fabric is discontinued.")

    item = item_of(order)
    assert item == {
        **before, "status": "specified", "selected_vendor_id": None, "designer_net": None,
        "freight": None, "updated_at": item["updated_at"],
    }  # fmt: skip
    assert (cancelled["amount"], cancelled["ordered_at"]) == (order["amount"], order["ordered_at"])
    assert log_of(order["id"])[-1]["metadata"] == {
        "changes": {"status": ["in_production", "cancelled"]}, "reason": "The fabric is discontinued.",
    }  # fmt: skip
    assert log_of(item["id"])[-1]["metadata"] == {
        "changes": {
            "status": ["ordered", "specified"],
            "selected_vendor_id": [str(before["selected_vendor_id"]), None],
            "designer_net": [1250.50, None],
            "freight": [300.00, None],
        },
        "reason": "The fabric is discontinued.",
    }


def test_the_clients_total_stays_while_an_item_is_ordered_again() -> None:
    order = order_in(Practice(), "submitted")
    item_id, vendor_id = order["line_item_id"], order["vendor_id"]
    project_id = log_of(order["id"])[0]["project_id"]
    agreed = project_budget_for_client(project_id)

    cancel_purchase_order(order["id"], reason="The vendor is late.")
    assert project_budget_for_client(project_id) == agreed
    select_quote(record_quote(item_id, vendor_id=vendor_id, unit_cost="1300.00")["id"])
    submit_purchase_order(draft_purchase_order(item_id)["id"])

    assert agreed["retail_total"] == 4200
    assert project_budget_for_client(project_id) == agreed


def test_a_cancelled_draft_leaves_its_line_item_quoted() -> None:
    order = order_in(Practice(), "draft")
    before = item_of(order)

    cancel_purchase_order(order["id"], reason="Another finish.")

    assert item_of(order) == before
    assert log_of(order["line_item_id"]) == []


@pytest.mark.parametrize(
    "change",
    ["designer_net = 1300.00", "quantity = 3", "freight = NULL", "selected_vendor_id = NULL", "designer_net = NULL"],
)
def test_a_draft_for_what_was_selected_before_is_not_submitted(change: str) -> None:
    order = order_in(Practice(), "draft")
    one(f"UPDATE line_items SET {change}")  # pyright: ignore[reportArgumentType]  # noqa: S608

    with pytest.raises(RuleViolationError) as raised:
        submit_purchase_order(order["id"])

    assert raised.value.details["rule"] == "orders_follow_the_selection"
    assert raised.value.details["calls"] == [
        {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(order["id"])}},
        {"tool": "draft_purchase_order", "arguments": {"line_item_id": str(order["line_item_id"])}},
    ]
    assert get_purchase_order(order["id"]) == order
    assert item_of(order)["status"] == "quoted"


def test_a_draft_waits_while_its_project_is_on_hold() -> None:
    practice = Practice()
    order = order_in(practice, "draft")
    hold_project(practice.project["id"], reason="The clients travel.")

    with pytest.raises(RuleViolationError) as raised:
        submit_purchase_order(order["id"])

    assert raised.value.details["found"] == {"project_in_purchasing_or_later": "the project is in on_hold"}
    assert raised.value.details["calls"] == [
        {"tool": "resume_project", "arguments": {"project_id": str(practice.project["id"])}}
    ]


def test_a_delivered_line_item_is_installed() -> None:
    order = order_in(Practice(), "delivered")

    item = install_line_item(order["line_item_id"])

    assert item == item_of(order)
    assert item["status"] == "installed"
    assert log_of(item["id"])[-1]["metadata"] == {"changes": {"status": ["delivered", "installed"]}}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("submit_purchase_order", {}),
        ("acknowledge_purchase_order", {}),
        ("start_production", {}),
        ("ship_purchase_order", {}),
        ("deliver_purchase_order", {}),
        ("cancel_purchase_order", {"reason": "a"}),
    ],
)
def test_an_unknown_order_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"purchase_order_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_purchase_orders shows them all.")


def test_an_unknown_line_item_is_not_installed() -> None:
    assert dispatch("install_line_item", {"line_item_id": str(uuid4())})["code"] == "not_found"


# At once --------------------------------------------------------------------------------------------------------------


def refusal(move: Callable[[UUID], Any], entity_id: UUID) -> str | None:
    try:
        move(entity_id)
    except StudioError as error:
        return error.code
    return None


def refusals(moves: list[tuple[Callable[[UUID], Any], UUID]]) -> list[str | None]:
    """Make all moves at once; return what each was refused with, None for one that was made."""
    with ThreadPoolExecutor(12) as threads:
        return list(threads.map(refusal, *zip(*moves, strict=True)))


def test_one_of_twelve_who_submit_an_order_at_once_submits_it(committed_db: str) -> None:
    order = order_in(Practice(), "draft")

    found = refusals([(submit_purchase_order, order["id"])] * 12)

    assert sorted(map(str, found)) == ["None", *["invalid_transition"] * 11]
    assert [line["action"] for line in log_of(order["id"])] == ["created", "status_changed"]
    assert len(log_of(order["line_item_id"])) == 1


def test_an_order_is_never_both_cancelled_and_shipped(committed_db: str) -> None:
    practice = Practice()
    orders = [order_in(practice, "in_production") for _ in range(6)]

    found = refusals([(MOVES[to], order["id"]) for order in orders for to in ("cancelled", "shipped")])

    assert sorted(map(str, found)) == [*["None"] * 6, *["invalid_transition"] * 6]
    for order in orders:
        status = get_purchase_order(order["id"])["status"]
        assert item_of(order)["status"] == ITEM_OF[status]
        made = [line["metadata"]["changes"]["status"][1] for line in log_of(order["id"])[1:]]
        assert made == ["submitted", "acknowledged", "in_production", status]


def test_an_order_is_moved_and_its_line_item_ordered_again_at_once_without_a_deadlock(committed_db: str) -> None:
    order = order_in(Practice(), "submitted")
    moves: list[tuple[Callable[[UUID], Any], UUID]] = [
        (MOVES["cancelled"], order["id"]),
        (MOVES["acknowledged"], order["id"]),
        (draft_purchase_order, order["line_item_id"]),
        (install_line_item, order["line_item_id"]),
    ]

    assert set(refusals(moves * 9)) <= {None, "invalid_transition", "conflict", "rule_violation"}

    assert get_purchase_order(order["id"])["status"] == "cancelled"
    assert item_of(order)["status"] == "specified"
