"""How long a call takes when the server is a millisecond away."""

from contextlib import ExitStack
from typing import Any

from rich.progress import track

from benchmarks.delay import SECONDS, delayed
from benchmarks.operations import OPERATIONS, WRITES, Variant, check, prepared
from benchmarks.options import Options
from benchmarks.plots import COLOURS, legend_above
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.server import database, use
from benchmarks.timing import Timings, interleaved
from benchmarks.variants.django_orm import DjangoOrm
from benchmarks.variants.hand_written import HandWritten
from benchmarks.variants.library import Library
from benchmarks.variants.sqlalchemy_core import SqlalchemyCore
from benchmarks.variants.sqlalchemy_orm import SqlalchemyOrm

CALLS = 5
MEASURED = (*WRITES, "project_overview")
TEXT = """The same calls over TCP through a proxy that delivers everything a millisecond later in each direction, so that a
round trip costs two, and about half a millisecond for the proxy itself. In brackets how many times two milliseconds the
median is. log_activity has no form of many statements: by hand it is BEGIN, INSERT, COMMIT, in Django a single INSERT."""


def measure(options: Options) -> Section:
    """Time writes, moves and the overview by every variant in turns."""
    rounds = max(4, options.rounds)
    with ExitStack() as stack:
        url = stack.enter_context(database(options.server_url))
        data = prepared(options, url, 10 * (rounds + 2) * CALLS)
        far = stack.enter_context(delayed(url))
        use(far)
        variants: dict[str, Variant] = {
            "library": Library(),
            "by hand": HandWritten(far),
            "SQLAlchemy Core": SqlalchemyCore(far),
            "SQLAlchemy ORM": SqlalchemyOrm(far),
            "Django ORM": DjangoOrm(far),
        }
        for variant in variants.values():
            stack.callback(variant.close)
        for name, variant in variants.items():
            check(name, variant, variants["library"], data)
        taken: dict[str, dict[str, Timings]] = {}
        for operation in track(MEASURED, description="calling from afar"):
            call = OPERATIONS[operation]
            taken[operation] = interleaved(
                {name: lambda variant=variant, call=call: call(variant, data) for name, variant in variants.items()},
                rounds=rounds,
                calls=CALLS,
            )
    return _section(taken)


def _section(taken: dict[str, dict[str, Timings]]) -> Section:
    names = list(taken[MEASURED[0]])
    trip = 2 * SECONDS * 1e6
    table = Table(
        ["µs (round trips)", *names],
        [
            [operation, *[f"{found[name].median:,.0f} ({found[name].median / trip:.1f})" for name in names]]
            for operation, found in taken.items()
        ],
    )
    reaches = [
        Reach(f"{operation}, 1 ms away: {name} / library", found[name].median / found["library"].median, 3, at_least=True)
        for operation, found in taken.items()
        for name in names[1:]
        if operation in WRITES and operation != "log_activity"
    ]

    def draw(axes: Any) -> None:  # noqa: ANN401
        for place, name in enumerate(names):
            at = [x + 0.16 * (place - 2) for x in range(len(taken))]
            axes.bar(at, [found[name].median / 1000 for found in taken.values()], 0.16, label=name, color=COLOURS[name])
        axes.set_xticks(range(len(taken)), list(taken), rotation=20, ha="right")
        axes.set_ylabel("median, ms")
        legend_above(axes, len(names))

    plot = Plot("network", "A call when the server is a millisecond away", draw)
    return Section("A millisecond away", TEXT, [table], [plot], reaches)
