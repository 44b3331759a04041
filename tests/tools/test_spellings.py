"""One thing in several spellings is one thing: what is stored, looked for and told of what is near."""

from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import call, db
from studio_data.config import settings
from studio_data.contract.phones import digits_in, digits_of
from studio_data.contract.validators import email, line
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.practice.tasks import list_tasks
from studio_data.tools.practice.trades import create_trade, list_trades
from studio_data.tools.practice.vendors import create_vendor, list_vendors
from studio_data.tools.projects import create_project
from tests.support.rows import row

SPELLINGS = [
    "+1 913 555 0142", "(913) 555-0142", "913.555.0142", "9135550142", "1-913-555-0142", "+1 (913) 555-0142 ext. 5",
    "tel:+1-913-555-0142",
]  # fmt: skip


@pytest.mark.parametrize("typed", SPELLINGS)
def test_one_phone_number_in_any_spelling_is_one(typed: str) -> None:
    first = create_client("Ann", phone=typed)
    assert first["phone"] == typed

    for number, other in enumerate(SPELLINGS, 1):
        (same,) = list_clients(search=other)["items"]
        assert same["id"] == first["id"]
        with db.transaction(rollback=True):
            again = create_client(f"Ann {number}", phone=other)
            assert [one["id"] for one in again.get("likely_duplicates", [])] == [first["id"]]
    assert list_clients(search="555-0142")["items"] != []
    assert list_clients(search="913 555 0143")["items"] == []
    assert "likely_duplicates" not in create_client("Ben", phone="+1 816 555 0142")


def test_vendors_and_trades_are_found_by_phone_and_email() -> None:
    vendor = create_vendor("Fine Sofas", contact_name="Rosa", phone="(913) 555-0142", email="rosa@example.com")
    trade = create_trade("Bob", phone="913.555.0142")

    for search in ("+1 913 555 0142", "rosa", "ROSA@example"):
        assert [one["id"] for one in list_vendors(search=search)["items"]] == [vendor["id"]]
    assert [one["id"] for one in list_trades(search="9135550142")["items"]] == [trade["id"]]


@pytest.mark.parametrize("create", [create_vendor, create_trade], ids=["vendor", "trade"])
def test_a_vendor_or_trade_who_is_there_already_is_named(create: Callable[..., dict[str, Any]]) -> None:
    first = create("Fine Sofas", email="Rosa@example.com", phone="(913) 555-0142")
    assert "likely_duplicates" not in first
    named = [{"id": first["id"], "name": "Fine Sofas"}]

    for name, more in (
        ("FINE sofas", {}), ("A", {"email": "rosa@EXAMPLE.com"}), ("B", {"phone": "+1 913.555.0142"}),
        ("C", {"phone": "9135550142 ext. 3", "email": "c@example.com"}),
    ):  # fmt: skip
        with db.transaction(rollback=True):
            assert create(name, **more)["likely_duplicates"] == named
    assert "likely_duplicates" not in create("Fine Sofa", email="r@example.com", phone="(913) 555-0143")


def test_a_number_is_of_the_practices_country_unless_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert digits_of("020 7946 0958") != "2079460958"
    monkeypatch.setenv("STUDIO_DATA_PHONE_COUNTRY", "gb")
    settings.cache_clear()

    assert digits_of("020 7946 0958") == digits_of("+44 20 7946 0958") == "2079460958"
    assert digits_of("+1 913 555 0142") == "9135550142"
    assert digits_of("ask Ann") is None
    assert digits_in("Ann 2") is None


@given(
    area=st.integers(200, 999),
    number=st.integers(2_000_000, 9_999_999),
    marks=st.lists(st.sampled_from("-. ()/"), max_size=9),
)
@hypothesis_settings(deadline=None, max_examples=100)
def test_marks_between_digits_change_no_number(area: int, number: int, marks: list[str]) -> None:
    digits = f"{area}{number}"
    typed = digits[:1] + "".join(digit + mark for digit, mark in zip(digits[1:], [*marks, *[""] * 9], strict=False))

    assert digits_of(f"+1 {typed}") == digits_of(digits) == digits


@pytest.mark.parametrize(
    "typed",
    ["Ann@Example.com,", "<Ann@Example.com>", "Ann Ortiz <Ann@Example.com>", "mailto:Ann@Example.com"],
)
def test_an_address_is_stored_without_what_is_around_it(typed: str) -> None:
    assert create_client("Ann", email=typed)["email"] == "Ann@Example.com"
    assert email(typed) == email(email(typed))


@given(text=st.text(min_size=1, max_size=20))
@hypothesis_settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_text_in_composed_and_decomposed_form_is_one(text: str) -> None:
    try:
        stored = line(text)
    except ValueError:
        return
    assert line(normalize("NFD", text)) == stored == normalize("NFC", stored)


def test_a_name_is_found_in_either_form() -> None:
    made = create_client(normalize("NFD", "Zoë Müller"))

    assert made["name"] == normalize("NFC", "Zoë Müller")
    for form in ("NFC", "NFD"):
        assert [one["id"] for one in list_clients(search=normalize(form, "müller"))["items"]] == [made["id"]]


def test_people_and_categories_are_found_in_any_case() -> None:
    vendor = create_vendor("Fine Sofas", category="furniture")
    trade = create_trade("Bob", specialty="Drapery")
    project = create_project(create_client("Ann")["id"], "LR", "mixed")["project"]
    task_id = row("project_tasks", project_id=project["id"], name="Measure", phase="construction", assigned_to="Maria")

    assert [one["id"] for one in list_vendors(category="Furniture")["items"]] == [vendor["id"]]
    assert [one["id"] for one in list_trades(specialty="drapery")["items"]] == [trade["id"]]
    assert [one["id"] for one in list_tasks(assigned_to="maria")["items"]] == [task_id]


def test_a_kind_of_thing_in_the_trail_is_found_or_named() -> None:
    client = create_client("Ann")

    for named in ("client", "clients", "Client"):
        history = call("get_history", {"entity_type": named, "entity_id": str(client["id"])})
        assert [one["action"] for one in history["items"]] == ["created"]
        assert len(call("list_activity", {"entity_type": named})["items"]) == 1
    refused = call("get_history", {"entity_type": "cleint", "entity_id": str(client["id"])})
    assert (refused["code"], refused["hint"]) == ("invalid_input", "Did you mean client?")
    assert call("list_clients", {"status": "LEAD"})["hint"] == "Did you mean lead?"
