import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from typing import Any

import psycopg
import pytest
from psycopg.rows import tuple_row

from studio_data import db
from studio_data.errors import StudioError, UnavailableError
from studio_data.tools.clients import create_client
from tests.support import clients, end_every_connection, with_setting

# One statement --------------------------------------------------------------------------------------------------------


def test_one_gives_the_first_row_as_a_dict_or_none() -> None:
    assert db.one("SELECT 1 AS a, 'x' AS b") == {"a": 1, "b": "x"}
    assert db.one("SELECT 1 AS a WHERE false") is None
    assert db.one("UPDATE clients SET phone = NULL WHERE false") is None


def test_many_gives_every_row() -> None:
    assert db.many("SELECT n FROM generate_series(1, 3) AS n") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert db.many("UPDATE clients SET phone = NULL WHERE false") == []


def test_what_the_server_refuses_comes_out_as_the_drivers_error(committed_db: str) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        db.one("SELECT * FROM nothing")


# A batch --------------------------------------------------------------------------------------------------------------

INSERT = "INSERT INTO clients (name) VALUES (%s) RETURNING name"


def test_a_batch_gives_the_rows_of_each_of_its_statements() -> None:
    assert db.batch((INSERT, ("Ann",)), ("SELECT name FROM clients", None), ("UPDATE clients SET phone = '1'", None)) == [
        [{"name": "Ann"}],
        [{"name": "Ann"}],
        [],
    ]
    assert db.batch() == []


def test_a_batch_is_committed_together(committed_db: str) -> None:
    db.batch((INSERT, ("Ann",)), (INSERT, ("Ben",)))

    assert clients() == 2


FAILING: list[tuple[db.Statement, type[Exception]]] = [
    (("SELECT 1 / 0", None), psycopg.errors.DivisionByZero),
    (("SELECT nothing", None), psycopg.errors.UndefinedColumn),
    (("SELECT %s", (object(),)), psycopg.ProgrammingError),
    (("SELECT %s", ("\ud800",)), UnicodeEncodeError),
    (("SELECT %s", ("\x00",)), psycopg.DataError),
    (("SELECT %(name)s", None), psycopg.errors.SyntaxError),
    (("SELECT %(name)s", {}), psycopg.ProgrammingError),
]


