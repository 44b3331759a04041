"""Mails that are written from templates; what a template may have is in ``tests/tools/practice/test_mail_language.py``."""

import json
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.db import one
from studio_data.errors import InvalidInputError, NotFoundError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.documents import register_document
from studio_data.tools.practice.emails import get_email_template, list_email_templates, render_email
from studio_data.tools.practice.meetings import complete_meeting, confirm_meeting, reschedule_meeting, schedule_meeting
from studio_data.tools.practice.rooms import add_room, update_room
from studio_data.tools.practice.rules.mail_language import PLACEHOLDERS
from studio_data.tools.projects import create_project
from tests.tools.practice.test_emails import SHIPPED, template


@pytest.fixture(autouse=True)
def sender() -> Generator[None]:
    with acting_as("agent", "mailer", on_behalf_of="Maria Lopez"):
        yield


def new_project() -> UUID:
    client = create_client("David & Linh Nguyen", email="linh@example.com")
    return create_project(client["id"], "Nguyen LR/DR", "renovation")["project"]["id"]


class Full:
    """A project that lacks nothing a mail may show."""

    def __init__(self) -> None:
        self.project = new_project()
        one(
            "UPDATE projects SET address = '123 Main St', investment_estimate = 100000, exhibit_b_total = 98765.4"
            " WHERE id = %s",
            (self.project,),
        )
        one(
            "INSERT INTO documents (project_id, doc_type, s3_key, version, covers)"
            """ VALUES (%s, 'exhibit_b', 'b.pdf', 1, '{"one": "12000.00", "two": "0.50"}')""",
            (self.project,),
        )
        self.meeting = schedule_meeting(self.project, meeting_type="cdm", scheduled_date="2199-12-31")["id"]
        self.fee = one(
            "INSERT INTO design_fees (project_id, label, amount, payment_number, due_at)"
            " VALUES (%s, 'First half', 12500, 1, '2026-11-23 09:00+00') RETURNING id",
            (self.project,),
        )["id"]
        self.vendor = one("INSERT INTO vendors (name, contact_name) VALUES ('Lee Upholstery', 'Kim Lee') RETURNING id")["id"]
        self.trade = one("INSERT INTO trades (name, company) VALUES ('Pat Drywall', 'Drywall Inc') RETURNING id")["id"]


def body_of(source: str, project_id: UUID, **more: Any) -> str:
    return render_email(template(source)["id"], project_id=project_id, **more)["body"]


def test_every_shipped_template_renders_for_a_full_project() -> None:
    full = Full()
    shipped = list_email_templates()["items"]

    assert len(shipped) == SHIPPED
    for listed in shipped:
        source = get_email_template(listed["id"])
        to = {"vendor_id": full.vendor} if "recipient.name" in source["body_template"] else {}
        mail = render_email(listed["id"], project_id=full.project, **to)
        assert render_email(listed["name"], project_id=full.project, **to) == mail
        assert (mail["email_template_id"], mail["requires_review"]) == (listed["id"], listed["requires_review"])
        assert not {"{", "}", "None"} & {*mail["subject"], *mail["body"], *mail["body"].split()}
        assert mail["body"].startswith("Dear Kim Lee," if to else "Dear David & Linh Nguyen,")
        assert mail["body"].endswith("Maria Lopez")


def test_every_placeholder_is_written_for_people() -> None:
    full = Full()
    known = [placeholder for placeholder in PLACEHOLDERS if placeholder != "recipient.name"]

    written = body_of("\n".join(f"{{{{ {placeholder} }}}}" for placeholder in known), full.project)

    assert dict(zip(known, written.split("\n"), strict=True)) == {
        "client.name": "David & Linh Nguyen",
        "sender.name": "Maria Lopez",
        "project.name": "Nguyen LR/DR",
        "project.address": "123 Main St",
        "project.project_type": "renovation",
        "project.investment_estimate": "$100,000.00",
        "project.exhibit_b_total": "$98,765.40",
        "project.exhibit_b_signed": "$12,000.50",
        "meeting.date": "Tuesday, December 31, 2199",
        "fee.label": "First half",
        "fee.amount": "$12,500.00",
        "fee.due_date": "Monday, November 23, 2026",
    }


@pytest.mark.parametrize(
    ("amount", "written"),
    [("0", "$0.00"), ("0.5", "$0.50"), ("999.99", "$999.99"), ("1000", "$1,000.00"), ("9999999999.99", "$9,999,999,999.99")],
)
def test_amounts_are_written_with_dollars_commas_and_cents(amount: str, written: str) -> None:
    full = Full()
    one("UPDATE design_fees SET amount = %s::numeric", (amount,))

    assert body_of("{{ fee.amount }}", full.project) == written


