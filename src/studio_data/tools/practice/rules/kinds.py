"""The words of a column, such as the specialties of the trades: what a filter without a match may have meant."""

from psycopg import sql

from studio_data.db import many

MOST_KINDS = 200


def kinds(table: str, column: str) -> list[str]:
    """Return the words of a column, 200 at most, without regard to upper and lower case.

    It goes from word to word in the column's index, however many rows have the same.
    """
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
    rows = many(
        sql.SQL(
            """
            WITH RECURSIVE kind AS (
                SELECT '' AS word
                UNION ALL
                SELECT (
                    SELECT {column}::text
                    FROM {table}
                    WHERE lower({column}) > lower(kind.word)
                    ORDER BY lower({column})
                    LIMIT 1
                )
                FROM kind
                WHERE word IS NOT NULL
            )
            SELECT word
            FROM kind
            WHERE word <> ''
            LIMIT %(limit)s
            """
        ).format(**names),
        {"limit": MOST_KINDS},
    )
    return [row["word"] for row in rows]
