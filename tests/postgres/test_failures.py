import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from studio_data import db
from studio_data.config import settings
from studio_data.errors import UnavailableError
from studio_data.tools.clients import create_client
from tests.support import as_administrator, clients, end_every_connection, with_setting, with_the_servers_timers

# Lost connections -----------------------------------------------------------------------------------------------------


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

    with pytest.raises(UnavailableError, match="look for it before you retry") as raised:
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


@pytest.mark.parametrize(
    ("sqlstate", "fact"), [("53100", "The database's disk is full"), ("53200", "The database server is out of memory")]
)
def test_a_caller_may_retry_when_there_is_room_again(committed_db: str, sqlstate: str, fact: str) -> None:
    make_flaky(sqlstate, failures=1)
    with as_administrator():
        db.one("CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM flaky(); RETURN NEW; END'")
        db.one("CREATE TRIGGER full_up BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION full_up()")

    with pytest.raises(UnavailableError, match=fact) as raised:
        create_client("Ann")
    assert (raised.value.retryable, raised.value.outcome) == (True, "not_done")
    assert "Call again when an administrator has made room" in (raised.value.hint or "")
    assert create_client("Ann")["name"] == "Ann"
    assert clients() == 1


def test_in_a_transaction_nothing_is_tried_again(committed_db: str) -> None:
    make_flaky("40001", failures=1)

    with pytest.raises(UnavailableError) as raised, db.transaction():
        db.one("INSERT INTO clients (name) VALUES (flaky())")

    assert raised.value.outcome == "not_done"
    assert db.one("SELECT last_value FROM attempts") == {"last_value": 1}


# Time -----------------------------------------------------------------------------------------------------------------


def test_a_call_ends_at_its_deadline_even_if_the_server_goes_on(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "CALL_TIMEOUT", "1.5")  # enough for a busy machine to connect in
    db.one("SELECT 1 AS ready")

    started = time.monotonic()
    with pytest.raises(UnavailableError, match="did not finish in time") as raised:
        db.one("INSERT INTO clients (name) SELECT 'Ann' || pg_sleep(9)::text")

    assert time.monotonic() - started < 8
    assert raised.value.outcome == "unknown"
    assert db.one("SELECT 1 AS alive") == {"alive": 1}


def test_a_statement_in_a_transaction_ends_at_its_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "CALL_TIMEOUT", "0.5")

    with pytest.raises(UnavailableError) as raised, db.transaction():
        create_client("Ann")
        db.one("SELECT pg_sleep(3)")

    assert raised.value.outcome == "not_done"
    with_setting(monkeypatch, "CALL_TIMEOUT", "30")  # a busy machine may need longer to connect
    assert clients() == 0


@with_the_servers_timers
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
