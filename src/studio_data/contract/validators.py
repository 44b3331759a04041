"""The checks of values before any SQL runs.

The value types (SQL domains) of ``001_initial_schema.sql`` hold the same rules for every other writer.
``tests/contract/test_validators.py`` compares both character by character. A message ends the sentence that begins with
the argument's name.
"""

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from ipaddress import ip_address
from math import isfinite
from typing import Any, cast
from unicodedata import normalize
from uuid import UUID

from studio_data.errors import InvalidInputError, did_you_mean

LONGEST_LINE = 200
LONGEST_KEY = 255
LONGEST_TEXT = 20_000
LONGEST_QUOTE = 60
LONGEST_STORAGE_KEY = 1_024
FIRST_YEAR, LAST_YEAR = 1900, 2199
LARGEST_AMOUNT = Decimal("9999999999.99")
CENT = Decimal("0.01")
LARGEST_JSON = 65_536
MOST_BYTES_OF_A_CHARACTER = 6  # \u0001
MOST_BYTES_OF_A_NUMBER = 310  # 1e300 as an integer
MOST_BYTES_AROUND_A_NODE = 6  # its quotes, or brackets, and ": " or ", "
DEEPEST_JSON = 32
LARGEST_JSON_NUMBER = 1e300
LARGEST_PAGE = 500


def _characters(*ranges: tuple[int, int]) -> str:
    return "".join(chr(code) for first, last in ranges for code in range(first, last + 1))


# Spaces, control characters and invisible characters (zero-width characters, Hangul fillers, the blank Braille pattern): no
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

_UNSEEN = re.compile(f"[{re.escape((INVISIBLE + NEVER_FIRST).replace(' ', ''))}]")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")
_TURNS_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_LINES = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_AROUND_EMAIL = re.compile(r"^(?:mailto:|[^<>]*<)?\s*([^<>\s]+?)\s*>?[\s,;.]*$", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,2})?")


# Text -----------------------------------------------------------------------------------------------------------------


def _is_plain(value: object) -> bool:
    """Tell quickly whether a value needs neither trimming nor refusal; almost every given value passes.

    A printable character of ASCII is neither a control character nor a part of another. Both ends are checked for blanks.
    """
    if type(value) is not str or not (value.isascii() and value.isprintable()):
        return False
    return "!" <= value[:1] <= "~" and "!" <= value[-1:] <= "~"