@pytest.mark.parametrize(
    ("day", "written"),
    [("2198-03-12", "Monday, March 12, 2198"), ("2196-02-29", "Monday, February 29, 2196")],
)
def test_dates_are_written_with_their_weekday(day: str, written: str) -> None:
    full = Full()
    one("UPDATE meetings SET scheduled_date = %s", (day,))

    assert body_of("{{ meeting.date }}", full.project, meeting_id=full.meeting) == written
    assert f"{date.fromisoformat(day):%A, %B} {date.fromisoformat(day).day}, {day[:4]}" == written


def test_the_recipient_is_the_vendors_contact_or_the_vendor_or_the_trade() -> None:
    full = Full()
    source = "Dear {{ recipient.name }}"

    assert body_of(source, full.project, vendor_id=full.vendor) == "Dear Kim Lee"
    assert body_of(source, full.project, trade_id=full.trade) == "Dear Pat Drywall"
    one("UPDATE vendors SET contact_name = NULL")
    assert body_of(source, full.project, vendor_id=full.vendor) == "Dear Lee Upholstery"
    for wrong in ({}, {"vendor_id": full.vendor, "trade_id": full.trade}):
        with pytest.raises(InvalidInputError) as raised:
            body_of(source, full.project, **wrong)
        assert raised.value.details["arguments"] == ["vendor_id", "trade_id"]


def test_the_sender_is_whoever_the_actor_acts_for_or_else_the_actor() -> None:
    project_id = new_project()

    with acting_as("user", "Tom"):
        assert body_of("{{ sender.name }}", project_id) == "Tom"
    with acting_as("agent", "mailer", on_behalf_of="Maria"):
        assert body_of("{{ sender.name }}", project_id) == "Maria"


def test_the_meeting_is_the_next_that_will_be_held_unless_another_is_given() -> None:
    project_id = new_project()
    today = datetime.now(UTC).date()
    days = [today + timedelta(days=days) for days in (0, 40, 2, 1, 9)]
    held, later, following, off, waiting = (
        schedule_meeting(project_id, meeting_type="layout", scheduled_date=day)["id"] for day in days
    )
    confirm_meeting(held)
    complete_meeting(held)
    confirm_meeting(following)
    dispatch("cancel_meeting", {"meeting_id": str(off), "reason": "Travelling."})
    reschedule_meeting(waiting)

    def day_of(**given: UUID) -> str:
        return body_of("{{ meeting.date }}", project_id, **given).split(", ", 1)[1]

    def said(day: date) -> str:
        return f"{day:%B} {day.day}, {day.year}"

    assert day_of() == said(days[2])
    assert day_of(meeting_id=later) == said(days[1])
    assert day_of(meeting_id=held) == said(days[0])
    with pytest.raises(RuleViolationError) as raised:
        day_of(meeting_id=waiting)
    assert raised.value.details["calls"] == [{"tool": "reschedule_meeting", "arguments": {"meeting_id": str(waiting)}}]


def test_the_fee_is_the_next_that_is_not_paid_unless_another_is_given() -> None:
    full = Full()
    second = one(
        "INSERT INTO design_fees (project_id, label, amount, payment_number) VALUES (%s, 'Second', 1, 2) RETURNING id",
        (full.project,),
    )["id"]

    assert body_of("{{ fee.label }}", full.project) == "First half"
    assert body_of("{{ fee.label }}", full.project, fee_id=second) == "Second"
    one("UPDATE design_fees SET status = 'paid' WHERE id = %s", (full.fee,))
    assert body_of("{{ fee.label }}", full.project) == "Second"
    with pytest.raises(RuleViolationError, match=r"no fee\.due_date") as raised:
        body_of("{{ fee.due_date }}", full.project)
    assert raised.value.details["calls"] == [{"tool": "invoice_fee", "arguments": {"fee_id": str(second)}}]
    one("UPDATE design_fees SET status = 'paid'")
    with pytest.raises(RuleViolationError, match="give the meeting_id or fee_id") as raised:
        body_of("{{ fee.label }}", full.project)
    assert raised.value.details["calls"] == []


