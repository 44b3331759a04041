"""The change feed: every line of the audit trail once, in the order in which transactions end."""

from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from studio_data.contract.cursors import TrailPlace, trail_cursor_of
from studio_data.contract.entities import kind_named
from studio_data.contract.fields import (
    EntityId,
    Limit,
    Line,
    TrailCursor,
    Truth,
)
from studio_data.contract.paging import COUNTED
from studio_data.contract.registry import tool
from studio_data.db import many
from studio_data.errors import InvalidInputError
from studio_data.tools.activity import ListedActivity, check_entity

NO_LINE = UUID(int=0)
LOOKED_AT = 5_000
"""How many lines a call looks through at most for those about one kind of thing."""

_BESIDE_THE_LINE = (
    "transaction_id", "horizon", "held_lines", "held_since", "farthest_transaction_id", "farthest_id",
)  # fmt: skip

BEGINNING = TrailPlace(0, NO_LINE)


class HeldBack(TypedDict):
    """Lines that wait for a transaction which began before theirs and has not ended, and when the first was written."""

    lines: int
    """At most 200, which means 200 or more. Of the lines about a kind of thing, those among the next 5,000."""
    since: datetime


class Changes(TypedDict):
    """The next lines of the trail, the cursor to continue from, and whether more lines are ready.

    ``held_back`` is there if others are written, but wait: ``doctor`` names what they wait for.
    """

    items: list[ListedActivity]
    cursor: str
    more: bool
    held_back: NotRequired[HeldBack]


@tool(reads=True)
def changes_since(
    cursor: TrailCursor | None = None,
    *,
    entity_type: Line | None = None,
    entity_id: EntityId | None = None,
    run_id: Line | None = None,
    only_new: Truth = False,
    limit: Limit = 50,
) -> Changes:
    """Follow what happens without missing a line. Call again with the answer's ``cursor`` until ``more`` is false.

    Without a cursor it starts at the first line; with ``only_new``, after the last. ``entity_id`` needs ``entity_type``.

    A line appears once every transaction that began to write before the line's own has ended. So no line can appear behind
    the cursor. Returns at most ``limit`` lines in the order of transactions, and the cursor to continue from. A kind of
    thing is looked for in 5,000 lines at a time: ``more`` may be true after an empty page. Raises ``InvalidInputError`` for
    a bad argument.
    """
    check_entity(entity_type, entity_id)
    if cursor is not None and only_new:
        raise InvalidInputError(
            "only_new cannot be given with a cursor.",
            hint="Leave out only_new: the cursor says where to start.",
            details={"arguments": ["cursor", "only_new"]},
        )
    place = cursor if isinstance(cursor, TrailPlace) else BEGINNING
    rows = many(
        """
        WITH ahead AS (
            SELECT *
            FROM activity_log
            WHERE (transaction_id, id) > (%(transaction_id)s::xid8, %(line_id)s)
                AND transaction_id < trail_number(pg_snapshot_xmin(pg_current_snapshot()))
                AND NOT %(only_new)s
                AND (%(entity_id)s::uuid IS NULL OR entity_id = %(entity_id)s)
                AND (%(run_id)s::text IS NULL OR (context ? 'run_id' AND context ->> 'run_id' = %(run_id)s))
            ORDER BY transaction_id, id
            LIMIT %(looked_at)s
        ), lines AS (
            SELECT
                id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id,
                is_noted(context) AS is_noted, transaction_id
            FROM ahead
            WHERE %(entity_type)s::text IS NULL OR entity_type = %(entity_type)s
            ORDER BY transaction_id, id
            LIMIT %(limit)s + 1
        ), farthest AS (
            SELECT transaction_id AS farthest_transaction_id, id AS farthest_id
            FROM ahead
            WHERE (SELECT count(*) FROM lines) <= %(limit)s
            ORDER BY transaction_id, id
            OFFSET %(looked_at)s - 1
        ), held AS (
            SELECT count(*) AS held_lines, min(created_at) AS held_since
            FROM (
                SELECT created_at
                FROM (
                    SELECT created_at, entity_type
                    FROM activity_log
                    WHERE transaction_id >= trail_number(pg_snapshot_xmin(pg_current_snapshot()))
                        AND transaction_id IS DISTINCT FROM trail_number(pg_current_xact_id_if_assigned())
                        AND (%(entity_id)s::uuid IS NULL OR entity_id = %(entity_id)s)
                        AND (%(run_id)s::text IS NULL OR (context ? 'run_id' AND context ->> 'run_id' = %(run_id)s))
                    ORDER BY transaction_id, id
                    LIMIT %(looked_at)s + %(counted)s
                ) AS later
                WHERE %(entity_type)s::text IS NULL OR entity_type = %(entity_type)s
                LIMIT %(counted)s
            ) AS counted
        )
        SELECT
            lines.*, held.*, farthest.*, trail_number(pg_snapshot_xmin(pg_current_snapshot()))::text AS horizon
        FROM held
        LEFT JOIN farthest ON true
        LEFT JOIN lines ON true
        ORDER BY lines.transaction_id, lines.id
        """,
        {
            "transaction_id": str(place.transaction_id),
            "line_id": place.line_id,
            "only_new": only_new,
            "entity_type": None if entity_type is None else kind_named(entity_type) or entity_type,
            "entity_id": entity_id,
            "run_id": run_id,
            "limit": limit,
            "looked_at": limit + 1 if entity_type is None or entity_id is not None else max(limit + 1, LOOKED_AT),
            "counted": COUNTED,
        },
    )
    horizon = TrailPlace(int(rows[0]["horizon"]), NO_LINE)
    found = [row for row in rows if row["id"] is not None]
    items = found[:limit]
    farthest = rows[0]["farthest_id"]
    more = len(found) > limit or farthest is not None
    if farthest is not None:
        place = TrailPlace(int(rows[0]["farthest_transaction_id"]), farthest)
    elif items:
        place = TrailPlace(int(items[-1]["transaction_id"]), items[-1]["id"])
    if not more and (only_new or entity_type is not None or run_id is not None):
        place = max(place, horizon)  # the next call does not read again what the filters left out
    changes: Changes = {"items": items, "cursor": trail_cursor_of(place), "more": more}
    if rows[0]["held_lines"]:
        changes["held_back"] = {"lines": rows[0]["held_lines"], "since": rows[0]["held_since"]}
    for line in items:
        for name in _BESIDE_THE_LINE:
            del line[name]
    return changes
