"""The types of tool arguments: what a value may be before any SQL sees it.

The domains of ``001_initial_schema.sql`` hold the same rules for every other writer; ``tests/test_fields.py`` compares both
character by character. The messages end the sentence that begins with the argument's name.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import PlainValidator

from studio_data.errors import InvalidInputError, did_you_mean
from studio_data.lifecycles import ProjectType

LONGEST_LINE = 200
LONGEST_TEXT = 20_000
LONGEST_QUOTE = 60
LARGEST_AMOUNT = Decimal("9999999999.99")
CENT = Decimal("0.01")
LARGEST_JSON = 65_536
DEEPEST_JSON = 32
LARGEST_JSON_NUMBER = 1e300


def _characters(*ranges: tuple[int, int]) -> str:
    return "".join(chr(code) for first, last in ranges for code in range(first, last + 1))


# Spaces, control characters and what shows nothing (zero-width characters, Hangul fillers, the blank Braille pattern): no
# text of the practice begins or ends with one of these.
INVISIBLE = _characters(
    (0x01, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x115F, 0x1160), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200F),
    (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
)  # fmt: skip

# What changes the character before it (joiners, variation selectors, tags) or only formats: it may end a text, as the last
# part of an emoji does, but a text that begins with it has nothing there to see.
NEVER_FIRST = _characters(
    (0x34F, 0x34F), (0x61C, 0x61C), (0x17B4, 0x17B5), (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xFFF9, 0xFFFB),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,2})?")


# Text -----------------------------------------------------------------------------------------------------------------


def _visible(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_kind(value)}")
    if _NOT_STORABLE.search(value):
        raise ValueError("must not contain NUL or half a surrogate pair")
    trimmed = value.lstrip(INVISIBLE + NEVER_FIRST).rstrip(INVISIBLE)
    if not trimmed:
        raise ValueError("must not be empty or blank")
    return trimmed


def line(value: object) -> str:
    """Return one visible line, trimmed. Raises ``ValueError`` with the end of a sentence that begins with a name."""
    trimmed = _visible(value)
    if len(trimmed) > LONGEST_LINE:
        raise ValueError(f"must have at most {LONGEST_LINE} characters, not {len(trimmed)}")
    if _CONTROL.search(trimmed):
        raise ValueError("must be one line without control characters")
    return trimmed


def _text(value: object) -> str:
    text = _visible(value)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"must have at most {LONGEST_TEXT:,} characters, not {len(text):,}")
    if _CONTROL_BUT_LINES.search(text):
        raise ValueError("must not contain control characters other than line breaks and tabs")
    return text


def _email(value: object) -> str:
    email = line(value)
    if not _EMAIL.fullmatch(email):
        raise ValueError("must be an e-mail address like name@example.com")
    return email


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


# Ids, money -----------------------------------------------------------------------------------------------------------


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise ValueError("must be an id like 01a205b0-e064-7e8f-94d7-fa46af6bafca")


def _dollars(value: object) -> Decimal:
    """Return dollars and cents. A float is rounded half-even from the digits it prints, since those were meant."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"must be an amount in dollars, not {_kind(value)}")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError('must be an amount in dollars, written like "1250.00"')
    amount = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite():
        raise ValueError("must be a finite amount in dollars")
    if amount < 0:
        raise ValueError("must not be negative")
    if amount > LARGEST_AMOUNT:
        raise ValueError(f"must be at most {LARGEST_AMOUNT:,} dollars")
    cents = amount.quantize(CENT, ROUND_HALF_EVEN, Context(prec=28))
    if isinstance(value, Decimal) and cents != amount:
        raise ValueError("must have at most two decimal places")
    return cents


# Enums ----------------------------------------------------------------------------------------------------------------


