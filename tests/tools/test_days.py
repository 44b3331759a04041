"""Every tool that asks for the day means the practice's day, wherever on earth that is.

East of everybody it is always a day later than west of everybody, so each rule is asked at both ends at the same moment.
"""

from datetime import date, time, timedelta

import pytest

from studio_data import db
from studio_data.errors import InvalidInputError, RuleViolationError
from studio_data.tools.activity import list_activity, log_activity
from studio_data.tools.clients import create_client
from studio_data.tools.practice.action_items import add_action_item, list_action_items
from studio_data.tools.practice.emails import create_email_template, render_email
from studio_data.tools.practice.fees import add_fee, create_fee_schedule, get_fee
from studio_data.tools.practice.finance import practice_report
from studio_data.tools.practice.invoicing import invoice_fee, pay_fee
from studio_data.tools.practice.meetings import schedule_meeting
from studio_data.tools.practice.order_progress import deliver_purchase_order
from studio_data.tools.practice.overview import project_overview
from studio_data.tools.practice.purchase_orders import draft_purchase_order, list_purchase_orders
from studio_data.tools.practice.tasks import add_task
from studio_data.tools.runs.budgets import reserve_usage, sweep_usage
from studio_data.tools.runs.metrics import metrics_summary, record_metric
from studio_data.tools.runs.settings import create_agent_settings, list_agent_settings, update_agent_settings
from tests.examples import Practice
from tests.examples.practice.purchase_orders import order_in, orderable_item
from tests.support.lifecycle import lines
from tests.support.time_zone import EAST, WEST, at, practice_in, today

A_DAY = timedelta(days=1)
LAST_SECOND = time(23, 59, 59)


def days_of_both() -> tuple[date, date]:
    """Return the day in the west and the later one in the east; the practice is then in the west."""
    practice_in(EAST)
    east = today()
    practice_in(WEST)
    return today(), east


# Overdue --------------------------------------------------------------------------------------------------------------


def test_an_action_item_is_overdue_after_its_day_there() -> None:
    west, _ = days_of_both()
    meeting = schedule_meeting(Practice().project["id"], meeting_type="cdm", scheduled_date=west + 30 * A_DAY)
    item = add_action_item(meeting["id"], description="Send fabric.", due_date=west)

    assert list_action_items(overdue_only=True)["items"] == []
    practice_in(EAST)
    assert list_action_items(overdue_only=True)["items"] == [item]


def test_an_order_is_late_after_its_day_there() -> None:
    west, _ = days_of_both()
    order = order_in(Practice(), "submitted")
    db.one("UPDATE purchase_orders SET estimated_delivery = %s", (west,))

    assert list_purchase_orders(late_only=True)["items"] == []
    practice_in(EAST)
    assert [late["id"] for late in list_purchase_orders(late_only=True)["items"]] == [order["id"]]


def test_the_overview_counts_what_is_overdue_there() -> None:
    west, _ = days_of_both()
    practice = Practice()
    project = practice.project["id"]
    add_task(project, name="Measure", phase="conceptual_design", due_date=west)
    meeting = schedule_meeting(project, meeting_type="cdm", scheduled_date=west)
    add_action_item(meeting["id"], description="Send fabric.", due_date=west)
    order_in(practice, "submitted")
    db.one("UPDATE purchase_orders SET estimated_delivery = %s", (west,))

    found = project_overview(project)
    assert found["overdue"] == {"tasks": 0, "action_items": 0, "fees": 0, "orders": 0}
    assert found["next_meeting"] is not None
    practice_in(EAST)
    found = project_overview(project)
    assert found["overdue"] == {"tasks": 1, "action_items": 1, "fees": 0, "orders": 1}
    assert found["next_meeting"] is None


# Fees -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [EAST, WEST])
def test_a_fee_is_due_at_the_end_of_a_day_there(zone: str) -> None:
    practice_in(zone)
    project = Practice().project["id"]
    day = today() + 60 * A_DAY

    (scheduled,) = create_fee_schedule(project, amounts=[{"label": "Half", "amount": "10.00", "due_date": day}])["fees"]
    given = invoice_fee(add_fee(project, label="Rest", amount="5.00")["id"], due_date=day)
    in_30_days = invoice_fee(add_fee(project, label="More", amount="5.00")["id"])

    assert scheduled["due_at"] == given["due_at"] == at(zone, day, LAST_SECOND)
    assert in_30_days["due_at"] == at(zone, today() + 30 * A_DAY, LAST_SECOND)
    assert lines()[-1]["metadata"]["changes"] == {"status": ["pending", "invoiced"]}


