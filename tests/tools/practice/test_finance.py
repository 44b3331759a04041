from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_type_hints
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.contract.registry import get_tool
from studio_data.db import one
from studio_data.errors import InvalidInputError
from studio_data.tools.clients import create_client
from studio_data.tools.practice import budgets
from studio_data.tools.practice.fees import add_fee
from studio_data.tools.practice.finance import practice_report, project_budget, project_budget_for_client
from studio_data.tools.practice.invoicing import invoice_fee, pay_fee
from studio_data.tools.projects import create_project
from tests.support.rows import row


def project(name: str = "LR", **known: Any) -> UUID:
    return create_project(create_client("Ann")["id"], name, "furnishings", **known)["project"]["id"]


def room(project_id: UUID, name: str, **money: str | None) -> UUID:
    return row("project_rooms", project_id=project_id, name=name, **money)


def item(room_id: UUID, **known: Any) -> UUID:
    return row("line_items", room_id=room_id, description_generic="sofa, 90 in", **known)


def order(item_id: UUID, amount: str, freight: str | None = None, **known: Any) -> UUID:
    return row(
        "purchase_orders",
        line_item_id=item_id,
        vendor_id=row("vendors", name="Fine Sofas"),
        po_number=f"PO-{uuid4()}",
        amount=amount,
        freight=freight,
        **known,
    )


def trade(project_id: UUID, name: str, final_amount: str | None, role: str = "soft_trade") -> UUID:
    return row(
        "project_trades", project_id=project_id, trade_id=row("trades", name=name), role=role, final_amount=final_amount
    )


def money(*amounts: str | None) -> tuple[Decimal | None, ...]:
    return tuple(None if amount is None else Decimal(amount) for amount in amounts)


def figures(budget: Any) -> tuple[Decimal | None, ...]:
    return tuple(budget[name] for name in ("estimate", "exhibit_b", "committed", "actual", "variance"))


