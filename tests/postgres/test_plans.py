"""Every listing is served by an index, and every index serves a query: plans and statistics on 200,000 rows.

``uv run pytest -m volume``; CI runs it.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from studio_data import db
from studio_data.contract import ledger
from studio_data.contract.registry import Tool, all_tools, get_tool
from studio_data.errors import InvalidTransitionError, NotFoundError
from studio_data.operations import doctor, seals
from studio_data.tools.clients import create_client
from studio_data.tools.practice.trades import create_trade
from studio_data.tools.practice.vendors import create_vendor
from tests.conftest import new_database, use_database
from tests.examples import EXAMPLES, Practice, by_whom

pytestmark = pytest.mark.volume

ROWS = 200_000
SMALL = 5_000  # a table that is read whole sooner than through an index
TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
LISTS = [
    tool
    for tool in TOOLS
    if tool.reads
    and "limit" in tool.input_schema["properties"]
    and tool.name != "practice_report"  # sums over everything there is
]

# Rows of every table that grows with the practice's work, each under one of the rows before it. As in a practice of some
# years most of it is over: that is why a list of what is open is read through an index.
FILL = [
    """
    CREATE FUNCTION pg_temp.mostly(word integer, n bigint, words integer) RETURNS integer
    LANGUAGE sql IMMUTABLE RETURN CASE WHEN n %% 100 < 94 THEN word ELSE 1 + n %% words END
    """,
    """
    INSERT INTO clients (name, email, phone, status)
    SELECT 'Client ' || n, 'c' || n || '@example.com', '+1 913 ' || n,
        (enum_range(NULL::client_status))[pg_temp.mostly(6, n, 7)]
    FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO projects (client_id, name, project_type, phase)
    SELECT id, 'Project of ' || name, 'mixed', (enum_range(NULL::project_phase))[pg_temp.mostly(6, row_number() OVER (), 7)]
    FROM clients
    """,
    "INSERT INTO project_rooms (project_id, name) SELECT id, 'Den' FROM projects",
    """
    INSERT INTO agent_sessions (session_id, user_mission, project_id, status, updated_at)
    SELECT 'run-' || row_number() OVER (), 'Plan ' || name, id,
        (enum_range(NULL::agent_session_status))[pg_temp.mostly(5, row_number() OVER (), 2)],
        now() - interval '1 minute' * (row_number() OVER () %% 100000)
    FROM projects
    """,
    """
    INSERT INTO agent_executions (agent_session_id, agent_type, started_at)
    SELECT id, 'eng', now() - interval '1 minute' * (row_number() OVER () %% 1000000)
    FROM agent_sessions
    """,
    """
    INSERT INTO agent_checkpoints (thread_id, checkpoint_id, checkpoint_data)
    SELECT session_id, 'c-1', '{}' FROM agent_sessions
    """,
    """
    INSERT INTO agent_metrics (metric_name, metric_value, recorded_at)
    SELECT 'metric ' || n %% 500, n, now() - interval '1 minute' * n FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO design_fees (project_id, label, amount, payment_number, status, due_at)
    SELECT id, 'First', 5000, 1, (enum_range(NULL::fee_status))[pg_temp.mostly(3, row_number() OVER (), 4)],
        now() - interval '1 day' * (row_number() OVER () %% 100)
    FROM projects
    """,
    "INSERT INTO vendors (name, category) SELECT 'Vendor ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    "INSERT INTO trades (name, specialty) SELECT 'Trade ' || n, 'Kind ' || n %% 50 FROM generate_series(1, %(rows)s) AS n",
    """
    INSERT INTO pricing_benchmarks (category, item_type, unit_price_estimate)
    SELECT 'Kind ' || n %% 50, 'Item ' || n, 100 FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO line_items (room_id, description_generic, status)
    SELECT id, 'sofa', (enum_range(NULL::line_item_status))[pg_temp.mostly(7, row_number() OVER (), 7)] FROM project_rooms
    """,
    """
    INSERT INTO vendor_quotes (line_item_id, vendor_id, unit_cost)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 100 FROM line_items
    """,
    """
    INSERT INTO purchase_orders (line_item_id, vendor_id, po_number, amount, status, estimated_delivery)
    SELECT id, (SELECT id FROM vendors LIMIT 1), 'PO ' || row_number() OVER (), 100,
        (enum_range(NULL::po_status))[pg_temp.mostly(6, row_number() OVER (), 7)],
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
    INSERT INTO meeting_action_items (meeting_id, description, assigned_to, due_date, status)
    SELECT id, 'Ask', 'Person ' || row_number() OVER () %% 50, scheduled_date,
        (enum_range(NULL::action_item_status))[pg_temp.mostly(3, row_number() OVER (), 4)]
    FROM meetings
    """,
    "INSERT INTO documents (project_id, doc_type, s3_key) SELECT id, 'photo', 'photo.jpg' FROM projects",
    """
    INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by)
    SELECT id, 'conceptual_design', 'detailed_design', 'Maria' FROM projects
    """,
    """
    INSERT INTO call_ledger (key, tool, arguments_hash, result, created_at)
    SELECT 'run-' || n, 'create_client', sha256('{}'), '{}', now() - n * interval '31 days' / %(rows)s
    FROM generate_series(1, %(rows)s) AS n
    """,
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

        def recorded(statements: Any, **more: Any) -> Any:
            ran.extend(statements)
            return run(statements, **more)

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


@pytest.mark.parametrize("name", ["list_tasks", "list_action_items"])
def test_who_else_is_assigned_is_found_from_name_to_name(
    name: str, explain: Callable[[Tool, dict[str, Any]], list[Any]]
) -> None:
    plans = explain(get_tool(name), {"assigned_to": "Nobody of that name"})

    assert len(plans) == 2  # the empty page, and who was meant
    assert sequential_scans(plans, {"project_tasks", "meeting_action_items"}) == []


def test_the_tables_are_as_large_as_promised(large_db: str) -> None:
    with psycopg.connect(large_db) as connection:
        for table in ("clients", "projects", "line_items", "project_tasks", "activity_log", "purchase_orders"):
            counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert counted == (ROWS,)


# Every index ------------------------------------------------------------------------------------------------------------

# What readers are called with beside their examples, and beside unknown ids and every word of a list.
VALUES: dict[str, Any] = {
    "action": "created",
    "actor_name": "Agent 1",
    "assigned_to": "Person 1",
    "category": "Kind 1",
    "due_before": "2026-01-02",
    "entity_type": "project",
    "fields": "*",
    "from_date": str(datetime.now(UTC).date()),
    "include_retired": True,
    "late_only": True,
    "limit": 10,
    "only_new": True,
    "open_only": True,
    "overdue_only": True,
    "quality_tier": "high",
    "run_id": "run-1",
    "search": "Client 1",
    "specialty": "Kind 1",
    "to_date": "2026-01-02",
}


def values(name: str, schema: dict[str, Any], example: dict[str, Any]) -> list[Any]:
    """Return what to call a reader's optional argument with."""
    if schema.get("format") == "uuid":
        return [example.get(name) or uuid4()]
    given = [value for value in (example.get(name), VALUES.get(name)) if value is not None]
    found = schema.get("enum") or given
    assert found, f"{name} needs a value in VALUES"
    return found


