"""How many calls a second several threads of one process make."""

import threading
import time
from collections.abc import Callable
from typing import Any

from rich.progress import track

from benchmarks.operations import OPERATIONS, Data, Variant, prepared
from benchmarks.options import Options
from benchmarks.plots import COLOURS, legend_above
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.server import database, use
from benchmarks.timing import median
from benchmarks.variants.bare_psycopg import BarePsycopg
from benchmarks.variants.captured import captured
from benchmarks.variants.library import Library
from benchmarks.variants.pgbench import Pgbench

THREADS = (1, 4, 8)
MEASURED = ("create_client", "log_activity", "list_activity")
SECONDS = 1
TEXT = """Calls per second of 1, 4 and 8 threads in one process, a connection for each: the library with its pool, psycopg
with the library's own statements, and pgbench with as many connections. Python's interpreter lock bounds the first two to
what one core does; several processes have no such bound. The medians of turns of a second each."""


def measure(options: Options) -> Section:
    """Let threads call for a second a turn, the variants in turns."""
    rounds = max(3, options.rounds // 3)
    speeds: dict[str, dict[str, dict[int, list[float]]]] = {}
    with database(options.server_url) as url:
        data = prepared(options, url, 1_000)
        use(url, POOL_MAX_SIZE=str(max(THREADS)))
        statements = captured(data)
        limit = Pgbench(data, statements)
        bare = [BarePsycopg(url, statements) for _ in range(max(THREADS))]
        library = [Library() for _ in bare]
        ways: dict[str, Callable[[str, int], float]] = {
            "library": lambda operation, threads: _speed(operation, library[:threads], data),
            "psycopg": lambda operation, threads: _speed(operation, bare[:threads], data),
            "pgbench": lambda operation, threads: limit.calls_per_second(operation, threads, SECONDS),
        }
        plan = [(operation, threads) for operation in MEASURED for threads in THREADS]
        for operation, threads in track(plan, description="calling in threads"):
            for number in range(rounds + 1):
                for name, speed in ways.items():
                    found = speed(operation, threads)
                    if number:
                        speeds.setdefault(operation, {}).setdefault(name, {}).setdefault(threads, []).append(found)
        for connection in bare:
            connection.close()
        use(url, POOL_MAX_SIZE="10")
    return _section(
        {
            operation: {name: {threads: median(turns) for threads, turns in by.items()} for name, by in found.items()}
            for operation, found in speeds.items()
        }
    )


def _speed(operation: str, variants: list[Any], data: Data) -> float:
    """Return the calls per second that so many threads make together."""
    call, over, counts = OPERATIONS[operation], threading.Event(), [0] * len(variants)

    def work(number: int, variant: Variant) -> None:
        while not over.is_set():
            call(variant, data)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(variants)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    over.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"


def _section(speeds: dict[str, dict[str, dict[int, float]]]) -> Section:
    table = Table(
        ["calls per second", *[_threads(threads) for threads in THREADS]],
        [
            [f"{operation}, {name}", *[f"{by[threads]:,.0f}" for threads in THREADS]]
            for operation, found in speeds.items()
            for name, by in found.items()
        ],
    )
    most = max(THREADS)
    reaches = [
        Reach(f"{operation}, {most} threads: psycopg / library", found["psycopg"][most] / found["library"][most], 1.1)
        for operation, found in speeds.items()
    ]

    def draw(axes: Any) -> None:  # noqa: ANN401
        for operation, marker in zip(speeds, "osD", strict=True):
            for name, found in speeds[operation].items():
                colour = COLOURS.get(name, "black")
                heights = [found[threads] for threads in THREADS]
                axes.plot(THREADS, heights, color=colour, marker=marker, label=f"{operation}, {name}")
        axes.set_xticks(THREADS)
        axes.set_xlabel("threads")
        axes.set_ylabel("calls per second")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        legend_above(axes, len(speeds))

    return Section("Several threads", TEXT, [table], [Plot("threads", "Calls per second by threads", draw)], reaches)
