from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import (
    ConflictError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    RuleViolationError,
    StudioError,
)
from studio_data.tools.practice.finance import project_budget
from studio_data.tools.practice.phases import check_gates, hold_project
from studio_data.tools.practice.project_trades import (
    assign_trade,
    choose_gc,
    compare_trades,
    list_project_trades,
    record_ballpark,
    record_final_quote,
    send_final_rfq,
)
from studio_data.tools.practice.rules.lifecycles import TRADE_QUOTE
from studio_data.tools.practice.trades import create_trade
from tests.examples import Practice
from tests.examples.practice.project_trades import invited
from tests.examples.practice.trades import trade
from tests.support.lifecycle import assert_move, every_pair

MOVES: dict[str, Callable[[UUID], Any]] = {
    "ballpark_received": lambda assigned: record_ballpark(assigned, ballpark_amount="4800.00"),
    "final_rfq_sent": send_final_rfq,
    "final_quote_received": lambda assigned: record_final_quote(assigned, final_amount="5150.00"),
}


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def row(assigned: UUID) -> dict[str, Any]:
    return one("SELECT * FROM project_trades WHERE id = %s", (assigned,))


# Assigned -------------------------------------------------------------------------------------------------------------


def test_an_assigned_trade_is_invited() -> None:
    project, drapery = Practice().project, trade()

    assigned = assign_trade(project["id"], trade_id=drapery["id"], scope="Drapery, living room")

    assert assigned == row(assigned["id"])
    assert (assigned["project_id"], assigned["trade_id"]) == (project["id"], drapery["id"])
    assert (assigned["role"], assigned["quote_status"]) == ("soft_trade", "invited")
    assert assigned["scope"] == "Drapery, living room"
    assert assigned["ballpark_amount"] is assigned["final_amount"] is None
    (line,) = log_of(assigned["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("project_trade", "created", project["id"])
    assert line["metadata"] == {"trade_id": str(drapery["id"]), "role": "soft_trade"}


def test_several_general_contractors_bid_for_a_project() -> None:
    project = Practice().project["id"]
    first = quote(project, "Prairie Builders", role="gc", ballpark="90000.00")
    second = quote(project, "Bell Builders", role="gc", ballpark="84000.00")

    compared = compare_trades(project, role="gc")["items"]
    assert [(found["id"], found["is_chosen"]) for found in compared] == [(second, False), (first, False)]


def test_one_general_contractor_is_chosen_in_the_place_of_another() -> None:
    project = Practice().project["id"]
    first, second = (quote(project, name, role="gc", ballpark="90000.00") for name in ("A", "B"))
    elsewhere = quote(Practice().project["id"], "C", role="gc")

    assert choose_gc(first) == row(first)
    assert choose_gc(elsewhere)["is_chosen"]
    assert choose_gc(second)["is_chosen"]
    assert choose_gc(second) == row(second)

    chosen = [found["id"] for found in list_project_trades(project)["items"] if found["is_chosen"]]
    assert chosen == [second]
    assert [line["metadata"] for line in log_of(first)[-2:]] == [
        {"changes": {"is_chosen": [False, True]}}, {"changes": {"is_chosen": [True, False]}},
    ]  # fmt: skip
    assert log_of(second)[-1]["metadata"] == {"changes": {"is_chosen": [False, True]}}
    assert log_of(second)[-1]["project_id"] == project
    assert len(log_of(second)) == 3


def test_only_a_general_contractor_is_chosen() -> None:
    assigned = invited(Practice())["id"]

    with pytest.raises(RuleViolationError, match=f"Project trade {assigned} is soft_trade, not gc") as refused:
        choose_gc(assigned)
    assert refused.value.details["rule"] == "only_general_contractors_are_chosen"
    assert not row(assigned)["is_chosen"]
    with pytest.raises(NotFoundError):
        choose_gc(uuid4())


def test_no_general_contractor_is_chosen_on_hold() -> None:
    project = Practice().project["id"]
    assigned = quote(project, "A", role="gc")
    hold_project(project, reason="The clients travel.")

    with pytest.raises(RuleViolationError, match="waits: it is on hold"):
        choose_gc(assigned)
    assert not row(assigned)["is_chosen"]


def test_the_gate_looks_at_the_chosen_one_or_at_any_final_quote() -> None:
    project = Practice().project["id"]
    one("UPDATE projects SET phase = 'purchasing', project_type = 'renovation' WHERE id = %s", (project,))

    def gate() -> dict[str, Any]:
        return next({**gate} for gate in check_gates(project, to="construction")["gates"] if gate["gate"] == "gc_quoted")

    rough = quote(project, "A", role="gc", ballpark="84000.00")
    assert (gate()["passed"], gate()["found"]) == (False, "the quote of A, the general contractor, is ballpark_received")
    final = quote(project, "B", role="gc", ballpark="90000.00", final="92000.00")
    assert gate()["passed"]
    choose_gc(rough)
    assert not gate()["passed"]
    assert gate()["calls"][0] == {"tool": "send_final_rfq", "arguments": {"project_trade_id": str(rough)}, "about": "A"}
    choose_gc(final)
    assert gate()["passed"]


def test_the_budget_counts_one_general_contractor() -> None:
    project = Practice().project["id"]
    quote(project, "drapery", ballpark="4000.00", final="4100.00")
    dear = quote(project, "A", role="gc", ballpark="90000.00", final="92000.00")
    quote(project, "B", role="gc", ballpark="80000.00", final="84000.00")

    assert project_budget(project)["trades_total"] == Decimal("88100.00")
    choose_gc(dear)
    budget = project_budget(project)
    assert budget["trades_total"] == sum(trade["final_amount"] for trade in budget["trades"]) == Decimal("96100.00")
    rough = quote(project, "C", role="gc", ballpark="1.00")
    choose_gc(rough)
    assert project_budget(project)["trades_total"] == Decimal("4100.00")


@pytest.mark.parametrize("role", ["gc", "soft_trade", "subcontractor"])
def test_a_trade_has_a_role_on_a_project_once(role: str) -> None:
    project, drapery = Practice().project, trade()
    assigned = assign_trade(project["id"], trade_id=drapery["id"], role=role)

    with pytest.raises(ConflictError, match="Olathe Drapery is already on project ") as raised:
        assign_trade(project["id"], trade_id=str(drapery["id"]), role=role, scope="More")
    assert f"project {project['name']!r} ({project['id']}) as {role}" in raised.value.message
    assert raised.value.details["project_trade_id"] == str(assigned["id"])
    assert len(log_of(assigned["id"])) == 1


def test_a_trade_may_have_several_roles_and_a_role_several_trades() -> None:
    project, first, second = Practice().project, trade("A"), trade("B")

    for trade_id, role in [
        (first["id"], "gc"), (first["id"], "soft_trade"), (second["id"], "soft_trade"), (second["id"], "subcontractor"),
    ]:  # fmt: skip
        assign_trade(project["id"], trade_id=trade_id, role=role)

    assert len(list_project_trades(project["id"])["items"]) == 4


def test_only_a_known_trade_is_assigned_to_a_known_project() -> None:
    project, drapery = Practice().project, trade()

    with pytest.raises(NotFoundError, match="There is no project"):
        assign_trade(uuid4(), trade_id=drapery["id"])
    with pytest.raises(NotFoundError, match="There is no trade"):
        assign_trade(project["id"], trade_id=uuid4())
    with pytest.raises(NotFoundError, match="That is the id of a trade"):
        assign_trade(drapery["id"], trade_id=drapery["id"])


def test_a_refused_assignment_spoils_no_unit() -> None:
    project, present = Practice().project, trade()
    assign_trade(project["id"], trade_id=present["id"], role="gc")

    with transaction():
        with pytest.raises(ConflictError):
            assign_trade(project["id"], trade_id=present["id"], role="gc")
        assert assign_trade(project["id"], trade_id=present["id"], role="subcontractor")


# Quotes ---------------------------------------------------------------------------------------------------------------


@every_pair(TRADE_QUOTE)
def test_every_move_of_a_trades_quote(source: str, target: str) -> None:
    assigned = invited(Practice())["id"]
    one("UPDATE project_trades SET quote_status = %s::quote_status WHERE id = %s", (source, assigned))
    if target == "invited":  # a trade is invited when it is assigned, and never again
        assert target not in MOVES
        return

    assert_move(TRADE_QUOTE, source, target, lambda: MOVES[target](assigned), lambda: row(assigned)["quote_status"])


def test_each_amount_is_kept_and_logged() -> None:
    practice = Practice()
    assigned = invited(practice)["id"]

    assert record_ballpark(assigned, ballpark_amount=4800)["ballpark_amount"] == Decimal("4800.00")
    send_final_rfq(assigned)
    quoted = record_final_quote(assigned, final_amount="5150.25")

    assert (quoted["ballpark_amount"], quoted["final_amount"]) == (Decimal("4800.00"), Decimal("5150.25"))
    assert [line["metadata"] for line in log_of(assigned)[1:]] == [
        {"changes": {"status": ["invited", "ballpark_received"], "ballpark_amount": [None, 4800.00]}},
        {"changes": {"status": ["ballpark_received", "final_rfq_sent"]}},
        {"changes": {"status": ["final_rfq_sent", "final_quote_received"], "final_amount": [None, 5150.25]}},
    ]
    assert {line["project_id"] for line in log_of(assigned)} == {practice.project["id"]}


def test_an_amount_is_an_amount() -> None:
    assigned = invited(Practice())["id"]

    for amount in (-1, "10000000000.00", float("nan")):
        with pytest.raises(InvalidInputError):
            record_ballpark(assigned, ballpark_amount=amount)
    assert row(assigned)["quote_status"] == "invited"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("record_ballpark", {"ballpark_amount": 1}), ("send_final_rfq", {}), ("record_final_quote", {"final_amount": 1})],
)
def test_an_unknown_assignment_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"project_trade_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_project_trades shows the project's.")


