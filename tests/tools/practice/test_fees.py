from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.db import many, one, transaction
from studio_data.errors import (
    ConflictError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    RuleViolationError,
)
from studio_data.tools.clients import create_client
from studio_data.tools.practice.fees import Fee, add_fee, create_fee_schedule, get_fee, list_fees
from studio_data.tools.practice.invoicing import invoice_fee, pay_fee, sweep_overdue_fees
from studio_data.tools.practice.rules.lifecycles import FEE
from studio_data.tools.projects import create_project
from tests.examples import Practice
from tests.support.lifecycle import assert_move, every_pair


def project() -> UUID:
    return create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]


def fee(amount: str = "100.00", project_id: UUID | None = None) -> Fee:
    return add_fee(project_id or project(), label="Retainer", amount=amount)


def fee_in(status: str) -> UUID:
    made = fee()["id"]
    one("UPDATE design_fees SET status = %s::fee_status, due_at = now() - interval '1 day' WHERE id = %s", (status, made))
    return made


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


# Schedules ------------------------------------------------------------------------------------------------------------


def test_a_schedule_is_numbered_from_1_in_the_order_given_and_pending() -> None:
    project_id = project()

    schedule = create_fee_schedule(
        project_id,
        amounts=[
            {"label": "Retainer", "amount": "5000.00", "due_date": "2026-12-01"},
            {"label": "At the DDM", "amount": Decimal("7500.50")},
            {"label": "At the reveal", "amount": 2500, "due_date": None},
        ],
    )

    assert schedule["total"] == Decimal("15000.50")
    assert schedule["fees"] == many("SELECT *, day_of(due_at) AS due_date FROM design_fees ORDER BY payment_number")
    assert [(fee["payment_number"], fee["label"], fee["amount"]) for fee in schedule["fees"]] == [
        (1, "Retainer", Decimal("5000.00")), (2, "At the DDM", Decimal("7500.50")), (3, "At the reveal", Decimal("2500.00")),
    ]  # fmt: skip
    assert [fee["due_at"] for fee in schedule["fees"]] == [end_of(date(2026, 12, 1)), None, None]
    assert {(fee["status"], fee["invoiced_at"], fee["paid_at"]) for fee in schedule["fees"]} == {("pending", None, None)}
    for made in schedule["fees"]:
        (line,) = log_of(made["id"])
        assert (line["entity_type"], line["action"], line["project_id"]) == ("fee", "created", project_id)
        assert line["metadata"] == {"payment_number": made["payment_number"], "amount": float(made["amount"])}


@pytest.mark.parametrize(
    ("total", "instalments", "amounts"),
    [
        ("100.00", 3, ["33.34", "33.33", "33.33"]),
        ("1000.00", 1, ["1000.00"]),
        ("0.01", 2, ["0.01", "0.00"]),
        ("0.11", 12, ["0.11", *["0.00"] * 11]),
        ("9999999999.99", 7, ["1428571428.57", *["1428571428.57"] * 6]),
        ("1000.06", 7, ["142.90", *["142.86"] * 6]),
        ("0", 2, ["0.00", "0.00"]),
    ],
)
def test_a_total_is_split_to_the_cent_and_the_first_takes_the_remainder(
    total: str, instalments: int, amounts: list[str]
) -> None:
    schedule = create_fee_schedule(project(), total=total, instalments=instalments)

    assert [fee["amount"] for fee in schedule["fees"]] == [Decimal(amount) for amount in amounts]
    assert schedule["total"] == Decimal(total)
    assert schedule["fees"][0]["label"] == f"Instalment 1 of {instalments}"


ONE = [{"label": "A", "amount": "1.00"}]


