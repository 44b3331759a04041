"""A real Postgres for every test: ``TEST_DATABASE_URL`` if set, else the embedded server in a folder of this run.

The suite runs in two workers, each with a server of its own: a reader of the trail waits for every older transaction of its
server, so tests of one worker would hold up those of the other. On a server that was given there is one worker.

One template database is migrated once. A test runs in a transaction that is rolled back; a test that needs commits, other
processes or broken connections asks for ``committed_db`` and gets a copy of the template for itself.

With ``TEST_DATABASE_ROLE=studio_agent`` the template gets the database roles, and tests and library act
in both kinds of database as that role; see ``as_administrator`` in tests/support/.
"""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from fcntl import LOCK_SH
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studio_data import db
from studio_data.config import Settings, settings
from studio_data.operations import database_roles
from studio_data.postgres import embedded, migrate
from studio_data.postgres.pool import connect
from studio_data.postgres.supervisor import Server, flock
from tests.examples import Practice
from tests.support import ROLE, in_the_role, pgbouncer, tools_of_the_test
from tests.support.agent_keys import NEW, OLD
from tests.support.embedded import VERSION, server_folder, servers, users, within

ROOT = Path(__file__).parents[1]
FAKETIME = ROOT / "tests" / "faketime"
os.environ["STUDIO_DATA_AGENT_KEYS"] = f"{NEW},{OLD}"
_numbers = count(1)
_in_use: list[str] = []
_settings: list[Settings] = []
_pooler: list[str] = []
_practice: list[Practice] = []


def pytest_configure(config: pytest.Config) -> None:
    """Begin again under faketime, so that sleeps and waits end there: tests/faketime says why they would not."""
    if "faketime" in os.environ.get("LD_PRELOAD", "") and os.environ.get("PYTHONPATH") != str(FAKETIME):
        capturing: Any = config.pluginmanager.getplugin("capturemanager")
        capturing.stop_global_capturing()
        environment = os.environ | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": str(FAKETIME)}
        os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Work in this process where workers are of no help.

    A single file is through before they have started; a server that was given is one for all; faults and plans are measured.
    """
    files = {argument.split("::")[0] for argument in config.args}
    is_one_file = len(files) == 1 and files.pop().endswith(".py")
    is_measured = config.option.markexpr in {"faults", "volume"}
    if (is_one_file or is_measured or "TEST_DATABASE_URL" in os.environ) and hasattr(config.option, "numprocesses"):
        config.option.numprocesses = 0


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """The connection string of a server on which this run may create databases."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with server_folder() as folder:
        chosen = Settings(embedded_dir=folder)
        url = embedded.start(chosen)
        server = Server(home=str(folder / chosen.embedded_version), binaries="", sockets="")
        user = flock(server.lock("users"), LOCK_SH)  # stays up when a test closes the library's own use of it
        assert user is not None
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # this server is thrown away; nothing here cuts its power
            connection.execute("SELECT pg_reload_conf()")
        # The server keeps the faked time; children keep the machine's: under load libfaketime 0.9.10 breaks their threads.
        os.environ.pop("LD_PRELOAD", None)
        yield url
        db.close()
        os.close(user)
        supervisor = flock(server.lock("supervisor"), LOCK_SH)  # given up when the server has stopped
        assert supervisor is not None
        os.close(supervisor)


@pytest.fixture(scope="session", autouse=True)
def pooled(request: pytest.FixtureRequest) -> Generator[None]:
    """With TEST_POOLER=pgbouncer let the library reach every database through PgBouncer in transaction mode."""
    if not pgbouncer.IS_WANTED:
        yield
        return
    with pgbouncer.running(request.getfixturevalue("server_url")) as folder:
        _pooler.append(folder)
        yield
        db.close()


@pytest.fixture(scope="session")
def template(server_url: str) -> Generator[str]:
    """Name of a migrated database that nobody connects to."""
    with new_database(server_url) as url:
        with connect(url, settings()) as connection:
            migrate.migrate(connection)
            if ROLE is not None:
                database_roles.set_up(connection)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture(scope="session")
def shared_db(server_url: str, template: str) -> Generator[str]:
    """Connection string of the database in which tests run and are rolled back."""
    with new_database(server_url, template=template) as url:
        yield in_the_role(url)