# Lists ----------------------------------------------------------------------------------------------------------------


def quote(project_id: UUID, name: str, *, role: str = "soft_trade", specialty: str = "drapery", **amounts: str) -> UUID:
    made = create_trade(name, specialty=specialty, company=f"{name} LLC")
    assigned = assign_trade(project_id, trade_id=made["id"], role=role)["id"]
    if "ballpark" in amounts:
        record_ballpark(assigned, ballpark_amount=amounts["ballpark"])
    if "final" in amounts:
        send_final_rfq(assigned)
        record_final_quote(assigned, final_amount=amounts["final"])
    return assigned


def test_the_trades_of_a_project_are_listed_by_role_quote_and_page() -> None:
    project = Practice().project["id"]
    made = [
        quote(project, "A", role="gc"),
        quote(project, "B", ballpark="10.00"),
        quote(project, "C"),
    ]
    quote(Practice().project["id"], "D")

    def listed(**filters: Any) -> list[int]:
        return [made.index(assigned["id"]) for assigned in list_project_trades(project, **filters)["items"]]

    assert listed() == [0, 1, 2]
    assert listed(role="soft_trade") == [1, 2]
    assert listed(quote_status="invited") == [0, 2]
    assert listed(role="soft_trade", quote_status="invited") == [2]
    first = list_project_trades(project, limit=2)
    assert len(first["items"]) == 2
    assert listed(after=first["next"]) == [2]
    assert list_project_trades(uuid4()) == {"items": [], "next": None, "left": 0}


