import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import copy_context
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row

from studio_data import db, pool
from studio_data.config import settings
from studio_data.errors import ConfigurationError, InvalidInputError, StudioError, UnavailableError
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project


def clients() -> int:
    return db.one("SELECT count(*) AS clients FROM clients")["clients"]


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


@contextmanager
def round_trips() -> Generator[list[str]]:
    """Collect what ends in a round trip, from libpq's own trace of the only connection: each Sync and each simple Query."""
    sent: list[str] = []
    connections = db._pool()
    connection = connections.getconn()
    connections.putconn(connection)
    with tempfile.TemporaryFile("w+") as trace:
        connection.pgconn.trace(trace.fileno())
        yield sent
        connection.pgconn.untrace()
        trace.seek(0)
        sent += re.findall(r"\tF\t\d+\t(Sync|Query)\b", trace.read())


def test_each_published_tool_costs_one_round_trip(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "1")

    with round_trips() as create_client_trips:
        client = create_client("Ann", email="ann@example.com", screening_data={"style": "modern"})
    with round_trips() as create_project_trips:
        project = create_project(client["id"], "LR", "furnishings")["project"]
    with round_trips() as log_activity_trips:
        log_activity("project", project["id"], "called")
    with round_trips() as unit_trips, db.transaction():
        create_client("Ben")

    assert create_client_trips == create_project_trips == log_activity_trips == ["Sync"]
    assert len(unit_trips) == 3  # BEGIN, the statement, COMMIT: the count sees what it should


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
    with pytest.raises(StudioError, match="refused, and with it the whole unit") as raised, unit():
        create_client("Ann")
        with suppress(InvalidInputError):
            create_client("Ben", screening_data={"a": [1e299] * 1_000})  # only the database can see that this is too long
        with pytest.raises(StudioError, match="put the call that may fail into a transaction"):
            create_client("Cal")

    assert type(raised.value) is StudioError
    assert clients() == 0


def test_a_call_that_may_fail_goes_into_a_transaction_of_its_own(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with suppress(InvalidInputError), db.transaction():
            create_client("Ben", screening_data={"a": [1e299] * 1_000})
        create_client("Cal")

    assert clients() == 2


def test_a_savepoint_that_goes_on_after_a_refused_statement_is_undone_and_says_so(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        with pytest.raises(StudioError, match="refused, and with it the whole unit"), db.transaction():
            create_client("Ben")
            with suppress(InvalidInputError):
                create_client("Cal", screening_data={"a": [1e299] * 1_000})

    assert db.many("SELECT name FROM clients") == [{"name": "Ann"}]


def test_a_unit_whose_connection_was_closed_does_not_end_as_if_it_were_done(committed_db: str) -> None:
    with pytest.raises(UnavailableError) as raised, db.get_connection() as connection:
        create_client("Ann")
        connection.close()

    assert raised.value.outcome == "not_done"
    assert clients() == 0


def test_a_unit_that_the_server_ended_while_it_was_idle_is_not_done(committed_db: str) -> None:
    with (
        pytest.raises(UnavailableError, match=r"perhaps because the unit was idle.*repeat the whole unit") as raised,
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


# Lost connections -----------------------------------------------------------------------------------------------------


def end_every_connection(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"  # returns when it has ended
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_write_on_connections_that_died_while_idle_succeeds_once(committed_db: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        wait([threads.submit(db.one, "SELECT pg_sleep(0.05)") for _ in range(4)])
    end_every_connection(committed_db)

    for number in range(6):
        create_client(f"Client {number}")

    assert clients() == 6


def kill_while_it_runs(url: str, marker: str) -> threading.Thread:
    """End the backend whose statement has this marker, as soon as it runs."""

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as killer:
            for _ in range(500):
                killed = killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE %s AND state = 'active' AND pid <> pg_backend_pid()",
                    (f"%{marker}%",),
                ).fetchall()
                if killed:
                    return
                time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_read_whose_connection_breaks_is_answered_by_another_connection(committed_db: str) -> None:
    db.one("SELECT 1 AS ready")
    killer = kill_while_it_runs(committed_db, "read marker")

    answer = db.one("SELECT 'read marker' AS marker, pg_sleep(1)::text AS slept", reads=True)
    killer.join()

    assert answer["marker"] == "read marker"


def test_a_write_whose_connection_breaks_is_not_repeated_and_says_so(committed_db: str) -> None:
    db.one("CREATE SEQUENCE attempts")
    killer = kill_while_it_runs(committed_db, "write marker")

    with pytest.raises(UnavailableError, match="look for it before you repeat") as raised:
        db.one("/* write marker */ INSERT INTO clients (name) SELECT nextval('attempts') || pg_sleep(5)::text")
    killer.join()

    assert raised.value.outcome == "unknown"
    assert not raised.value.retryable
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 1}
    assert clients() == 0


def test_a_transaction_whose_connection_breaks_is_not_done(committed_db: str) -> None:
    with pytest.raises(UnavailableError) as raised, db.transaction():
        create_client("Ann")
        end_every_connection(committed_db)
        create_client("Ben")

    assert raised.value.outcome == "not_done"
    assert raised.value.retryable
    assert clients() == 0


def test_a_function_that_might_write_is_not_repeated(committed_db: str) -> None:
    db.one("CREATE SEQUENCE attempts")
    killer = kill_while_it_runs(committed_db, "function marker")

    with pytest.raises(UnavailableError) as raised:
        db.one("/* function marker */ SELECT nextval('attempts'), pg_sleep(5)")
    killer.join()

    assert raised.value.outcome == "unknown"
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 1}


def make_flaky(sqlstate: str, failures: int) -> None:
    """Create flaky(), which raises this sqlstate so many times; a sequence counts, since it is not rolled back."""
    with db.get_connection() as connection:
        connection.execute("CREATE SEQUENCE attempts")
        connection.execute(
            f"""
            CREATE FUNCTION flaky() RETURNS text LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('attempts') <= {failures} THEN
                    RAISE EXCEPTION 'flaky' USING ERRCODE = '{sqlstate}';
                END IF;
                RETURN 'Ann';
            END $$
            """.encode()
        )


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "25006", "53300"])
def test_a_write_that_the_server_undid_is_tried_again(committed_db: str, sqlstate: str) -> None:
    make_flaky(sqlstate, failures=3)

    db.one("INSERT INTO clients (name) VALUES (flaky())")

    assert clients() == 1
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 4}


