"""Rows of a noun whose tools are not what the test is about."""

from typing import Any
from uuid import UUID

from psycopg import sql

from studio_data import db


def row(table: str, **values: Any) -> UUID:
    """Insert a row and return its id."""
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    with db.get_connection() as connection:
        found = connection.execute(query, values).fetchone()
    assert found is not None
    return found["id"]