def test_trades_are_compared_the_cheapest_first_by_the_final_quote_if_there_is_one() -> None:
    project = Practice().project["id"]
    quote(project, "none")
    quote(project, "dearer at last", ballpark="4000.00", final="5150.25")
    quote(project, "rough", ballpark="4500.00")
    quote(project, "cheaper at last", ballpark="4800.00", final="4399.99")
    quote(project, "builder", role="gc", specialty="general contractor", ballpark="90000.00")
    quote(Practice().project["id"], "elsewhere", ballpark="1.00")

    soft = compare_trades(project, role="soft_trade")["items"]

    assert [(found["name"], found["difference"]) for found in soft] == [
        ("cheaper at last", Decimal("-400.01")), ("rough", None), ("dearer at last", Decimal("1150.25")), ("none", None),
    ]  # fmt: skip
    assert {**soft[2], "id": None, "trade_id": None} == {
        "id": None, "trade_id": None, "name": "dearer at last", "company": "dearer at last LLC", "specialty": "drapery",
        "role": "soft_trade", "quote_status": "final_quote_received", "ballpark_amount": Decimal("4000.00"),
        "final_amount": Decimal("5150.25"), "difference": Decimal("1150.25"), "is_chosen": False,
    }  # fmt: skip
    assert compare_trades(project, specialty="drapery")["items"] == soft
    assert [found["name"] for found in compare_trades(project, role="gc")["items"]] == ["builder"]
    assert compare_trades(project, role="gc", specialty="drapery")["items"] == []
    assert len(compare_trades(project)["items"]) == 5