@pytest.fixture(scope="session")
def practice_db(server_url: str, template: str) -> Generator[str]:
    """Connection string of such a database that holds what the examples of the tools need: it is made once."""
    with new_database(server_url, template=template) as url:
        with pytest.MonkeyPatch.context() as patched:
            use_database(in_the_role(url), patched)
            _practice.append(Practice.whole())
        yield in_the_role(url)


@pytest.fixture
def practice(practice_db: str) -> Practice:
    """What the examples of the tools need, in the database where the test is rolled back."""
    return copy(_practice[-1])


@pytest.fixture(scope="module")
def kept_database(server_url: str, template: str) -> Generator[str]:
    """Connection string of a migrated database for the tests of a module."""
    with new_database(server_url, template=template) as url:
        yield in_the_role(url)
        db.close()


@pytest.fixture
def kept_db(kept_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Connection string of a migrated database in which a test commits and finds what tests of its module have written."""
    use_database(kept_database, monkeypatch)
    return kept_database


@pytest.fixture(autouse=True)
def transaction(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Run the test in a transaction that is rolled back, unless it has a database of its own."""
    asked = set(request.fixturenames)
    if asked & {"committed_db", "empty_db", "kept_db", "large_db", "new_server", "played_db"}:
        yield
        return
    use_database(request.getfixturevalue("practice_db" if "practice" in asked else "shared_db"), monkeypatch)
    with db.transaction(rollback=True):
        yield


@pytest.fixture(autouse=True)
def registered() -> Generator[None]:
    """Forget the tools that a test defines."""
    with tools_of_the_test():
        yield


@pytest.fixture
def committed_db(server_url: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """Connection string of a migrated database for this test alone, in which it commits."""
    with new_database(server_url, template=template) as administrators:
        url = in_the_role(administrators)
        use_database(url, monkeypatch)
        yield url
        db.close()


@pytest.fixture
def empty_db(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """Connection string of a database without any table, for this test alone."""
    with new_database(server_url) as url:
        use_database(url, monkeypatch)
        yield url
        db.close()


@pytest.fixture
def bare_environment() -> Generator[dict[str, str]]:
    """The environment of a machine without any setting, but for the folder of the embedded server."""
    with server_folder() as folder:
        unset = {"DATABASE_URL", "TEST_DATABASE_URL", "STUDIO_DATA_AGENT_KEYS", "PYTHONDONTWRITEBYTECODE"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        yield kept | {"STUDIO_DATA_EMBEDDED_DIR": str(folder), "COLUMNS": "120"}
        for _ in range(200):
            if not list(folder.rglob("postmaster.pid")):
                break
            time.sleep(0.05)


@pytest.fixture
def folder() -> Generator[Path]:
    """An empty folder for embedded servers that every local account may pass through."""
    with server_folder() as made:
        yield made
        assert within(10, lambda: not servers(made)), "a server outlived its users"
        assert within(5, lambda: not list(made.rglob("postmaster.pid")))


@pytest.fixture(scope="session")
def cluster() -> Generator[Path]:
    """A folder with a migrated cluster whose server has stopped: a copy of it saves the time of initdb."""
    with server_folder() as made:
        with users(made, 1) as (user,):
            user.leave()
        assert within(5, lambda: not servers(made))
        yield made


@pytest.fixture
def warm(folder: Path, cluster: Path) -> Path:
    """A folder like ``folder``, with a migrated cluster in it."""
    subprocess.run(["cp", "-a", str(cluster / VERSION), str(folder)], check=True)
    return folder


@contextmanager
def new_database(server_url: str, *, template: str = "template0") -> Generator[str]:
    """Create a database, yield its connection string, drop it."""
    name = f"studio_data_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield make_conninfo(server_url, dbname=name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def use_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the library at a database; the pool of another one is closed."""
    if _pooler:
        url = pgbouncer.through(url, _pooler[0])
        monkeypatch.setenv("STUDIO_DATA_POOLER", "transaction")
    monkeypatch.setenv("DATABASE_URL", url)
    if [settings()] != _settings or _in_use != [url]:  # to read the settings again takes longer than many a test
        settings.cache_clear()
        _settings[:] = [settings()]
    if _in_use != [url]:
        db.close()
        _in_use[:] = [url]


@pytest.fixture
def elsewhere(committed_db: str) -> Generator[psycopg.Connection]:
    """An open transaction in another database of the server, which has written before everything else in the test."""
    connection = psycopg.connect(make_conninfo(committed_db, dbname="postgres"))
    connection.execute("SELECT pg_current_xact_id()")
    yield connection
    connection.close()
