"""Measure what a write takes: bytes of the write-ahead log, of its tables and of their indexes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo
from rich.progress import track

from benchmarks.fill import fill
from benchmarks.options import Options
from benchmarks.report import Plot, Section, Table
from benchmarks.server import database, use
from studio_data import call_key, db, preview
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client, record_screening
from studio_data.tools.practice.tasks import list_tasks, start_task
from studio_data.tools.projects import create_project

CALLS = 2_000
PROJECTS = 500
# What vacuum writes into the log in the meantime is no call's.
WITHOUT_VACUUM = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
    END LOOP;
END
$$
"""
LINES = 200_000
"""How many lines the database has whose tables are weighed, at most."""


@dataclass(frozen=True)
class Taken:
    """What one call took, on average: bytes, and full pages in the write-ahead log."""

    wal: float
    heap: float
    indexes: float
    images: float
    wal_after_checkpoint: float


@dataclass(frozen=True)
class _Standing:
    wal: int
    images: int
    heap: int
    indexes: int


def measure(options: Options) -> Section:
    """Make every write some thousand times after a checkpoint, and again; then weigh the tables of a practice."""
    with database(options.server_url) as url:
        use(make_conninfo(url, options="-c synchronous_commit=off"), POOL_MAX_SIZE="1")  # it says when, not how much
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(WITHOUT_VACUUM.encode())
            taken = {
                name: _taken(connection, call, calls)
                for name, (call, calls) in track(_writes().items(), description="writing", transient=True)
            }
    lines = min(options.rows, LINES)
    with database(options.server_url) as url:
        fill(url, lines)
        with psycopg.connect(url) as connection:
            weights = _weights(connection)
    rows = [
        (
            name,
            *(f"{figure:,.0f}" for figure in (one.wal, one.heap, one.indexes, one.wal_after_checkpoint)),
            f"{one.images:.2f}",
        )
        for name, one in taken.items()
    ]
    return Section(
        "Space",
        f"What a call takes in bytes: the average of {CALLS:,}, of create_project with its 135 tasks of {PROJECTS:,}; the "
        "line of the audit trail is included. The first write to a page after a checkpoint puts the whole page into the "
        "write-ahead log once; the first column leaves that out: its calls write to pages that others have written to "
        "since. A preview writes and is undone; vacuum reclaims what it leaves. The second table weighs every table of a "
        f"practice with {lines:,} lines.",
        tables=[
            Table(
                ["call", "write-ahead log", "tables", "indexes", "write-ahead log after a checkpoint", "full pages in it"],
                rows,
            ),
            Table(
                ["table", "rows", "bytes a row", "in its table", "in its indexes", "its indexes"],
                [(name, *(f"{figure:,.0f}" for figure in figures)) for name, *figures in weights],
            ),
        ],
        plots=[
            Plot("space", "Bytes a row of the tables of a practice, and of their indexes", lambda axes: _bars(axes, weights))
        ],
    )


def _writes() -> dict[str, tuple[Callable[[], object], int]]:
    """Return the calls, and how many of each are made."""
    client = create_client("David & Linh Nguyen")["id"]
    project = create_project(client, "Nguyen LR/DR/MBED", "mixed")["project"]["id"]
    tasks = _tasks(client)
    numbers = count(1)

    def keyed() -> None:
        with call_key(f"run-42/step-{next(numbers)}"):
            create_client("David & Linh Nguyen", email=f"c{next(numbers)}@example.com", source="referral")

    def previewed() -> None:
        with preview():
            create_client("David & Linh Nguyen", email=f"c{next(numbers)}@example.com", source="referral")

    return {
        "create_client": (
            lambda: create_client("David & Linh Nguyen", email=f"c{next(numbers)}@example.com", source="referral"),
            CALLS,
        ),
        "create_client with a key": (keyed, CALLS),
        "create_client in a preview": (previewed, CALLS),
        "record_screening": (lambda: record_screening(client, {"style": f"modern {next(numbers)}"}), CALLS),
        "log_activity": (
            lambda: log_activity("project", project, "called", metadata={"note": "asked about the sofa"}),
            CALLS,
        ),
        "start_task": (lambda: start_task(next(tasks)), CALLS),
        "create_project": (lambda: create_project(client, "Nguyen LR/DR/MBED", "mixed"), PROJECTS),
    }


def _tasks(client: UUID) -> Iterator[UUID]:
    """Return enough tasks that may be started."""
    tasks: list[UUID] = []
    while len(tasks) < 2 * CALLS:
        project = create_project(client, "Nguyen LR/DR/MBED", "mixed")["project"]["id"]
        tasks += [task["id"] for task in list_tasks(project_id=project, limit=500)["items"]]
    return iter(tasks)


def _taken(connection: psycopg.Connection, call: Callable[[], object], calls: int) -> Taken:
    connection.execute("CHECKPOINT")
    standing = [_standing(connection)]
    for _ in range(2):
        for _ in range(calls):
            call()
        standing.append(_standing(connection))
    first, second, third = standing
    return Taken(
        wal=(third.wal - second.wal) / calls,
        heap=(third.heap - first.heap) / calls / 2,
        indexes=(third.indexes - first.indexes) / calls / 2,
        images=(second.images - first.images) / calls,
        wal_after_checkpoint=(second.wal - first.wal) / calls,
    )


def _standing(connection: psycopg.Connection) -> _Standing:
    db.one("SELECT pg_stat_force_next_flush()")
    row: Any = connection.execute(
        """
        SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, (SELECT wal_fpi FROM pg_stat_wal),
            sum(pg_table_size(oid))::bigint, sum(pg_indexes_size(oid))::bigint
        FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        """
    ).fetchone()
    return _Standing(*row)


def _weights(connection: psycopg.Connection) -> list[tuple[str, int, float, float, float, int]]:
    """Return each table with its rows, its bytes a row in all, in the table and in the indexes, and how many indexes."""
    return connection.execute(
        """
        SELECT relname, reltuples::bigint, pg_total_relation_size(oid) / reltuples, pg_table_size(oid) / reltuples,
            pg_indexes_size(oid) / reltuples, (SELECT count(*) FROM pg_index WHERE indrelid = pg_class.oid)
        FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reltuples >= 1000
        ORDER BY pg_total_relation_size(oid) DESC
        """
    ).fetchall()


def _bars(axes: Any, weights: list[tuple[str, int, float, float, float, int]]) -> None:  # noqa: ANN401 (matplotlib's)
    names = [name for name, *_ in weights]
    heap = [row[3] for row in weights]
    axes.barh(names, heap, label="table")
    axes.barh(names, [row[4] for row in weights], left=heap, label="indexes")
    axes.invert_yaxis()
    axes.set_xlabel("bytes a row")
    axes.legend()
