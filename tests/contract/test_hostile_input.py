"""Hostile values in every argument of every tool: only the library's own errors come out, and no row breaks a reader."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import call, db
from studio_data.contract.registry import Tool, all_tools
from studio_data.errors import InvalidInputError, StudioError, UnavailableError
from tests.examples import EXAMPLES, Practice

TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
READERS = [tool for tool in TOOLS if tool.reads]
ARGUMENTS_OF_EACH_TYPE = {
    str(kind): (tool, name) for tool in TOOLS for name, kind in tool.arguments._types.items() if name != "return"
}.values()
each_tool = pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.arguments.names], ids=lambda tool: tool.name)


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


class Text(str):
    """Text that is not quite text."""

    __slots__ = ()


# What was seen to be stored and should not be, or to come back as an error of another kind (shared lists of the field).
KNOWN = [
    float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e400"),
    Decimal("-0.00"), -0.0, 1e308, 10**400, -1, 0, 1, 5, 1.5, "1.5", "1e5", "NaN", "-1", "1,250", "٣", 2**31, 2**63, True,
    "infinity", "-infinity", "tomorrow", "now", "10000-01-01", "0044-03-15 BC", "2026-02-30", "1899-12-31", "2200-01-01",
    date(1, 1, 1), date(9999, 12, 31), datetime(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC), datetime.max,  # noqa: DTZ001, DTZ901
    "", " ", "\t\n", "\u200b", "\ufeff", "\u3164", "\ufe0f", "\x00", "a\x00b", "\ud800", "a\udfff", "\U000e0041", "a\nb",
    "\x7f", "\u2028", "x" * 201, "x" * 20_001, "'; DROP TABLE clients; --", "%s %(name)s %", "{}", "\\", "$$", "null",
    b"abc", bytearray(b"abc"), ["a"], ("a",), {"a"}, frozenset({"a"}), object(), type, len, ..., None, 1j, Text("text"),
    "{01a205b0-e064-7e8f-94d7-fa46af6bafca}", "01a205b0e0647e8f94d7fa46af6bafca", "urn:uuid:" + str(uuid4()),
    str(uuid4()), uuid4(), [str(uuid4())], str(uuid4()).upper(), "A" * 22, "-" * 22,
    {}, {"a": float("nan")}, {"a": 10**310}, {"a": {1, 2}}, {"a": Decimal(1)}, {"a": datetime(2026, 11, 23)},  # noqa: DTZ001
    {1: "a"}, {None: "a"}, {"1": 1, 1: 2}, {"": ""}, {"a": "\x00"}, {"\x00": 1}, {"a": "\ud800"}, {"a": b"b"}, {"a": ("b",)},
    nested(32), nested(33), nested(3_000), {"a": "x" * 65_530}, {"a": [1e299] * 1_000}, {"id": str(uuid4())},
    '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 10_000, "lead", "LEAD", "furnishings", "conceptual_design", "on_hold",
]  # fmt: skip
anything = st.one_of(
    st.sampled_from(KNOWN),
    st.text(max_size=20),
    st.floats(),
    st.decimals(),
    st.integers(),
    st.datetimes(),
    st.dictionaries(st.text(max_size=3), st.recursive(st.none() | st.floats() | st.text(max_size=3), st.lists), max_size=3),
)


def every_reader_answers_in_json(practice: Practice) -> None:
    for reader in READERS:
        given = json.loads(json.dumps(EXAMPLES[reader.name].arguments(practice), default=str))
        for arguments in (given, {name: given[name] for name in reader.input_schema["required"]}):
            answer = call(reader.name, arguments)
            assert "code" not in answer, answer
            json.dumps(answer, allow_nan=False)


def lines() -> int:
    return db.one("SELECT count(*) AS lines FROM activity_log")["lines"]


def is_fit_for_callers(refused: StudioError) -> None:
    assert not isinstance(refused, UnavailableError)
    assert type(refused) is not StudioError, refused
    assert len(json.dumps(refused.to_dict())) < 2_000
    assert str(refused).encode()


def attempt(tool: Tool, arguments: dict[str, Any]) -> None:
    """Let the tool take the arguments or refuse them and leave no line. An error that is not ours fails the test."""
    try:
        tool.arguments.validated((), arguments)
    except InvalidInputError as refused:  # before the tool does anything: tests/contract/test_every_tool.py holds it to that
        is_fit_for_callers(refused)
        return
    before = lines()
    try:
        with db.transaction(), EXAMPLES[tool.name].by_whom():
            tool.run((), arguments)
    except StudioError as refused:
        is_fit_for_callers(refused)
        assert lines() == before


def one_of_each_type(tool: Tool) -> list[str]:
    """Return the tool's first argument of each type: the validator is the type's, whatever the argument is called."""
    return list({str(tool.arguments._types[name]): name for name in reversed(tool.arguments.names)}.values())


@each_tool
def test_hostile_values_are_taken_or_refused_and_break_no_reader(tool: Tool) -> None:
    practice = Practice.whole()
    arguments = EXAMPLES[tool.name].arguments(practice)
    for name in one_of_each_type(tool):
        for value in KNOWN:
            attempt(tool, {**arguments, name: value})

    @given(data=st.data())
    @hypothesis_settings(deadline=None, max_examples=5)
    def feed(data: st.DataObject) -> None:
        chosen = data.draw(st.sets(st.sampled_from(tool.arguments.names), min_size=1, max_size=3))
        attempt(tool, {**arguments, **{name: data.draw(anything) for name in chosen}})

    feed()
    if not tool.reads:
        every_reader_answers_in_json(practice)


@given(value=anything)
@hypothesis_settings(deadline=None, max_examples=300)
def test_every_type_of_argument_takes_or_refuses_anything(value: object) -> None:
    for tool, name in ARGUMENTS_OF_EACH_TYPE:
        try:
            tool.arguments.validated((), {name: value})
        except InvalidInputError as refused:
            is_fit_for_callers(refused)
