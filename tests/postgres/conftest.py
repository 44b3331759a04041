"""A database that is large enough for plans to matter."""

from collections.abc import Generator

import pytest

from studio_data import db
from tests.support.years import practice_of_years

ROWS = 200_000


@pytest.fixture(scope="session")
def large_db(server_url: str, template: str) -> Generator[str]:
    """Connection string of a database with 200,000 rows in every table that grows."""
    with practice_of_years(server_url, template, ROWS) as url:
        yield url
        db.close()
