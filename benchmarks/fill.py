"""A practice of some years, written into a database within minutes: what ``growth`` and ``space`` measure on.

Projects begin one after the other over five years, each with its client, tasks, rooms, items, fees and meetings. The lines
of the audit trail are in the order of their time; each belongs to one of the projects of the year before it, and to one of
that project's tasks, rooms or items, to its client or to the project itself. One line in fifty belongs to one project, the
hot one. Ids are made of the times at which the rows would have been made, so that they lie in the tables and their
indexes as those of a real practice do.
"""

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from rich.progress import Progress, TaskID

SPAN = 5 * 365 * 86_400_000_000
"""Over how long the practice has worked, in microseconds."""
LINES_OF_A_PROJECT = 250
LINES_AT_ONCE = 50_000
PROJECTS_AT_ONCE = 1_000
THREADS = 2
PLACES = 1_000
"""How many cursors are kept around each place of the feed, a tenth of it at most."""

FUNCTIONS = """
CREATE FUNCTION bench_id(micros bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
    overlay(lpad(to_hex(micros * 512 / 125), 15, '0') PLACING '7' FROM 13 FOR 0) || '8' || substr(md5(salt), 18)
)::uuid;
CREATE FUNCTION bench_time(micros bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN timestamptz 'epoch' + micros * interval '1 microsecond';
"""

# A project is a number; what is under it is made in the microseconds after it, and lies together as create_project leaves
# it. %(began)s is when the practice began.
VENDORS = "INSERT INTO vendors (name, category) SELECT 'Vendor ' || n, 'Kind ' || n %% 20 FROM generate_series(1, 200) AS n"
TABLES = [
    """
    INSERT INTO clients (id, name, email, phone, status, created_at, updated_at)
    SELECT bench_id(at - 1, 'client' || n), 'Client ' || n, 'c' || n || '@example.com', '+1 913 ' || n,
        CASE WHEN n > %(projects)s * 0.8 THEN 'active' ELSE 'completed' END::client_status, bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at)
    ORDER BY 1
    """,
    """
    INSERT INTO projects (id, client_id, name, project_type, phase, investment_estimate, created_at, updated_at)
    SELECT bench_id(at, 'project' || n), bench_id(at - 1, 'client' || n), 'Project ' || n, 'mixed',
        CASE WHEN n > %(projects)s * 0.8 THEN 'detailed_design' ELSE 'completed' END::project_phase, 90000,
        bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at)
    ORDER BY 1
    """,
    """
    INSERT INTO project_tasks (
        id, project_id, template_id, status, assigned_to, due_date, completed_at, created_at, updated_at
    )
    SELECT bench_id(at + k, 'task' || n || '/' || k), bench_id(at, 'project' || n), template.id,
        CASE WHEN closed THEN 'completed' ELSE 'not_started' END::task_status, 'Person ' || k %% 10,
        (bench_time(at) + k * interval '1 day')::date, CASE WHEN closed THEN bench_time(at) END, bench_time(at),
        bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        (
            SELECT id, row_number() OVER (ORDER BY phase, task_order) AS k
            FROM workflow_templates
            WHERE retired_at IS NULL
            ORDER BY phase, task_order
            LIMIT 135
        ) AS template,
        LATERAL (SELECT n <= %(projects)s * 0.8 OR k < 40) AS state (closed)
    ORDER BY 1
    """,
    """
    INSERT INTO project_rooms (id, project_id, name, investment_estimate, exhibit_b_amount, created_at)
    SELECT bench_id(at + 200 + k, 'room' || n || '/' || k), bench_id(at, 'project' || n), 'Room ' || k, 30000, 32000,
        bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(1, 3) AS k
    ORDER BY 1
    """,
    """
    INSERT INTO line_items (
        id, room_id, description_generic, quantity, selected_vendor_id, designer_net, unit_retail_price, status, created_at,
        updated_at
    )
    SELECT bench_id(at + 300 + k, 'item' || n || '/' || k), bench_id(at + 200 + k / 5, 'room' || n || '/' || k / 5),
        'sofa, 90 in', 2, vendors.ids[1 + n %% 200], 1200, 2000, 'ordered', bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(5, 19) AS k, (SELECT array_agg(id) FROM vendors) AS vendors (ids)
    ORDER BY 1
    """,
    """
    INSERT INTO purchase_orders (
        id, line_item_id, vendor_id, po_number, amount, freight, status, estimated_delivery, ordered_at, created_at,
        updated_at
    )
    SELECT bench_id(at + 400 + k, 'order' || n || '/' || k), bench_id(at + 300 + k, 'item' || n || '/' || k),
        vendors.ids[1 + n %% 200], 'PO-' || n || '-' || k, 2400, 300,
        CASE WHEN n > %(projects)s * 0.95 THEN 'submitted' ELSE 'delivered' END::po_status,
        bench_time(at)::date + 90, bench_time(at), bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(5, 19) AS k, (SELECT array_agg(id) FROM vendors) AS vendors (ids)
    ORDER BY 1
    """,
    """
    INSERT INTO design_fees (id, project_id, label, amount, payment_number, status, due_at, paid_at, created_at)
    SELECT bench_id(at + 500 + k, 'fee' || n || '/' || k), bench_id(at, 'project' || n), 'Part ' || k, 5000, k,
        CASE WHEN paid THEN 'paid' ELSE 'invoiced' END::fee_status, bench_time(at), CASE WHEN paid THEN bench_time(at) END,
        bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(1, 3) AS k, LATERAL (SELECT n <= %(projects)s * 0.8 OR k = 1) AS state (paid)
    ORDER BY 1
    """,
    """
    INSERT INTO agent_sessions (
        id, session_id, user_mission, project_id, status, current_phase, qa_passed, created_at, updated_at
    )
    SELECT bench_id(at + 550, 'run' || n), 'run-' || n * %(lines)s / %(projects)s / 20, 'Plan project ' || n,
        bench_id(at, 'project' || n), 'completed', 'complete', true, bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at)
    ORDER BY 1
    """,
    """
    INSERT INTO meetings (id, project_id, meeting_type, scheduled_date, status, created_at, updated_at)
    SELECT bench_id(at + 600 + k, 'meeting' || n || '/' || k), bench_id(at, 'project' || n), 'site_meeting',
        bench_time(at)::date + k * 60,
        CASE WHEN n > %(projects)s * 0.9 THEN 'scheduled' ELSE 'completed' END::meeting_status,
        bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(1, 3) AS k
    ORDER BY 1
    """,
    """
    INSERT INTO meeting_action_items (id, meeting_id, description, assigned_to, status, due_date, created_at, updated_at)
    SELECT bench_id(at + 700 + k, 'ask' || n || '/' || k), bench_id(at + 600 + k / 2, 'meeting' || n || '/' || k / 2),
        'Ask for samples', 'Person ' || k,
        CASE WHEN n > %(projects)s * 0.95 THEN 'open' ELSE 'completed' END::action_item_status,
        bench_time(at)::date + 90, bench_time(at), bench_time(at)
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, LATERAL (SELECT %(began)s + n * %(project_every)s) AS made (at),
        generate_series(2, 7) AS k
    ORDER BY 1
    """,
]

