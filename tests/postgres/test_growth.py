"""No read costs more after years of work: every reader of the registry on 20,000 rows and on 200,000 of each kind.

What is compared are the pages that its statements read, and not the time. ``uv run pytest -m volume``; CI runs it.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from psycopg import sql

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


def pages(tool: Tool, arguments: dict[str, Any]) -> int:
    """Call a tool, and return how many pages its statements read when they run once more."""
    ran: list[tuple[Any, Any]] = []
    run = db._run

    def recorded(statements: Any, **more: Any) -> Any:
        ran.extend(statements)
        return run(statements, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(db, "_run", recorded)
        with suppress(StudioError):  # a word that nothing has is refused here and there, after a look
            tool.run((), arguments)
    with db.get_connection() as connection:
        explained = [
            connection.execute(
                b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
                + (query.as_string(connection) if isinstance(query, sql.Composable) else query).encode(),
                params,
            ).fetchone()
            for query, params in ran
        ]
    plans: list[dict[str, int]] = [row["QUERY PLAN"][0]["Plan"] for row in explained if row]
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


def read_by(tool: Tool, url: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], int]]:
    """Return the arguments of the calls of a tool, and how many pages each reads."""
    use_database(url, monkeypatch)
    with db.transaction(rollback=True), by_whom(tool):
        return [(arguments, pages(tool, arguments)) for arguments in list(calls(tool, Practice()))]


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
