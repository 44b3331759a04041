"""What several test modules do to the library and the server."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from studio_data import db
from studio_data.cli import app
from studio_data.cli.app import err, out
from studio_data.config import settings
from studio_data.contract import registry

ROLE = os.environ.get("TEST_DATABASE_ROLE") or None
"""The database role in which tests and library act; not set: whoever the connection string says."""

_IN_ROLE = f"-c role={ROLE}"


with_the_servers_timers = pytest.mark.skipif(
    "faketime" in os.environ.get("LD_PRELOAD", ""), reason="under libfaketime no timer of Postgres runs out"
)
"""For tests of what Postgres itself ends after a time."""


def in_the_role(url: str) -> str:
    """Let every session begin in the role under test: Postgres then checks its privileges, and no others."""
    return url if ROLE is None else make_conninfo(url, options=f"{_options(url)} {_IN_ROLE}".strip())


def as_server_administrator(url: str) -> str:
    """Return the connection string without the role under test."""
    return url if ROLE is None else make_conninfo(url, options=_options(url).removesuffix(_IN_ROLE).strip())


def _options(url: str) -> str:
    return str(conninfo_to_dict(url).get("options") or "")


@contextmanager
def as_administrator() -> Generator[None]:
    """Let a test's own set-up do, as a unit, what the role under test may not."""
    with db.transaction():
        if ROLE is not None:
            db.one("SET LOCAL ROLE NONE")
        yield
        if ROLE is not None:
            db.one("SELECT set_config('role', %s, true)", (ROLE,))


def clients() -> int:
    """Count the clients."""
    return db.one("SELECT count(*) AS clients FROM clients")["clients"]


def end_every_connection(url: str) -> None:
    """End every connection of a database but our own, and return when they have ended."""
    with psycopg.connect(as_server_administrator(url), autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"  # returns when it has ended
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def with_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Set STUDIO_DATA_<name> and begin with a new pool."""
    monkeypatch.setenv(f"STUDIO_DATA_{name}", value)
    settings.cache_clear()
    db.close()


def studio_data(*arguments: str, stdin: str | None = None, terminal: int | None = None) -> tuple[int, str, str]:
    """Run the command in this process, in a pipe or on a terminal with so many columns; return exit code, output, errors."""
    width = terminal or 200
    looks = {"COLUMNS": str(width), "TERM": "xterm", "TTY_COMPATIBLE": "1" if terminal else "0"}
    with patch.multiple(out, _color_system=None, _width=width), patch.multiple(err, _force_terminal=False, _width=width):
        result = CliRunner().invoke(app, arguments, input=stdin, env=looks)
    return result.exit_code, result.stdout, result.stderr


@contextmanager
def tools_of_the_test() -> Generator[None]:
    """Forget the tools that are defined in the block: the registry belongs to every test."""
    registry.all_tools()
    known = dict(registry._tools)
    try:
        yield
    finally:
        registry._tools.clear()
        registry._tools.update(known)


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the library at a server, whatever it is, and begin with a new pool."""
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    db.close()


def contents() -> dict[str, dict[Any, dict[str, Any]]]:
    """Return every row of the practice by table and id."""
    with db.get_connection() as connection:
        return {
            table: {row["id"]: row for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))}
            for table in _tables()
        }


def state() -> dict[str, tuple[int, str]]:
    """Return how many rows each table of the practice has, and a hash of them: what a test compares when nothing changed."""
    of_one_table = sql.SQL(
        "SELECT {} AS name, count(*) AS rows, coalesce(sum(hashtextextended(one::text, 0)), 0)::text AS hash FROM {} AS one"
    )
    query = sql.SQL(" UNION ALL ").join(of_one_table.format(table, sql.Identifier(table)) for table in _tables())
    with db.get_connection() as connection:
        return {row["name"]: (row["rows"], row["hash"]) for row in connection.execute(query)}


def _tables() -> list[str]:
    rows = db.many(
        """
        SELECT relname AS name
        FROM pg_class
        JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'id'
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        """
    )
    return [row["name"] for row in rows]
