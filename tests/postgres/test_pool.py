import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.config import settings
from studio_data.errors import ConfigurationError, UnavailableError
from studio_data.postgres import pool
from studio_data.tools.clients import create_client
from tests.support import clients, pgbouncer, use, with_setting

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


@pytest.mark.processes
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


@pytest.mark.skipif(pgbouncer.IS_WANTED, reason="PgBouncer's own connections keep what was prepared on them")
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
