"""Measure what the rules against poison rows cost on an insert: none, column checks, domains.

``uv run python -m benchmarks.domains [ROUNDS]``, on the database in use. Works in a schema of its own and drops it.
"""

import statistics
import sys
import time

from rich.console import Console
from rich.progress import track
from rich.table import Table

from studio_data import db

TEXT_RULE = "char_length({0}) BETWEEN 1 AND 200 AND {0} ~ '^\\S' AND {0} ~ '\\S$'"
JSON_RULE = "jsonb_typeof({0}) = 'object' AND octet_length({0}::text) <= 65536 AND NOT {0} @? '$.**{{33}}'"
TIME_RULE = "{0} >= '1900-01-01 00:00+00' AND {0} < '2200-01-01 00:00+00'"
COLUMNS = dict.fromkeys("abcde", ("text", TEXT_RULE)) | {
    "document": ("jsonb", JSON_RULE),
    "created_at": ("timestamptz DEFAULT now()", TIME_RULE),
    "updated_at": ("timestamptz DEFAULT now()", TIME_RULE),
}
DOMAINS = {TEXT_RULE: "bench_text", JSON_RULE: "bench_json", TIME_RULE: "bench_time"}
INSERTS_PER_ROUND = 300


def create_tables() -> None:
    """Create the same table three times: without rules, with checks, with domains."""
    plain = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    checks = ", ".join(f"{name} {kind} CHECK ({rule.format(name)})" for name, (kind, rule) in COLUMNS.items())
    domains = ", ".join(
        f"{name} {DOMAINS[rule]} {'DEFAULT now()' if 'DEFAULT' in kind else ''}" for name, (kind, rule) in COLUMNS.items()
    )
    statements = [
        "DROP SCHEMA IF EXISTS bench CASCADE",
        "CREATE SCHEMA bench",
        "SET LOCAL search_path = bench",
        *(
            f"CREATE DOMAIN {name} AS {next(kind for kind, found in COLUMNS.values() if found == rule).split()[0]}"
            f" CHECK ({rule.format('VALUE')})"
            for rule, name in DOMAINS.items()
        ),
        f"CREATE TABLE plain ({plain})",
        f"CREATE TABLE checks ({checks})",
        f"CREATE TABLE domains ({domains})",
    ]
    with db.transaction() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def main() -> None:
    """Insert into the three tables in turn and print the medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    create_tables()
    taken: dict[str, list[float]] = {"plain": [], "checks": [], "domains": []}
    with db.get_connection() as connection:
        connection.execute("SET LOCAL synchronous_commit = off")
        for _ in track(range(rounds), description="inserting"):
            for table, seconds in taken.items():
                insert = (
                    f"INSERT INTO bench.{table} (a, b, c, d, e, document)"  # noqa: S608 (one of three names)
                    " VALUES (%s, %s, %s, %s, %s, %s) RETURNING *"
                ).encode()
                row = ("David Nguyen", "linh@example.com", "referral", "123 Main St", "x", '{"a": {"b": 1}}')
                started = time.perf_counter()
                for _ in range(INSERTS_PER_ROUND):
                    connection.execute(insert, row).fetchone()
                seconds.append((time.perf_counter() - started) / INSERTS_PER_ROUND)
        connection.execute("DROP SCHEMA bench CASCADE")
    table = Table("table", "median of an insert, µs", "over plain, µs", title="Eight columns with rules")
    base = statistics.median(taken["plain"])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        table.add_row(name, f"{median * 1e6:.0f}", f"{(median - base) * 1e6:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
