from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, NotFoundError, RuleViolationError, StudioError
from studio_data.tools.practice.order_progress import cancel_purchase_order
from studio_data.tools.practice.purchase_orders import (
    PurchaseOrder,
    draft_purchase_order,
    get_purchase_order,
    list_purchase_orders,
)
from tests.examples import Practice
from tests.examples.practice.purchase_orders import order_in, orderable_item, quoted_item, ready_to_order
from tests.support.embedded import within
from tests.support.rows import row

YEAR = datetime.now(UTC).year


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def refused(line_item_id: UUID) -> RuleViolationError:
    lines = one("SELECT count(*) FROM activity_log")
    with pytest.raises(RuleViolationError) as raised:
        draft_purchase_order(line_item_id)
    assert raised.value.details["rule"] == "ready_to_order"
    assert many("SELECT * FROM purchase_orders") == many("SELECT * FROM purchase_order_numbers") == []
    assert one("SELECT count(*) FROM activity_log") == lines
    return raised.value


def test_a_draft_has_what_the_selected_quote_says() -> None:
    practice = Practice()
    line_item_id = orderable_item(practice)
    item = one("SELECT * FROM line_items WHERE id = %s", (line_item_id,))

    order = draft_purchase_order(line_item_id)

    assert order == one("SELECT * FROM purchase_orders") == get_purchase_order(order["id"])
    assert (order["line_item_id"], order["vendor_id"]) == (line_item_id, item["selected_vendor_id"])
    assert (order["amount"], order["freight"]) == (Decimal("2501.00"), Decimal("300.00"))  # 2 sofas at 1,250.50
    assert (order["status"], order["po_number"]) == ("draft", f"PO-{YEAR}-0001")
    assert order["ordered_at"] is order["estimated_delivery"] is order["actual_delivery"] is None
    assert one("SELECT * FROM line_items WHERE id = %s", (line_item_id,)) == item


