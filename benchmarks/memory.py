"""Measure whether a process that goes on calling grows: its resident memory over some hundred thousand calls."""

import logging
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import Any, cast
from uuid import uuid4

import psutil
from psycopg.conninfo import make_conninfo
from rich.progress import track

from benchmarks.options import Options
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.server import database, use
from studio_data import call, call_key, preview
from studio_data.errors import StudioError
from studio_data.tools.activity import get_history, list_activity, log_activity
from studio_data.tools.clients import create_client, get_client, list_clients, record_screening
from studio_data.tools.practice.overview import project_overview
from studio_data.tools.projects import create_project

SAMPLED_EVERY = 1_000
SETTLED_AFTER = 10_000
LIMIT = 1.02


@contextmanager
def _without_the_log() -> Generator[None]:
    """Keep refused calls out of the process log, which would print each."""
    log = logging.getLogger("studio_data")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


def measure(options: Options) -> Section:
    """Let a new process call everything in turn, and look at its memory every thousand calls."""
    settled = min(SETTLED_AFTER, options.repetitions // 2)
    every = min(SAMPLED_EVERY, settled)
    alone = ProcessPoolExecutor(1, mp_context=get_context("spawn"))  # what a section before this one has used stays reserved
    with database(options.server_url) as url, alone:
        samples = alone.submit(_sampled, url, options.repetitions, every).result()
    after = dict(samples)[settled - settled % every]
    end = samples[-1][1]
    most = max(size for _, size in samples)
    return Section(
        "Memory",
        f"A process of its own makes {options.repetitions:,} calls: writes, reads, lists, an overview, calls through the "
        "dispatcher, calls with a key and their repetitions, previews, and calls that are refused for a bad argument, an "
        f"unknown argument or an unknown id. Its resident memory is {after:.1f} MB after the first {settled:,} and "
        f"{end:.1f} MB in the end.",
        tables=[
            Table(
                ["calls", "resident memory, MB"],
                [(f"{number:,}", f"{size:.1f}") for number, size in (samples[0], (settled, after), samples[-1])]
                + [("the most at any time", f"{most:.1f}")],
            )
        ],
        plots=[Plot("memory", "Resident memory of a process over its calls", lambda axes: _line(axes, samples))],
        reaches=[Reach(f"resident memory after {options.repetitions:,} calls / after {settled:,}", end / after, LIMIT)],
    )


def _sampled(url: str, repetitions: int, every: int) -> list[tuple[int, float]]:
    """Make the calls and return the resident memory, in MB, after every so many."""
    process = psutil.Process()
    samples: list[tuple[int, float]] = []
    with _without_the_log():
        use(make_conninfo(url, options="-c synchronous_commit=off"), POOL_MAX_SIZE="2")  # the disk is not the question
        kinds = list(_calls())
        for number in track(range(1, repetitions + 1), description="calling", transient=True):
            kinds[number % len(kinds)](number)
            if number % every == 0:
                samples.append((number, process.memory_info().rss / 2**20))
    return samples


def _calls() -> Generator[Callable[[int], object]]:
    """Yield what is called in turn, each with the number of the call."""
    client = create_client("David & Linh Nguyen")["id"]
    project = create_project(client, "Nguyen LR/DR/MBED", "mixed")["project"]["id"]

    def refused(function: Callable[..., object], *args: object, **kwargs: object) -> Callable[[int], object]:
        def call_it(_: int) -> None:
            with suppress(StudioError):
                function(*args, **kwargs)
                raise AssertionError(f"{function.__name__} was not refused")

        return call_it

    def unknown_id(_: int) -> None:
        refused(get_client, uuid4())(0)

    def keyed(number: int) -> None:
        for _ in range(2):
            with call_key(f"run-42/step-{number}"):
                create_client(f"Client {number}")

    def previewed(number: int) -> None:
        with preview():
            create_client(f"Client {number}")

    yield lambda number: create_client(f"Client {number}", email=f"c{number}@example.com")
    yield lambda number: log_activity("client", client, "called", metadata={"note": f"call {number}"})
    yield lambda number: record_screening(client, {"call": number})
    yield lambda _: get_client(client)
    yield lambda _: list_clients(limit=10)
    yield lambda _: list_activity(limit=10)
    yield lambda _: get_history("client", client, limit=10)
    yield lambda _: project_overview(project)
    yield lambda number: call("create_client", {"name": f"Client {number}"})
    yield lambda number: cast("Any", call)("create_client", {"name": "", "colour": f"{number}"})
    yield refused(cast("Any", create_client), "")
    yield refused(cast("Any", create_client), "Ann", colour="red")
    yield unknown_id
    yield keyed
    yield previewed


def _line(axes: Any, samples: list[tuple[int, float]]) -> None:  # noqa: ANN401 (matplotlib's)
    axes.plot([number for number, _ in samples], [size for _, size in samples])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("calls")
    axes.set_ylabel("resident memory, MB")
