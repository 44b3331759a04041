"""What a database holds, as Postgres writes it, and what an examination of its trail finds."""

import psycopg
from psycopg import sql

from studio_data.operations import seals


def every_row(url: str) -> dict[str, list[str]]:
    """Every row of every table as Postgres writes it."""
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        ).fetchall()
        return {
            name: sorted(
                text
                for (text,) in connection.execute(
                    sql.SQL("SELECT (whole.*)::text FROM {} AS whole").format(sql.Identifier(name))
                ).fetchall()
            )
            for (name,) in tables
        }


def findings() -> list[seals.Finding]:
    return [finding for _, found in seals.verify(seals.head()) for finding in found]
