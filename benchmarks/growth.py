"""Measure what calls cost when the practice has worked for years: on a full database, and on a hundredth of it."""

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any

from rich.progress import track

from benchmarks.fill import Filled, fill
from benchmarks.options import Options
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.server import database, on_cores_apart, use
from benchmarks.timing import Timings, timed
from studio_data import db
from studio_data.contract.cursors import cursor_of
from studio_data.tools.activity import get_history, list_activity, log_activity, project_feed
from studio_data.tools.change_feed import changes_since
from studio_data.tools.clients import create_client
from studio_data.tools.practice.finance import project_budget
from studio_data.tools.practice.overview import project_overview
from studio_data.tools.practice.purchase_orders import list_purchase_orders
from studio_data.tools.practice.tasks import list_tasks
from studio_data.tools.projects import create_project
from studio_data.tools.runs.timeline import session_timeline

WARMING = 8
"""Calls that do not count, after the library has turned to another database: the driver prepares a statement by then."""
FIRST, HALF_WAY, DEEPEST = "the feed's first page", "the feed half-way", "the feed's deepest page"
READ_LIMIT, DEPTH_LIMIT, INSERT_LIMIT = 1.5, 1.5, 1.3

type Calls = Mapping[str, Callable[[], object]]
type Pairs = Mapping[str, tuple[Timings, Timings]]


def reads(practice: Filled) -> Calls:
    """Return the calls that read: each asks for another project, or from another place on, every time."""
    choose = random.Random(7).choice  # noqa: S311 (any order will do)

    def after(places: list[Any]) -> str:
        return cursor_of(choose(places))

    return {
        FIRST: list_activity,
        HALF_WAY: lambda: list_activity(after=after(practice.half_way)),
        DEEPEST: lambda: list_activity(after=after(practice.oldest)),
        "the hot project's history": lambda: get_history("project", practice.hot),
        "the hot project's history half-way": lambda: get_history("project", practice.hot, after=after(practice.half_way)),
        "list_activity of an unknown actor": lambda: list_activity(actor_name="Nobody of that name"),
        "changes_since of a run": lambda: changes_since(run_id=choose(practice.runs)),
        "session_timeline": lambda: session_timeline(choose(practice.runs)),
        "a project's history": lambda: get_history("project", choose(practice.projects)),
        "a project's feed": lambda: project_feed(choose(practice.projects)),
        "list_tasks of a project": lambda: list_tasks(project_id=choose(practice.projects)),
        "project_overview": lambda: project_overview(choose(practice.projects)),
        "project_budget": lambda: project_budget(choose(practice.projects)),
        "the open orders": lambda: list_purchase_orders(open_only=True),
    }


def inserts(practice: Filled) -> Calls:
    """Return the calls that insert."""
    choose = random.Random(7).choice  # noqa: S311 (any order will do)
    numbers = count(1)
    return {
        "create_client": lambda: create_client("David & Linh Nguyen", email=f"{next(numbers)}@example.com"),
        "log_activity": lambda: log_activity("project", choose(practice.projects), "called"),
        "create_project": lambda: create_project(choose(practice.active_clients), "Nguyen LR/DR/MBED", "mixed"),
    }


def measure(options: Options) -> Section:
    """Fill both databases, let them take turns, and compare."""
    lines = (max(1_000, options.rows // 100), options.rows)
    with ExitStack() as stack:
        stack.enter_context(on_cores_apart(options.server_url))
        small, large = (fill(stack.enter_context(database(options.server_url)), count) for count in lines)
        timings = {name: (Timings(), Timings()) for name in (*reads(large), *inserts(large))}
        calls = [
            (index, practice.url, {**reads(practice), **inserts(practice)}) for index, practice in enumerate((small, large))
        ]
        for turn in track(range(options.rounds), description="calling", transient=True):
            for index, url, variants in calls[:: -1 if turn % 2 else 1]:
                use(url, POOL_MAX_SIZE="1")
                for name, call in variants.items():
                    timed(call, WARMING)
                    timings[name][index].micros += timed(call, options.calls)
        use(large.url, POOL_MAX_SIZE="1")
        buffers: str = db.one("SHOW shared_buffers")["shared_buffers"]
    return _section(timings, small, large, set(reads(large)), buffers)


def _section(timings: Pairs, small: Filled, large: Filled, reading: set[str], buffers: str) -> Section:
    ratios = {name: of_large.median / of_small.median for name, (of_small, of_large) in timings.items()}
    depth = timings[DEEPEST][1].median / timings[FIRST][1].median
    labels = [f"{practice.lines:,} lines" for practice in (small, large)]
    rows = [
        (name, *(f"{timing.median:,.0f} ({timing.p99:,.0f})" for timing in pair), f"{ratios[name]:.2f}")
        for name, pair in timings.items()
    ]
    return Section(
        "Growth",
        f"The same calls on two databases that take turns: one with {small.lines:,} lines of the audit trail and "
        f"{len(small.projects) + 1:,} projects, and one with {large.lines:,} lines and {len(large.projects) + 1:,} projects "
        "of 135 tasks, 3 rooms, 15 items, 15 orders, 3 fees and 3 meetings each. The lines spread over five years and over "
        "what they are about, as a practice's do; one project, the hot one, has a fiftieth of them. Every call asks for "
        "another project, or from another line on. The feed is `list_activity` without filters: its deepest page costs "
        f"{depth:.2f} times its first; a page is found by its cursor, so what lies before it is not read. A project's lines "
        "lie among those of all others, each on another page, and the pages of all projects are more than `shared_buffers` "
        f"({buffers}) hold: where the large database is slower, it fetches them from the operating system's cache.",
        tables=[Table(["call", *labels, "large / small"], rows)],
        plots=[
            Plot(
                "growth",
                f"Medians of calls with {labels[0]} and with {labels[1]}",
                lambda axes: _bars(axes, timings, labels),
            )
        ],
        reaches=[
            Reach(f"{name}, {labels[1]} / {labels[0]}", ratios[name], READ_LIMIT if name in reading else INSERT_LIMIT)
            for name in timings
        ]
        + [Reach(f"{DEEPEST} / its first, {labels[1]}", depth, DEPTH_LIMIT)],
    )


def _bars(axes: Any, timings: Pairs, labels: list[str]) -> None:  # noqa: ANN401 (matplotlib's)
    places = range(len(timings))
    for index, label in enumerate(labels):
        medians = [pair[index].median for pair in timings.values()]
        axes.barh([place + 0.4 * index - 0.2 for place in places], medians, height=0.4, label=label)
    axes.set_yticks(places, timings)
    axes.invert_yaxis()
    axes.set_xlabel("µs, median")
    axes.legend()
