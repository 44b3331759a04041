"""Measure what the capture triggers cost calls that nobody previews: create_client, and create_project with its 135 tasks.

``uv run python -m benchmarks.capture [ROUNDS]``, on the database in use, which should be an empty one. The variants take
turns in transactions that are rolled back; in one of the two the triggers are dropped first.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from studio_data import db
from studio_data.tools.clients import create_client
from studio_data.tools.projects import create_project

CALLS = 20


def drop_triggers() -> None:
    """Drop every capture trigger, until the transaction ends."""
    triggers = db.many(
        """
        SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) AS statement
        FROM pg_trigger
        JOIN pg_proc ON tgfoid = pg_proc.oid
        WHERE proname = 'capture_change'
        """
    )
    with db.transaction() as connection:
        for trigger in triggers:
            connection.execute(trigger["statement"].encode())


def main() -> None:
    """Call both tools with and without the triggers and print the medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in track(range(rounds), description="calling"):
        for variant in ("without", "with"):
            with db.transaction(rollback=True):
                if variant == "without":
                    drop_triggers()
                client = create_client("Ann")
                create_project(client["id"], "LR", "furnishings")
                calls: dict[str, Callable[[], Any]] = {
                    "create_client": lambda: create_client("Ann"),
                    "create_project": lambda client=client: create_project(client["id"], "LR", "furnishings"),
                }
                for name, call in calls.items():
                    started = time.perf_counter()
                    for _ in range(CALLS):
                        call()
                    taken.setdefault((name, variant), []).append((time.perf_counter() - started) / CALLS * 1e6)
    table = Table("call", "without triggers, µs", "with triggers, µs", "ratio")
    for name in ("create_client", "create_project"):
        without, with_them = (statistics.median(taken[name, variant]) for variant in ("without", "with"))
        table.add_row(name, f"{without:.0f}", f"{with_them:.0f}", f"{with_them / without:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