# Where hashes spread lines over projects and tasks, they do it alike in every run.
LINES = """
    INSERT INTO activity_log (
        id, entity_type, entity_id, project_id, action, actor_type, actor_name, metadata, context, created_at
    )
    SELECT bench_id(line.at, 'line' || n), kind, bench_id(made.at + k, salt),
        CASE WHEN kind <> 'client' THEN bench_id(made.at, 'project' || p) END, 'status_changed', 'agent',
        'lifecycle_agent', '{"changes": {"status": ["not_started", "in_progress"]}}',
        CASE
            WHEN n %% 2 = 0 THEN '{"tool": "start_task", "fingerprint": "0123456789abcdef"}'
            ELSE jsonb_build_object('tool', 'start_task', 'fingerprint', '0123456789abcdef', 'run_id', 'run-' || n / 20)
        END, bench_time(line.at)
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
        LATERAL (SELECT %(began)s + n * %(line_every)s, %(projects)s::float * n / %(lines)s) AS line (at, newest),
        LATERAL (SELECT (hashint8(n) & 65535) / 65536.0, hashint8(-n) & 65535) AS chance (year, part),
        LATERAL (
            SELECT CASE
                WHEN n %% 50 = 0 THEN 1
                ELSE greatest(1, ceil(newest - year * least(newest, %(projects)s * 0.2)))
            END::bigint
        ) AS project (p),
        LATERAL (SELECT %(began)s + p * %(project_every)s) AS made (at),
        LATERAL (
            SELECT
                CASE
                    WHEN n %% 50 = 0 OR n %% 10 = 6 THEN 'project'
                    WHEN n %% 10 < 6 THEN 'task'
                    WHEN n %% 10 = 7 THEN 'room'
                    WHEN n %% 10 = 8 THEN 'line_item'
                    ELSE 'client'
                END
        ) AS what (kind),
        LATERAL (
            SELECT CASE kind
                WHEN 'project' THEN 0
                WHEN 'task' THEN 1 + part %% 135
                WHEN 'room' THEN 201 + part %% 3
                WHEN 'line_item' THEN 305 + part %% 15
                ELSE -1
            END
        ) AS place (k),
        LATERAL (
            SELECT CASE kind
                WHEN 'project' THEN 'project' || p
                WHEN 'task' THEN 'task' || p || '/' || k
                WHEN 'room' THEN 'room' || p || '/' || k - 200
                WHEN 'line_item' THEN 'item' || p || '/' || k - 300
                ELSE 'client' || p
            END
        ) AS named (salt)
"""