@pytest.mark.parametrize(
    ("last", "error"),
    FAILING,
    ids=["refused", "not planned", "not adapted", "no text", "NUL", "no parameters", "a parameter short"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_batch_of_which_one_statement_fails_does_nothing(
    committed_db: str, last: db.Statement, error: type[Exception], place: int
) -> None:
    statements: list[db.Statement] = [(INSERT, ("Ann",)), (INSERT, ("Ben",))]
    statements.insert(place, last)

    with pytest.raises(error):
        db.batch(*statements)

    assert clients() == 0
    db.batch((INSERT, ("Cid",)))
    assert clients() == 1  # its connection is as good as before


def test_a_batch_joins_the_transaction_it_is_called_in(committed_db: str) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.batch((INSERT, ("Ann",)), (INSERT, ("Ben",)))
        assert clients() == 2
        raise ZeroDivisionError

    assert clients() == 0


def test_a_batch_that_fails_can_be_undone_by_itself_in_a_unit(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with pytest.raises(psycopg.errors.DivisionByZero), db.transaction():
            db.batch((INSERT, ("Ben",)), ("SELECT 1 / 0", None))
        create_client("Cid")

    assert clients() == 2


# Units ----------------------------------------------------------------------------------------------------------------


def test_a_transaction_is_committed_on_exit(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        create_client("Ben")
        with psycopg.connect(committed_db) as other:
            assert other.execute("SELECT count(*) FROM clients").fetchone() == (0,)

    assert clients() == 2


def test_an_exception_undoes_the_whole_transaction(committed_db: str) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction():
        create_client("Ann")
        raise ZeroDivisionError

    assert clients() == 0


def test_a_transaction_in_a_transaction_is_a_savepoint(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with pytest.raises(ZeroDivisionError), db.transaction():
            create_client("Ben")
            raise ZeroDivisionError
        with db.transaction():
            create_client("Cal")

    assert db.many("SELECT name FROM clients ORDER BY id") == [{"name": "Ann"}, {"name": "Cal"}]


def test_a_rehearsal_is_undone(committed_db: str) -> None:
    with db.transaction(rollback=True):
        create_client("Ann")
        assert clients() == 1

    assert clients() == 0


def test_get_connection_commits_and_rolls_back(committed_db: str) -> None:
    with db.get_connection() as connection:
        client = create_client("Ann")
        row = connection.execute("SELECT * FROM clients WHERE id = %s", (client["id"],)).fetchone()
        assert row == client
    with pytest.raises(ZeroDivisionError), db.get_connection():
        create_client("Ben")
        raise ZeroDivisionError

    assert clients() == 1


def test_get_connection_joins_the_current_transaction() -> None:
    with db.transaction() as outer, db.get_connection() as inner:
        assert inner is outer


def test_a_transaction_follows_asyncio_into_its_threads(committed_db: str) -> None:
    async def work() -> int:
        with db.transaction(rollback=True):
            create_client("Ann")
            return await asyncio.to_thread(clients)

    assert asyncio.run(work()) == 1
    assert clients() == 0


def test_another_thread_is_not_in_the_transaction(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(clients).result() == 0


@pytest.mark.parametrize("unit", [db.transaction, db.get_connection])
def test_a_unit_that_goes_on_after_a_refused_statement_does_not_end_as_if_it_were_done(
    committed_db: str, unit: Callable[[], AbstractContextManager[Any]]
) -> None:
    with pytest.raises(StudioError, match="was refused, so the whole unit was rolled back") as raised, unit():
        create_client("Ann")
        with suppress(psycopg.Error):
            db.one("INSERT INTO clients (name) VALUES (' ')")
        with pytest.raises(StudioError, match="put the call that may fail into its own transaction"):
            create_client("Cal")

    assert type(raised.value) is StudioError
    assert clients() == 0


def test_a_statement_that_may_fail_goes_into_a_transaction_of_its_own(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with suppress(psycopg.Error), db.transaction():
            db.one("INSERT INTO clients (name) VALUES (' ')")
        create_client("Cal")

    assert clients() == 2


def test_a_savepoint_that_goes_on_after_a_refused_statement_is_undone_and_says_so(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with pytest.raises(StudioError, match="was refused, so the whole unit was rolled back"), db.transaction():
            create_client("Ben")
            with suppress(psycopg.Error):
                db.one("INSERT INTO clients (name) VALUES (' ')")

    assert db.many("SELECT name FROM clients") == [{"name": "Ann"}]


def test_a_unit_whose_connection_was_closed_does_not_end_as_if_it_were_done(committed_db: str) -> None:
    with pytest.raises(UnavailableError) as raised, db.get_connection() as connection:
        create_client("Ann")
        connection.close()

    assert raised.value.outcome == "not_done"
    assert clients() == 0


def test_a_unit_that_the_server_ended_while_it_was_idle_is_not_done(committed_db: str) -> None:
    with (
        pytest.raises(UnavailableError, match=r"perhaps because the unit was idle.*retry the whole unit") as raised,
        db.transaction(),
    ):
        create_client("Ann")
        end_every_connection(committed_db)

    assert raised.value.outcome == "not_done"
    assert clients() == 0


def test_a_context_that_outlives_its_transaction_works_outside_it(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "2")
    with db.transaction():
        copied = copy_context()

    with db.transaction(rollback=True):
        create_client("Ann")
        with ThreadPoolExecutor(1) as thread:
            thread.submit(copied.run, create_client, "Ben").result()

    assert db.many("SELECT name FROM clients") == [{"name": "Ben"}]


def test_what_a_block_of_sql_sets_ends_with_it(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "1")
    with db.get_connection() as connection:
        connection.row_factory = tuple_row  # pyright: ignore[reportAttributeAccessIssue]
        connection.execute("SET search_path = pg_catalog")
        connection.execute("SET statement_timeout = '123ms'")

    assert create_client("Ann")["name"] == "Ann"
    assert db.one("SHOW statement_timeout")["statement_timeout"] != "123ms"


def test_a_server_that_goes_in_the_middle_of_a_batch_is_a_lost_connection(committed_db: str) -> None:
    for _ in range(20):
        with pytest.raises(UnavailableError) as raised:
            db.batch(
                ("INSERT INTO clients (name) VALUES ('Ann')", None),
                ("SELECT pg_terminate_backend(pg_backend_pid())", None),
                ("SELECT pg_sleep(0.01)", None),
            )
        assert raised.value.outcome == "unknown"

    assert db.one("SELECT count(*) AS clients FROM clients") == {"clients": 0}
