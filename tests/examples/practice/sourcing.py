"""Benchmarks, vendors, line items and quotes: each needs the ones before it."""

from typing import Any

from studio_data.tools.practice.line_items import LineItem, add_line_item, specify_line_item
from studio_data.tools.practice.price_benchmarks import Benchmark, set_benchmark
from studio_data.tools.practice.quotes import VendorQuote, record_quote, select_quote
from studio_data.tools.practice.vendors import Vendor, create_vendor
from tests.examples.example import Example
from tests.examples.practice.rooms import room
from tests.examples.studio import Practice


def benchmark() -> Benchmark:
    return set_benchmark("seating", item_type="sofa, 90 in", unit_price_estimate="4200.00")


def vendor() -> Vendor:
    return create_vendor("Hollis Upholstery", category="seating", email="orders@hollis.example")


def estimated(practice: Practice) -> LineItem:
    return add_line_item(room(practice)["id"], description_generic="sofa, 90 in", benchmark_id=benchmark()["id"])


def specified(practice: Practice) -> LineItem:
    return specify_line_item(estimated(practice)["id"], product_name="Sofa Anna", unit_retail_price="4800.00")


def quote(practice: Practice) -> VendorQuote:
    return record_quote(specified(practice)["id"], vendor_id=vendor()["id"], unit_cost="2900.00", freight="350.00")


def quoted(practice: Practice) -> LineItem:
    return select_quote(quote(practice)["id"])


def items(practice: Practice) -> dict[str, Any]:
    return {"room_id": room(practice)["id"], "items": [{"benchmark_id": benchmark()["id"], "quantity": 2}]}


EXAMPLES = {
    "set_benchmark": Example(
        lambda _: {
            "category": "lighting",
            "item_type": "floor lamp",
            "unit_price_estimate": "480.00",
            "freight_factor": "0.12",
        },
        logs=[("benchmark", "created")],
    ),
    "find_benchmarks": Example(lambda _: {"category": benchmark()["category"], "search": "sofa"}),
    "create_vendor": Example(
        lambda _: {"name": "Hollis Upholstery", "category": "seating", "email": "orders@hollis.example"},
        logs=[("vendor", "created")],
    ),
    "update_vendor": Example(
        lambda _: {"vendor_id": vendor()["id"], "discount_tier": "A", "clear": ["email"]}, logs=[("vendor", "updated")]
    ),
    "get_vendor": Example(lambda _: {"vendor_id": vendor()["id"]}),
    "list_vendors": Example(lambda _: {"category": vendor()["category"]}),
    "add_line_item": Example(
        lambda practice: {"room_id": room(practice)["id"], "description_generic": "rug, 9 x 12 ft", "quantity": 1},
        logs=[("line_item", "created")],
    ),
    "estimate_room": Example(items, logs=[("line_item", "created"), ("room", "updated"), ("project", "updated")]),
    "specify_line_item": Example(
        lambda practice: {"line_item_id": estimated(practice)["id"], "product_name": "Sofa Anna"},
        logs=[("line_item", "status_changed")],
    ),
    "respecify_line_item": Example(
        lambda practice: {"line_item_id": quoted(practice)["id"], "reason": "The fabric is discontinued."},
        logs=[("line_item", "status_changed")],
    ),
    "set_retail_price": Example(
        lambda practice: {"line_item_id": quoted(practice)["id"], "unit_retail_price": "5100.00"},
        logs=[("line_item", "updated")],
    ),
    "get_line_item": Example(lambda practice: {"line_item_id": estimated(practice)["id"]}),
    "list_line_items": Example(
        lambda practice: {"room_id": estimated(practice)["room_id"], "project_id": practice.project["id"]}
    ),
    "list_line_items_for_client": Example(
        lambda practice: {"room_id": specified(practice)["room_id"], "project_id": practice.project["id"]}
    ),
    "record_quote": Example(
        lambda practice: {
            "line_item_id": specified(practice)["id"],
            "vendor_id": vendor()["id"],
            "unit_cost": "2900.00",
            "freight": "350.00",
            "lead_time_weeks": 10,
        },
        logs=[("vendor_quote", "created")],
    ),
    "compare_quotes": Example(lambda practice: {"line_item_id": quote(practice)["line_item_id"]}),
    "select_quote": Example(
        lambda practice: {"vendor_quote_id": quote(practice)["id"], "unit_retail_price": "4800.00"},
        logs=[("line_item", "status_changed")],
    ),
}
