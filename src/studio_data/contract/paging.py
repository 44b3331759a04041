"""Pages of a list: bounded, ordered without ties, continued by a cursor.

The cursor is the id of the last row. A list in the order of its ids goes on after it: ``id > %(after)s`` with
``"after": after or LOWEST_ID``, or the newest first ``id < %(after)s`` with ``HIGHEST_ID``. Without an OR the index finds
the place of any page, in a plan for any cursor. A list in another order compares its columns with those of the cursor's row:
``%(after)s::uuid IS NULL OR (…, id) > (SELECT …, id FROM … WHERE id = %(after)s)``. Both ask for ``LIMIT %(limit)s + 1``,
since one row more tells that there is another page.
"""

from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.validators import cursor_of

LOWEST_ID, HIGHEST_ID = UUID(int=0), UUID(int=2**128 - 1)
"""Where the first page begins."""


class Page[T](TypedDict):
    """Items of a list, and where the next page begins: None on the last."""

    items: list[T]
    next: str | None


def page(rows: list[Any], limit: int) -> Page[Any]:
    """Make a page of the rows of a query that asked for one more than the limit."""
    return {"items": rows[:limit], "next": cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None}
