"""Every listing is served by an index: its plans on 200,000 rows. ``uv run pytest -m volume``; CI runs it."""

from collections.abc import Callable, Generator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from studio_data import db
from studio_data.registry import Tool, all_tools
from tests.conftest import new_database, use_database
from tests.examples import EXAMPLES, Practice

pytestmark = pytest.mark.volume

ROWS = 200_000
SMALL = 5_000  # a table that is read whole sooner than through an index
LISTS = [
    tool
    for tool in all_tools()
    if tool.module.startswith("studio_data.tools.")
    and tool.reads
    and "limit" in tool.input_schema["properties"]
    and tool.name != "practice_report"  # sums over everything there is
]

# Rows of every table that grows with the practice's work, each under one of the rows before it.
FILL = [
    """
    INSERT INTO clients (name, email, phone, status)
    SELECT 'Client ' || n, 'c' || n || '@example.com', '+1 913 ' || n, (enum_range(NULL::client_status))[1 + n %% 7]
    FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO projects (client_id, name, project_type, phase)
    SELECT id, 'Project of ' || name, 'mixed', (enum_range(NULL::project_phase))[1 + row_number() OVER () %% 7]
    FROM clients
    """,
    "INSERT INTO project_rooms (project_id, name) SELECT id, 'Den' FROM projects",
    """
    INSERT INTO design_fees (project_id, label, amount, payment_number, status, due_at)
    SELECT id, 'First', 5000, 1, 'invoiced', now() - interval '1 day' * (row_number() OVER () %% 100) FROM projects
    """,
    "INSERT INTO vendors (name, category) SELECT 'Vendor ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    "INSERT INTO trades (name, specialty) SELECT 'Trade ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    """
    INSERT INTO pricing_benchmarks (category, item_type, unit_price_estimate)
    SELECT 'Kind ' || n %% 50, 'Item ' || n, 100 FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO line_items (room_id, description_generic, status)
    SELECT id, 'sofa', (enum_range(NULL::line_item_status))[1 + row_number() OVER () %% 7] FROM project_rooms
    """,
    """
    INSERT INTO vendor_quotes (line_item_id, vendor_id, unit_cost)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 100 FROM line_items
    """,
    """
    INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount, status, estimated_delivery)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 'PO ' || row_number() OVER (), 100,
        (enum_range(NULL::po_status))[1 + row_number() OVER () %% 7],
        date '2026-01-01' + (row_number() OVER () %% 500)::integer
    FROM line_items
    """,
    """
    INSERT INTO project_tasks (project_id, name, phase, assigned_to, due_date)
    SELECT id, 'Measure', 'conceptual_design', 'Person ' || row_number() OVER () %% 50,
        date '2026-01-01' + (row_number() OVER () %% 500)::integer
    FROM projects
    """,
    """
    INSERT INTO project_trades (project_id, trade_id) SELECT id, (SELECT id FROM trades LIMIT 1) FROM projects
    """,
    """
    INSERT INTO meetings (project_id, meeting_type, scheduled_date)
    SELECT id, 'cdm', date '2026-01-01' + (row_number() OVER () %% 500)::integer FROM projects
    """,
    """
    INSERT INTO meeting_action_items (meeting_id, description, assigned_to, due_date)
    SELECT id, 'Ask', 'Person ' || row_number() OVER () %% 50, scheduled_date FROM meetings
    """,
    "INSERT INTO documents (project_id, doc_type, s3_key) SELECT id, 'photo', 'photo.jpg' FROM projects",
    """
    INSERT INTO activity_log (entity_type, entity_id, project_id, action, actor_type, actor_name, context)
    SELECT 'project', id, id, 'created', 'agent', 'Agent ' || row_number() OVER () %% 50,
        jsonb_build_object('run_id', 'run-' || row_number() OVER () %% 1000)
    FROM projects
    """,
]


@pytest.fixture(scope="module")
def large_db(server_url: str, template: str) -> Generator[str]:
    """Connection string of a database with 200,000 rows in every table that grows."""
    with new_database(server_url, template=template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no triggers and foreign keys: rows are enough
            for statement in FILL:
                connection.execute(statement.encode(), {"rows": ROWS})
            connection.execute("VACUUM ANALYZE")
        yield url
        db.close()


@pytest.fixture
def explain(large_db: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Tool, dict[str, Any]], list[Any]]:
    """Return what calls a tool and explains the statements that it ran."""
    use_database(large_db, monkeypatch)

    def plans(tool: Tool, arguments: dict[str, Any]) -> list[Any]:
        ran: list[tuple[Any, Any]] = []
        run = db._run

        def recorded(query: Any, params: Any, *rest: Any, **more: Any) -> Any:
            ran.append((query, params))
            return run(query, params, *rest, **more)

        with monkeypatch.context() as patched:
            patched.setattr(db, "_run", recorded)
            tool.run((), arguments)
        with db.get_connection() as connection:
            return [
                connection.execute(b"EXPLAIN (FORMAT JSON) " + query.encode(), params).fetchone() for query, params in ran
            ]

    return plans


def sequential_scans(plan: Any, large: set[str]) -> list[str]:
    """Return the large tables that a plan reads whole."""
    if isinstance(plan, list):
        return [name for part in plan for name in sequential_scans(part, large)]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(plan, dict):
        return []
    here = [plan["Relation Name"]] if plan.get("Node Type") == "Seq Scan" and plan["Relation Name"] in large else []  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return here + [name for part in plan.values() for name in sequential_scans(part, large)]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


@pytest.mark.parametrize("tool", LISTS, ids=lambda tool: tool.name)
def test_a_listing_reads_no_large_table_whole(
    tool: Tool, explain: Callable[[Tool, dict[str, Any]], list[Any]], large_db: str
) -> None:
    large = {
        row["name"]
        for row in db.many(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND reltuples > %(small)s", {"small": SMALL}
        )
    }
    assert len(large) >= 16
    with db.transaction(rollback=True):
        arguments = EXAMPLES[tool.name].arguments(Practice())
        required = {name: arguments[name] for name in tool.input_schema["required"]}
        for given in (arguments, required):
            assert sequential_scans(explain(tool, given), large) == []


def test_the_tables_are_as_large_as_promised(large_db: str) -> None:
    with psycopg.connect(large_db) as connection:
        for table in ("clients", "projects", "line_items", "project_tasks", "activity_log", "purchase_orders"):
            counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert counted == (ROWS,)