def test_a_draft_leaves_one_line_in_the_feed_of_its_project() -> None:
    practice = Practice()
    order = order_in(practice, "draft")

    (line,) = log_of(order["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("purchase_order", "created", practice.project["id"])
    assert line["metadata"] == {
        "line_item_id": str(order["line_item_id"]), "vendor_id": str(order["vendor_id"]), "po_number": order["po_number"],
        "amount": 2501.00,
    }  # fmt: skip


@pytest.mark.parametrize("phase", ["purchasing", "construction", "reveal_punch_list"])
def test_a_project_in_purchasing_or_later_orders(phase: str) -> None:
    line_item_id = orderable_item(Practice())
    one("UPDATE projects SET phase = %s::project_phase", (phase,))

    assert draft_purchase_order(line_item_id)["status"] == "draft"


@pytest.mark.parametrize(
    ("phase", "calls"),
    [
        ("conceptual_design", "advance_project detailed_design, advance_project purchasing"),
        ("detailed_design", "advance_project purchasing"),
        ("on_hold", "resume_project"),
        ("completed", ""),
    ],
)
def test_no_other_project_orders(phase: str, calls: str) -> None:
    practice = Practice()
    line_item_id = orderable_item(practice)
    one("UPDATE projects SET phase = %s::project_phase", (phase,))
    if phase == "on_hold":
        row(
            "phase_transitions",
            project_id=practice.project["id"],
            from_phase="purchasing",
            to_phase=phase,
            triggered_by="Maria",
        )

    error = refused(line_item_id)

    assert error.details["found"] == {"project_in_purchasing_or_later": f"the project is in {phase}"}
    assert {call["arguments"].pop("project_id") for call in error.details["calls"]} <= {str(practice.project["id"])}
    assert ", ".join(" ".join([call["tool"], *call["arguments"].values()]) for call in error.details["calls"]) == calls


def test_nothing_is_ordered_before_exhibit_b_is_signed() -> None:
    practice = Practice()
    line_item_id = quoted_item(practice.project["id"])
    one("UPDATE projects SET phase = 'purchasing'")

    error = refused(line_item_id)

    assert error.message == f"Line item 'Duke sofa' ({line_item_id}) cannot be ordered yet: no exhibit_b on file."
    assert error.details["calls"] == [
        {
            "tool": "register_document",
            "arguments": {"project_id": str(practice.project["id"]), "doc_type": "exhibit_b"},
        }
    ]


@pytest.mark.parametrize(
    ("change", "found", "calls"),
    [
        (
            "status = 'estimated'", "the line item is estimated, not quoted",
            ["specify_line_item", "record_quote", "select_quote"],
        ),
        ("status = 'specified'", "the line item is specified, not quoted", ["record_quote", "select_quote"]),
        ("status = 'installed'", "the line item is installed, not quoted", []),
        (
            "selected_vendor_id = NULL", "the line item has no selected vendor",
            ["respecify_line_item", "record_quote", "select_quote"],
        ),
        (
            "selected_vendor_id = NULL, designer_net = NULL", "the line item has no selected vendor and no designer net",
            ["respecify_line_item", "record_quote", "select_quote"],
        ),
    ],
)  # fmt: skip
def test_only_a_quoted_line_item_with_vendor_and_price_is_ordered(change: str, found: str, calls: list[str]) -> None:
    line_item_id = orderable_item(Practice())
    with transaction() as connection:
        connection.execute(f"UPDATE line_items SET {change}".encode())  # noqa: S608

    error = refused(line_item_id)

    assert error.details["found"] == {"line_item_quoted": found}
    assert [call["tool"] for call in error.details["calls"]] == calls


def test_everything_that_is_missing_is_named_at_once() -> None:
    line_item_id = quoted_item(Practice().project["id"])
    one("UPDATE line_items SET status = 'specified'")

    error = refused(line_item_id)

    assert list(error.details["found"]) == ["exhibit_b_signed", "project_in_purchasing_or_later", "line_item_quoted"]
    assert [call["tool"] for call in error.details["calls"]] == [
        "register_document", "advance_project", "advance_project", "record_quote", "select_quote",
    ]  # fmt: skip


def test_an_amount_that_no_order_can_hold_is_refused() -> None:
    line_item_id = orderable_item(Practice())
    one("UPDATE line_items SET designer_net = 5000000000.00, quantity = 2")
    assert list(refused(line_item_id).details["found"]) == ["amount_fits"]

    one("UPDATE line_items SET designer_net = 4999999999.99")
    assert draft_purchase_order(line_item_id)["amount"] == Decimal("9999999999.98")


def test_a_line_item_has_one_open_order_and_the_refusal_names_it() -> None:
    order = order_in(Practice(), "submitted")

    with pytest.raises(ConflictError) as raised:
        draft_purchase_order(order["line_item_id"])

    assert raised.value.details == {
        "line_item_id": str(order["line_item_id"]), "purchase_order_id": str(order["id"]), "po_number": order["po_number"],
        "status": "submitted", "rule": "one_open_order",
        "calls": [{"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(order["id"])}}],
    }  # fmt: skip
    assert one("SELECT last_number FROM purchase_order_numbers") == {"last_number": 1}


def test_a_line_item_is_ordered_again_when_its_order_was_cancelled() -> None:
    order = order_in(Practice(), "draft")
    cancel_purchase_order(order["id"], reason="Another finish.")

    assert draft_purchase_order(order["line_item_id"])["po_number"] == f"PO-{YEAR}-0002"


def test_an_unknown_line_item_or_order_is_not_found() -> None:
    order = order_in(Practice(), "draft")

    with pytest.raises(NotFoundError, match="There is no line item"):
        draft_purchase_order(uuid4())
    with pytest.raises(NotFoundError, match="That is the id of a purchase order"):
        draft_purchase_order(order["id"])
    assert dispatch("get_purchase_order", {"purchase_order_id": str(uuid4())})["code"] == "not_found"


# Numbers --------------------------------------------------------------------------------------------------------------


def test_every_year_counts_for_itself_and_beyond_four_digits() -> None:
    practice = Practice()
    one("INSERT INTO purchase_order_numbers (year, last_number) VALUES (%s, 41)", (YEAR - 1,))
    assert order_in(practice, "draft")["po_number"] == f"PO-{YEAR}-0001"

    one("UPDATE purchase_order_numbers SET last_number = 9998 WHERE year = %s", (YEAR,))
    assert [order_in(practice, "draft")["po_number"] for _ in range(2)] == [f"PO-{YEAR}-9999", f"PO-{YEAR}-10000"]


def test_a_draft_that_is_undone_or_refused_uses_no_number() -> None:
    practice = Practice()
    order_in(practice, "draft")
    with pytest.raises(ZeroDivisionError), transaction():
        order_in(practice, "draft")
        raise ZeroDivisionError
    one("UPDATE projects SET phase = 'on_hold'")
    with pytest.raises(RuleViolationError):
        draft_purchase_order(quoted_item(practice.project["id"]))

    assert order_in(practice, "draft")["po_number"] == f"PO-{YEAR}-0002"


def drafted_by_twelve(line_item_ids: list[UUID]) -> tuple[list[PurchaseOrder], list[StudioError]]:
    def draft(line_item_id: UUID) -> PurchaseOrder | StudioError:
        try:
            return draft_purchase_order(line_item_id)
        except StudioError as error:
            return error

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(draft, line_item_ids))
    return [found for found in answers if isinstance(found, dict)], [
        found for found in answers if isinstance(found, StudioError)
    ]


def numbers() -> list[str]:
    return [row["po_number"] for row in many("SELECT po_number FROM purchase_orders ORDER BY po_number")]


def test_one_of_twelve_who_order_a_line_item_at_once_orders_it(committed_db: str) -> None:
    practice = Practice()
    line_item_id = orderable_item(practice)

    (order,), errors = drafted_by_twelve([line_item_id] * 12)

    assert [type(error) for error in errors] == [ConflictError] * 11
    assert {error.details["purchase_order_id"] for error in errors} == {str(order["id"])}
    assert len(log_of(order["id"])) == 1
    assert order_in(practice, "draft")["po_number"] == f"PO-{YEAR}-0002"


def test_twelve_who_order_twelve_line_items_at_once_get_consecutive_numbers(committed_db: str) -> None:
    practice = Practice()
    ready_to_order(practice.project["id"])
    items = [quoted_item(practice.project["id"]) for _ in range(12)]

    orders, errors = drafted_by_twelve(items * 3)

    assert (len(orders), len(errors)) == (12, 24)
    assert numbers() == [f"PO-{YEAR}-{number:04}" for number in range(1, 13)]


def test_a_draft_that_came_second_spoils_no_unit(committed_db: str) -> None:
    practice = Practice()
    line_item_id, other = orderable_item(practice), quoted_item(practice.project["id"])

    def draft_both(_: int) -> bool:
        with transaction():
            try:
                draft_purchase_order(line_item_id)
            except ConflictError:
                return False
            draft_purchase_order(other)
            return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(draft_both, range(12))) == 1
    assert numbers() == [f"PO-{YEAR}-0001", f"PO-{YEAR}-0002"]


def test_a_unit_of_several_drafts_does_not_deadlock_with_a_draft_of_one_of_them(committed_db: str) -> None:
    practice = Practice()
    order_in(practice, "draft")
    items = [quoted_item(practice.project["id"]) for _ in range(2)]

    with ThreadPoolExecutor(1) as thread:
        with transaction():
            draft_purchase_order(items[0])
            waiting = thread.submit(draft_purchase_order, items[1])
            assert within(5, lambda: one("SELECT count(*) AS locks FROM pg_locks WHERE NOT granted")["locks"] == 1)
            one("SET LOCAL lock_timeout = '500ms'")  # sooner than Postgres looks for a deadlock, and ends it
            draft_purchase_order(items[1])
        with pytest.raises(ConflictError, match="already has an open order"):
            waiting.result()
    assert numbers() == [f"PO-{YEAR}-000{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("change", ["designer_net = 1300.00", "status = 'specified'"])
def test_a_draft_that_waited_orders_what_is_selected_then(change: str, committed_db: str) -> None:
    line_item_id = orderable_item(Practice())

    with ThreadPoolExecutor(1) as thread:
        with transaction() as connection:
            connection.execute(f"UPDATE line_items SET {change}".encode())  # noqa: S608
            waiting = thread.submit(draft_purchase_order, line_item_id)
            assert within(5, lambda: one("SELECT count(*) AS locks FROM pg_locks WHERE NOT granted")["locks"] == 1)
        if "status" in change:
            with pytest.raises(RuleViolationError):
                waiting.result()
            assert many("SELECT * FROM purchase_order_numbers") == []
        else:
            assert waiting.result()["amount"] == Decimal("2600.00")


# Lists ----------------------------------------------------------------------------------------------------------------


def test_orders_are_listed_by_project_vendor_status_and_page() -> None:
    first, second = Practice(), Practice()
    orders = [order_in(first, "draft"), order_in(first, "acknowledged"), order_in(second, "draft")]

    def listed(**filters: Any) -> list[int]:
        found = [order["id"] for order in list_purchase_orders(**filters)["items"]]
        return [[order["id"] for order in orders].index(order_id) for order_id in found]

    assert listed() == [2, 1, 0]
    assert listed(project_id=first.project["id"]) == [1, 0]
    assert listed(vendor_id=orders[2]["vendor_id"]) == [2]
    assert listed(status="draft") == [2, 0]
    assert listed(status="draft", project_id=second.project["id"]) == [2]
    assert listed(vendor_id=uuid4()) == []
    page = list_purchase_orders(limit=2)
    assert len(page["items"]) == 2
    assert listed(after=page["next"]) == [0]
    assert listed(search=orders[1]["po_number"].lower()) == [1]


def test_open_is_what_is_to_come_and_late_what_should_have_come_before_today() -> None:
    practice = Practice()
    made = {status: order_in(practice, status) for status in ("submitted", "acknowledged", "shipped", "delivered")}
    cancelled = order_in(practice, "acknowledged")
    cancel_purchase_order(cancelled["id"], reason="Discontinued.")
    today = datetime.now(UTC).date()
    one("UPDATE purchase_orders SET estimated_delivery = %s", (today - timedelta(days=1),))
    one(
        "UPDATE purchase_orders SET estimated_delivery = %s WHERE id = %s",
        (today, made["acknowledged"]["id"]),
    )

    def listed(**filters: Any) -> list[str]:
        return [order["status"] for order in list_purchase_orders(**filters)["items"]]

    assert listed(open_only=True) == ["shipped", "acknowledged", "submitted"]
    assert listed(late_only=True) == listed(late_only=True, open_only=True) == ["submitted", "shipped"]
    assert listed(late_only=True, status="shipped") == ["shipped"]
    one(
        "UPDATE purchase_orders SET estimated_delivery = %s WHERE id = %s",
        (today - timedelta(days=9), made["shipped"]["id"]),
    )
    assert listed(late_only=True) == ["shipped", "submitted"]
    first = list_purchase_orders(late_only=True, limit=1)
    assert listed(late_only=True, after=first["next"]) == ["submitted"]
    one("UPDATE purchase_orders SET estimated_delivery = NULL")
    assert listed(late_only=True) == []
