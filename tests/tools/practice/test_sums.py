"""Stored sums equal what their rows say, after every writer and after random calls."""

from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest

from studio_data import call, db
from studio_data.contract.domain import Invariant, domains
from studio_data.contract.registry import Tool, all_tools
from studio_data.tools.clients import create_client
from studio_data.tools.practice.estimates import estimate_room
from studio_data.tools.practice.finance import practice_report, project_budget, project_budget_for_client
from studio_data.tools.practice.line_items import add_line_item
from studio_data.tools.practice.overview import project_overview, project_overview_for_client
from studio_data.tools.practice.price_benchmarks import set_benchmark
from studio_data.tools.practice.rooms import add_room, get_room, update_room
from studio_data.tools.projects import create_project, get_project
from tests.examples import EXAMPLES, Practice, by_whom
from tests.support.lifecycle import lines
from tests.support.rows import row

WRITERS = [tool for tool in all_tools() if not tool.reads and tool.module.startswith("studio_data.tools.")]
INVARIANTS = [invariant for domain in domains().values() for invariant in domain.invariants]
STEPS = 40


def broken(invariant: Invariant) -> set[str]:
    return {str(found["id"]) for found in db.many(invariant.query)}


@pytest.mark.parametrize("tool", WRITERS, ids=lambda tool: tool.name)
def test_no_writer_breaks_what_the_doctor_looks_for(tool: Tool, practice: Practice) -> None:
    arguments = EXAMPLES[tool.name].arguments(practice)
    before = [broken(invariant) for invariant in INVARIANTS]  # by the examples' own rows, past the tools

    with by_whom(tool):
        tool.run((), arguments)

    for invariant, known in zip(INVARIANTS, before, strict=True):
        assert broken(invariant) <= known, invariant.found


# An estimate ----------------------------------------------------------------------------------------------------------


def estimated_room() -> dict[str, Any]:
    """A room that was estimated from a price benchmark at 4,400.00."""
    benchmark = set_benchmark("seating", item_type="sofa", unit_price_estimate="4000.00", freight_factor="0.10")["id"]
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]
    room = add_room(project["id"], name="Living")
    return dict(estimate_room(room["id"], items=[{"benchmark_id": benchmark, "quantity": 1}])["room"])


def shown(room: dict[str, Any]) -> set[Decimal | None]:
    """Every place in which the estimate of a project's only room is shown."""
    project = room["project_id"]
    budgets = [project_budget(project), project_budget_for_client(project)]
    return {
        get_room(room["id"])["investment_estimate"],
        get_project(project)["investment_estimate"],
        *(budget["estimate"] for budget in budgets),
        *(of_room["estimate"] for budget in budgets for of_room in budget["rooms"]),
    }


def test_an_item_that_is_added_counts_in_every_estimate() -> None:
    room = estimated_room()
    assert shown(room) == {Decimal("4400.00")}

    add_line_item(room["id"], description_generic="rug", quantity=2, estimated_unit_price="3000.00")

    assert shown(room) == {Decimal("11480.00")}  # 4,400 + 2 x 3,000 x 1.18
    item, of_room, of_project = lines()[-3:]
    assert (item["entity_type"], item["action"]) == ("line_item", "created")
    for line in (of_room, of_project):
        assert line["metadata"] == {"changes": {"investment_estimate": [4400.0, 11480.0]}}


def test_a_benchmark_that_changes_leaves_what_was_estimated() -> None:
    room = estimated_room()

    set_benchmark("seating", item_type="sofa", unit_price_estimate="9000.00", freight_factor="0.50")
    add_line_item(room["id"], description_generic="not priced yet")

    assert shown(room) == {Decimal("4400.00")}


def test_a_given_estimate_stays_until_it_is_cleared() -> None:
    room = estimated_room()
    given = update_room(room["id"], investment_estimate="9000.00")
    assert not given["estimate_from_items"]

    add_line_item(room["id"], description_generic="rug", estimated_unit_price="1000.00")
    assert shown(room) == {Decimal("9000.00")}

    assert update_room(room["id"], clear=["investment_estimate"])["estimate_from_items"]
    assert shown(room) == {Decimal("5580.00")}


def test_totals_without_a_rooms_amount_are_as_at_the_creation() -> None:
    client = create_client("Ann")["id"]
    asked = create_project(client, "LR", "furnishings", investment_estimate="90000.00")["project"]["id"]
    silent = create_project(client, "MBED", "furnishings")["project"]["id"]
    for project_id, expected in ((asked, Decimal("90000.00")), (silent, None)):
        room = add_room(project_id, name="Den", investment_estimate="4000.00", exhibit_b_amount="5000.00")
        assert get_project(project_id)["investment_estimate"] == 4000

        update_room(room["id"], clear=["investment_estimate", "exhibit_b_amount"])

        project = get_project(project_id)
        assert (project["investment_estimate"], project["exhibit_b_total"]) == (expected, None)


