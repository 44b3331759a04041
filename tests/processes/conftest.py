"""Everything in this folder carries the marker ``processes``: the second line, beside the suite."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from studio_data import db
from studio_data.operations import backups
from tests.conftest import new_database
from tests.support import use

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.processes)


@pytest.fixture(scope="session")
def played(server_url: str, template: str) -> Generator[str]:
    """Name of a database in which a small practice was played."""
    with new_database(server_url, template=template) as url:
        command = [sys.executable, "-m", "studio_data", "demo", "--full", "--yes"]
        subprocess.run(command, check=True, capture_output=True, cwd="/", env=os.environ | {"DATABASE_URL": url})
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def played_db(server_url: str, played: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """Connection string of a copy of it for this test alone."""
    with new_database(server_url, template=played) as url:
        use(url, monkeypatch)
        yield url
        db.close()


@pytest.fixture
def backup(played_db: str, tmp_path: Path) -> Path:
    """A backup of it."""
    backups.backup(tmp_path / "practice.dump")
    return tmp_path / "practice.dump"


@pytest.fixture
def target(server_url: str) -> Generator[str]:
    """Connection string of an empty database beside it."""
    with new_database(server_url) as url:
        yield url
        db.close()