def test_what_a_mail_lacks_is_named_with_the_calls_that_bring_it() -> None:
    project_id = new_project()
    known = {"project_id": str(project_id)}

    with pytest.raises(RuleViolationError) as raised:
        body_of("{{ project.address }} {{ meeting.date }} {{ fee.label }} {{ fee.amount }}", project_id)

    assert raised.value.details == {
        "rule": "mails_are_complete",
        "found": "no project.address, no meeting.date, no fee.label, no fee.amount",
        "calls": [
            {"tool": "update_project", "arguments": known},
            {"tool": "schedule_meeting", "arguments": known},
            {"tool": "create_fee_schedule", "arguments": known},
        ],
    }
    with pytest.raises(RuleViolationError, match=r"has no project\.exhibit_b_total") as raised:
        body_of("{{ project.exhibit_b_total }}", project_id)
    assert raised.value.details["calls"] == [{"tool": "update_room", "arguments": {}}]
    with pytest.raises(RuleViolationError, match=r"has no project\.exhibit_b_signed") as raised:
        body_of("{{ project.exhibit_b_signed }}", project_id)
    sign = {"project_id": str(project_id), "doc_type": "exhibit_b"}
    assert raised.value.details["calls"] == [{"tool": "register_document", "arguments": sign}]


def test_final_selections_show_what_was_signed_whatever_the_rooms_come_to_now() -> None:
    project_id = new_project()
    room = add_room(project_id, name="Living", exhibit_b_amount="12000.00")
    with acting_as("user", "Maria Lopez"):
        register_document(project_id, doc_type="exhibit_b", s3_key="b.pdf")
    update_room(room["id"], exhibit_b_amount="19000.00")

    sources = ("{{ project.exhibit_b_signed }}", "{{ project.exhibit_b_total }}")
    assert [body_of(source, project_id) for source in sources] == ["$12,000.00", "$19,000.00"]
    schedule_meeting(project_id, meeting_type="ddm", scheduled_date="2199-12-30")
    (shipped,) = (one for one in list_email_templates()["items"] if one["name"] == "Final selections for approval")
    assert "the Exhibit B that you signed comes to $12,000.00." in render_email(shipped["id"], project_id=project_id)["body"]


def test_a_condition_leaves_out_what_is_not_known() -> None:
    project_id = new_project()
    source = "Hello{% if meeting.date %}, see you on {{ meeting.date }}{% endif %}."

    assert body_of(source, project_id) == "Hello."
    schedule_meeting(project_id, meeting_type="cdm", scheduled_date="2199-12-31")
    assert body_of(source, project_id) == "Hello, see you on Tuesday, December 31, 2199."


def test_a_meeting_or_fee_of_another_project_is_refused() -> None:
    full, other = Full(), new_project()

    for given in ({"meeting_id": full.meeting}, {"fee_id": full.fee}):
        (argument,) = given
        with pytest.raises(InvalidInputError, match="belongs to project") as raised:
            body_of("Hello", other, **given)
        both = f"project 'Nguyen LR/DR' ({full.project}), not to 'Nguyen LR/DR' ({other})"
        assert both in raised.value.message
        assert raised.value.details == {"arguments": [argument, "project_id"]}


@pytest.mark.parametrize("noun", ["project", "meeting", "fee", "vendor", "trade"])
def test_an_unknown_id_is_not_found(noun: str) -> None:
    given = {"project_id": new_project(), f"{noun}_id": uuid4()}

    with pytest.raises(NotFoundError, match=f"There is no {noun} .* list_{noun}s shows them all"):
        render_email("Weekly client update", **cast("dict[str, Any]", given))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean Weekly client update\?") as raised:
        render_email("Weekly update", project_id=new_project())

    assert raised.value.details == {"entity_type": "email_template", "name": "Weekly update"}


@pytest.mark.parametrize("bad", ["{{ 'a' * 10**9 }}", "{% for i in range(10**9) %}a{% endfor %}", "{{ client.email }}"])
def test_a_bad_template_that_psql_has_stored_is_refused_before_it_is_rendered(bad: str) -> None:
    made = template("B")
    one("UPDATE email_templates SET body_template = %s WHERE id = %s", (bad, made["id"]))

    with pytest.raises(InvalidInputError, match=f"Correct {made['name']} with change_email_template") as raised:
        render_email(made["id"], project_id=new_project())
    assert len(json.dumps(raised.value.to_dict())) < 2_000


def test_a_value_is_never_read_as_a_template() -> None:
    client = create_client("{{ sender.name }}{% for i in range(9) %}", email="a@example.com")
    project = create_project(client["id"], "{{ ''.__class__ }} <b>", "furnishings")["project"]

    assert body_of("{{ client.name }} {{ project.name }}", project["id"]) == (
        "{{ sender.name }}{% for i in range(9) %} {{ ''.__class__ }} <b>"
    )
