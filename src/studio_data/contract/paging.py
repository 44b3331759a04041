"""Pages of a list: bounded, ordered without ties, continued by a cursor.

The cursor is the id of the last row. A list in the order of its ids goes on after it: ``id > %(after)s`` with
``"after": after or LOWEST_ID``, or the newest first ``id < %(after)s`` with ``HIGHEST_ID``. Without an OR the index finds
the place of any page, in a plan for any cursor. A list in another order compares its columns with those of the cursor's row:
``%(after)s::uuid IS NULL OR (…, id) > (SELECT …, id FROM … WHERE id = %(after)s)``. ``listed`` adds the limit, and counts
what follows in the same round trip.
"""

from collections.abc import Callable, Mapping
from typing import Any, LiteralString, NotRequired, TypedDict
from uuid import UUID

from studio_data.contract.cursors import cursor_of
from studio_data.contract.fields import Fields
from studio_data.contract.validators import LONGEST_QUOTE
from studio_data.db import many
from studio_data.errors import InvalidInputError, did_you_mean

LOWEST_ID, HIGHEST_ID = UUID(int=0), UUID(int=2**128 - 1)
"""Where the first page begins."""

COUNTED = 200
"""How many rows after a page are counted at most, so that a page of a long list costs no more than that."""

EVERY_FIELD = "*"
MOST_KNOWN = 10


class Page[T](TypedDict):
    """Items of a list, where the next page begins (None on the last), and how many items are left for later pages.

    ``left`` is at most 200, which means 200 or more. ``hint`` comes with an empty list where a filter that was given is
    close to a known value. With ``fields`` each item has its id and these fields only.
    """

    items: list[T]
    next: str | None
    left: int
    hint: NotRequired[str]


def listed(query: LiteralString, params: Mapping[str, Any], fields: Fields | None = None) -> Page[Any]:
    """Return a page of a query, which has an order, no LIMIT, and ``limit`` among its parameters.

    Raises ``InvalidInputError`` for an unknown field.
    """
    return page(many(counted(query), {**params, "counted": COUNTED}), params["limit"], fields)


def counted(query: LiteralString) -> LiteralString:
    """Return a query with its limit, and how many rows it finds within ``limit`` and ``counted`` as ``found_rows``.

    A window without an order of its own keeps that of its subquery, and counts before the outer LIMIT.
    """
    return (
        "SELECT found.*, count(*) OVER () AS found_rows FROM ("  # noqa: S608 (a LiteralString)
        + query
        + " LIMIT %(limit)s + %(counted)s) AS found LIMIT %(limit)s + 1"
    )


def page(rows: list[Any], limit: int, fields: Fields | None = None) -> Page[Any]:
    """Make a page of the rows of a ``counted`` query."""
    found = [row.pop("found_rows") for row in rows]
    items = rows[:limit]
    return {
        "items": items if fields is None or not items else _with_fields(items, fields),
        "next": cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None,
        "left": min(found[0] - len(items), COUNTED) if found else 0,
    }


def near_miss(found: Page[Any], name: str, given: str | None, known: Callable[[], list[str]]) -> Page[Any]:
    """Say what a filter of an empty page may have meant: a model would conclude that nothing is there.

    ``known`` returns the values that the filter may have. One of them needs no hint.
    """
    if given is None or found["items"]:
        return found
    values = known()
    if not values or _is_one_of(given, values):
        return found
    meant = _meant(given, values) or f"Known are {', '.join(values[:MOST_KNOWN])}."
    return {**found, "hint": f"No {name} is {given[:LONGEST_QUOTE]!r}. {meant}"}


def perhaps_meant(found: Page[Any], given: str | None, usual: Callable[[], list[str]]) -> Page[Any]:
    """Do what ``near_miss`` does for a filter that may have other values than the usual ones."""
    if given is None or found["items"] or _is_one_of(given, values := usual()):
        return found
    meant = _meant(given, values)
    return {**found, "hint": meant} if meant else found


def _is_one_of(given: str, values: list[str]) -> bool:
    return given.casefold() in {value.casefold() for value in values}


def _meant(given: str, values: list[str]) -> str | None:
    """Return a question with the value that the given one is a part of, or is near."""
    parts = [value for value in values if given.casefold() in value.casefold()]
    return f"Did you mean {parts[0]}?" if parts else did_you_mean(given, values)


def _with_fields(items: list[dict[str, Any]], fields: Fields) -> list[dict[str, Any]]:
    """Leave out the fields that nobody asked for, but for the id."""
    known = items[0].keys()
    for field in fields:
        if field not in known and field != EVERY_FIELD:
            raise InvalidInputError(
                f"There is no field {field[:LONGEST_QUOTE]!r} in this list.",
                hint=f"Give names with commas between them, or {EVERY_FIELD} for all: {', '.join(known)}.",
                details={"arguments": ["fields"], "fields": list(known)},
            )
    if EVERY_FIELD in fields:
        return items
    wanted = {"id", *fields}
    return [{name: value for name, value in item.items() if name in wanted} for item in items]