def arguments_of_every_filter(tool: Tool, practice: Practice) -> Iterator[dict[str, Any]]:
    """Yield arguments for calls of a reader that together use every one: none, the example's, each alone."""
    example = EXAMPLES[tool.name].arguments(practice)
    schema = tool.input_schema
    required = {name: example[name] for name in schema["required"]}
    yield required
    yield example
    for name in schema["properties"].keys() - required.keys():
        if name in {"after", "cursor"} and "limit" in schema["properties"]:
            first = tool.run((), {**required, "limit": 1})
            yield {**required, name: first.get("next") or first.get("cursor")}
            continue
        with_it = {"entity_type": "project"} if name == "entity_id" else {}
        for value in values(name, schema["properties"][name], example):
            yield {**required, **with_it, name: value}


def use_everything() -> None:
    """Call every tool, and what operators call, and undo all of it: the statistics count it nevertheless."""
    for tool in TOOLS:
        with db.transaction(rollback=True), by_whom(tool):
            practice = Practice()
            if tool.reads:
                for arguments in arguments_of_every_filter(tool, practice):
                    with suppress(NotFoundError, InvalidTransitionError):
                        tool.run((), arguments)
            else:
                tool.run((), EXAMPLES[tool.name].arguments(practice))
    with db.transaction(rollback=True):
        for create in (create_client, create_vendor, create_trade):
            create("Ann", email="ann@example.com", phone="+1 913 555 0142")
        list(ledger.prune())
        list(seals.seal())
        list(seals.verify())
        doctor.examine()


def never_scanned(url: str) -> list[str]:
    """Return the indexes that hold no constraint and that no query has read since the statistics began."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            """
            SELECT indexrelname
            FROM pg_stat_user_indexes AS used
            JOIN pg_index USING (indexrelid)
            WHERE idx_scan = 0
                AND NOT indisunique
                AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = used.indexrelid)
            ORDER BY indexrelname
            """
        )
        return [name for (name,) in found]


def test_every_index_without_a_constraint_is_read_by_some_query(large_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", "1")
    use_database(large_db, monkeypatch)
    db.one("CREATE INDEX clients_address_idx ON clients (address)")
    db.one("SELECT pg_stat_reset()")

    use_everything()
    db.one("SELECT pg_stat_force_next_flush()")

    assert never_scanned(large_db) == ["clients_address_idx"]  # made above: the test can fail
