"""How fast a tool call is over the wire that agents use: this server and its peers, over HTTP and over stdio."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import psycopg
from rich.progress import track

from benchmarks.mcp_peers import PAGE, Peer, peers
from benchmarks.mcp_report import CLIENTS, OPERATIONS, Measured, section
from benchmarks.mcp_wire import Address, Connection, Stdio, call_of, drive, initialized, result_of
from benchmarks.operations import Data, prepared
from benchmarks.options import Options
from benchmarks.report import Section
from benchmarks.server import database, use
from benchmarks.tcp_server import free_port, postmaster, tcp_server

OVER_HTTP = 10
"""A turn over HTTP has so many times the calls of one over stdio, since its clients share them."""
LINES = 50_000
END_SECONDS = 20


@dataclass(frozen=True)
class Running:
    """A peer whose server runs twice, over HTTP and over stdio, and what is called on it."""

    peer: Peer
    data: Data
    log: Path
    process: psutil.Process
    address: Address
    stdio: Stdio
    numbers: "count[int]"

    def message(self, operation: str) -> dict[str, Any]:
        """Return the next call of an operation, about another client or project than the one before."""
        if operation == "create_client":
            tool, arguments = self.peer.create_client(self.data.take("create_client"))
        else:
            tool, arguments = self.peer.list_tasks(self.data.some_project())
        return call_of(next(self.numbers), tool, arguments)

    def check(self) -> None:
        """Let both servers answer once. Raises ``ValueError`` if a row is missing or a page is not whole."""
        with closing(Connection(self.address.port)) as connection:

            def over_http(message: dict[str, Any]) -> bytes:
                return connection.ask(self.address.request(message))[1]

            for ask in (over_http, self.stdio.ask):
                before = _written(self.data)
                result_of(ask(self.message("create_client")))
                written = [after - number for after, number in zip(_written(self.data), before, strict=True)]
                tasks = self.peer.tasks_of(result_of(ask(self.message("list_tasks"))))
                if written != [1, 1] or len(tasks) != PAGE or {"name", "status", "phase", "description"} - tasks[0].keys():
                    raise ValueError(f"{self.peer.name} does not do the work: {written}, {len(tasks)} tasks, {tasks[:1]}")


def measure(options: Options) -> Section:
    """Let the servers take turns: over HTTP for one client and for several, over stdio, and from their start."""
    with ExitStack() as stack:
        url = stack.enter_context(tcp_server(options.server_url))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sd-bench-mcp-")))
        few = replace(options, rows=min(options.rows, LINES))
        data = prepared(few, stack.enter_context(database(url)), 1_000)
        use(data.url)
        found, missing = peers(data, folder)
        servers = [stack.enter_context(_running(peer, data, folder / f"{number}.log")) for number, peer in enumerate(found)]
        for server in servers:
            server.check()
        client = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        turns = _turns(options.calls, client, postmaster(data.url))
        measured = {server.peer.name: Measured(server.peer.version) for server in servers}
        for number in track(range(options.rounds + 1), description="calling over the wire"):
            for turn in turns:
                for server in _in_turn(servers, number):
                    turn(server, measured[server.peer.name] if number else Measured("the first round does not count"))
    return section(measured, missing, calls=options.calls, http_calls=OVER_HTTP * options.calls)


def _in_turn[T](items: Sequence[T], number: int) -> list[T]:
    """Return them with another one first in every two rounds, and the other way round in every second one."""
    start = number // 2 % len(items)
    turned = [*items[start:], *items[:start]]
    return turned[::-1] if number % 2 else turned


# Turns ----------------------------------------------------------------------------------------------------------------

type Turn = Callable[[Running, Measured], None]


def _turns(calls: int, client: ProcessPoolExecutor, database_server: psutil.Process | None) -> list[Turn]:
    """Return what each server does once in every round."""

    def over_http(operation: str, clients: int) -> Turn:
        def turn(server: Running, measured: Measured) -> None:
            number = OVER_HTTP * calls
            requests = [server.address.request(server.message(operation)) for _ in range(number + clients)]
            used, its = _seconds(server.process), _seconds(database_server)
            driven = client.submit(drive, server.address.port, requests, clients).result()
            at, share = (operation, clients), number / len(requests)
            measured.rates[at].append(number / driven.seconds)
            measured.answer_bytes[operation] = driven.answer_bytes
            measured.processor[at].add(
                number, server=share * (_seconds(server.process) - used), client=driven.client_seconds
            )
            if database_server is not None:
                measured.processor[at].add(0, Postgres=share * (_seconds(database_server) - its))

        return turn

    def over_stdio(operation: str) -> Turn:
        def turn(server: Running, measured: Measured) -> None:
            measured.over_stdio[operation] += server.stdio.timed([server.message(operation) for _ in range(calls)])

        return turn

    return [
        *[over_http(operation, clients) for operation in OPERATIONS for clients in CLIENTS],
        *[over_stdio(operation) for operation in OPERATIONS],
        _start,
        _help,
    ]


def _start(server: Running, measured: Measured) -> None:
    began = time.perf_counter()
    with Stdio(server.peer.over_stdio, server.peer.environment, server.log) as started:
        result_of(started.ask(server.message("list_tasks")))
        answered_after = time.perf_counter() - began
        measured.times["from the start to initialized, over stdio"].append(started.initialized_after)
        measured.times["from the start to the answer of list_tasks, over stdio"].append(answered_after)


def _help(server: Running, measured: Measured) -> None:
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 (the servers that are compared)
        server.peer.helping, env=server.peer.environment, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    measured.times["`--help`"].append(time.perf_counter() - began)


def _seconds(process: psutil.Process | None) -> float:
    """Return the processor time that a process and all under it have taken, those that have ended included."""
    taken = 0.0
    for each in () if process is None else (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            taken += times.user + times.system + times.children_user + times.children_system
    return taken


# Servers --------------------------------------------------------------------------------------------------------------


@contextmanager
def _running(peer: Peer, data: Data, log: Path) -> Generator[Running]:
    port = free_port()
    with log.open("ab") as journal:
        process = subprocess.Popen(  # noqa: S603 (the servers that are compared)
            peer.over_http(port), stdin=subprocess.DEVNULL, stdout=journal, stderr=journal, env=peer.environment
        )
    try:
        try:
            address = initialized(port, process)
        except OSError as error:
            raise RuntimeError(f"{peer.name} does not serve: {log.read_text(errors='replace')[-600:]}") from error
        with Stdio(peer.over_stdio, peer.environment, log) as stdio:
            yield Running(peer, data, log, psutil.Process(process.pid), address, stdio, count())
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _written(data: Data) -> list[int]:
    """Return how many clients there are, and how many lines say that one was created."""
    with psycopg.connect(data.url) as connection:
        clients, lines = connection.execute(
            """
            SELECT (SELECT count(*) FROM clients),
                (SELECT count(*) FROM activity_log WHERE entity_type = 'client' AND action = 'created')
            """
        ).fetchall()[0]
    return [clients, lines]
