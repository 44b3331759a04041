"""Rows of SQLite files: what is wrong with a value stays with its row."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studio_data.errors import InvalidInputError
from studio_data.imports import sqlite
from studio_data.imports.values import NotText

QUERIES = ("SELECT _rowid_, * FROM things ORDER BY 1", "SELECT NULL, * FROM things")


def made(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as file:
        file.executescript(script)
    return path


def test_text_that_is_not_utf_8_spoils_no_other_row(tmp_path: Path) -> None:
    path = made(
        tmp_path / "file.db",
        "CREATE TABLE things (name TEXT, data); INSERT INTO things VALUES ('Café', 1), (CAST(x'436166e9' AS TEXT), 2),"
        " ('Tea', x'436166e9');",
    )

    with sqlite.opened(path) as file:
        rows = [(row.kind, row.number, row.values) for row in sqlite.rows(file, "thing", QUERIES)]

    assert rows == [
        ("thing", 1, {"name": "Café", "data": 1}),
        ("thing", 2, {"name": NotText(b"Caf\xe9"), "data": 2}),
        ("thing", 3, {"name": "Tea", "data": b"Caf\xe9"}),
    ]
    assert [type(row[2]["name"]) for row in rows] == [str, NotText, str]


@pytest.mark.parametrize(
    ("script", "numbers"),
    [
        ("CREATE TABLE things (a); INSERT INTO things (_rowid_, a) VALUES (9, 'x'), (-2, 'y'), (0, 'z');", [-2, 0, 9]),
        ("CREATE TABLE things (rowid TEXT, a); INSERT INTO things VALUES ('own', 'x'), ('own', 'y');", [1, 2]),
        ("CREATE TABLE things (a TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO things VALUES ('x'), ('y');", [1, 2]),
        ("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3); CREATE VIEW things AS SELECT a FROM t;", [1, 2, 3]),
    ],
    ids=["rowids", "a column named rowid", "without rowid", "a view"],
)
def test_rows_have_their_rowid_or_their_place(tmp_path: Path, script: str, numbers: list[int]) -> None:
    with sqlite.opened(made(tmp_path / "file.db", script)) as file:
        rows = list(sqlite.rows(file, "thing", QUERIES))

    assert [row.number for row in rows] == numbers
    assert all("a" in row.values for row in rows)


def test_a_file_is_read_in_one_state(tmp_path: Path) -> None:
    path = made(tmp_path / "file.db", "PRAGMA journal_mode = WAL; CREATE TABLE things (a); INSERT INTO things VALUES (1);")

    with sqlite.opened(path) as file:
        assert len(list(sqlite.rows(file, "thing", QUERIES))) == 1
        made(path, "INSERT INTO things VALUES (2);")
        assert len(list(sqlite.rows(file, "thing", QUERIES))) == 1


def test_the_columns_of_no_table_are_none(tmp_path: Path) -> None:
    with sqlite.opened(made(tmp_path / "file.db", "CREATE TABLE things (a, b);")) as file:
        assert (sqlite.columns(file, "things"), sqlite.columns(file, "others")) == ({"a", "b"}, set())


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    path = made(
        tmp_path / "file.db",
        "CREATE TABLE things (a); INSERT INTO things SELECT hex(randomblob(2000)) FROM (VALUES (1), (2), (3), (4), (5));",
    )
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(InvalidInputError, match="cannot be read as an SQLite file"), sqlite.opened(path) as file:
        list(sqlite.rows(file, "thing", QUERIES))
