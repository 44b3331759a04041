"""Pages of a list: bounded, ordered without ties, continued by a cursor."""

from typing import Any, TypedDict

from studio_data.contract.validators import cursor_of


class Page[T](TypedDict):
    """Items of a list, and where the next page begins: None on the last."""

    items: list[T]
    next: str | None


def page(rows: list[Any], limit: int) -> Page[Any]:
    """Make a page of the rows of a query that asked for one more than the limit."""
    return {"items": rows[:limit], "next": cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None}