def test_a_fee_was_paid_on_a_day_that_has_begun_there() -> None:
    west, east = days_of_both()
    fee = add_fee(Practice().project["id"], label="Half", amount="10.00")["id"]
    invoice_fee(fee)
    before = lines()

    with pytest.raises(InvalidInputError, match=f"paid_on must not be after today, {west}"):
        pay_fee(fee, paid_on=east)
    assert lines() == before
    practice_in(EAST)
    before = lines()
    paid = pay_fee(fee, paid_on=east)
    assert paid["paid_at"] == paid["invoiced_at"] == db.one("SELECT now() AS now")["now"]  # not before its invoice
    assert len(lines()) == len(before) + 1


def test_a_report_has_the_days_of_the_practice() -> None:
    practice_in(WEST)
    fee = add_fee(Practice().project["id"], label="Half", amount="10.00")["id"]
    invoice_fee(fee)
    db.one("UPDATE design_fees SET invoiced_at = %s", (at(WEST, date(2024, 6, 15), LAST_SECOND),))

    assert invoiced_on(date(2024, 6, 15)) == 10
    practice_in(EAST)
    assert (invoiced_on(date(2024, 6, 15)), invoiced_on(date(2024, 6, 17))) == (0, 10)


def invoiced_on(day: date) -> object:
    return practice_report(from_date=day, to_date=day)["totals"]["fees_invoiced"]


# Orders ---------------------------------------------------------------------------------------------------------------


def test_a_delivery_arrives_today_or_on_a_day_that_has_begun_there() -> None:
    west, east = days_of_both()
    first, second = order_in(Practice(), "shipped"), order_in(Practice(), "shipped")
    before = lines()

    with pytest.raises(InvalidInputError, match=f"actual_delivery must not be after today, {west}"):
        deliver_purchase_order(first["id"], actual_delivery=east)
    assert lines() == before
    assert deliver_purchase_order(first["id"])["actual_delivery"] == west
    practice_in(EAST)
    assert deliver_purchase_order(second["id"])["actual_delivery"] == east
    assert [line["action"] for line in lines()[len(before) :]] == ["status_changed"] * 4


def test_an_order_is_numbered_in_the_year_it_is_there() -> None:
    _, east = days_of_both()
    practice_in(EAST)

    order = draft_purchase_order(orderable_item(Practice()))
    assert order["po_number"] == f"PO-{east.year}-0001"
    assert db.one("SELECT year FROM purchase_order_numbers")["year"] == east.year


# Mails ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Chicago", EAST, WEST])
@pytest.mark.parametrize("session", ["Asia/Tokyo", "America/Chicago"])
def test_the_last_of_a_month_is_that_day_in_every_zone(zone: str, session: str) -> None:
    last = (today().replace(day=1) + 62 * A_DAY).replace(day=1) - A_DAY
    project = Practice().project["id"]
    fee = invoice_fee(add_fee(project, label="Half", amount="10.00")["id"], due_date=last)
    template = create_email_template("Due", subject_template="{{ project.name }}", body_template="{{ fee.due_date }}")["id"]
    db.one("SELECT set_config('TimeZone', %s, true)", (session,))
    practice_in(zone)

    assert render_email(template, project_id=project)["body"] == written(last)
    found = get_fee(fee["id"])
    assert (found["due_at"], found["due_date"]) == (at(zone, last, LAST_SECOND), last)
    (line,) = [line for line in lines() if line["metadata"].get("time_zone")]
    assert (line["entity_id"], line["project_id"], line["action"]) == (fee["id"], project, "updated")
    assert list(line["metadata"]["changes"]) == ["due_at"]


