"""Benchmarks, vendors, line items and quotes."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call, db
from studio_data.errors import InvalidTransitionError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.line_items import (
    ClientLineItem,
    add_line_item,
    get_line_item,
    list_line_items,
    list_line_items_for_client,
    respecify_line_item,
    set_retail_price,
    specify_line_item,
)
from studio_data.tools.practice.price_benchmarks import find_benchmarks, set_benchmark
from studio_data.tools.practice.quotes import compare_quotes, record_quote, select_quote
from studio_data.tools.practice.rooms import add_room
from studio_data.tools.practice.rules.lifecycles import LINE_ITEM
from studio_data.tools.practice.vendors import create_vendor, list_vendors, update_vendor
from studio_data.tools.projects import create_project
from tests.support.lifecycle import assert_move, every_pair, lines


@pytest.fixture
def room_id() -> UUID:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]
    return add_room(project["id"], name="Living room")["id"]


def item_in(status: str, room_id: UUID) -> UUID:
    item_id = add_line_item(room_id, description_generic="sofa, 90 in")["id"]
    db.one("UPDATE line_items SET status = %s::line_item_status WHERE id = %s", (status, item_id))
    return item_id


def move(item_id: UUID, target: str) -> None:
    if target == "quoted":
        vendor = create_vendor("Hollis")["id"]
        quote = db.one(
            "INSERT INTO vendor_quotes (line_item_id, vendor_id, unit_cost) VALUES (%s, %s, 1) RETURNING id",
            (item_id, vendor),
        )
        select_quote(quote["id"])
    elif get_line_item(item_id)["status"] == "quoted":
        respecify_line_item(item_id, reason="Discontinued.")
    else:
        specify_line_item(item_id, product_name="Sofa Anna")


SOURCING_MOVES = {"estimated": ["specified"], "specified": ["quoted"], "quoted": ["specified"]}


@pytest.mark.parametrize("target", ["specified", "quoted"])
@pytest.mark.parametrize("source", [status.value for status in LINE_ITEM.moves])
def test_every_move_that_sourcing_can_ask_for(source: str, target: str, room_id: UUID) -> None:
    item_id = item_in(source, room_id)
    if target in SOURCING_MOVES.get(source, []):
        assert_move(LINE_ITEM, source, target, lambda: move(item_id, target), lambda: get_line_item(item_id)["status"])
        return
    with pytest.raises(InvalidTransitionError) as raised:
        move(item_id, target)
    assert raised.value.details["from"] == source
    assert get_line_item(item_id)["status"] == source


# Benchmarks, vendors --------------------------------------------------------------------------------------------------


def test_a_price_benchmark_is_set_once_per_tier_and_changed() -> None:
    first = set_benchmark("seating", item_type="sofa", unit_price_estimate="4200.00", notes="COM extra")
    again = set_benchmark("seating", item_type="sofa", unit_price_estimate="4200.00")
    dearer = set_benchmark("seating", item_type="sofa", unit_price_estimate=4500)

    assert again == first
    assert first["freight_factor"] == Decimal("0.1800")
    assert (dearer["id"], dearer["unit_price_estimate"], dearer["notes"]) == (first["id"], Decimal("4500.00"), "COM extra")
    assert [(line["action"], line["metadata"]) for line in lines()] == [
        ("created", {"item_type": "sofa"}),
        ("updated", {"changes": {"unit_price_estimate": [4200.0, 4500.0]}}),
    ]
    assert set_benchmark("seating", item_type="sofa", unit_price_estimate=1, quality_tier="high")["id"] != first["id"]


def test_a_known_freight_factor_stays_when_the_price_changes() -> None:
    set_benchmark("lighting", item_type="lamp", unit_price_estimate="400.00", freight_factor="0.12")

    assert set_benchmark("lighting", item_type="lamp", unit_price_estimate="450.00")["freight_factor"] == Decimal("0.1200")


def test_price_benchmarks_and_vendors_are_found() -> None:
    sofa = set_benchmark("seating", item_type="Sofa, 90 in", unit_price_estimate="4200.00")
    set_benchmark("lighting", item_type="lamp", unit_price_estimate="400.00")
    vendor = create_vendor("Hollis Upholstery", category="seating", phone="1")
    create_vendor("Lumen", category="lighting")

    assert find_benchmarks(search="SOFA")["items"] == find_benchmarks(category="seating")["items"] == [sofa]
    assert list_vendors(category="seating")["items"] == list_vendors(search="hollis")["items"] == [vendor]
    changed = update_vendor(vendor["id"], discount_tier="A", clear=["phone"])
    assert (changed["discount_tier"], changed["phone"]) == ("A", None)
    assert lines()[-1]["metadata"] == {"changes": {"discount_tier": [None, "A"], "phone": ["1", None]}}


# Line items -----------------------------------------------------------------------------------------------------------


def test_an_item_has_its_price_benchmarks_price_by_default(room_id: UUID) -> None:
    benchmark = set_benchmark("seating", item_type="sofa", unit_price_estimate="4200.00")["id"]

    first = add_line_item(room_id, description_generic="sofa", benchmark_id=benchmark)
    second = add_line_item(room_id, description_generic="sofa", benchmark_id=benchmark, estimated_unit_price="3000.00")

    assert (first["estimated_unit_price"], second["estimated_unit_price"]) == (Decimal("4200.00"), Decimal("3000.00"))
    assert (first["status"], first["quantity"]) == ("estimated", 1)
    assert [(line["entity_type"], line["action"]) for line in lines()[-3:]] == [
        ("line_item", "created"), ("room", "updated"), ("project", "updated"),
    ]  # fmt: skip
    refused = call("add_line_item", {"room_id": str(room_id), "description_generic": "x", "benchmark_id": str(uuid4())})
    assert (refused["code"], refused["hint"]) == ("not_found", "find_benchmarks finds them.")


def test_a_completed_project_takes_no_item(room_id: UUID) -> None:
    db.one("UPDATE projects SET phase = 'completed'")

    with pytest.raises(RuleViolationError, match="Nothing can be added to a completed project"):
        add_line_item(room_id, description_generic="sofa")


def test_a_client_sees_nothing_of_what_the_practice_pays(room_id: UUID) -> None:
    item_id = item_in("specified", room_id)
    vendor = create_vendor("Hollis")["id"]
    select_quote(record_quote(item_id, vendor_id=vendor, unit_cost="2900.00")["id"], unit_retail_price="4800.00")
    project_id = db.one("SELECT project_id FROM project_rooms")["project_id"]

    (practice,) = list_line_items(project_id, status="quoted")["items"]
    (client,) = list_line_items_for_client(project_id, room_id=room_id)["items"]

    assert (practice["designer_net"], practice["selected_vendor_id"]) == (Decimal("2900.00"), vendor)
    assert client.keys() == ClientLineItem.__annotations__.keys()
    assert not {"designer_net", "freight", "selected_vendor_id", "benchmark_id", "estimated_unit_price"} & client.keys()
    assert "2900" not in str(client)
    assert client["unit_retail_price"] == Decimal("4800.00")


# Quotes ---------------------------------------------------------------------------------------------------------------


def test_quotes_are_compared_by_what_they_cost_landed(room_id: UUID) -> None:
    item_id = add_line_item(room_id, description_generic="chair", quantity=4)["id"]
    specify_line_item(item_id, product_name="Chair No. 14", unit_retail_price="900.00")
    hollis, lumen = create_vendor("Hollis")["id"], create_vendor("Lumen")["id"]
    dear = record_quote(item_id, vendor_id=hollis, unit_cost="500.00", freight="100.00", lead_time_weeks=6)
    cheap = record_quote(item_id, vendor_id=lumen, unit_cost="520.00", lead_time_weeks=12)

    selected = select_quote(dear["id"])
    compared = compare_quotes(item_id)

    assert compared["quantity"] == 4
    assert [(quote["vendor_name"], quote["landed_cost"], quote["is_selected"]) for quote in compared["quotes"]] == [
        ("Lumen", Decimal("2080.00"), False), ("Hollis", Decimal("2100.00"), True),
    ]  # fmt: skip
    assert (selected["designer_net"], selected["freight"]) == (Decimal("500.00"), Decimal("100.00"))
    assert selected["unit_retail_price"] == Decimal("900.00")
    assert compared["quotes"][0]["vendor_quote_id"] == cheap["id"]


def test_taken_back_a_selection_is_cleared_and_the_reason_is_in_the_log(room_id: UUID) -> None:
    item_id = item_in("specified", room_id)
    quote = record_quote(item_id, vendor_id=create_vendor("Hollis")["id"], unit_cost="500.00")
    select_quote(quote["id"])
    with pytest.raises(InvalidTransitionError, match="A quote is selected: respecify_line_item takes it back first"):
        select_quote(quote["id"])

    item = respecify_line_item(item_id, reason="The fabric is discontinued.")

    assert (item["status"], item["designer_net"], item["selected_vendor_id"]) == ("specified", None, None)
    assert lines()[-1]["metadata"]["reason"] == "The fabric is discontinued."
    assert select_quote(quote["id"])["status"] == "quoted"


def test_an_item_with_an_open_order_is_not_taken_back(room_id: UUID) -> None:
    item_id = item_in("quoted", room_id)
    db.one(
        "INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount) VALUES (%s, %s, 'PO', 1)",
        (item_id, create_vendor("Hollis")["id"]),
    )

    with pytest.raises(InvalidTransitionError, match=r"open order PO, which is draft.*First call cancel_purchase_order"):
        respecify_line_item(item_id, reason="Changed mind.")


def test_an_estimated_item_takes_no_quote(room_id: UUID) -> None:
    item_id = item_in("estimated", room_id)

    with pytest.raises(InvalidTransitionError, match="Call specify_line_item first: it chooses the product"):
        record_quote(item_id, vendor_id=create_vendor("Hollis")["id"], unit_cost=1)


def test_of_two_selections_at_once_one_counts(committed_db: str, room_id: UUID) -> None:
    item_id = item_in("specified", room_id)
    vendor = create_vendor("Hollis")["id"]
    quotes = [record_quote(item_id, vendor_id=vendor, unit_cost=number + 1)["id"] for number in range(12)]

    def select(quote_id: UUID) -> Decimal | None:
        try:
            return select_quote(quote_id)["designer_net"]
        except InvalidTransitionError:
            return None

    with ThreadPoolExecutor(12) as threads:
        (won,) = [net for net in threads.map(select, quotes) if net is not None]
    assert get_line_item(item_id)["designer_net"] == won
    assert [line["action"] for line in lines() if line["entity_id"] == item_id] == ["created", "status_changed"]


def test_what_is_unknown_is_not_found() -> None:
    nobody = str(uuid4())
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_line_item", {"line_item_id": nobody}),
        ("specify_line_item", {"line_item_id": nobody, "product_name": "x"}),
        ("record_quote", {"line_item_id": nobody, "vendor_id": nobody, "unit_cost": "1"}),
        ("compare_quotes", {"line_item_id": nobody}),
        ("select_quote", {"vendor_quote_id": nobody}),
        ("get_vendor", {"vendor_id": nobody}),
        ("update_vendor", {"vendor_id": nobody, "name": "x"}),
    ]
    for name, arguments in calls:
        assert call(name, arguments)["code"] == "not_found", name


@every_pair(LINE_ITEM)
def test_no_pair_is_left_to_chance(source: str, target: str) -> None:
    assert (target in [state.value for state in LINE_ITEM.moves[LINE_ITEM_STATE(source)]]) == (
        target in SOURCING_MOVES.get(source, []) or (source, target) in PURCHASING_MOVES
    )


LINE_ITEM_STATE = type(next(iter(LINE_ITEM.moves)))
PURCHASING_MOVES = {
    ("quoted", "ordered"), ("ordered", "shipped"), ("ordered", "specified"), ("shipped", "delivered"),
    ("delivered", "installed"),
}  # fmt: skip


# The client's price ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [status.value for status in LINE_ITEM.moves])
def test_the_clients_price_can_be_set_in_every_status(status: str, room_id: UUID) -> None:
    item_id = item_in(status, room_id)
    before = get_line_item(item_id)

    priced = set_retail_price(item_id, unit_retail_price="3000.00")

    assert priced == get_line_item(item_id)
    assert priced == {**before, "unit_retail_price": Decimal("3000.00"), "updated_at": priced["updated_at"]}
    line = lines()[-1]
    assert (line["entity_type"], line["action"]) == ("line_item", "updated")
    assert line["metadata"] == {"changes": {"unit_retail_price": [None, 3000.0]}}


def test_an_unknown_line_item_gets_no_price() -> None:
    assert call("set_retail_price", {"line_item_id": str(uuid4()), "unit_retail_price": "1.00"})["code"] == "not_found"


def test_taking_back_the_vendors_side_leaves_the_clients_price(room_id: UUID) -> None:
    item_id, vendor = item_in("estimated", room_id), create_vendor("Hollis")["id"]
    specify_line_item(item_id, product_name="Sofa Anna", unit_retail_price="3000.00")
    select_quote(record_quote(item_id, vendor_id=vendor, unit_cost="1250.00")["id"])

    again = respecify_line_item(item_id, reason="Discontinued.", product_name="Sofa Berta")
    chosen = select_quote(record_quote(item_id, vendor_id=vendor, unit_cost="1300.00")["id"])

    assert again["unit_retail_price"] == chosen["unit_retail_price"] == Decimal("3000.00")