def test_an_item_that_is_refused_changes_no_estimate() -> None:
    room = estimated_room()
    before = lines()

    unknown = {"room_id": str(room["id"]), "description_generic": "rug", "benchmark_id": str(room["id"])}
    assert call("add_line_item", unknown)["code"] == "not_found"
    most = {"quantity": 100_000, "estimated_unit_price": "9999999999.99"}
    too_much = {"room_id": str(room["id"]), "description_generic": "rug", **most}
    assert call("add_line_item", too_much)["code"] == "invalid_input"

    assert shown(room) == {Decimal("4400.00")}
    assert lines() == before


# Random calls ---------------------------------------------------------------------------------------------------------


class Model:
    """What the rows of one project say, in Python."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.at_creation = random.choice([None, Decimal("90000.00")])
        client = create_client("Ann")["id"]
        created = create_project(client, "LR", "furnishings", investment_estimate=self.at_creation)
        self.project_id = created["project"]["id"]
        self.rooms: dict[Any, dict[str, Any]] = {}

    def amount(self) -> Decimal:
        return Decimal(self.random.randrange(1, 1_000_000)) / 100

    def step(self) -> None:
        acts = [self.add_room, *([self.update, self.clear, self.add_item, self.estimate] if self.rooms else [])]
        self.random.choice(acts)()

    def add_room(self) -> None:
        given = self.random.choice([None, self.amount()])
        exhibit_b = self.random.choice([None, self.amount()])
        room = add_room(self.project_id, name="Den", investment_estimate=given, exhibit_b_amount=exhibit_b)
        self.rooms[room["id"]] = {"given": given, "exhibit_b": exhibit_b, "items": []}

    def update(self) -> None:
        room_id, room = self.some_room()
        room["given"], room["exhibit_b"] = self.amount(), self.amount()
        update_room(room_id, investment_estimate=room["given"], exhibit_b_amount=room["exhibit_b"])

    def clear(self) -> None:
        room_id, room = self.some_room()
        room["given"] = room["exhibit_b"] = None
        update_room(room_id, clear=["investment_estimate", "exhibit_b_amount"])

    def add_item(self) -> None:
        room_id, room = self.some_room()
        price, quantity = self.random.choice([None, self.amount()]), self.random.randrange(1, 9)
        add_line_item(room_id, description_generic="Sofa", quantity=quantity, estimated_unit_price=price)
        room["items"].append((price, quantity, Decimal("0.18")))

    def estimate(self) -> None:
        room_id, room = self.some_room()
        price, factor = self.amount(), self.random.choice([Decimal("0.1234"), Decimal(0)])
        benchmark = set_benchmark("seating", item_type="sofa", unit_price_estimate=price, freight_factor=factor)["id"]
        estimate_room(room_id, items=[{"benchmark_id": benchmark, "quantity": 3}])
        room["items"].append((price, 3, factor))
        room["given"] = None

    def some_room(self) -> tuple[Any, dict[str, Any]]:
        return self.random.choice(list(self.rooms.items()))

    def estimate_of(self, room: dict[str, Any]) -> Decimal | None:
        costs = [price * quantity * (1 + factor) for price, quantity, factor in room["items"] if price is not None]
        if room["given"] is not None or not costs:
            return room["given"]
        return sum(costs, Decimal()).quantize(Decimal("0.01"), ROUND_HALF_UP)


def total(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("seed", range(6))
def test_the_stored_sums_are_what_the_rows_say(seed: int) -> None:
    model = Model(Random(seed))

    for _ in range(STEPS):
        model.step()
        estimates = {room_id: model.estimate_of(room) for room_id, room in model.rooms.items()}
        stored = {found["id"]: found["investment_estimate"] for found in db.many("SELECT * FROM project_rooms")}
        assert stored == estimates
        project = get_project(model.project_id)
        expected = total(list(estimates.values()))
        assert project["investment_estimate"] == (model.at_creation if expected is None else expected)
        assert project["exhibit_b_total"] == total([room["exhibit_b"] for room in model.rooms.values()])
        assert [broken(invariant) for invariant in INVARIANTS] == [set()] * len(INVARIANTS)


# What a sum leaves out ------------------------------------------------------------------------------------------------


PERIOD: dict[str, Any] = {"from_date": "2024-05-01", "to_date": "2024-05-31"}


def perhaps(random: Random) -> Decimal | None:
    return random.choice([None, Decimal(random.randrange(1, 1_000_000)) / 100])


@pytest.mark.parametrize("seed", range(6))
def test_what_a_report_counts_and_leaves_out_is_everything(seed: int) -> None:
    random = Random(seed)
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    rooms = [row("project_rooms", project_id=project, name=str(number)) for number in range(3)]
    vendor = row("vendors", name="Fine Sofas")
    items: list[dict[str, Any]] = []
    for number in range(20):
        item = {
            "quantity": random.randrange(1, 9), "unit_retail_price": perhaps(random), "designer_net": perhaps(random),
            "freight": perhaps(random),
            "status": random.choice(["estimated", "specified", "quoted", "ordered", "installed"]),
        }  # fmt: skip
        item_id = row("line_items", room_id=random.choice(rooms), description_generic="Sofa", **item)
        if item["status"] in {"ordered", "installed"}:
            order = {"amount": item["quantity"], "freight": item["freight"], "status": "submitted"}
            on = "2024-05-02 12:00+00"
            row("purchase_orders", line_item_id=item_id, vendor_id=vendor, po_number=str(number), ordered_at=on, **order)
        items.append(item)

    totals = practice_report(**PERIOD)["totals"]
    ordered = [item for item in items if item["status"] in {"ordered", "installed"}]
    known = [item for item in ordered if None not in {item["unit_retail_price"], item["designer_net"]}]
    assert totals["margin_items"] == len(ordered)
    assert totals["margin_left_out"] == len(ordered) - len(known)
    assert totals["margin_without_freight"] == sum(item["freight"] is None for item in known)
    assert totals["committed_without_freight"] == sum(item["freight"] is None for item in ordered)
    assert totals["margin"] == sum(
        (item["unit_retail_price"] - item["designer_net"]) * item["quantity"] - (item["freight"] or 0) for item in known
    )
    assert totals["margin_left_out_cost"] == sum(
        (item["designer_net"] or 0) * item["quantity"] + (item["freight"] or 0) for item in ordered if item not in known
    )

    budget, told = project_budget(project), project_budget_for_client(project)
    assert (budget["left_out"]["line_items"], budget["left_out"]["line_items_without_estimate"]) == (20, 20)
    assert budget["left_out"]["orders_without_freight"] == totals["committed_without_freight"]
    assert budget["committed"] == sum(item["quantity"] + (item["freight"] or 0) for item in ordered)
    priced = [item for item in items if item["status"] != "estimated" and item["unit_retail_price"] is not None]
    assert told["left_out"]["line_items_without_price"] == 20 - len(priced)
    assert told["retail_total"] == sum(item["unit_retail_price"] * item["quantity"] for item in priced)
    for name in ("line_items", "line_items_without_estimate", "orders", "orders_without_freight"):
        assert budget["left_out"][name] == sum(of_room["left_out"][name] for of_room in budget["rooms"])


def test_a_budget_says_which_rooms_have_no_amount() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    add_room(project, name="Living", investment_estimate="1000.00", exhibit_b_amount="1100.00")
    den = add_room(project, name="Den")
    add_line_item(den["id"], description_generic="rug")
    add_line_item(den["id"], description_generic="lamp", estimated_unit_price="100.00")

    budget, told = project_budget(project), project_budget_for_client(project)

    assert budget["left_out"] == {
        "rooms": 2, "rooms_without_estimate": 0, "rooms_without_exhibit_b": 1, "rooms_without_actual": 2,
        "line_items": 2, "line_items_without_estimate": 1, "orders": 0, "orders_without_freight": 0,
        "trades": 0, "trades_without_final_quote": 0,
    }  # fmt: skip
    assert (budget["estimate"], budget["exhibit_b"]) == (Decimal("1118.00"), Decimal("1100.00"))
    assert told["left_out"]["rooms_without_exhibit_b"] == 1
    assert project_overview(project)["budget"]["left_out"] == budget["left_out"]
    assert project_overview_for_client(project)["budget"]["left_out"] == told["left_out"]


def test_a_fee_of_an_unknown_day_is_counted_apart() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    fee = {"project_id": project, "label": "Fee", "status": "paid", "paid_at": "2024-05-02 12:00+00"}
    row("design_fees", amount=10, payment_number=1, invoiced_at="2024-05-01 12:00+00", **fee)
    row("design_fees", amount=7, payment_number=2, **fee)

    totals = practice_report(**PERIOD)["totals"]

    assert (totals["fees_invoiced"], totals["fees_paid"]) == (10, 17)
    assert (totals["fees_undated"], totals["fees_undated_amount"]) == (1, 7)
