"""The operations that are compared, the data they work on, and the proof that every variant does the same work."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import cycle
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

import psycopg

from benchmarks.fill import fill
from benchmarks.options import Options
from studio_data.contract.registry import get_tool

LINES = 250_000
"""The audit trail of the practice that is worked on: a thousand projects. With a hundred, a session would plan the check of
a reference to them as a scan of two pages, and keep that plan while the benchmark adds thousands."""
ADDRESS = "123 Main St, Olathe, KS"
SOURCE = "referral"
SCREENING = {"style": "modern", "budget_range": "90k-110k"}
NOTE = {"note": "asked about the sofa"}
NTH_CLIENT = "c11e0000-0000-7000-8000-"
NTH_TASK = "7a5c0000-0000-7000-8000-"
COUNTED = ("clients", "projects", "project_tasks", "activity_log")


class Variant(Protocol):
    """One way to do the work. Every method is one operation and returns what ``Answers`` describe."""

    def create_client(self, number: int) -> Any:  # noqa: ANN401
        """Insert a client with an e-mail address of its own, and its line; return ``told`` of (name, e-mail, status)."""

    def create_project(self, client_id: UUID) -> Any:  # noqa: ANN401
        """Insert a furnishings project with its tasks, and its line; return ``told`` of (client, phase, tasks)."""

    def log_activity(self, client_id: UUID) -> Any:  # noqa: ANN401
        """Insert a line about a client; return (entity type, action, metadata, context)."""

    def advance_client(self, client_id: UUID) -> Any:  # noqa: ANN401
        """Move a lead to qualified, if it may be, with its line; return ``told`` of (status)."""

    def complete_task(self, task_id: UUID) -> Any:  # noqa: ANN401
        """Move a task in progress to completed, with its line; return ``told`` of (status, whether it has its time)."""

    def list_activity(self) -> Any:  # noqa: ANN401
        """Read the newest 50 lines; return their ids."""

    def list_tasks(self, project_id: UUID) -> Any:  # noqa: ANN401
        """Read a project's first 50 tasks with their names; return (name, status, due date) of each."""

    def project_budget(self, project_id: UUID) -> Any:  # noqa: ANN401
        """Sum a project's budget, in all and per room; return ``budget``."""

    def project_overview(self, project_id: UUID) -> Any:  # noqa: ANN401
        """Say where a project stands; return ``overview``."""

    def close(self) -> None:
        """Give up its connections."""


@dataclass
class Data:
    """The practice that is worked on, and what calls take of it."""

    url: str
    client: UUID
    """An active client, who gets the projects."""
    projects: list[UUID]
    taken: Counter[str] = field(default_factory=Counter[str])
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._projects = cycle(self.projects)

    def take(self, operation: str, count: int = 1) -> int:
        """Take so many of an operation's numbers that no other call gets, and return the first."""
        with self.lock:
            self.taken[operation] += count
            return self.taken[operation] - count + 1

    def some_project(self) -> UUID:
        """Return the next of the projects."""
        with self.lock:
            return next(self._projects)

    def nth_client(self) -> UUID:
        """Return a lead that nobody has moved yet."""
        return UUID(f"{NTH_CLIENT}{self.take('advance_client'):012x}")

    def nth_task(self) -> UUID:
        """Return a task in progress that nobody has moved yet."""
        return UUID(f"{NTH_TASK}{self.take('complete_task'):012x}")


OPERATIONS: dict[str, Callable[[Variant, Data], Any]] = {
    "create_client": lambda variant, data: variant.create_client(data.take("create_client")),
    "create_project": lambda variant, data: variant.create_project(data.client),
    "log_activity": lambda variant, data: variant.log_activity(data.client),
    "advance_client": lambda variant, data: variant.advance_client(data.nth_client()),
    "complete_task": lambda variant, data: variant.complete_task(data.nth_task()),
    "list_activity": lambda variant, _: variant.list_activity(),
    "list_tasks": lambda variant, data: variant.list_tasks(data.some_project()),
    "project_budget": lambda variant, data: variant.project_budget(data.some_project()),
    "project_overview": lambda variant, data: variant.project_overview(data.some_project()),
}
WRITES = ("create_client", "create_project", "log_activity", "advance_client", "complete_task")


