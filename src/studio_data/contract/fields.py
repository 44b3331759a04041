"""The types of tool arguments: what a caller may give, how it is checked, and what a model is told of it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainValidator, WithJsonSchema

from studio_data.contract import cursors, reports, validators

ONE_LINE, VISIBLE = r"^.*\S.*$", r"\S"
"""Patterns of JSON schemas. ``.`` matches no line break, and ``\\S`` something visible."""

IN_RANGE = "^(19|2[01])"
"""The pattern of dates in the years that are taken."""


def short_text(longest: int = validators.LONGEST_LINE) -> WithJsonSchema:
    """Return the JSON schema of one visible line."""
    return WithJsonSchema({"type": "string", "maxLength": longest, "pattern": ONE_LINE})


def long_text(longest: int = validators.LONGEST_TEXT) -> WithJsonSchema:
    """Return the JSON schema of visible lines."""
    return WithJsonSchema({"type": "string", "maxLength": longest, "pattern": VISIBLE})


type Line = Annotated[str, PlainValidator(validators.line), short_text()]
"""One visible line of at most 200 characters. Surrounding blanks are dropped."""

type Name = Annotated[str, PlainValidator(validators.line), short_text()]
"""What somebody or something is called: a line."""

type Text = Annotated[str, PlainValidator(validators.text), long_text()]
"""Notes: lines and tabs, at most 20,000 characters. Surrounding blanks are dropped."""

type Email = Annotated[
    str,
    PlainValidator(validators.email),
    WithJsonSchema(
        {
            "type": "string",
            "format": "email",
            "maxLength": validators.LONGEST_LINE,
            "pattern": r"^[^@\s<>]+@[^@\s.,;<>]+(\.[^@\s.,;<>]+)+$",
        }
    ),
]
"""An e-mail address, as it is written."""

type EntityId = Annotated[
    UUID | str, PlainValidator(validators.entity_id), WithJsonSchema({"type": "string", "format": "uuid"})
]
"""The id of a row: a UUID, or its text with dashes."""

type Money = Annotated[
    Decimal | float | str,
    PlainValidator(validators.dollars),
    WithJsonSchema({"type": "string", "description": 'dollars, like "1250.00"', "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"}),
]
"""Dollars from 0 to 9,999,999,999.99. Floats are rounded half-even to cents; more places in a Decimal are refused."""

type JsonObject = Annotated[
    Mapping[str, Any],
    PlainValidator(validators.json_object),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A JSON object of at most 64 kB and 32 levels."""


# A report of what has already happened is cleaned and cut where another argument is refused; see ``reports``.
type ReportedText = Annotated[str, PlainValidator(reports.text), WithJsonSchema({"type": "string"})]
"""Notes on what has happened: like ``Text``, without control characters, and cut to 20,000 characters; may be empty."""

type ReportedContent = Annotated[
    str, PlainValidator(reports.content), WithJsonSchema({"type": "string", "pattern": VISIBLE})
]
"""Like ``ReportedText``, and not empty."""

type ReportedLine = Annotated[str, PlainValidator(reports.line), WithJsonSchema({"type": "string", "pattern": VISIBLE})]
"""A line on what has happened: like ``Line``, with blanks for line breaks, and cut to 200 characters."""

type ReportedObject = Annotated[
    Mapping[str, Any],
    PlainValidator(reports.json_object),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""Details of what has happened: like ``JsonObject``, with text for what is no JSON, and cut to 64 kB and 32 levels."""

type Day = Annotated[
    date | str, PlainValidator(validators.day), WithJsonSchema({"type": "string", "format": "date", "pattern": IN_RANGE})
]
"""A date in the years 1900 to 2199, or its text like 2026-11-23."""

type StorageKey = Annotated[str, PlainValidator(validators.storage_key), short_text(validators.LONGEST_STORAGE_KEY)]
"""The key of an object in the practice's file store: one line of at most 1,024 bytes."""

type IdOrName = Annotated[
    UUID | str,
    PlainValidator(validators.id_or_name),
    WithJsonSchema({"type": "string", "description": "its id, or its name", "maxLength": 200, "pattern": ONE_LINE}),
]
"""The id of a row, or the name that only one row has."""

type Truth = Annotated[bool, PlainValidator(validators.truth), WithJsonSchema({"type": "boolean"})]
"""True or False."""


def between(first: int, last: int) -> tuple[PlainValidator, WithJsonSchema]:
    """Return what makes ``Annotated[int, *between(…)]`` take whole numbers in a range."""
    schema = {"type": "integer", "minimum": first, "maximum": last}
    return PlainValidator(validators.whole_number(first, last)), WithJsonSchema(schema)


type Limit = Annotated[
    int,
    PlainValidator(validators.whole_number(1, validators.LARGEST_PAGE)),
    WithJsonSchema({"type": "integer", "description": "page size", "minimum": 1, "maximum": validators.LARGEST_PAGE}),
]
"""How many items a page has at most: 1 to 500."""

type Search = Annotated[str, PlainValidator(validators.searched), WithJsonSchema({"type": "string"})]
"""Text that is looked for in any case. Any text may be: blank text looks for nothing."""

type Cursor = Annotated[
    str,
    PlainValidator(cursors.cursor),
    WithJsonSchema({"type": "string", "description": "the last page's next", "pattern": "^[A-Za-z0-9_-]{22}$"}),
]
"""Where a page begins: the ``next`` of the page before."""

# The schema does not name the fields: a role has more than twenty lists, and each name costs tokens. The refusal names them.
type Fields = Annotated[list[str] | str, PlainValidator(validators.field_names), WithJsonSchema({"type": "string"})]
"""The fields that each item of a page has beside its id, as ``name,status`` or a list; ``*`` for all."""

type TrailCursor = Annotated[
    cursors.TrailPlace | str,
    PlainValidator(cursors.trail_cursor),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{32}$"}),
]
"""How far somebody has followed the audit trail: the ``cursor`` of the answer before."""


def choice(enum: type[StrEnum]) -> tuple[PlainValidator, WithJsonSchema]:
    """Return what makes ``Annotated[Enum | str, *choice(Enum)]`` take a member of the enum, or its string."""
    schema = {"type": "string", "enum": [member.value for member in enum]}
    return PlainValidator(validators.member_of(enum)), WithJsonSchema(schema)


# What the value types of the migrations refuse. The tools check first; these sentences are for what only the database can
# see, such as a number that is short in JSON and long in Postgres.
REFUSALS = {
    "visible_text_keeps_its_direction": "text must not have characters that turn its direction",
    "visible_text_has_visible_ends": "text must not be empty, blank or padded with invisible characters",
    "short_text_is_one_line": "text must be one line of at most 200 characters without control characters",
    "long_text_is_plain_text": "text must have at most 20,000 characters and no control characters",
    "email_address_has_one_at": "an e-mail address looks like name@example.com",
    "storage_key_fits": "a storage key has at most 1,024 bytes",
    "dollars_are_finite_and_not_negative": "an amount is between 0 and 9,999,999,999.99 dollars",
    "bounded_date_is_in_range": "a date is between 1900-01-01 and 2199-12-31",
    "bounded_timestamptz_is_in_range": "a time is between the years 1900 and 2199",
    "bounded_jsonb_is_small_and_shallow": "JSON must be an object of at most 64 kB, 32 levels and numbers up to 1e300",
}


class PythonOnly:
    """Marks an argument that only Python code may give: no exported schema has it, and ``call`` refuses it."""


PYTHON_ONLY = PythonOnly()
