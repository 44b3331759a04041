"""Hostile values in the arguments of the tools: only the library's own errors come out, and no row breaks a reader.

A validator belongs to a type, so each type is fed every value; each tool is then held to the types of its arguments, and is
run with what they take: every value that a type takes is written by some tool.
"""

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio_data import call, db
from studio_data.contract.registry import Tool, all_tools
from studio_data.errors import InvalidInputError, StudioError, UnavailableError
from tests.examples import EXAMPLES, Practice, by_whom

TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
READERS = [tool for tool in TOOLS if tool.reads]
ARGUMENTS_OF_TYPE: dict[str, list[tuple[Tool, str]]] = defaultdict(list)
"""The validator is the type's, whatever the argument is called."""

for _tool in TOOLS:
    for _name in _tool.arguments.names:
        ARGUMENTS_OF_TYPE[str(_tool.arguments._types[_name])].append((_tool, _name))


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


def is_fit_for_callers(refused: StudioError) -> None:
    assert not isinstance(refused, UnavailableError)
    assert type(refused) is not StudioError, refused
    assert len(json.dumps(refused.to_dict())) < 2_000
    assert str(refused).encode()


def takes(tool: Tool, name: str, value: object) -> bool:
    """Tell whether the tool takes the value as that argument, whatever it says of the others."""
    try:
        tool.arguments.validated((), {name: value})
    except InvalidInputError as refused:
        is_fit_for_callers(refused)
        return name not in refused.details["arguments"]
    return True


# By type --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ARGUMENTS_OF_TYPE, ids=lambda kind: kind[:40])
def test_every_argument_of_a_type_takes_and_refuses_the_same(kind: str) -> None:
    (tool, name), *others = ARGUMENTS_OF_TYPE[kind]
    taken = [takes(tool, name, value) for value in KNOWN]

    assert not all(taken)
    for number in {taken.index(verdict) for verdict in set(taken)}:
        for other, argument in others:
            assert takes(other, argument, KNOWN[number]) == taken[number], (other.name, argument, KNOWN[number])


@given(value=anything)
@hypothesis_settings(deadline=None, max_examples=200)
def test_every_type_of_argument_takes_or_refuses_anything(value: object) -> None:
    for (tool, name), *_ in ARGUMENTS_OF_TYPE.values():
        takes(tool, name, value)


# By tool --------------------------------------------------------------------------------------------------------------


HALTS = {"churn_client", "hold_project", "merge_clients", "reopen_client", "resume_project"}
"""Tools after which the practice's only project waits, and the other examples would be refused."""


def lines() -> int:
    return db.one("SELECT count(*) AS lines FROM activity_log")["lines"]


def attempt(tool: Tool, arguments: dict[str, Any]) -> None:
    """Let the tool take the arguments or refuse them and leave no line. An error that is not ours fails the test."""
    before = lines()
    try:
        with db.transaction(), by_whom(tool):
            tool.run((), arguments)
    except StudioError as refused:
        is_fit_for_callers(refused)
        assert lines() == before, tool.name


def length(value: object) -> int:
    """Return how long a value is when it is written; what is too deep to be written is not the longest."""
    try:
        return len(repr(value))
    except RecursionError:
        return 0


def shares() -> dict[str, list[tuple[str, object]]]:
    """Return which hostile values each tool is run with, and as which argument.

    The tools that take a type share the values that it takes. Each gets the longest too, since a column may be narrower.
    """
    given: dict[str, list[tuple[str, object]]] = defaultdict(list)
    for arguments in ARGUMENTS_OF_TYPE.values():
        taken = [value for value in KNOWN if takes(*arguments[0], value)]
        for users in ([one for one in arguments if not one[0].reads], [one for one in arguments if one[0].reads]):
            for number, (tool, name) in enumerate(users):
                longest = sorted(taken, key=length)[-1:]
                given[tool.name] += [(name, value) for value in (taken[number :: len(users)] or taken[:1]) + longest]
    return given


def prepared(tool: Tool, practice: Practice) -> dict[str, Any]:
    """Make what the tool's example needs: in a project of its own where an earlier tool has moved on what it needs."""
    example = EXAMPLES[tool.name]
    try:
        with db.transaction():
            return example.arguments(practice)
    except (StudioError, psycopg.Error):
        return example.arguments(Practice())


def every_reader_answers_in_json(practice: Practice) -> None:
    for reader in READERS:
        example = json.loads(json.dumps(EXAMPLES[reader.name].arguments(practice), default=str))
        required = {name: example[name] for name in reader.input_schema["required"]}
        for arguments in (example, required | ({"limit": 500} if "limit" in reader.arguments.names else {})):
            answer = call(reader.name, arguments)
            while answer.get("next"):
                answer = call(reader.name, arguments | {"after": answer["next"]})
            assert "code" not in answer, (reader.name, answer)
            json.dumps(answer, allow_nan=False)


def test_what_a_type_takes_a_tool_takes_or_refuses_and_breaks_no_reader() -> None:
    practice = Practice.whole()
    share = shares()
    for tool in TOOLS:
        with db.transaction(rollback=tool.name in HALTS):
            arguments = prepared(tool, practice)
            for name, value in share[tool.name]:
                attempt(tool, {**arguments, name: value})

    every_reader_answers_in_json(practice)


@given(data=st.data())
@hypothesis_settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_hostile_values_at_once_are_taken_or_refused(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from([tool for tool in TOOLS if tool.arguments.names]))
    chosen = data.draw(st.sets(st.sampled_from(tool.arguments.names), min_size=1, max_size=3))
    with db.transaction(rollback=True):
        arguments = EXAMPLES[tool.name].arguments(Practice())
        attempt(tool, {**arguments, **{name: data.draw(anything) for name in chosen}})
