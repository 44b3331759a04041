"""No read costs more after years of work: every reader of the registry on 20,000 rows and on 200,000 of each kind.

What is compared are the pages that its statements read, and not the time. ``uv run pytest -m volume``; CI runs it.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from studio_data import db
from studio_data.contract.registry import Tool, all_tools
from studio_data.errors import StudioError
from tests.conftest import use_database
from tests.examples import Practice, by_whom
from tests.postgres.conftest import ROWS
from tests.support.readers import arguments_of_every_filter
from tests.support.years import practice_of_years

pytestmark = pytest.mark.volume

MOST = 1.5
READERS = [tool for tool in all_tools() if tool.reads and tool.name != "practice_report"]  # sums over everything there is


@pytest.fixture(scope="module")
def small_db(server_url: str, template: str) -> Generator[str]:
    """Connection string of a database with a tenth of the large one's rows."""
    with practice_of_years(server_url, template, ROWS // 10) as url:
        yield url
        db.close()


def calls(tool: Tool, practice: Practice) -> Iterator[dict[str, Any]]:
    """Yield the arguments of the calls that are compared: every filter, but a search of a whole list.

    No index finds a part of a word: ``docs/benchmarks.md`` says what does grow.
    """
    is_of_one_thing = any(name.endswith("_id") for name in tool.input_schema["required"])
    for arguments in arguments_of_every_filter(tool, practice):
        if is_of_one_thing or "search" not in arguments:
            yield arguments


class Ran(NamedTuple):
    """A statement with numbered parameters, their types and values."""

    query: bytes
    types: tuple[str, ...]
    values: list[Any]

    def prepared(self, connection: psycopg.Connection[Any]) -> str:
        """Prepare it, and let it be run often enough that Postgres may keep one plan for all values."""
        name = f"reader_{sha256(repr((self.query, self.types)).encode()).hexdigest()[:20]}"
        if not connection.execute("SELECT FROM pg_prepared_statements WHERE name = %s", [name]).fetchall():
            types = f"({', '.join(self.types)})" if self.types else ""
            connection.execute(f"PREPARE {name} {types} AS ".encode() + self.query, prepare=False)
            for _ in range(6):
                connection.execute(self._execute("EXECUTE {}{}", name))
        return name

    def pages(self, connection: psycopg.Connection[Any]) -> int:
        """Run it, and return how many pages it read."""
        name = self.prepared(connection)
        explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {}{}"
        row = connection.execute(self._execute(explain, name)).fetchone()
        assert row is not None
        plan: dict[str, int] = row["QUERY PLAN"][0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]

    def _execute(self, text: LiteralString, name: str) -> sql.Composed:
        values = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, self.values))) if self.types else sql.SQL("")
        return sql.SQL(text).format(sql.Identifier(name), values)


@contextmanager
def recorded() -> Generator[list[Ran]]:
    """Keep what is run in the block."""
    ran: list[Ran] = []
    run = db._run

    def running(statements: Any, **more: Any) -> Any:
        for query, params in statements:
            with db.get_connection() as connection:
                text: Any = query.as_string(connection) if isinstance(query, sql.Composable) else query
                converted = PostgresQuery(Transformer(connection))
                converted.convert(text, params or {})
                types = [connection.adapters.types[oid].regtype if oid else "unknown" for oid in converted.types]
            ran.append(Ran(converted.query, tuple(types), [params[name] for name in converted._order or ()]))
        return run(statements, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(db, "_run", running)
        yield ran


def read_by(tool: Tool, url: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], int]]:
    """Return the arguments of the calls of a tool, and how many pages each reads.

    What comes first is an everyday value: if Postgres then keeps a plan for all values, it must do for rare ones too.
    """
    use_database(url, monkeypatch)
    found: list[tuple[dict[str, Any], int]] = []
    with db.transaction(rollback=True), by_whom(tool):
        for arguments in list(calls(tool, Practice())):
            with recorded() as ran, suppress(StudioError):  # a word that nothing has may be refused, after a look
                tool.run((), arguments)
            with db.get_connection() as connection:
                found.append((arguments, sum(statement.pages(connection) for statement in ran)))
    return found


@pytest.mark.parametrize("tool", READERS, ids=lambda tool: tool.name)
def test_a_reader_reads_as_many_pages_of_ten_times_the_rows(
    tool: Tool, small_db: str, large_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_small = read_by(tool, small_db, monkeypatch)
    of_large = read_by(tool, large_db, monkeypatch)

    grown = [
        (arguments, few, many) for (_, few), (arguments, many) in zip(of_small, of_large, strict=True) if many > MOST * few
    ]
    assert grown == []