@dataclass(frozen=True)
class Filled:
    """A filled database, and ids to ask it for."""

    url: str
    lines: int
    projects: list[UUID]
    hot: UUID
    active_clients: list[UUID]
    half_way: list[UUID]
    """Lines around the middle of the trail."""
    runs: list[str]
    """Agent sessions that the trail has lines of."""
    oldest: list[UUID]
    """Lines near its end, each with a page behind it."""


@contextmanager
def filling(text: str, steps: int) -> Generator[tuple[Progress, TaskID]]:
    """Show how far the filling of a database is."""
    with Progress(transient=True) as progress:
        yield progress, progress.add_task(text, total=steps)


def fill(url: str, lines: int) -> Filled:
    """Fill a new, migrated database with so many lines and their projects."""
    projects = max(50, lines // LINES_OF_A_PROJECT)
    facts: dict[str, Any] = {
        "projects": projects,
        "lines": lines,
        "project_every": SPAN // projects,
        "line_every": SPAN // lines,
        "began": time.time_ns() // 1000 - SPAN - 60_000_000,
    }
    parts = [(table, facts | part) for table in TABLES for part in _parts(projects, PROJECTS_AT_ONCE)]
    parts += [(LINES, facts | part) for part in _parts(lines, LINES_AT_ONCE)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FUNCTIONS.encode())
        indexes = _without_indexes(connection)
    steps = 1 + len(parts) + len(indexes) + 1
    with filling(f"filling {lines:,} lines", steps) as (progress, task), ThreadPoolExecutor(THREADS) as threads:

        def run(statement: str, parameters: dict[str, Any] | None = None) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                # No triggers and foreign keys: what is written here fits together.
                connection.execute(
                    "SET session_replication_role = replica; SET synchronous_commit = off;"
                    "SET statement_timeout = 0; SET maintenance_work_mem = '512MB'"
                )
                connection.execute(statement.encode(), parameters)
            progress.advance(task)

        run(VENDORS, facts)
        for future in [threads.submit(run, statement, part) for statement, part in parts]:
            future.result()
        for future in [threads.submit(run, index) for index in indexes]:
            future.result()
        run("VACUUM ANALYZE")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP FUNCTION bench_id, bench_time")
        connection.execute("CHECKPOINT")
        return _described(connection, url, lines)


def _parts(rows: int, at_once: int) -> list[dict[str, int]]:
    """Return the first and the last number of every part of so many rows."""
    return [{"first": first, "last": min(first + at_once - 1, rows)} for first in range(1, rows + 1, at_once)]


def _without_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop every index that holds no constraint, and return what makes them again."""
    found = connection.execute(
        """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        FROM pg_index
        JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = current_schema()::regnamespace
        WHERE NOT indisunique
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        """
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [definition for _, definition in found]


def _described(connection: psycopg.Connection, url: str, lines: int) -> Filled:
    def ids(query: bytes, **parameters: int) -> list[UUID]:
        return [row[0] for row in connection.execute(query, parameters)]

    places = min(PLACES, lines // 10)
    trail = b"SELECT id FROM activity_log ORDER BY id OFFSET %(skipped)s LIMIT %(places)s"
    return Filled(
        url,
        lines,
        projects=ids(b"SELECT id FROM projects ORDER BY id OFFSET 1"),
        hot=ids(b"SELECT id FROM projects ORDER BY id LIMIT 1")[0],
        active_clients=ids(b"SELECT id FROM clients WHERE status = 'active'"),
        runs=[row[0] for row in connection.execute("SELECT session_id FROM agent_sessions")],
        half_way=ids(trail, skipped=lines // 2, places=places),
        oldest=ids(trail, skipped=60, places=places),
    )
