"""What the section ``mcp`` measured, and how it is told."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.mcp_peers import FASTMCP, OURS, TOOLBOX
from benchmarks.plots import legend_above
from benchmarks.report import Plot, Reach, Section, Table
from benchmarks.timing import median

OPERATIONS = ("create_client", "list_tasks")
CLIENTS = (1, 8)
COLOURS = ("tab:blue", "tab:orange", "tab:green")
RATIO = f"{OURS} / {TOOLBOX}"

type Turn = tuple[str, int]
"""An operation over HTTP, and by how many clients at once it is called."""


@dataclass
class Processor:
    """The processor time that calls took, in seconds, by the processes that share the work."""

    calls: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))

    def add(self, calls: int, **seconds: float) -> None:
        """Add a turn's."""
        self.calls += calls
        for name, value in seconds.items():
            self.seconds[name] += value

    def millis(self, process: str) -> float | None:
        """Return the milliseconds a call of one of the processes; None if it is not on this machine."""
        return 1000 * self.seconds[process] / self.calls if process in self.seconds else None


@dataclass
class Measured:
    """What was measured of one server. Times are in seconds."""

    version: str
    rates: dict[Turn, list[float]] = field(default_factory=lambda: defaultdict[Turn, list[float]](list))
    processor: dict[Turn, Processor] = field(default_factory=lambda: defaultdict[Turn, Processor](Processor))
    answer_bytes: dict[str, int] = field(default_factory=dict[str, int])
    over_stdio: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    """From the start to the answer of initialize, to that of a first call, and to the end of ``--help``."""


def section(measured: Mapping[str, Measured], missing: Mapping[str, str], *, calls: int, http_calls: int) -> Section:
    """Tell it: the figures, where the processor's time went, and what was to be reached."""
    versions = ", ".join(f"{name} {found.version}" for name, found in measured.items())
    told = [TEXT.format(versions=versions, calls=f"{calls:,}", http_calls=f"{http_calls:,}")]
    told += [said for name, said in PEERS.items() if name in measured]
    told += [f"{name} could not be installed here and is left out: {why}" for name, why in missing.items()]
    text = "\n\n".join(told)
    plot = Plot("mcp", "Calls per second over HTTP by server", lambda axes: _bars(axes, measured))
    return Section("Over MCP", text, [_figures(measured), _processor(measured)], [plot], _reaches(measured))


def _named(turn: Turn) -> str:
    operation, clients = turn
    return f"{operation}, {clients} {'client' if clients == 1 else 'clients'}"


def _turns() -> list[Turn]:
    return [(operation, clients) for operation in OPERATIONS for clients in CLIENTS]


def _figures(measured: Mapping[str, Measured]) -> Table:
    rows: list[list[str]] = []

    def add(what: str, form: str, figures: Mapping[str, list[float]], times: float = 1) -> None:
        medians = {name: times * median(taken) for name, taken in figures.items()}
        ratio = [f"{medians[OURS] / medians[TOOLBOX]:.2f}"] if TOOLBOX in medians else []
        rows.append([what, *[format(figure, form) for figure in medians.values()], *ratio])

    for turn in _turns():
        add(
            f"{_named(turn)} over HTTP, calls per second",
            ",.0f",
            {name: found.rates[turn] for name, found in measured.items()},
        )
    for operation in OPERATIONS:
        taken = {name: found.over_stdio[operation] for name, found in measured.items()}
        add(f"{operation} over stdio, ms", ".2f", taken, 1 / 1000)
    for what in measured[OURS].times:
        add(f"{what}, s", ".2f", {name: found.times[what] for name, found in measured.items()})
    return Table(["", *measured, *([RATIO] if TOOLBOX in measured else [])], rows)


def _processor(measured: Mapping[str, Measured]) -> Table:
    rows: list[list[str]] = []
    for turn in _turns():
        for process in ("server", "Postgres", "client"):
            figures = [found.processor[turn].millis(process) for found in measured.values()]
            rows.append([f"{_named(turn)}: {process}", *["" if figure is None else f"{figure:.3f}" for figure in figures]])
    for operation in OPERATIONS:
        sizes = [f"{found.answer_bytes[operation]:,}" for found in measured.values()]
        rows.append([f"{operation}: an answer, bytes", *sizes])
    return Table(["processor time a call, ms", *measured], rows)


def _reaches(measured: Mapping[str, Measured]) -> list[Reach]:
    if TOOLBOX not in measured:
        return []
    ours, toolbox = measured[OURS], measured[TOOLBOX]
    rates = {turn: median(ours.rates[turn]) / median(toolbox.rates[turn]) for turn in _turns()}
    taken = {name: median(ours.over_stdio[name]) / median(toolbox.over_stdio[name]) for name in OPERATIONS}
    return [
        *[Reach(f"{_named(turn)} over HTTP: calls per second, {RATIO}", rates[turn], 1, at_least=True) for turn in rates],
        *[Reach(f"{name} over stdio: {RATIO}", taken[name], 1) for name in taken],
    ]


def _bars(axes: Any, measured: Mapping[str, Measured]) -> None:  # noqa: ANN401 (matplotlib's)
    turns = _turns()
    width = 0.8 / len(measured)
    for place, (name, found) in enumerate(measured.items()):
        at = [x + width * (place - (len(measured) - 1) / 2) for x in range(len(turns))]
        axes.bar(at, [median(found.rates[turn]) for turn in turns], width, label=name, color=COLOURS[place])
    axes.set_xticks(range(len(turns)), [_named(turn) for turn in turns])
    axes.set_ylabel("calls per second")
    legend_above(axes, len(measured))


TEXT = """A tool call over the wire, on one Postgres over TCP with fsync on: {versions}. All servers run the same statements,
those of the library's tools, and have at most ten connections to the database. Before anything was timed, each created a
client and listed 50 tasks over HTTP and over stdio, and the rows were counted.

One client program calls all of them: a process of its own that sends prepared bytes over connections that are kept alive,
and reads no more of an answer than where it ends and whether it is an error. In every round each server makes each turn
once, in changing order. A turn over HTTP is {http_calls} calls, shared by the clients; over stdio it is {calls}, one after
the other. Figures are medians, and processor times are averages over all turns. Servers, Postgres and the client share the
cores of one machine, so compare only the figures of one run.

The second table says how much processor time a call takes: of the server, of all processes of Postgres, and of the client.
It varies less than the clock on a machine that has other work to do. list_tasks is asked for 50 whole items; a model gets
fewer and shorter ones unless it asks. This server names what is wrong with an argument, knows who acts and what the role
may do, and holds the call to its deadline. It sends each result twice, as structured content and as text, as the protocol
advises."""

PEERS = {
    TOOLBOX: """[MCP Toolbox for Databases](https://github.com/googleapis/mcp-toolbox) has the statements in its
configuration. It is started as its program, without the wrapper in Node and without its look for a newer version. It sends
each result once, as text.""",
    FASTMCP: """The server on [FastMCP](https://gofastmcp.com) has two functions that run the statements on psycopg's
asynchronous pool. It answers in JSON rather than in events, which is faster, and sends each result twice, as this server
does.""",
}
"""What is said of a peer that took part."""