def _visible(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {kind(value)}")
    if _NOT_STORABLE.search(value):
        raise ValueError("must not contain NUL or half a surrogate pair")
    # A letter and its accent in one character or in two are the same text.
    trimmed = normalize("NFC", value).lstrip(INVISIBLE + NEVER_FIRST).rstrip(INVISIBLE)
    if not trimmed:
        raise ValueError("must not be empty or blank")
    if _TURNS_DIRECTION.search(trimmed):
        raise ValueError("must not have characters that turn the direction of text")
    return trimmed


def line(value: object, longest: int = LONGEST_LINE) -> str:
    """Return one visible line, trimmed. Raises ``ValueError`` with the end of a sentence that begins with a name."""
    if _is_plain(value) and len(cast("str", value)) <= longest:
        return cast("str", value)
    trimmed = _visible(value)
    if len(trimmed) > longest:
        raise ValueError(f"must have at most {longest} characters, not {len(trimmed)}")
    if _CONTROL.search(trimmed):
        raise ValueError("must be one line without control characters")
    return trimmed


def key_line(value: object) -> str:
    """Return a call's key unchanged: a trimmed key could be the key of another call."""
    key = line(value, LONGEST_KEY)
    if key != value:
        raise ValueError("must not begin or end with blanks")
    return seen(key)


def seen(key: str) -> str:
    """Return a key in which every character shows: two keys that look alike would be two."""
    unseen = _UNSEEN.search(key)
    if unseen is not None:
        raise ValueError(f"must not have invisible characters, such as U+{ord(unseen[0]):04X}")
    return key


def is_id(text: str) -> bool:
    """Tell whether text has the form of an id."""
    return bool(_UUID.fullmatch(text))


def text(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return trimmed lines of visible text."""
    trimmed = _visible(value)
    if len(trimmed) > longest:
        raise ValueError(f"must have at most {longest:,} characters, not {len(trimmed):,}")
    if _CONTROL_BUT_LINES.search(trimmed):
        raise ValueError("must not contain control characters other than line breaks and tabs")
    return trimmed


def email(value: object) -> str:
    """Return an e-mail address as it is written, without what mail programs put around it: ``Ann <ann@example.com>,``."""
    address = line(value)
    address = _AROUND_EMAIL.sub(r"\1", address)
    if not _EMAIL.fullmatch(address):
        raise ValueError("must be an e-mail address like name@example.com")
    return address


def network_address(value: object) -> str:
    """Return an IP address in its usual form."""
    try:
        return str(ip_address(line(value)))
    except ValueError:
        raise ValueError("must be an IP address like 192.0.2.7") from None


def storage_key(value: object) -> str:
    """Return the key of an object in the practice's file store."""
    key = _visible(value)
    if len(key.encode()) > LONGEST_STORAGE_KEY:
        raise ValueError(f"must have at most {LONGEST_STORAGE_KEY:,} bytes, not {len(key.encode()):,}")
    if _CONTROL.search(key):
        raise ValueError("must be one line without control characters")
    return key


def kind(value: object) -> str:
    """Return what a value is, in a word, for a sentence that refuses it."""
    return "nothing" if value is None else type(value).__name__


# Ids, numbers, dates ------------------------------------------------------------------------------------------------------


def entity_id(value: object) -> UUID:
    """Return an id."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    if isinstance(value, dict) and "id" in value:
        raise ValueError('must be an id, not a whole row: give its "id"')
    raise ValueError("must be an id like 01a205b0-e064-7e8f-94d7-fa46af6bafca")


def id_or_name(value: object) -> UUID | str:
    """Return an id, or a name."""
    if isinstance(value, UUID) or (isinstance(value, str) and _UUID.fullmatch(value)):
        return entity_id(value)
    return line(value)


def dollars(value: object) -> Decimal:
    """Return dollars and cents. A float is rounded half-even from its printed digits, since the caller meant those."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"must be an amount in dollars, not {kind(value)}")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError('must be an amount in dollars, written like "1250.00"')
    amount = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite():
        raise ValueError("must be a finite amount in dollars")
    if amount < 0:
        raise ValueError("must not be negative")
    if amount > LARGEST_AMOUNT:
        raise ValueError(f"must be at most {LARGEST_AMOUNT:,} dollars")
    cents = abs(amount.quantize(CENT, ROUND_HALF_EVEN, Context(prec=28)))  # abs: -0.00 is 0.00
    if isinstance(value, Decimal) and cents != amount:
        raise ValueError("must have at most two decimal places")
    return cents


def whole_number(first: int, last: int) -> Callable[[object], int]:
    """Return a validator of whole numbers in a range."""

    def number(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one kind of number, and 2.0 is a whole one.
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number, not {kind(value)}")
        if not first <= value <= last:
            raise ValueError(f"must be between {first:,} and {last:,}")
        return int(value)

    return number


def truth(value: object) -> bool:
    """Return True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {kind(value)}")
    return value


def day(value: object) -> date:
    """Return a date."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise NotADayError("must be a date that exists") from None
    if isinstance(value, datetime) or (isinstance(value, str) and _DAY.match(value)):
        raise NotADayError(f"must be a date without a time, like {str(value)[:10]}")
    if not isinstance(value, date):
        raise NotADayError("must be a date like 2026-11-23")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise NotADayError(f"must be a date in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


class NotADayError(ValueError):
    """The value is no day or time that can be. Whoever gave it may not know what day it is."""


# Pages ----------------------------------------------------------------------------------------------------------------


def searched(value: object) -> str | None:
    """Return text to look for, as stored text is written; None for what nobody can see."""
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {kind(value)}")
    composed = normalize("NFC", _CONTROL.sub(" ", _NOT_STORABLE.sub(" ", value)))
    return composed.lstrip(INVISIBLE + NEVER_FIRST).rstrip(INVISIBLE) or None


def field_names(value: object) -> list[str]:
    """Return the names of fields, from a list or from text with commas. The page refuses those that it does not have."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    if isinstance(value, list) and all(isinstance(name, str) for name in cast("list[object]", value)):
        return cast("list[str]", value)
    raise ValueError("must be names with commas between them, or *")


# Enums ----------------------------------------------------------------------------------------------------------------


class UnknownMemberError(ValueError):
    """The value is not in the enum. ``hint`` may name the nearest member."""

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
        given = repr(value[:LONGEST_QUOTE]) if isinstance(value, str) else kind(value)
        raise UnknownMemberError(f"must be {expected}, not {given}", did_you_mean(given, known))

    return member


# JSON -----------------------------------------------------------------------------------------------------------------


def json_object(value: object, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """Return a JSON object that Postgres can store and every reader can hold."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, not {kind(value)}")
    if _check_json(cast("dict[object, object]", value), largest) > largest:
        size = len(json.dumps(value, ensure_ascii=False).encode())
        if size > largest:
            raise ValueError(f"must have at most {largest:,} bytes as JSON, not {size:,}")
    return cast("dict[str, Any]", value)


def _check_json(document: dict[object, object], largest: int) -> int:
    """Check every node, and return an upper bound of the document's size as JSON in bytes.

    It does not recurse, since the caller chooses the depth. Every node counts at least one byte, so the size limits the
    loop.
    """
    waiting: list[tuple[object, int]] = [(document, 0)]
    nodes = at_most = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > DEEPEST_JSON:
            raise ValueError(f"must be nested at most {DEEPEST_JSON} levels deep")
        if nodes > largest:
            raise ValueError(f"must have at most {largest:,} bytes as JSON")
        if isinstance(node, str):
            if not node.isprintable() and _NOT_STORABLE.search(node):
                raise ValueError("must not contain NUL or half a surrogate pair")
            at_most += MOST_BYTES_OF_A_CHARACTER * len(node)
        elif isinstance(node, dict):
            for key, child in cast("dict[object, object]", node).items():
                if not isinstance(key, str):
                    raise ValueError(f"must have text as every key, not {kind(key)}")
                waiting.append((key, depth))
                waiting.append((child, depth + 1))
        elif isinstance(node, list):
            waiting.extend((child, depth + 1) for child in cast("list[object]", node))
        else:
            _check_json_leaf(node)
            at_most += MOST_BYTES_OF_A_NUMBER
    return at_most + MOST_BYTES_AROUND_A_NODE * nodes


def _check_json_leaf(node: object) -> None:
    if isinstance(node, float):
        if not isfinite(node):
            raise ValueError("must not contain NaN or infinity")
        if abs(node) > LARGEST_JSON_NUMBER:
            raise ValueError("must not contain numbers beyond 1e300")
    elif isinstance(node, int):
        if abs(node) > LARGEST_JSON_NUMBER:
            raise ValueError("must not contain numbers beyond 1e300")
    elif node is not None:
        raise ValueError(f"must contain JSON values only, not {kind(node)}")


def checked[T](name: str, validate: Callable[[object], T], value: object) -> T:
    """Validate an argument of a function that is not a tool. Raises ``InvalidInputError``."""
    try:
        return validate(value)
    except ValueError as error:
        raise InvalidInputError(
            f"{name} {error}.", hint=getattr(error, "hint", None), details={"arguments": [name]}
        ) from None
