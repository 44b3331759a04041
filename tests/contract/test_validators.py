import json
import math
from decimal import Decimal
from typing import Any, cast
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import db
from studio_data.contract import validators
from studio_data.errors import InvalidInputError
from studio_data.tools.clients import create_client

# Every example runs in the one transaction of its test: they only add rows.
each_in_the_tests_transaction = hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("constraint", "characters"),
    [
        ("visible_text_has_visible_ends", validators.INVISIBLE + validators.NEVER_FIRST),
        ("agent_sessions_session_id_is_seen", (validators.INVISIBLE + validators.NEVER_FIRST).replace(" ", "")),
        ("visible_text_keeps_its_direction", "".join(filter(validators._TURNS_DIRECTION.match, map(chr, range(0x10FFFF))))),
    ],
)
def test_the_library_and_the_database_agree_on_every_such_character(constraint: str, characters: str) -> None:
    found = db.one("SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint WHERE conname = %s", (constraint,))
    pattern = found["rule"].split("'")[1]
    refused = db.many(
        """
        SELECT code
        FROM generate_series(1, 1114111) AS code
        WHERE code NOT BETWEEN 55296 AND 57343 AND chr(code) ~ %(pattern)s
        """,
        {"pattern": pattern},
    )
    assert {chr(row["code"]) for row in refused} == set(characters) != set()


def verdict_of_library(validate: Any, value: object) -> bool:
    try:
        return validate(value) == value
    except ValueError:
        return False


def verdict_of_database(value_type: str, value: str) -> bool:
    """Whether the value type accepts the value; what psql may write is what this says."""
    found = db.one("SELECT value_type_takes(%(type)s, %(value)s) AS taken", {"type": value_type, "value": value})
    return found["taken"]


@pytest.fixture
def value_type_takes() -> None:
    """A function of the test's transaction that casts to a value type and tells whether that was refused."""
    db.one(
        """
        CREATE FUNCTION value_type_takes(value_type text, value text) RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE format('SELECT %L::%I', value, value_type);
            RETURN true;
        EXCEPTION WHEN check_violation OR data_exception OR program_limit_exceeded THEN
            RETURN false;
        END $$
        """
    )


awkward = st.sampled_from(
    [*"\t\n\r\x0b\x7f\x85\xa0 aé.@", "\u200b", "\u2028", "\u3164", "\U0001f6cb", "\ufe0f", "\u0301", "\u034f", "\U000e0041"]
)
texts = st.lists(st.one_of(awkward, st.characters(codec="utf-8", exclude_characters="\x00")), max_size=12).map("".join)
composed = texts.map(lambda text: normalize("NFC", text))


@given(text=composed)
@each_in_the_tests_transaction
def test_the_library_and_the_database_agree_on_lines_and_texts(value_type_takes: None, text: str) -> None:
    assert verdict_of_library(validators.line, text) == verdict_of_database("short_text", text)
    assert verdict_of_library(validators.text, text) == verdict_of_database("long_text", text)


@given(text=st.one_of(st.emails(), texts, texts.map(lambda text: f"a{text}@b.c"), texts.map(lambda text: f"a@b.c{text}")))
@each_in_the_tests_transaction
def test_what_the_library_takes_as_an_e_mail_address_the_database_takes_too(value_type_takes: None, text: str) -> None:
    if verdict_of_library(validators.email, text):
        assert verdict_of_database("email_address", text)


@pytest.mark.parametrize(("value_type", "longest"), [("short_text", 200), ("long_text", 20_000)])
def test_the_library_and_the_database_agree_on_lengths(value_type_takes: None, value_type: str, longest: int) -> None:
    validate = {"short_text": validators.line, "long_text": validators.text}[value_type]

    for length, fits in [(1, True), (longest, True), (longest + 1, False)]:
        assert verdict_of_library(validate, "é" * length) is verdict_of_database(value_type, "é" * length) is fits


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-0.01", "10000000000", "1e10"])
def test_the_database_refuses_amounts_that_are_none(value_type_takes: None, value: str) -> None:
    assert not verdict_of_database("dollars", value)
    assert not verdict_of_library(validators.dollars, Decimal(value))


@given(value=st.text(max_size=6))
def test_what_is_taken_for_plain_has_nothing_to_trim_or_refuse(value: str) -> None:
    if validators._is_plain(value):
        assert validators._visible(value) == value
        assert not validators._CONTROL.search(value)