def test_after_five_attempts_the_caller_is_told(committed_db: str) -> None:
    make_flaky("40001", failures=99)

    with pytest.raises(UnavailableError, match="busy with conflicting work") as raised:
        db.one("INSERT INTO clients (name) VALUES (flaky())")

    assert raised.value.outcome == "not_done"
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 5}


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "54000", "54001", "23505", "P0001"])
def test_what_would_fail_again_is_tried_once(committed_db: str, sqlstate: str) -> None:
    make_flaky(sqlstate, failures=99)

    with pytest.raises(psycopg.Error) as raised:
        db.one("INSERT INTO clients (name) VALUES (flaky())")

    assert raised.value.sqlstate == sqlstate
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 1}


def test_in_a_transaction_nothing_is_tried_again(committed_db: str) -> None:
    make_flaky("40001", failures=1)

    with pytest.raises(UnavailableError) as raised, db.transaction():
        db.one("INSERT INTO clients (name) VALUES (flaky())")

    assert raised.value.outcome == "not_done"
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 1}


# Time -----------------------------------------------------------------------------------------------------------------


def with_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"STUDIO_DATA_{name}", value)
    settings.cache_clear()
    db.close()


def test_a_call_ends_at_its_deadline_even_if_the_server_goes_on(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "CALL_TIMEOUT", "0.5")
    db.one("SELECT 1 AS ready")

    started = time.monotonic()
    with pytest.raises(UnavailableError, match="did not finish in time") as raised:
        db.one("INSERT INTO clients (name) SELECT 'Ann' || pg_sleep(3)::text")

    assert time.monotonic() - started < 1.5
    assert raised.value.outcome == "unknown"
    assert db.one("SELECT 1 AS alive") == {"alive": 1}


def test_a_statement_in_a_transaction_ends_at_its_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "CALL_TIMEOUT", "0.5")

    with pytest.raises(UnavailableError) as raised, db.transaction():
        create_client("Ann")
        db.one("SELECT pg_sleep(3)")

    assert raised.value.outcome == "not_done"
    assert clients() == 0


def test_a_statement_that_the_server_cancels_is_not_repeated(committed_db: str) -> None:
    with pytest.raises(UnavailableError, match="did not finish in time") as raised, db.transaction() as connection:
        connection.execute("SET LOCAL statement_timeout = '50ms'")
        db.one("SELECT pg_sleep(3)")

    assert raised.value.outcome == "not_done"


def test_without_a_free_connection_the_caller_hears_that_it_is_busy(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "1")
    monkeypatch.setenv("STUDIO_DATA_POOL_TIMEOUT", "0.2")
    settings.cache_clear()

    with (
        db.transaction(),
        ThreadPoolExecutor(1) as thread,
        pytest.raises(UnavailableError, match="All 1 connections of this process are busy") as raised,
    ):
        thread.submit(clients).result()

    assert raised.value.retryable
    assert clients() == 0


