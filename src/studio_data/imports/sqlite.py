"""Rows of an SQLite file, one by one: a value that is not text refuses its row and not the file."""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from studio_data.errors import InvalidInputError
from studio_data.imports.accounts import Row
from studio_data.imports.values import NotText


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Open a file for reading: the block sees one state of it. Raises ``InvalidInputError`` if it cannot be read."""
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.", hint="Give the path of an SQLite file.")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = _text
            connection.execute("BEGIN")
            yield connection
    except sqlite3.DatabaseError as error:
        raise InvalidInputError(f"{path} cannot be read as an SQLite file: {error}.") from error


def _text(stored: bytes) -> str | NotText:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return NotText(stored)


def columns(file: sqlite3.Connection, table: str) -> set[str]:
    """Return the columns of a table or view; none if there is no such."""
    return {name for (name,) in file.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def rows(file: sqlite3.Connection, kind: str, queries: tuple[str, str]) -> Iterator[Row]:
    """Yield the rows of a table as rows of a kind.

    The first query selects the rowid and then the columns. The second selects NULL instead, for a table or view that has no
    rowid: its rows are numbered as they come.
    """
    with_rowid, without = queries
    try:
        found = file.execute(with_rowid)
    except sqlite3.OperationalError:
        found = file.execute(without)
    names = [column[0] for column in found.description[1:]]
    for place, (rowid, *values) in enumerate(found, start=1):
        yield Row(kind, place if rowid is None else rowid, dict(zip(names, values, strict=True)))
