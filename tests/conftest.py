"""A real Postgres for every test: ``TEST_DATABASE_URL`` if set, else the embedded server in a folder of this run.

Two workers share that server, and each has databases of its own. A template database is migrated once. A test runs in a
transaction that is rolled back; a test that needs commits, other processes or broken connections asks for ``committed_db``
and gets a copy of the template for itself.

With ``TEST_DATABASE_ROLE=studio_agent`` the template gets the database roles, and tests and library act
in both kinds of database as that role; see ``as_administrator`` in tests/support.py.
"""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_SH, flock
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
from tests.support import ROLE, in_the_role, pgbouncer, tools_of_the_test
from tests.support.agent_keys import NEW, OLD
from tests.support.embedded import VERSION, server_folder, servers, users, within

ROOT = Path(__file__).parents[1]
FAKETIME = ROOT / "tests" / "faketime"
os.environ["STUDIO_DATA_AGENT_KEYS"] = f"{NEW},{OLD}"
_numbers = count(1)
_in_use: list[str] = []
_pooler: list[str] = []
_folder: list[Path] = []
_run = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Begin again under faketime, so that sleeps and waits end there: tests/faketime says why they would not."""
    if "faketime" in os.environ.get("LD_PRELOAD", "") and os.environ.get("PYTHONPATH") != str(FAKETIME):
        capturing: Any = config.pluginmanager.getplugin("capturemanager")
        capturing.stop_global_capturing()
        environment = os.environ | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": str(FAKETIME)}
        os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run one file in this process: starting workers takes longer than most files do."""
    files = {argument.split("::")[0] for argument in config.args}
    if len(files) == 1 and files.pop().endswith(".py") and hasattr(config.option, "numprocesses"):
        config.option.numprocesses = 0


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Name the folder of the server that this run's workers share; the first of them starts it."""
    if not _folder:
        _folder.append(_run.enter_context(server_folder()))
    node.workerinput["server_folder"] = str(_folder[0])


def pytest_unconfigure() -> None:
    """Remove the folder when the server in it has stopped."""
    within(20, lambda: not any(list(folder.rglob("postmaster.pid")) for folder in _folder))
    _run.close()


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Generator[str]:
    """The connection string of a server on which this run may create databases."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    shared: str | None = getattr(request.config, "workerinput", {}).get("server_folder")
    if shared is None:
        _folder.append(_run.enter_context(server_folder()))
    folder = _folder[0] if shared is None else Path(shared)
    server = Settings(embedded_dir=folder)
    url = embedded.start(server)
    user = os.open(folder / server.embedded_version / "users.lock", os.O_RDWR)
    flock(user, LOCK_SH)  # stays up when a test closes the library's own use of it
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # this server is thrown away; nothing here cuts its power
        connection.execute("SELECT pg_reload_conf()")
    yield url
    db.close()
    os.close(user)


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


@pytest.fixture(autouse=True)
def transaction(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Run the test in a transaction that is rolled back, unless it has a database of its own."""
    if {"committed_db", "empty_db", "large_db", "new_server", "played_db"} & set(request.fixturenames):
        yield
        return
    use_database(request.getfixturevalue("shared_db"), monkeypatch)
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
    settings.cache_clear()
    if _in_use[:] != [url]:
        db.close()
        _in_use[:] = [url]