def prepared(options: Options, url: str, moves: int) -> Data:
    """Fill a new database with a practice, and with so many leads and tasks in progress to move."""
    filled = fill(url, min(options.rows, LINES))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO clients (id, name, email, screening_data)
            SELECT (%(prefix)s || lpad(to_hex(n), 12, '0'))::uuid, 'Lead ' || n, 'lead' || n || '@example.com',
                '{"style": "modern"}'
            FROM generate_series(1, %(moves)s) AS n
            """,
            {"prefix": NTH_CLIENT, "moves": moves},
        )
        connection.execute(
            """
            WITH project AS (
                INSERT INTO projects (client_id, name, project_type)
                SELECT %(client_id)s, 'Project of moves ' || n, 'furnishings'
                FROM generate_series(0, %(moves)s / 135) AS n
                RETURNING id
            )
            INSERT INTO project_tasks (id, project_id, name, phase, status)
            SELECT (%(prefix)s || lpad(to_hex(n), 12, '0'))::uuid, projects.ids[1 + n / 135], 'Task ' || n,
                'conceptual_design', 'in_progress'
            FROM generate_series(1, %(moves)s) AS n, (SELECT array_agg(id) FROM project) AS projects (ids)
            """,
            {"prefix": NTH_TASK, "moves": moves, "client_id": filled.active_clients[0]},
        )
        connection.execute("VACUUM ANALYZE")
    return Data(url, filled.active_clients[0], filled.projects[-20:])


# Answers --------------------------------------------------------------------------------------------------------------


def told(created_at: datetime, updated_at: datetime, *facts: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return facts of a row, and whether it was changed since it was made: only the database's own answer can tell."""
    return (*facts, updated_at > created_at)


@cache
def context_of(tool: str) -> dict[str, str]:
    """Return what the library's lines say of a call of this tool, so that everybody's lines can say it."""
    return {"tool": tool, "fingerprint": get_tool(tool).fingerprint}


def budget(
    project: tuple[Decimal | None, Decimal | None],
    rooms: Iterable[tuple[str, Decimal | None, Decimal | None, Decimal | None, Decimal]],
    trades_total: Decimal,
) -> dict[str, Any]:
    """Return a budget from a project's (estimate, Exhibit B) and (name, estimate, Exhibit B, actual, committed) per room."""
    rows = sorted(rooms)
    estimate = _sum(row[1] for row in rows)
    exhibit_b = _sum(row[2] for row in rows)
    exhibit_b = project[1] if exhibit_b is None else exhibit_b
    spent = sum((row[4] if row[3] is None else row[3] for row in rows), Decimal(0))
    return {
        "estimate": project[0] if estimate is None else estimate,
        "exhibit_b": exhibit_b,
        "committed": sum((row[4] for row in rows), Decimal(0)),
        "actual": _sum(row[3] for row in rows),
        "variance": None if exhibit_b is None else exhibit_b - spent,
        "rooms": [(row[0], row[4]) for row in rows],
        "trades_total": trades_total,
    }


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def overview(
    *,
    project: tuple[UUID, str],
    progress: Iterable[tuple[str, int, int]],
    next_task: UUID | None,
    next_meeting: UUID | None,
    overdue: tuple[int, int, int, int],
    its_budget: dict[str, Any],
) -> dict[str, Any]:
    """Return an overview: (id, client's name), (phase, tasks, closed), overdue tasks, action items, fees and orders."""
    totals = {name: its_budget[name] for name in ("estimate", "exhibit_b", "committed", "actual", "variance")}
    return {
        "project": project,
        "progress": sorted(progress),
        "next_task": next_task,
        "next_meeting": next_meeting,
        "overdue": overdue,
        "budget": totals,
    }


# The proof ------------------------------------------------------------------------------------------------------------


def check(name: str, variant: Variant, model: Variant, data: Data) -> None:
    """Make every operation once and compare answer, rows and line with the model's. Raises ``ValueError`` if they differ."""
    for operation, call in OPERATIONS.items():
        if operation in WRITES:
            expected = written(lambda call=call: call(model, data), data)
            found = written(lambda call=call: call(variant, data), data)
            if operation == "create_client":
                expected, found = (_without_number(seen) for seen in (expected, found))
        else:
            question = [] if operation == "list_activity" else [data.projects[0]]
            expected, found = getattr(model, operation)(*question), getattr(variant, operation)(*question)
        if expected != found:
            raise ValueError(f"{name} does not do the work of {operation}: {found} instead of {expected}")


def written(call: Callable[[], Any], data: Data) -> tuple[Any, dict[str, int], tuple[Any, ...]]:
    """Call, and return the answer, how many rows each table has got, and the newest line of the trail."""
    before, _ = _state(data.url)
    answer = call()
    after, line = _state(data.url)
    return answer, {table: after[table] - before[table] for table in after}, line


def _state(url: str) -> tuple[dict[str, int], tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        rows = {table: connection.execute(b"SELECT count(*) FROM " + table.encode()).fetchall()[0][0] for table in COUNTED}
        (line,) = connection.execute(
            """
            SELECT entity_type, action, actor_type, actor_name, metadata, context, project_id IS NOT NULL
            FROM activity_log
            ORDER BY id DESC
            LIMIT 1
            """
        ).fetchall()
    return rows, line


def _without_number(seen: tuple[Any, dict[str, int], tuple[Any, ...]]) -> tuple[Any, dict[str, int], tuple[Any, ...]]:
    (name, email, *rest), rows, line = seen
    return (name, email.endswith("@example.com"), *rest), rows, line