@pytest.mark.parametrize(
    "given",
    [
        {}, {"total": "1.00"}, {"instalments": 2}, {"amounts": ONE, "total": "1.00"}, {"amounts": ONE, "instalments": 1},
        {"amounts": ONE, "total": "1.00", "instalments": 1},
    ],
)  # fmt: skip
def test_a_schedule_takes_amounts_or_a_total_and_nothing_between(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="either amounts, or a total") as raised:
        create_fee_schedule(project(), **given)
    assert raised.value.details == {"arguments": ["amounts", "total", "instalments"]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"total": "1.00", "instalments": 0}, "instalments must be between 1 and 12."),
        ({"total": "1.00", "instalments": 13}, "instalments must be between 1 and 12."),
        ({"total": "10000000000.00", "instalments": 2}, "total must be at most 9,999,999,999.99 dollars."),
        ({"amounts": []}, "amounts must have at least 1 items."),
        ({"amounts": ONE * 13}, "amounts must have at most 12 items."),
        ({"amounts": [{"label": "A", "amount": "-1"}]}, "amounts[0].amount must be an amount in dollars"),
        ({"amounts": [*ONE, {"label": "A"}]}, "amounts[1].amount is missing."),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_nothing(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        create_fee_schedule(project(), **given)

    assert str(raised.value).startswith(message)
    assert list_fees()["items"] == []


def test_a_project_has_one_schedule_and_more_instalments_are_added() -> None:
    project_id = project()
    create_fee_schedule(project_id, total="100.00", instalments=2)

    with pytest.raises(ConflictError, match="already has 2 fees") as raised:
        create_fee_schedule(project_id, total="100.00", instalments=2)
    assert raised.value.hint == "add_fee adds another instalment; list_fees shows them."

    added = add_fee(project_id, label="Site visits", amount="50.00", due_date="2027-01-31")
    assert (added["payment_number"], added["due_at"]) == (3, end_of(date(2027, 1, 31)))
    assert [line["action"] for line in log_of(added["id"])] == ["created"]


def test_the_first_fee_that_is_added_is_number_1() -> None:
    assert fee()["payment_number"] == 1


def test_there_are_at_most_100_instalments() -> None:
    made = fee()
    one("UPDATE design_fees SET payment_number = 100 WHERE id = %s", (made["id"],))

    with pytest.raises(RuleViolationError) as raised:
        fee(project_id=made["project_id"])
    assert raised.value.details["rule"] == "projects_have_at_most_100_fees"


def test_a_completed_project_gets_no_fees() -> None:
    project_id = project()
    one("UPDATE projects SET phase = 'completed'")

    for name, given in (("add_fee", ONE[0]), ("create_fee_schedule", {"amounts": ONE})):
        refused = dispatch(name, {"project_id": str(project_id), **given})
        assert refused["code"] == "rule_violation"
        assert refused["details"]["rule"] == "completed_projects_get_no_fees"


# Moves ----------------------------------------------------------------------------------------------------------------


def move(fee_id: UUID, target: str) -> None:
    match target:
        case "invoiced":
            invoice_fee(fee_id)
        case "paid":
            pay_fee(fee_id)
        case _:
            sweep_overdue_fees()


@every_pair(FEE)
def test_every_move_of_a_fee(source: str, target: str) -> None:
    fee_id = fee_in(source)
    if target == "pending":  # where a fee begins; no tool brings it back
        assert FEE.sources_of(target) == []  # pyright: ignore[reportArgumentType]
        return
    if target == "overdue" and source != "invoiced":  # the sweep passes such a fee by
        sweep_overdue_fees()
        assert get_fee(fee_id)["status"] == source
        assert [line["action"] for line in log_of(fee_id)] == ["created"]
        return

    assert_move(FEE, source, target, lambda: move(fee_id, target), lambda: get_fee(fee_id)["status"])


def test_an_invoiced_fee_is_due_at_the_end_of_the_day_given() -> None:
    day = datetime.now(UTC).date() + timedelta(days=20)
    made = invoice_fee(fee()["id"], due_date=str(day))

    assert made["due_at"] == end_of(day)
    assert made["invoiced_at"] is not None
    assert made == one("SELECT *, day_of(due_at) AS due_date FROM design_fees")
    line = log_of(made["id"])[-1]
    assert line["metadata"] == {"changes": {"status": ["pending", "invoiced"]}}
    assert line["project_id"] == made["project_id"]


def test_else_it_is_due_on_the_day_of_the_schedule_if_that_is_to_come_else_in_30_days() -> None:
    today = datetime.now(UTC).date()
    in_30_days, agreed = today + timedelta(days=30), today + timedelta(days=3)

    assert invoice_fee(fee()["id"])["due_at"] == end_of(in_30_days)
    for day, due in ((agreed, agreed), (today, today), (today - timedelta(days=1), in_30_days)):
        scheduled = add_fee(project(), label="Retainer", amount=1, due_date=day)
        assert invoice_fee(scheduled["id"])["due_at"] == end_of(due)


def test_a_payment_is_dated_now_or_on_the_day_it_came() -> None:
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)

    paid = pay_fee(fee_in("invoiced"))
    assert paid["paid_at"] == one("SELECT now() AS now")["now"]
    assert paid == one("SELECT *, day_of(due_at) AS due_date FROM design_fees")
    assert pay_fee(fee_in("overdue"), paid_on=yesterday)["paid_at"] == datetime.combine(yesterday, time(12), UTC)
    at = pay_fee(fee_in("invoiced"), paid_on=today)["paid_at"]
    assert at is not None
    assert at.date() == today
    assert at <= datetime.now(UTC)


def test_a_payment_that_is_to_come_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="paid_on must not be after today") as raised:
        pay_fee(fee_in("invoiced"), paid_on=datetime.now(UTC).date() + timedelta(days=1))
    assert raised.value.details == {"arguments": ["paid_on"]}


def test_the_database_holds_that_a_pending_fee_was_not_invoiced() -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="invoiced_at_only_when_invoiced"), transaction():
        one("UPDATE design_fees SET invoiced_at = now() WHERE id = %s", (fee()["id"],))


