"""What a call costs on the wire, counted in libpq's own trace of the only connection."""

import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from studio_data import call_key, db
from studio_data.contract.registry import Tool, get_tool
from studio_data.postgres import connections
from tests.examples import EXAMPLES, Practice, by_whom
from tests.support import with_setting

# A unit in which the database is asked, Python decides, and then writes. Every other call is one round trip.
WITHOUT_DATABASE = {"find_tools": 0}
MORE = {
    "add_workflow_template": 4,  # LOCK TABLE wants a BEGIN of its own
    "advance_project": 4,  # the gates are looked at in between
    "change_email_template": 3,  # the changed template is read as a template before it is committed
    "available_actions": 2,  # the reasons name things by their names
    "estimate_room": 6,  # the benchmarks are looked for before anything is added
    "rotate_agent_api_keys": 2,  # and one for each further key: they are encrypted here, not in the database
}
# With a key it is a part of the key's unit, which a number taken by another must not spoil: a savepoint.
KEYED_MORE = {"draft_purchase_order": 5}


@contextmanager
def round_trips() -> Generator[list[str]]:
    """Collect the round trips of a block: each Sync and simple Query, at which alone the library waits for the server."""
    trips: list[str] = []
    pool = connections.pool()
    connection = pool.getconn()
    pool.putconn(connection)
    with tempfile.TemporaryFile("w+") as trace:
        connection.pgconn.trace(trace.fileno())
        try:
            yield trips
        finally:
            connection.pgconn.untrace()
        trace.seek(0)
        trips += re.findall(r"\tF\t\d+\t(Sync|Query)\b", trace.read())


@pytest.fixture
def only_connection(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "1")
    with_setting(monkeypatch, "POOLER", "transaction")  # a statement is prepared once, in a round trip of its own


def trips_of(tool: Tool) -> int:
    example = EXAMPLES[tool.name]
    arguments = example.arguments(Practice())
    with by_whom(tool), round_trips() as trips:
        tool.run((), arguments)
    return len(trips)


def test_the_count_sees_every_round_trip(only_connection: None) -> None:
    with round_trips() as alone:
        db.one("SELECT 1 AS a")
    with round_trips() as together:
        db.batch(("SELECT 1 AS a", None), ("SELECT 2 AS b", None), ("SELECT 3 AS c", None))
    with round_trips() as unit, db.transaction():
        db.one("SELECT 1 AS a")
        get_tool("create_client").run(("Ben",), {})

    assert (len(alone), len(together)) == (1, 1)
    assert len(unit) == 6  # BEGIN, the statement, SAVEPOINT, the client, RELEASE, COMMIT


def test_every_call_is_one_round_trip_but_for_six_tools(only_connection: None) -> None:
    trips = {name: trips_of(get_tool(name)) for name in EXAMPLES}

    assert trips == {name: (MORE | WITHOUT_DATABASE).get(name, 1) for name in EXAMPLES}


def test_a_call_with_a_key_is_two_and_its_repetition_three(only_connection: None) -> None:
    for name, example in EXAMPLES.items():
        if get_tool(name).reads or name in MORE:
            continue
        arguments = example.arguments(Practice())
        for expected in (KEYED_MORE.get(name, 2), 3):  # the key refused, ROLLBACK, what is stored
            with by_whom(get_tool(name)), call_key(f"run-42/{name}"), round_trips() as trips:
                get_tool(name).run((), arguments)
            assert len(trips) == expected, name