def two_places(value: Any) -> bool:
    """Tell whether every amount in an answer is a Decimal with two places; whole numbers are counts."""
    if isinstance(value, dict):
        return all(two_places(part) for part in value.values())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return all(two_places(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    return not isinstance(value, float) and (not isinstance(value, Decimal) or value.as_tuple().exponent == -2)


# Budgets --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def house() -> UUID:
    """A project of three rooms: one with orders, one that is finished, one without any money yet."""
    project_id = project()
    living = room(project_id, "Living", investment_estimate="20000.00", exhibit_b_amount="22000.00")
    dining = room(project_id, "Dining", investment_estimate="8000.10", exhibit_b_amount="9000.00", actual_amount="9100.25")
    room(project_id, "Attic")
    sofa = item(living, quantity=2, unit_retail_price="4000.00", designer_net="2500.00", freight="99.00", status="ordered")
    order(sofa, "5000.00", "450.50", status="submitted", ordered_at="2026-05-01 12:00+00")
    lamp = item(living, quantity=3, unit_retail_price="199.99", designer_net="100.00", status="quoted")
    order(lamp, "777.00", "77.00", status="cancelled")
    order(lamp, "300.00", status="draft")
    item(living, quantity=5, unit_retail_price="1000.00", status="estimated")
    table = item(dining, unit_retail_price="8500.00", designer_net="6000.00", status="installed")
    order(table, "6000.00", "0.01", status="delivered", ordered_at="2026-04-30 23:59:59+00")
    item(dining, quantity=4, status="specified")
    return project_id


def test_a_budget_compares_estimate_exhibit_b_committed_and_actual_per_room_and_in_all(house: UUID) -> None:
    budget = project_budget(house)

    living, dining, attic = budget["rooms"]
    assert [living["name"], dining["name"], attic["name"]] == ["Living", "Dining", "Attic"]
    # 5,000 + 450.50 + 300 (a draft; the cancelled order does not count); 22,000 - 5,750.50
    assert figures(living) == money("20000.00", "22000.00", "5750.50", None, "16249.50")
    # the actual amount is known, so that the order of 6,000.01 does not count: 9,000 - 9,100.25
    assert figures(dining) == money("8000.10", "9000.00", "6000.01", "9100.25", "-100.25")
    assert figures(attic) == money(None, None, "0.00", None, None)
    # what is left of 31,000 when 5,750.50 is committed and 9,100.25 spent
    assert figures(budget) == money("28000.10", "31000.00", "11750.51", "9100.25", "16149.25")
    assert two_places(budget)
    assert budget["project_id"] == house


def test_the_final_quotes_of_trades_stand_apart_from_the_rooms(house: UUID) -> None:
    before = project_budget(house)
    gc = trade(house, "Bob the builder", "18000.00", "gc")
    drapery = trade(house, "Drapery & Co", "2400.50")
    trade(house, "Only invited", None)
    trade(project(), "Of another project", "99.00")

    budget = project_budget(house)

    assert budget["trades"] == [
        {"project_trade_id": gc, "name": "Bob the builder", "role": "gc", "final_amount": Decimal("18000.00")},
        {"project_trade_id": drapery, "name": "Drapery & Co", "role": "soft_trade", "final_amount": Decimal("2400.50")},
    ]
    assert budget["trades_total"] == Decimal("20400.50")
    left_out = {**budget["left_out"], "trades": 0, "trades_without_final_quote": 0}
    assert {**budget, "trades": [], "trades_total": Decimal("0.00"), "left_out": left_out} == before
    assert (budget["left_out"]["trades"], budget["left_out"]["trades_without_final_quote"]) == (3, 1)


def test_a_project_without_rooms_has_the_amounts_it_was_given() -> None:
    project_id = project(investment_estimate="100000.00")

    budget = project_budget(project_id)

    assert figures(budget) == money("100000.00", None, "0.00", None, None)
    assert (budget["rooms"], budget["trades"], budget["trades_total"]) == ([], [], Decimal("0.00"))
    assert two_places(budget)
    assert project_budget_for_client(project_id) == {
        "project_id": project_id, "estimate": Decimal("100000.00"), "exhibit_b": None, "exhibit_b_signed": None,
        "retail_total": Decimal("0.00"), "rooms": [],
        "left_out": {
            "line_items": 0, "line_items_without_price": 0, "rooms": 0, "rooms_without_estimate": 0,
            "rooms_without_exhibit_b": 0,
        },
    }  # fmt: skip


def test_sums_may_be_larger_than_any_one_amount() -> None:
    project_id = project()
    for name in ("A", "B"):
        made = room(project_id, name, investment_estimate="9999999999.99", exhibit_b_amount="9999999999.99")
        item(made, quantity=100_000, unit_retail_price="9999999999.99", status="specified")

    assert figures(project_budget(project_id))[:2] == money("19999999999.98", "19999999999.98")
    assert project_budget_for_client(project_id)["retail_total"] == Decimal("1999999999998000.00")


def test_a_client_is_told_estimate_exhibit_b_and_retail(house: UUID) -> None:
    budget = project_budget_for_client(house)

    living, dining, attic = budget["rooms"]
    # 2 x 4,000 + 3 x 199.99; what is only estimated does not count, nor what has no price yet
    assert (living["estimate"], living["exhibit_b"], living["retail_total"]) == money("20000.00", "22000.00", "8599.97")
    assert (dining["estimate"], dining["exhibit_b"], dining["retail_total"]) == money("8000.10", "9000.00", "8500.00")
    assert (attic["estimate"], attic["exhibit_b"], attic["retail_total"]) == money(None, None, "0.00")
    assert (budget["estimate"], budget["exhibit_b"], budget["retail_total"]) == money("28000.10", "31000.00", "17099.97")
    assert two_places(budget)


def test_a_clients_budget_has_no_room_for_what_the_practice_pays_or_earns() -> None:
    may_know = {
        "project_id",
        "room_id",
        "name",
        "rooms",
        "estimate",
        "exhibit_b",
        "exhibit_b_signed",
        "retail_total",
        "left_out",
    }
    known = get_type_hints(budgets.ProjectBudgetForClient).keys() | get_type_hints(budgets.RoomBudgetForClient).keys()
    assert known == may_know
    assert get_tool("project_budget_for_client").output_schema["properties"].keys() <= may_know


@pytest.mark.parametrize("name", ["project_budget", "project_budget_for_client"])
def test_an_unknown_project_is_not_found(name: str) -> None:
    trade(project(), "Somebody", "1.00")
    refused = dispatch(name, {"project_id": str(uuid4())})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_projects shows them all.")


# The practice's report ------------------------------------------------------------------------------------------------


MAY: dict[str, Any] = {"from_date": "2026-05-01", "to_date": "2026-05-31"}
NAMES = ("fees_invoiced", "fees_paid", "fees_outstanding", "fees_overdue", "committed", "margin")


def fee(project_id: UUID, amount: str, status: str, invoiced_at: str, paid_at: str | None = None, *, due: int = 1) -> None:
    made = add_fee(project_id, label="Fee", amount=amount)["id"]
    one(
        """
        UPDATE design_fees
        SET status = %s::fee_status, invoiced_at = %s, paid_at = %s, due_at = now() + make_interval(days => %s)
        WHERE id = %s
        """,
        (status, invoiced_at, paid_at, due, made),
    )


def test_a_report_tells_the_period_apart_from_what_is_so_now(house: UUID) -> None:
    fee(house, "1000.00", "paid", "2026-04-30 23:59:59.999+00", "2026-05-01 00:00+00")
    fee(house, "200.00", "paid", "2026-05-01 00:00+00", "2026-06-01 00:00+00")
    fee(house, "30.00", "invoiced", "2026-05-31 23:59:59.999+00")
    fee(house, "4.00", "invoiced", "2026-06-01 00:00+00", due=-1)  # past due, and not swept yet
    fee(house, "0.50", "overdue", "2026-05-15 00:00+00", due=-1)
    add_fee(house, label="Pending", amount="5000.00")
    idle, other = project("Idle"), project("Other")
    pay_fee(invoice_fee(add_fee(other, label="Fee", amount="7.00")["id"])["id"])

    report = practice_report(from_date="2026-05-01", to_date="2026-05-31")

    (mine,) = report["projects"]
    assert (mine["project_id"], mine["name"]) == (house, "LR")
    # margin: 2 x (4,000 - 2,500) - 99 + (8,500 - 6,000); the lamp is quoted only. The table was ordered in April.
    expected = money("230.50", "1000.00", "34.50", "4.50", "5450.50", "5401.00")
    assert tuple(mine[name] for name in NAMES) == expected
    assert tuple(report["totals"][name] for name in NAMES) == expected
    assert two_places(report)
    assert idle not in [listed["project_id"] for listed in report["projects"]]

    today = datetime.now(UTC).date()
    both = practice_report(from_date=today, to_date=today)
    assert [listed["name"] for listed in both["projects"]] == ["LR", "Other"]
    assert tuple(both["projects"][1][name] for name in NAMES) == money("7.00", "7.00", "0.00", "0.00", "0.00", "0.00")
    assert both["totals"]["fees_paid"] == Decimal("7.00")
    assert both["totals"]["margin"] == Decimal("5401.00")


def test_cancelled_orders_are_not_committed_and_a_loss_is_a_negative_margin(house: UUID) -> None:
    one("UPDATE purchase_orders SET status = 'cancelled'")
    one("UPDATE line_items SET designer_net = 9000.00")

    totals = practice_report(**MAY)["totals"]
    # 2 x (4,000 - 9,000) - 99 + (8,500 - 9,000)
    assert (totals["committed"], totals["margin"]) == money("0.00", "-10599.00")


def test_totals_are_of_all_projects_and_the_projects_come_in_pages() -> None:
    made = [project(f"P{number}") for number in range(3)]
    for project_id in made:
        fee(project_id, "10.00", "invoiced", "2026-05-10 00:00+00")

    first = practice_report(**MAY, limit=2)
    last = practice_report(**MAY, limit=2, after=first["next"])

    assert [listed["project_id"] for listed in first["projects"] + last["projects"]] == made
    assert last["next"] is None
    assert first["totals"] == last["totals"]
    assert first["totals"]["fees_invoiced"] == Decimal("30.00")


def test_a_practice_without_anything_has_zeros() -> None:
    report = practice_report(**MAY)

    assert set(report["totals"].values()) == {Decimal("0.00")}
    assert (report["projects"], report["next"]) == ([], None)
    assert two_places(report)


def test_a_period_does_not_end_before_it_begins() -> None:
    with pytest.raises(InvalidInputError, match="ends before it begins") as raised:
        practice_report(from_date="2026-05-02", to_date="2026-05-01")
    assert raised.value.details == {"arguments": ["from_date", "to_date"]}
