"""Measure how long importing a tool takes, over importing the libraries it is built on.

``uv run python -m benchmarks.imports [ROUNDS]``. Variants take turns in fresh processes.
"""

import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.progress import track
from rich.table import Table

VARIANTS = {
    "libraries": "import psycopg, psycopg_pool, pydantic_settings",
    "a tool": "import studio_data.tools.clients",
}


def main() -> None:
    """Import both in turn and print medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    taken: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in track(range(rounds), description="importing"):
        for name, code in VARIANTS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 (our own interpreter and code)
            taken[name].append(time.perf_counter() - started)
    table = Table("import", "median, ms", "ratio")
    base = statistics.median(taken["libraries"])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        table.add_row(name, f"{median * 1e3:.0f}", f"{median / base:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