class UnknownMemberError(ValueError):
    """The value is none of an enum's; ``hint`` may name the one that was meant."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


def member_of[E: StrEnum](enum: type[E]) -> Callable[[object], E]:
    """Return a validator that takes a member of the enum, or its string."""
    known = [member.value for member in enum]
    expected = f"{', '.join(known[:-1])} or {known[-1]}"

    def member(value: object) -> E:
        if isinstance(value, str) and value in known:
            return enum(value)
        # Only text is quoted: anything else may be huge, or nested too deep to print.
        given = repr(value[:LONGEST_QUOTE]) if isinstance(value, str) else _kind(value)
        raise UnknownMemberError(f"must be {expected}, not {given}", did_you_mean(given, known))

    return member


# JSON -----------------------------------------------------------------------------------------------------------------


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, not {_kind(value)}")
    _check_json(cast("dict[object, object]", value))
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > LARGEST_JSON:
        raise ValueError(f"must have at most {LARGEST_JSON:,} bytes as JSON, not {size:,}")
    return cast("dict[str, Any]", value)


def _check_json(document: dict[object, object]) -> None:
    """Walk without recursion: the depth is the caller's to choose. Every node takes a byte, so the size bounds the walk."""
    waiting: list[tuple[object, int]] = [(document, 0)]
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > DEEPEST_JSON:
            raise ValueError(f"must be nested at most {DEEPEST_JSON} levels deep")
        if nodes > LARGEST_JSON:
            raise ValueError(f"must have at most {LARGEST_JSON:,} bytes as JSON")
        if isinstance(node, dict):
            for key, child in cast("dict[object, object]", node).items():
                if not isinstance(key, str):
                    raise ValueError(f"must have text as every key, not {_kind(key)}")
                waiting.append((key, depth))
                waiting.append((child, depth + 1))
        elif isinstance(node, list):
            waiting.extend((child, depth + 1) for child in cast("list[object]", node))
        else:
            _check_json_leaf(node)


def _check_json_leaf(node: object) -> None:
    if isinstance(node, str):
        if _NOT_STORABLE.search(node):
            raise ValueError("must not contain NUL or half a surrogate pair")
    elif isinstance(node, float):
        if not isfinite(node):
            raise ValueError("must not contain NaN or infinity")
        if abs(node) > LARGEST_JSON_NUMBER:
            raise ValueError("must not contain numbers beyond 1e300")
    elif isinstance(node, int):
        if abs(node) > LARGEST_JSON_NUMBER:
            raise ValueError("must not contain numbers beyond 1e300")
    elif node is not None:
        raise ValueError(f"must contain JSON values only, not {_kind(node)}")


def checked[T](name: str, validate: Callable[[object], T], value: object) -> T:
    """Validate an argument of a function that is no tool. Raises ``InvalidInputError``."""
    try:
        return validate(value)
    except ValueError as error:
        raise InvalidInputError(
            f"{name} {error}.", hint=getattr(error, "hint", None), details={"arguments": [name]}
        ) from None


# The types ------------------------------------------------------------------------------------------------------------

Line = Annotated[str, PlainValidator(line)]
"""A name, a phone number, an address: one visible line of at most 200 characters. Surrounding blanks are dropped."""

Text = Annotated[str, PlainValidator(_text)]
"""Notes: lines and tabs, at most 20,000 characters. Surrounding blanks are dropped."""

Email = Annotated[str, PlainValidator(_email)]
"""An e-mail address, as it is written."""

EntityId = Annotated[UUID | str, PlainValidator(_uuid)]
"""The id of a row: a UUID, or its text with dashes."""

Money = Annotated[Decimal | float | str, PlainValidator(_dollars)]
"""Dollars from 0 to 9,999,999,999.99. Floats are rounded half-even to cents; more places in a Decimal are refused."""

JsonObject = Annotated[Mapping[str, Any], PlainValidator(_json_object)]
"""A JSON object of at most 64 kB and 32 levels."""

ProjectTypeName = Annotated[ProjectType | str, PlainValidator(member_of(ProjectType))]
"""A type of project, or its string."""