# The pool -------------------------------------------------------------------------------------------------------------


def test_threads_that_start_cold_share_one_pool(committed_db: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        counts = [threads.submit(clients) for _ in range(8)]
        assert [count.result() for count in counts] == [0] * 8

    pools = [thread for thread in threading.enumerate() if thread.name == "studio-data-scheduler"]
    assert len(pools) == 1


def test_a_forked_child_has_a_pool_of_its_own(committed_db: str) -> None:
    create_client("Ann")

    children: list[int] = []
    for number in range(5):
        child = os.fork()
        if child == 0:
            try:
                answers = [db.one("SELECT %s::int AS number", (number,))["number"] for _ in range(20)]
                os._exit(0 if answers == [number] * 20 and clients() == 1 else 1)
            except BaseException:  # noqa: BLE001 (a child must never return into pytest)
                os._exit(2)
        children.append(child)
        assert db.one("SELECT 'parent' AS who") == {"who": "parent"}

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 5
    assert clients() == 1


def test_a_forked_child_is_not_in_its_parents_transaction(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        child = os.fork()
        if child == 0:
            try:
                os._exit(clients())
            except BaseException:  # noqa: BLE001
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert clients() == 1


def test_a_forked_child_that_leaves_its_parents_transaction_does_not_end_it(committed_db: str) -> None:
    script = """
import os, sys
from studio_data.db import transaction
from studio_data.tools.clients import create_client

with transaction():
    create_client("Ann")
    child = os.fork()
    if child == 0:
        sys.exit()
    os.waitpid(child, 0)
"""
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)

    assert parent.returncode == 0, parent.stderr
    assert clients() == 1


def test_behind_a_pooler_nothing_is_prepared(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepared() -> int:
        with db.get_connection():
            for _ in range(10):
                db.one("SELECT 1 AS a")
            return db.one("SELECT count(*) AS n FROM pg_prepared_statements")["n"]

    assert prepared() > 0
    with_setting(monkeypatch, "POOLER", "transaction")
    assert prepared() == 0


# No database ----------------------------------------------------------------------------------------------------------


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    db.close()


def test_a_server_that_is_not_there_is_unavailable(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use("postgresql://nobody:secret@127.0.0.1:1/nothing", monkeypatch)

    with pytest.raises(UnavailableError, match="cannot be reached") as raised:
        clients()

    assert raised.value.retryable
    assert "secret" not in str(raised.value.to_dict())


def test_a_database_that_does_not_exist_is_a_matter_of_configuration(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(make_conninfo(committed_db, dbname="no_such_database"), monkeypatch)

    with pytest.raises(ConfigurationError, match=r'"no_such_database" does not exist.* Correct DATABASE_URL'):
        clients()


def test_a_server_that_is_too_old_is_refused(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "OLDEST_SERVER", 99)
    db.close()

    with pytest.raises(ConfigurationError, match=r"The server is Postgres 1\d; the library needs 99 or newer"):
        clients()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("PGDATESTYLE", "SQL, DMY", "DateStyle is SQL, DMY; the library reads ISO only")],
)
def test_a_session_that_the_library_cannot_read_is_refused_before_anything_is_written(
    committed_db: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    db.close()

    with pytest.raises(ConfigurationError, match=message):
        create_client("Ann")


def test_another_client_encoding_in_the_environment_does_not_matter(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    db.close()

    assert create_client("日本")["name"] == "日本"


def test_the_first_calls_of_all_threads_end_at_their_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:  # takes connections and never answers
        with_setting(monkeypatch, "CALL_TIMEOUT", "2")
        use(f"postgresql://studio@127.0.0.1:{silent.getsockname()[1]}/studio", monkeypatch)

        started = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(clients) for _ in range(4)]
            errors = [call.exception() for call in calls]

    assert {type(error) for error in errors} == {UnavailableError}
    assert time.monotonic() - started < 4.5


def test_a_database_without_tables_names_the_command_that_makes_them(empty_db: str) -> None:
    with pytest.raises(ConfigurationError, match="Run studio-data migrate"):
        create_client("Ann")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2%40@db.example:5432/studio",
        "postgresql://ann@db.example:5432/studio?password=hunter2%40",
        "host=db.example user=ann dbname=studio password=hunter2@",
    ],
)
def test_the_printable_connection_string_hides_the_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()

    shown = db.printable_connection_string()
    assert "hunter2" not in shown + repr(settings())
    assert all(part in shown for part in ("ann", "****", "db.example", "studio"))