def test_a_mail_names_the_next_meeting_and_the_due_date_there() -> None:
    west, east = days_of_both()
    project = Practice().project["id"]
    schedule_meeting(project, meeting_type="cdm", scheduled_date=west)
    schedule_meeting(project, meeting_type="ddm", scheduled_date=east)
    template = create_email_template(
        "Reminder",
        subject_template="{{ project.name }}",
        body_template="{{ meeting.date }}, {{ fee.due_date }}.",
        phase="purchasing",
    )["id"]
    fee = invoice_fee(add_fee(project, label="Half", amount="10.00")["id"], due_date=east + 30 * A_DAY)
    due = written(east + 30 * A_DAY)

    body = render_email(template, project_id=project, fee_id=fee["id"])["body"]
    assert body == f"{written(west)}, {due}."
    practice_in(EAST)
    body = render_email(template, project_id=project, fee_id=fee["id"])["body"]
    assert body == f"{written(east)}, {due}."


def written(day: date) -> str:
    return f"{day:%A, %B} {day.day}, {day.year}"


# Agent runs -----------------------------------------------------------------------------------------------------------


def test_a_budget_begins_anew_with_the_day_there() -> None:
    west, east = days_of_both()
    create_agent_settings("eng", provider="anthropic", model="large", hard_limit="10")

    reserved = reserve_usage("eng", amount="10")
    assert (reserved["usage_date"], reserved["resets_at"]) == (west, at(WEST, west + A_DAY, time(0)))
    with pytest.raises(RuleViolationError) as refused:
        reserve_usage("eng", amount="1")
    assert refused.value.details["resets_at"] == reserved["resets_at"].isoformat()

    practice_in(EAST)
    assert used() == 0
    reserved = reserve_usage("eng", amount="4")
    assert (reserved["usage_date"], reserved["used_today"]) == (east, 4)
    assert reserved["resets_at"] == at(EAST, east + A_DAY, time(0))


def test_a_budgets_day_goes_on_when_the_practice_moves_west() -> None:
    practice_in(EAST)
    east = today()
    create_agent_settings("eng", provider="anthropic", model="large", hard_limit="10")
    reserve_usage("eng", amount="4")
    practice_in(WEST)

    assert used() == 4
    assert update_agent_settings("eng", model="larger")["used_today"] == 4
    assert sweep_usage() == {"reset": []}
    again = reserve_usage("eng", amount="5")
    assert (again["usage_date"], again["used_today"]) == (east, 9)
    with pytest.raises(RuleViolationError, match="has 1 of its 10 dollars left today"):
        reserve_usage("eng", amount="2")


def test_a_sweep_ends_the_days_that_are_over_there() -> None:
    days_of_both()
    create_agent_settings("eng", provider="anthropic", model="large", hard_limit="10")
    reserve_usage("eng", amount="4")

    assert sweep_usage() == {"reset": []}
    practice_in(EAST)
    assert sweep_usage() == {"reset": ["eng"]}
    assert db.one("SELECT last_reset_date FROM agent_settings")["last_reset_date"] == today()
    assert lines()[-1]["metadata"]["changes"] == {"usage_today": [4, 0]}


def used() -> object:
    (found,) = list_agent_settings(profile_name="eng")["items"]
    return found["used_today"]


def test_metrics_are_summed_up_by_the_practices_days() -> None:
    practice_in(EAST)
    record_metric("latency", metric_value=1, recorded_at=at(EAST, date(2024, 6, 15), time(0, 30)))
    record_metric("latency", metric_value=3, recorded_at=at(EAST, date(2024, 6, 15), LAST_SECOND))

    (group,) = metrics_summary("latency", period="day")["groups"]
    assert (group["period_start"], group["count"]) == (at(EAST, date(2024, 6, 15), time(0)), 2)
    practice_in("UTC")
    assert len(metrics_summary("latency", period="day")["groups"]) == 2


# The trail ------------------------------------------------------------------------------------------------------------


def test_the_trail_is_listed_by_the_practices_days() -> None:
    west, east = days_of_both()
    client = create_client("Ann")["id"]
    log_activity("client", client, "called")

    for zone, day in ((WEST, west), (EAST, east)):
        practice_in(zone)
        assert len(list_activity(from_date=day, to_date=day)["items"]) == 2
        assert list_activity(to_date=day - A_DAY)["items"] == list_activity(from_date=day + A_DAY)["items"] == []