def test_a_comparison_goes_on_where_the_page_before_ended() -> None:
    project = Practice().project["id"]
    for number, amount in enumerate(["30.00", "10.00", "20.00", "10.00"]):
        quote(project, f"{number}", ballpark=amount)
    quote(project, "4")
    quote(project, "5")

    names: list[str] = []
    after = None
    for _ in range(3):
        page = compare_trades(project, limit=2, after=after)
        names += [found["name"] for found in page["items"]]
        after = page["next"]
    assert names == ["1", "3", "2", "0", "4", "5"]
    assert after is None


# At once --------------------------------------------------------------------------------------------------------------


def refusals(calls: list[Callable[[], Any]]) -> list[str]:
    """Make all calls at once; return what each was refused with, "made" for one that was made."""

    def attempt(make: Callable[[], Any]) -> str:
        try:
            make()
        except StudioError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(12) as threads:
        return sorted(threads.map(attempt, calls))


def test_of_twelve_general_contractors_chosen_at_once_one_stays(committed_db: str) -> None:
    project = Practice().project["id"]
    bids = [quote(project, f"Builder {number}", role="gc") for number in range(12)]

    def choose(bid: UUID) -> Callable[[], Any]:
        return lambda: choose_gc(bid)

    assert refusals([choose(bid) for bid in bids]) == ["made"] * 12
    (chosen,) = [found for found in list_project_trades(project)["items"] if found["is_chosen"]]
    changes = [line["metadata"]["changes"] for bid in bids for line in log_of(bid) if line["action"] == "updated"]
    assert changes.count({"is_chosen": [False, True]}) == 12
    assert changes.count({"is_chosen": [True, False]}) == 11
    assert log_of(chosen["id"])[-1]["metadata"] == {"changes": {"is_chosen": [False, True]}}


def test_one_of_twelve_who_record_a_final_quote_at_once_records_it(committed_db: str) -> None:
    assigned = quote(Practice().project["id"], "A", ballpark="1.00")
    send_final_rfq(assigned)

    def record(amount: int) -> Callable[[], Any]:
        return lambda: record_final_quote(assigned, final_amount=amount)

    assert refusals([record(amount) for amount in range(12)]) == [*["invalid_transition"] * 11, "made"]
    assert log_of(assigned)[-1]["metadata"]["changes"]["final_amount"] == [None, float(row(assigned)["final_amount"])]
    with pytest.raises(InvalidTransitionError):
        record_ballpark(assigned, ballpark_amount="2.00")
