"""Measure what sealing costs those who write, and how fast a sealed trail is verified.

``uv run python -m benchmarks.seal [ROUNDS] [SECONDS]``, on the database in use, an empty one. Two threads write with
log_activity for so many seconds a turn; in every second turn the trail is sealed once a second beside them.
"""

import statistics
import sys
import threading
import time

from rich.console import Console
from rich.progress import track
from rich.table import Table

from studio_data import db
from studio_data.operations import seals
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client

THREADS = 2


def lines_per_second(seconds: float, *, sealing: bool) -> float:
    """Write for so many seconds and return the lines per second."""
    client = create_client("Ann")["id"]
    over = threading.Event()
    counts = [0] * THREADS

    def write(number: int) -> None:
        while not over.is_set():
            log_activity("client", client, "called", metadata={"note": "asked about the sofa"})
            counts[number] += 1

    def seal() -> None:
        while not over.wait(1.0):
            list(seals.seal())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    threads += [threading.Thread(target=seal)] if sealing else []
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def main() -> None:
    """Print the medians of both variants, their ratio, and the speed of verify."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0  # noqa: PLR2004
    taken: dict[bool, list[float]] = {False: [], True: []}
    lines_per_second(1, sealing=False)
    for _ in track(range(rounds), description="writing"):
        for sealing in (False, True):
            list(seals.seal())
            taken[sealing].append(lines_per_second(seconds, sealing=sealing))
    list(seals.seal())
    started = time.perf_counter()
    lines = sum(checked for checked, _ in seals.verify())
    verified = lines / (time.perf_counter() - started)
    without, with_seals = statistics.median(taken[False]), statistics.median(taken[True])
    table = Table("writers", "lines per second")
    table.add_row("alone", f"{without:,.0f}")
    table.add_row("sealed once a second", f"{with_seals:,.0f}")
    table.add_row("cost", f"{(1 - with_seals / without) * 100:.1f} %")
    table.add_row(f"verify ({lines:,} lines)", f"{verified:,.0f}")
    Console().print(table)
    db.close()


if __name__ == "__main__":
    main()
