"""What the tools refuse, the tables refuse too: whoever writes with psql can plant no row that breaks a reader."""

from collections import Counter

import psycopg
from psycopg import sql

from studio_data import db
from studio_data.contract.registry import all_tools
from tests.examples import EXAMPLES, Practice, by_whom
from tests.postgres.test_schema import DECLARED

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
    "ARRAY": ["", "nonsense", "{one}"],
    # Domains that take more than others of their type, or less.
    "prompt_text": [*TEXT[:-1], "x" * 200_001],
    "state_jsonb": [*(value for value in OBJECTS if len(value) < 1_000), '{"a": "%s"}' % ("x" * 1_050_000)],
    "usage_amount": [*NUMBERS[:-1], "1000000000000"],
    "finite_number": ["NaN", "Infinity", "-Infinity", "1e301", "many"],
    "sha256_hex": ["", "abc", "A" * 64, "g" * 64],
}


def test_no_column_of_any_table_takes_what_would_break_a_reader(committed_db: str) -> None:
    for tool in all_tools():
        if not tool.reads and tool.name in EXAMPLES:
            arguments = EXAMPLES[tool.name].arguments(Practice())
            with by_whom(tool):
                tool.run((), arguments)
    columns = db.many(
        """
        SELECT
            table_name, column_name,
            CASE
                WHEN domain_name = ANY(%(domains)s) THEN domain_name
                WHEN data_type = 'USER-DEFINED' AND domain_name IS NOT NULL THEN 'text'
                ELSE data_type
            END AS data_type
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
            AND table_name NOT IN ('schema_version', 'call_ledger', 'preview_changes', 'audit_seals')
        ORDER BY table_name, column_name
        """,
        {"domains": list(HOSTILE)},
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
    assert set(tried) == DECLARED
