"""A preview: run the real call, read its changes, undo all of it."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from psycopg import sql

from studio_data.contract.domain import hidden_columns
from studio_data.db import check_can_go_on, many, one, transaction
from studio_data.postgres.pool import StudioConnection

HIDDEN = "(hidden)"

_OPERATIONS: dict[str, Literal["inserted", "updated", "deleted"]] = {
    "INSERT": "inserted",
    "UPDATE": "updated",
    "DELETE": "deleted",
}


class Change(TypedDict):
    """A written row. ``before`` is None for an inserted row, ``after`` for a deleted one."""

    table: str
    operation: Literal["inserted", "updated", "deleted"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(slots=True)
class Plan:
    """What the calls in a preview would write."""

    changes: list[Change] = field(default_factory=list[Change])
    """Every row in the order in which it was written, the audit trail's among them. Filled at the end of the block."""

    @property
    def audit(self) -> list[dict[str, Any]]:
        """The lines that the audit trail would get."""
        return [change["after"] for change in self.changes if change["table"] == "activity_log" and change["after"]]


@contextmanager
def preview() -> Generator[Plan]:
    """Run the calls in the block for real, list in the plan what they write, and undo it.

    The calls check, refuse and return the same as without the preview. Only ids, times and what others commit in between
    differ when the call is made. Nothing stays in the database. Raises what ``db.transaction`` raises.
    """
    plan = Plan()
    with transaction(rollback=True) as connection:
        started = one(
            """
            SELECT
                set_config('studio_data.preview', 'on', true),
                (SELECT coalesce(max(position), 0) FROM preview_changes) AS position
            """
        )["position"]
        yield plan
        check_can_go_on(connection)
        plan.changes = _changes_after(started, connection)


def _changes_after(position: int, connection: StudioConnection) -> list[Change]:
    tables = many(
        """
        SELECT DISTINCT table_name
        FROM preview_changes
        WHERE position > %(position)s
        """,
        {"position": position},
    )
    found: list[tuple[int, Change]] = []
    for table in tables:
        found += _changes_of(table["table_name"], position, connection)
    return [change for _, change in sorted(found, key=lambda pair: pair[0])]


def _changes_of(table: str, position: int, connection: StudioConnection) -> list[tuple[int, Change]]:
    """Read the changes of one table, with the types of the table's own rows, and without what no answer may show."""
    query = sql.SQL(
        """
        SELECT position AS _position, operation AS _operation, 'before' AS _side, typed.*
        FROM preview_changes, jsonb_populate_record(NULL::{table}, before) AS typed
        WHERE table_name = %(table)s AND position > %(position)s AND before IS NOT NULL
        UNION ALL
        SELECT position, operation, 'after', typed.*
        FROM preview_changes, jsonb_populate_record(NULL::{table}, after) AS typed
        WHERE table_name = %(table)s AND position > %(position)s AND after IS NOT NULL
        """
    ).format(table=sql.Identifier(table))
    hidden = hidden_columns(table)
    changes: dict[int, Change] = {}
    for row in connection.execute(query, {"table": table, "position": position}):
        at, operation, side = row.pop("_position"), row.pop("_operation"), row.pop("_side")
        row |= {name: HIDDEN for name in hidden if row.get(name) is not None}
        change = changes.setdefault(at, {"table": table, "operation": _OPERATIONS[operation], "before": None, "after": None})
        change["before" if side == "before" else "after"] = row
    return list(changes.items())
