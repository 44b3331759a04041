"""How long a call takes, by the library and by six other ways to do the same work, on the same server and data."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
from rich.progress import track

from benchmarks.operations import OPERATIONS, Data, Variant, check, prepared
from benchmarks.options import Options
from benchmarks.plots import COLOURS, legend_above
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.server import database, on_cores_apart, use
from benchmarks.timing import Timings, in_turns, timed
from benchmarks.variants.bare_psycopg import BarePsycopg
from benchmarks.variants.captured import captured
from benchmarks.variants.django_orm import DjangoOrm
from benchmarks.variants.hand_written import HandWritten
from benchmarks.variants.library import Keyed, Library
from benchmarks.variants.pgbench import WARM_UP, Pgbench
from benchmarks.variants.sqlalchemy_core import SqlalchemyCore
from benchmarks.variants.sqlalchemy_orm import SqlalchemyOrm

KEYED = ("create_client", "create_project", "log_activity")
LIMIT, PLAIN = "pgbench", "create_project, plain schema"
ON_PLAIN = " on the plain schema"
KINDS = {
    "a write": ("create_client", "create_project", PLAIN, "log_activity"),
    "a move": ("advance_client", "complete_task"),
    "a read": ("list_activity", "list_tasks", "project_budget", "project_overview"),
}
SHORT_WRITES = ("create_client", "log_activity", "advance_client")

type Turn = Callable[[int], list[float]]


def measure(options: Options) -> Section:
    """Time every operation by every variant in turns."""
    moves = 14 * (options.rounds + 2) * (options.calls + WARM_UP) + 1_000
    with ExitStack() as stack:
        stack.enter_context(on_cores_apart(options.server_url))
        data = prepared(options, stack.enter_context(database(options.server_url)), moves)
        plain = prepared(options, stack.enter_context(database(options.server_url)), 1_000)
        use(data.url)
        statements = captured(data)
        variants: dict[str, Variant] = {
            "library": Library(),
            "psycopg": BarePsycopg(data.url, statements),
            "by hand": HandWritten(data.url),
            "SQLAlchemy Core": SqlalchemyCore(data.url),
            "SQLAlchemy ORM": SqlalchemyOrm(data.url),
            "Django ORM": DjangoOrm(data.url),
        }
        for variant in variants.values():
            stack.callback(variant.close)
        variants["library, with a key"] = Keyed()
        for name, variant in variants.items():
            check(name, variant, variants["library"], data)
        limit, plain_limit = Pgbench(data, statements), _plain_limit(plain, data)
        limit.check(variants["library"])
        elsewhere: dict[str, Variant] = {
            "by hand": HandWritten(plain.url),
            "SQLAlchemy Core": SqlalchemyCore(plain.url),
            "SQLAlchemy ORM": SqlalchemyOrm(plain.url),
            "Django ORM": DjangoOrm(plain.url),
        }
        for variant in elsewhere.values():
            stack.callback(variant.close)
        taken: dict[str, dict[str, Timings]] = {}
        for operation in track(OPERATIONS, description="calling"):
            turns = {LIMIT: _pgbench(limit, operation)} | {
                name: _turn(operation, variant, data)
                for name, variant in variants.items()
                if operation in KEYED or not isinstance(variant, Keyed)
            }
            if operation == "create_project":
                turns[LIMIT + ON_PLAIN] = _pgbench(plain_limit, operation)
                turns |= {name + ON_PLAIN: _turn(operation, variant, plain) for name, variant in elsewhere.items()}
            found = in_turns(turns, rounds=options.rounds, calls=options.calls)
            taken[operation] = {name: timings for name, timings in found.items() if not name.endswith(ON_PLAIN)}
            if operation == "create_project":
                taken[PLAIN] = {
                    name.removesuffix(ON_PLAIN): timings for name, timings in found.items() if name.endswith(ON_PLAIN)
                }
    return _section(taken)


def _turn(operation: str, variant: Variant, data: Data) -> Turn:
    call = OPERATIONS[operation]
    return lambda calls: timed(lambda: call(variant, data), calls)


def _pgbench(limit: Pgbench, operation: str) -> Turn:
    return lambda calls: limit.turn(operation, calls)


def _plain_limit(plain: Data, data: Data) -> Pgbench:
    """Return pgbench on a schema in which both references of a task are foreign keys, checked row by row."""
    with psycopg.connect(plain.url, autocommit=True) as connection:
        connection.execute("DROP TRIGGER project_tasks_check_templates ON project_tasks")
        connection.execute(
            """
            ALTER TABLE project_tasks
            ADD CONSTRAINT project_tasks_template_id_fkey FOREIGN KEY (template_id) REFERENCES workflow_templates (id)
            """
        )
    use(plain.url)
    statements = captured(plain)
    use(data.url)
    return Pgbench(plain, {"create_project": statements["create_project"]})


def _section(taken: dict[str, dict[str, Timings]]) -> Section:
    names = list(dict.fromkeys(name for found in taken.values() for name in found))

    def ratio(operation: str, name: str, other: str) -> float:
        return taken[operation][name].median / taken[operation][other].median

    ratios = Table(
        ["ratio to pgbench", *[name for name in names if name != LIMIT]],
        [
            [
                operation,
                *[f"{ratio(operation, name, LIMIT):.2f}" if name in found else "" for name in names if name != LIMIT],
            ]
            for operation, found in taken.items()
        ],
    )
    times = [_times(kind, {name: taken[name] for name in operations}) for kind, operations in KINDS.items()]
    project, client = "create_project", "create_client"
    library, plain = taken[project]["library"].median, {name: timings.median for name, timings in taken[PLAIN].items()}
    reaches = [
        Reach("create_project: library / pgbench", ratio(project, "library", LIMIT), 1.2),
        Reach("create_project: library / pgbench on the plain schema", library / plain[LIMIT], 1.0),
        *[
            Reach(f"create_project: {name} on the plain schema / library", plain[name] / library, limit, at_least=True)
            for name, limit in (("by hand", 1.5), ("SQLAlchemy ORM", 4), ("Django ORM", 3))
        ],
        *[Reach(f"{name}: library / pgbench", ratio(name, "library", LIMIT), 1.8) for name in SHORT_WRITES],
        Reach("create_client: by hand / library", ratio(client, "by hand", "library"), 1.4, at_least=True),
        Reach("create_client: SQLAlchemy ORM / library", ratio(client, "SQLAlchemy ORM", "library"), 2.5, at_least=True),
        Reach("create_client: Django ORM / library", ratio(client, "Django ORM", "library"), 2.5, at_least=True),
        *[Reach(f"{name}: with a key / without", ratio(name, "library, with a key", "library"), 2) for name in KEYED],
    ]
    return Section(
        "A call", TEXT, [*times, ratios], [Plot("calls", "Each way's time over pgbench's", _bars(taken))], reaches
    )


def _times(kind: str, taken: dict[str, dict[str, Timings]]) -> Table:
    names = list(dict.fromkeys(name for found in taken.values() for name in found))
    rows = [
        [operation, *[f"{found[name].median:,.0f} ({found[name].p99:,.0f})" if name in found else "" for name in names]]
        for operation, found in taken.items()
    ]
    return Table([f"{kind}, µs", *names], rows)


TEXT = """One connection, the server on a Unix socket, fsync on, a practice of a thousand projects and 250,000 lines.
The client keeps to one core and the server to another: left alone, the scheduler decides for each connection whether a round
trip wakes another core, and here that costs 25 or 100 µs.

