"""Every listing is served by an index, and every index serves a query: plans and statistics on 200,000 rows.

``uv run pytest -m volume``; CI runs it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import sql

from studio_data import db
from studio_data.contract import ledger
from studio_data.contract.registry import Tool, all_tools, get_tool
from studio_data.errors import StudioError
from studio_data.operations import doctor, seals
from studio_data.tools.clients import create_client
from studio_data.tools.practice.trades import create_trade
from studio_data.tools.practice.vendors import create_vendor
from tests.conftest import use_database
from tests.examples import EXAMPLES, Practice, by_whom
from tests.postgres.conftest import ROWS
from tests.support.readers import arguments_of_every_filter

pytestmark = pytest.mark.volume

SMALL = 5_000  # a table that is read whole sooner than through an index
TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
LISTS = [
    tool
    for tool in TOOLS
    if tool.reads
    and "limit" in tool.input_schema["properties"]
    and tool.name != "practice_report"  # sums over everything there is
]


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


def use_everything() -> None:
    """Call every tool, and what operators call, and undo all of it: the statistics count it nevertheless."""
    for tool in TOOLS:
        with db.transaction(rollback=True), by_whom(tool):
            practice = Practice()
            if tool.reads:
                for arguments in arguments_of_every_filter(tool, practice):
                    with suppress(StudioError):
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
