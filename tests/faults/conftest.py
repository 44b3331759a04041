"""Servers and proxies for the fault tests: each test begins with a fresh copy of one migrated cluster."""

import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from studio_data import db
from studio_data.config import settings
from studio_data.postgres import migrate
from studio_data.postgres.pool import StudioConnection, connect
from tests.faults.proxy import Proxy
from tests.faults.server import Postgres
from tests.support import use

IS_FULL = os.environ.get("TEST_FAULTS") == "full"
"""Whether to run everything, which takes half an hour, or the short run of CI."""


_measured: list[str] = []


def measured(figure: str) -> None:
    """Keep a figure for the end of the run's report."""
    _measured.append(figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _measured:
        terminalreporter.section("measured")
        for figure in _measured:
            terminalreporter.line(figure)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def fault_folder() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="session")
def migrated() -> Generator[Postgres]:
    """A server that has been migrated and has stopped."""
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name))
        server.create()
        server.start()
        with connect(server.url, settings()) as connection:
            migrate.migrate(connection)
        server.stop()
        yield server
        server.end()


@pytest.fixture
def new_server(migrated: Postgres, fault_folder: Path) -> Generator[Callable[..., Postgres]]:
    """Make servers; they are ended with the test, whatever state they are in."""
    made: list[Postgres] = []

    def make(**options: str) -> Postgres:
        folder = fault_folder / f"s{len(made)}"
        folder.mkdir(mode=0o711)
        made.append(Postgres(folder, **options))
        return made[-1]

    yield make
    db.close()
    for server in made:
        server.end()


@pytest.fixture
def postgres(migrated: Postgres, new_server: Callable[..., Postgres], monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """A migrated server that runs, and that the library uses."""
    server = new_server()
    server.copy_of(migrated)
    server.start()
    use(server.url, monkeypatch)
    return server


@pytest.fixture
def proxy(postgres: Postgres, fault_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Proxy]:
    """A proxy before the server, through which the library reaches it."""
    between = Proxy(fault_folder / "p", postgres.server.sockets)
    use(between.url, monkeypatch)
    yield between
    db.close()
    between.close()


@pytest.fixture
def observer(postgres: Postgres) -> Generator[psycopg.Connection[DictRow]]:
    """A connection past the library and the proxy."""
    with StudioConnection.connect(postgres.url, autocommit=True, row_factory=dict_row) as connection:
        yield connection