`pgbench` runs the library's own statements prepared, without a client to speak of: the limit. `psycopg` runs them too, on a
plain connection. `by hand` is a transaction of single statements in psycopg (BEGIN, INSERT, INSERT, COMMIT; a SELECT of the
templates and `executemany` for the tasks). Both ORMs and Core do the same work as their manuals show it. Before anything is
timed, each has made every operation once, and its rows, lines and answers were compared with the library's. The others
leave out what only the library does: the look for likely duplicates of a client, the gates of the overview. The ORM of
SQLAlchemy inserts the tasks as one bulk, as its manual advises where the database makes the ids; as objects they would go
one by one. SQLAlchemy ends what only reads with a ROLLBACK, at which psycopg forgets its prepared statements, and Django
prepares none: so they are by default.

On the plain schema both references of a task are foreign keys, checked row by row. The library's schema checks the template
once per statement, which is 135 times for those who insert task by task; so what others take for a project is held against
the library's time on the schema that suits them."""


def _bars(taken: dict[str, dict[str, Timings]]) -> Callable[[Any], None]:
    shown = {operation: found for operation, found in taken.items() if operation != PLAIN}

    def draw(axes: Any) -> None:  # noqa: ANN401
        width = 0.8 / len(COLOURS)
        for place, (name, colour) in enumerate(COLOURS.items()):
            heights = [found[name].median / found[LIMIT].median for found in shown.values()]
            axes.bar([x + width * (place - 2.5) for x in range(len(shown))], heights, width, label=name, color=colour)
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(shown)), list(shown), rotation=20, ha="right")
        axes.set_ylabel("median, pgbench = 1")
        legend_above(axes, 3)

    return draw
