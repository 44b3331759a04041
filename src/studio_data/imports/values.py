"""Values of another system as the tools take them: times, truths and JSON in whatever form a file holds them.

A reader returns None for what is not given: NULL, or no text. It raises ``ValueError`` with the end of a sentence that
begins with the column's name.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from studio_data.contract.json_values import json_object_from
from studio_data.contract.validators import LONGEST_QUOTE
from studio_data.errors import InvalidInputError

type Reader = Callable[[Any], Any]

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=1)
"""A clock may be wrong by hours, and a time without a zone by its zone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_JULIAN_DAYS = 2_440_587.5
_MILLISECONDS_OF_A_DAY = 86_400_000
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII | re.IGNORECASE
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{0,20})?", re.ASCII)


class NotText(bytes):
    """Text of a source that is not UTF-8."""


def converted(values: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return what is given of these columns, each value as its reader returns it.

    Raises ``InvalidInputError`` that says of every column that cannot be read why.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for column, reader in readers.items():
        value = values.get(column)
        if isinstance(value, NotText):
            problems.append(f"{column} must be text in UTF-8, not {quoted(value)}")
            continue
        try:
            read = reader(value)
        except ValueError as error:
            problems.append(f"{column} {error}")
        else:
            if read is not None:
                found[column] = read
    if problems:
        raise InvalidInputError("; ".join(problems) + ".")
    return found


def quoted(value: object) -> str:
    """Return a value as a refusal names it."""
    if isinstance(value, bytes) and not isinstance(value, NotText):
        return f"a blob of {len(value):,} bytes"
    return repr(value[:LONGEST_QUOTE] if isinstance(value, str | bytes) else value)


def unchanged(value: Any) -> Any:  # noqa: ANN401 (what a file holds)
    """Return a value as it is, for the tool to check."""
    return value


def given(value: Any) -> Any:  # noqa: ANN401
    """Return a value as it is, and empty text as not given."""
    return None if value == "" else value


def identifier(value: object) -> str | None:
    """Return a key or an id as text, unchanged: SQLite may hold 7 where another table has '7'."""
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int | str):
        raise ValueError(f"must be text or a whole number, not {quoted(value)}")
    return str(value)


def truth(value: object) -> bool | None:
    """Return a truth: 0 or 1, or a word."""
    match value.lower() if isinstance(value, str) else value:
        case None | "":
            return None
        case 0 | "0" | "false":
            return False
        case 1 | "1" | "true":
            return True
        case _:
            raise ValueError(f"must be true or false, not {quoted(value)}")


def json_object(value: object) -> dict[str, Any] | None:
    """Return a JSON object out of its text. The text ``null`` is not given, as some writers store it."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "null"}):
        return None
    if not isinstance(value, str):
        raise ValueError(f"must be a JSON object, not {quoted(value)}")
    return json_object_from(value)


def moment(value: object) -> datetime | None:
    """Return a time in UTC, from any form that can mean only one: each value is told by its own type and size.

    ISO 8601 with or without a zone (then UTC, as SQLite means it), with or without its dashes and colons; seconds or
    milliseconds since 1970; Julian days; and the text of such a number. Refused are other forms, a time before 1990, and one
    more than a day ahead.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    try:
        read = _from_text(value) if isinstance(value, str) else _from_number(value)
    except (ValueError, OverflowError):
        read = None
    if read is None:
        raise ValueError(f"must be a time like 2026-11-23T16:00:00+00:00, not {quoted(value)}")
    if not EARLIEST <= read <= datetime.now(UTC) + LATEST_AHEAD:
        raise ValueError(f"must be a time from 1990 to now, and {quoted(value)} is {read.replace(tzinfo=None)}")
    return read.astimezone(UTC)


def _from_text(text: str) -> datetime | None:
    if _ISO.fullmatch(text):
        read = datetime.fromisoformat(text.upper())
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    if _NUMBER.fullmatch(text):
        return _from_number(float(text) if "." in text else int(text))
    return _from_compact(text)


def _from_number(number: object) -> datetime | None:
    """Read a number by its size: in the years since 1990 no form reaches into the range of another."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    if isinstance(number, int) and (compact := _from_compact(str(number))):
        return compact
    if 2_400_000 <= number < 2_600_000:  # noqa: PLR2004 (the years 1858 to 2406)
        return _EPOCH + timedelta(milliseconds=round((number - _EPOCH_IN_JULIAN_DAYS) * _MILLISECONDS_OF_A_DAY))
    if 10**8 <= number < 10**10:
        return _EPOCH + timedelta(seconds=number)
    if 10**11 <= number < 10**13:
        return _EPOCH + timedelta(milliseconds=number)
    return None


def _from_compact(text: str) -> datetime | None:
    """Read a date, or date and time, without dashes and colons."""
    found = _COMPACT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    return _from_text(f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second}{zone or ''}" if hour else ""))
