"""What the tools refuse, the tables refuse too: whoever writes with psql can plant no row that breaks a reader."""

from collections import Counter

import psycopg
from psycopg import sql

from studio_data import db
from tests.support import studio_data

TEXT = ["", " ", "\t", "\u200b", "\u2800", " padded", "padded\u00a0", "bell\a", "x\x7f", "x" * 20_001]
NUMBERS = ["NaN", "Infinity", "-Infinity", "-0.01", "99999999999"]
DAYS = ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "1899-12-31", "2200-01-01"]
DEEP = '{"a":' * 40 + "1" + "}" * 40
OBJECTS = ["null", "[]", '"text"', "7", DEEP, '{"a": "%s"}' % ("x" * 66_000), '{"a": 1e400}', '{"a": [-1e301]}']

HOSTILE = {
    "text": TEXT,
    "numeric": NUMBERS,
    "date": DAYS,
    "timestamp with time zone": DAYS,
    "jsonb": OBJECTS,
    "integer": ["-1", "2147483647", "2147483648", "1.5"],
    "boolean": ["maybe", "7"],
    "uuid": ["", "nobody", "019ab000-0000-7000-8000-00000000000"],
    "USER-DEFINED": ["", "nonsense", "Lead"],
    "xid8": ["-x", "one"],
}


def test_no_column_of_any_table_takes_what_would_break_a_reader(committed_db: str) -> None:
    assert studio_data("demo", "--full", "--yes")[0] == 0
    columns = db.many(
        """
        SELECT
            table_name, column_name,
            CASE WHEN data_type = 'USER-DEFINED' AND domain_name IS NOT NULL THEN 'text' ELSE data_type END AS data_type
        FROM information_schema.columns
        WHERE table_schema = current_schema()
            AND table_name NOT IN ('schema_version', 'call_ledger', 'preview_changes', 'audit_seals')
        ORDER BY table_name, column_name
        """
    )
    tried: Counter[str] = Counter()
    taken: list[str] = []
    with db.transaction(rollback=True) as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER activity_log_rows_are_final")
        for column in columns:
            table, name = column["table_name"], column["column_name"]
            update = sql.SQL("UPDATE {} SET {} = {}")
            for value in HOSTILE[column["data_type"]]:
                statement = update.format(sql.Identifier(table), sql.Identifier(name), sql.Literal(value))
                refused = "taken"
                try:
                    with db.transaction(rollback=True):
                        connection.execute(statement)
                except psycopg.Error as error:
                    refused = error.sqlstate or "lost"
                if not refused.startswith(("22", "23")):
                    taken.append(f"{table}.{name} = {value[:30]!r}: {refused}")
                tried[table] += 1

    assert taken == []
    assert len(tried) >= 19