@pytest.mark.parametrize("value_type", ["bounded_date", "bounded_timestamptz"])
@pytest.mark.parametrize("value", ["infinity", "-infinity", "10000-01-01", "0044-03-15 BC", "1899-12-31", "2200-01-01"])
def test_the_database_refuses_dates_that_no_reader_can_hold(value_type_takes: None, value_type: str, value: str) -> None:
    assert not verdict_of_database(value_type, value)
    assert verdict_of_database(value_type, "2026-11-22")


@given(amount=st.one_of(st.floats(), st.decimals(), st.integers()))
def test_an_amount_is_dollars_and_cents_or_an_error(amount: float | Decimal) -> None:
    try:
        dollars = validators.dollars(amount)
    except ValueError:
        return
    assert dollars.as_tuple().exponent == -2
    assert 0 <= dollars <= validators.LARGEST_AMOUNT
    assert math.isclose(float(dollars), float(amount), abs_tol=0.00500001)


# JSON -----------------------------------------------------------------------------------------------------------------

hostile_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4), st.just(10**310),
    st.sampled_from(["\x00", "\ud800", "\\u0000", "'", '"', "%s", Decimal(1), {1}, 1e308, -1e301]),
)  # fmt: skip
hostile_json = st.recursive(
    hostile_leaves,
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers(), st.none()), children, max_size=3),
    ),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text(max_size=4), hostile_json, max_size=3))
def test_a_json_document_has_no_more_bytes_than_were_counted(document: dict[object, object]) -> None:
    try:
        at_most = validators._check_json(document, validators.LARGEST_JSON)
    except ValueError:
        return
    assert len(json.dumps(document, ensure_ascii=False).encode()) <= at_most


@given(document=st.dictionaries(st.text(max_size=4), hostile_json, max_size=3))
@each_in_the_tests_transaction
def test_json_is_refused_by_the_library_or_can_be_read_back(document: dict[str, Any]) -> None:
    try:
        with db.transaction():
            client = create_client("Ann", screening_data=document)
    except InvalidInputError:
        return
    stored = db.one("SELECT screening_data FROM clients WHERE id = %s", (client["id"],))["screening_data"]
    assert same(stored, document)


def same(stored: Any, given: Any) -> bool:
    """JSON has one kind of number: 1e16 is stored as 10000000000000000 and read back as the int of that float."""
    if isinstance(given, float):
        return float(stored) == given
    if type(stored) is not type(given):
        return False
    if isinstance(given, dict):
        return stored.keys() == given.keys() and all(same(stored[key], given[key]) for key in stored)
    if isinstance(given, list):
        return len(stored) == len(cast("list[Any]", given)) and all(map(same, stored, cast("list[Any]", given)))
    return stored == given


def nested(levels: int) -> dict[str, Any]:
    document: Any = 1
    for _ in range(levels):
        document = {"a": document}
    return document


@pytest.mark.parametrize(("levels", "fits"), [(32, True), (33, False), (3_000, False)])
def test_the_library_and_the_database_agree_on_depth(value_type_takes: None, levels: int, fits: bool) -> None:  # noqa: FBT001
    text = '{"a":' * levels + "1" + "}" * levels

    assert verdict_of_database("bounded_jsonb", text) is fits
    assert verdict_of_library(validators.json_object, nested(levels)) is fits


@pytest.mark.parametrize(
    "text", ["[]", "1", "null", '{"a": 1e4400}', '{"a": -1e301}', '{"a": [{"b": 1e9999}]}', '{"a": "' + "x" * 65_536 + '"}']
)
def test_the_database_refuses_json_that_a_reader_cannot_hold(value_type_takes: None, text: str) -> None:
    assert not verdict_of_database("bounded_jsonb", text)


def test_a_document_that_shares_its_parts_is_measured_in_bounded_time() -> None:
    document: Any = {}
    for _ in range(30):
        document = {"a": document, "b": document, "c": document}

    with pytest.raises(ValueError, match="at most 65,536 bytes"):
        validators.json_object(document)


def test_a_document_that_contains_itself_is_refused() -> None:
    document: dict[str, Any] = {}
    document["self"] = document

    with pytest.raises(ValueError, match="at most 32 levels"):
        validators.json_object(document)


def test_what_json_would_merge_is_refused() -> None:
    assert len(json.loads(json.dumps({"1": "a", 1: "b"}))) == 1
    with pytest.raises(ValueError, match="text as every key"):
        validators.json_object({"1": "a", 1: "b"})
