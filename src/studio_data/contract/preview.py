"""A preview: run the real call, read its changes, undo all of it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from psycopg import sql

from studio_data.contract.domain import hidden_columns
from studio_data.db import check_can_go_on, many, one, transaction
from studio_data.errors import StudioError
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
    differ when the call is made. Nothing stays in the database. While it runs, a tool that writes is refused in a context
    that neither belongs to the preview nor has an actor, such as that of a bare thread. Raises what ``db.transaction``
    raises.
    """
    plan = Plan()
    with _known_to_this_process(), transaction(rollback=True) as connection:
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


# What a preview does not undo --------------------------------------------------------------------------------------------

_process: ContextVar[int | None] = ContextVar("process of the running preview", default=None)
_running: list[int] = []


@contextmanager
def _known_to_this_process() -> Generator[None]:
    token = _process.set(os.getpid())
    _running.append(os.getpid())
    try:
        yield
    finally:
        if _running:  # a forked child begins without
            _running.pop()
        _process.reset(token)


os.register_at_fork(after_in_child=_running.clear)


def in_preview() -> bool:
    """Tell whether this context runs in a preview."""
    return _process.get() is not None


def runs_elsewhere() -> bool:
    """Tell whether a preview runs in this process that is not this context's, such as that of a bare thread."""
    return bool(_running) and _process.get() is None


def refuse_forked() -> None:
    """Refuse to write in a process that was forked in a preview: it has a connection of its own, and nothing is undone."""
    process = _process.get()
    if process is not None and process != os.getpid():
        raise StudioError(
            "This process was forked in a preview, where the call would be written for real.",
            hint="Make the call in the process of the preview, or fork before the preview.",
        )


# What it lists ------------------------------------------------------------------------------------------------------------


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