def test_what_is_past_its_due_date_is_listed_as_overdue_before_the_sweep_too() -> None:
    first, second = (Practice().project["id"] for _ in range(2))
    late, later, paid, to_come = (
        invoice_fee(add_fee(project, label=label, amount=100)["id"])
        for project, label in ((first, "late"), (second, "later"), (first, "paid"), (first, "to come"))
    )
    one("UPDATE design_fees SET due_at = now() - interval '2 days' WHERE id = ANY(%s)", ([late["id"], paid["id"]],))
    one("UPDATE design_fees SET due_at = now() - interval '1 day' WHERE id = %s", (later["id"],))
    pay_fee(paid["id"])

    def listed(**filters: Any) -> list[str]:
        return [fee["label"] for fee in list_fees(**filters)["items"]]

    assert listed(status="overdue") == ["late", "later"]
    sweep_overdue_fees()
    assert listed(status="overdue") == ["late", "later"]
    assert listed(status="invoiced") == [to_come["label"]]
    assert listed() == ["late", "paid", "later", "to come"]
    begun = list_fees(limit=2)
    assert [fee["label"] for fee in list_fees(after=begun["next"])["items"]] == ["later", "to come"]
    assert listed(project_id=second, search="LATE") == ["later"]


def test_the_sweep_makes_overdue_what_is_past_due_and_once() -> None:
    with acting_as("user", "Maria"):
        late, later = [
            invoice_fee(fee()["id"], due_date="2025-01-01", override_reason="It was sent by post.") for _ in range(2)
        ]
    in_time = invoice_fee(fee()["id"])

    swept = sweep_overdue_fees()
    assert [(made["id"], made["status"]) for made in swept["overdue"]] == [(late["id"], "overdue"), (later["id"], "overdue")]
    assert swept["overdue"] == many(
        "SELECT *, day_of(due_at) AS due_date FROM design_fees WHERE status = 'overdue' ORDER BY id"
    )
    assert get_fee(in_time["id"])["status"] == "invoiced"

    assert sweep_overdue_fees() == swept
    pay_fee(late["id"])
    assert [made["id"] for made in sweep_overdue_fees()["overdue"]] == [later["id"]]
    assert [line["metadata"].get("changes") for line in log_of(later["id"])] == [
        None, {"status": ["pending", "invoiced"]}, {"status": ["invoiced", "overdue"]},
    ]  # fmt: skip


# Looking --------------------------------------------------------------------------------------------------------------


def test_fees_are_listed_by_project_number_and_page() -> None:
    project_id = project()
    made = create_fee_schedule(project_id, total="100.00", instalments=5)["fees"]
    other = fee()
    invoice_fee(made[2]["id"])

    assert list_fees(project_id=project_id)["items"][3:] == made[3:]
    assert [found["id"] for found in list_fees(status="invoiced")["items"]] == [made[2]["id"]]
    assert list_fees(project_id, status="pending", limit=2)["items"] == made[:2]
    first = list_fees(limit=4)
    assert [found["id"] for found in list_fees(after=first["next"])["items"]] == [made[4]["id"], other["id"]]


@pytest.mark.parametrize("name", ["get_fee", "invoice_fee", "pay_fee"])
def test_an_unknown_fee_is_not_found(name: str) -> None:
    refused = dispatch(name, {"fee_id": str(uuid4())})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_fees shows the project's.")


def test_an_unknown_project_gets_no_fee() -> None:
    with pytest.raises(NotFoundError, match="There is no project"):
        add_fee(uuid4(), label="A", amount=1)
    with pytest.raises(NotFoundError, match="That is the id of a client"):
        create_fee_schedule(create_client("Ann")["id"], total=1, instalments=1)


# At once --------------------------------------------------------------------------------------------------------------


def at_once(*calls: Any) -> list[bool]:
    """Make the calls together; tell of each whether it was done or refused as somebody else's."""

    def attempt(one_call: Any) -> bool:
        try:
            one_call()
        except (ConflictError, InvalidTransitionError):
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        return list(threads.map(attempt, calls))


def test_one_of_twelve_who_record_a_payment_at_once_records_it(committed_db: str) -> None:
    fee_id = fee_in("invoiced")

    assert sum(at_once(*[lambda: pay_fee(fee_id)] * 12)) == 1
    assert [line["action"] for line in log_of(fee_id)] == ["created", "status_changed"]


def test_a_sweep_and_payments_at_once_leave_every_fee_paid_with_the_moves_it_made(committed_db: str) -> None:
    fees = [fee_in("invoiced") for _ in range(10)]
    sweeps: list[Any] = [sweep_overdue_fees, sweep_overdue_fees]

    assert all(at_once(*[lambda fee_id=fee_id: pay_fee(fee_id) for fee_id in fees], *sweeps))
    for fee_id in fees:
        assert get_fee(fee_id)["status"] == "paid"
        moves = [line["metadata"]["changes"]["status"] for line in log_of(fee_id)[1:]]
        assert moves in ([["invoiced", "paid"]], [["invoiced", "overdue"], ["overdue", "paid"]])


def test_of_twelve_schedules_at_once_there_is_one_and_added_fees_are_numbered_without_gaps(committed_db: str) -> None:
    project_id = project()
    schedules = [lambda n=n: create_fee_schedule(project_id, total=100, instalments=n) for n in range(1, 13)]
    assert sum(at_once(*schedules)) == 1
    first = len(list_fees(project_id)["items"])

    assert all(at_once(*[lambda: fee(project_id=project_id)] * 12))
    assert [made["payment_number"] for made in list_fees(project_id)["items"]] == list(range(1, first + 13))
