"""The client of the section ``mcp``: MCP over HTTP and stdio by bare bytes, the same for every server and cheap."""

import json
import select
import socket
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

VERSION = "2025-06-18"
PATH = "/mcp"
SECONDS = 60.0
FIRST = 1_000_000_000
"""The numbers of requests begin here, so that all requests of a kind have the same length."""

REQUEST = b"""POST %b HTTP/1.1\r
Host: 127.0.0.1:%d\r
Content-Type: application/json\r
Accept: application/json, text/event-stream\r
MCP-Protocol-Version: %b\r
%bContent-Length: %d\r
\r
%b"""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "benchmarks", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def call_of(number: int, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that calls a tool."""
    return {
        "jsonrpc": "2.0",
        "id": FIRST + number,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


def result_of(message: bytes) -> dict[str, Any]:
    """Return the result in an answer. Raises ``ValueError`` for a refusal."""
    answer = json.loads(message)
    if "result" not in answer or answer["result"].get("isError"):
        raise ValueError(f"the server refused: {message[:600].decode(errors='replace')}")
    return answer["result"]


# Over HTTP ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Where a server listens, and the session that it opened, if it keeps sessions."""

    port: int
    session: str | None = None

    def request(self, message: Mapping[str, Any]) -> bytes:
        """Return the bytes that send a message."""
        body = json.dumps(message).encode()
        session = b"" if self.session is None else b"Mcp-Session-Id: %b\r\n" % self.session.encode()
        return REQUEST % (PATH.encode(), self.port, VERSION.encode(), session, len(body), body)


@dataclass
class Connection:
    """A connection that is kept alive: what is asked on it next is asked when the answer before it is whole."""

    port: int
    received: bytearray = field(default_factory=bytearray)
    body_at: int = -1
    ends_at: int | None = None
    """Where the answer ends; None for one in chunks."""

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.received.clear()
        self.body_at, self.ends_at = -1, None
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what is there, and tell whether the answer is whole."""
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError(f"the server closed the connection after {bytes(self.received)!r}")
        self.received += data
        if self.body_at < 0:
            self.body_at = self.received.find(b"\r\n\r\n") + 4
            if self.body_at < 4:  # noqa: PLR2004 (not found)
                self.body_at = -1
                return False
            self.ends_at = self._end()
        if self.ends_at is None:
            return self.received.endswith(b"\r\n0\r\n\r\n") or self.received.endswith(b"\r\n\r\n0\r\n\r\n")
        return len(self.received) >= self.ends_at

    def _end(self) -> int | None:
        head = bytes(self.received[: self.body_at]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            return self.body_at + int(head[at + 17 : head.index(b"\r\n", at + 2)])
        return None if b"\r\ntransfer-encoding: chunked" in head else self.body_at

    def check(self) -> None:
        """Raise ``ValueError`` unless the answer is a result."""
        if not self.received.startswith(b"HTTP/1.1 200") or b'"isError":true' in self.received:
            raise ValueError(f"the server refused: {bytes(self.received[:600])!r}")

    def ask(self, request: bytes) -> tuple[dict[bytes, bytes], bytes]:
        """Send a request, wait, and return the head's fields and the message of the answer."""
        self.send(request)
        while not self.receive():
            pass
        status, *lines = bytes(self.received[: self.body_at]).rstrip().split(b"\r\n")
        if b" 2" not in status[8:10]:
            raise ValueError(f"the server refused: {bytes(self.received[:600])!r}")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        body = bytes(self.received[self.body_at :])
        if self.ends_at is None:
            body = _from_chunks(body)
        if fields.get(b"content-type", b"").startswith(b"text/event-stream"):
            body = next(
                (line[5:].strip() for line in body.splitlines() if line.startswith(b"data:{") or b"data: {" in line), b""
            )
        return fields, body

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def _from_chunks(data: bytes) -> bytes:
    parts: list[bytes] = []
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        parts.append(rest[:length])
        data = rest[length + 2 :] if length else b""
    return b"".join(parts)


def initialized(port: int, process: "subprocess.Popen[bytes]") -> Address:
    """Greet a server that may still be starting, and return its address with the session."""
    ends = time.monotonic() + SECONDS
    while True:
        try:
            connection = Connection(port)
            break
        except OSError:
            if time.monotonic() > ends or process.poll() is not None:
                raise
            time.sleep(0.05)
    try:
        address = Address(port)
        fields, body = connection.ask(address.request(INITIALIZE))
        result_of(body)
        session = fields.get(b"mcp-session-id")
        address = Address(port, None if session is None else session.decode())
        connection.ask(address.request(INITIALIZED))
    finally:
        connection.close()
    return address


@dataclass(frozen=True)
class Drive:
    """What a turn over HTTP took: its wall time, the client's own processor time, and the bytes of an answer."""

    seconds: float
    client_seconds: float
    answer_bytes: int


def drive(port: int, requests: Sequence[bytes], clients: int) -> Drive:
    """Send all requests over so many connections, each asking its next when it has its answer.

    Before that, each connection asks one that does not count. One thread serves all connections, so that none waits for an
    interpreter lock.
    """
    connections = {connection.socket.fileno(): connection for connection in (Connection(port) for _ in range(clients))}
    try:
        waiting = deque(requests)
        for connection in connections.values():
            connection.ask(waiting.popleft())
            connection.check()
        with select.epoll() as poll:
            for descriptor, connection in connections.items():
                poll.register(descriptor, select.EPOLLIN)
                connection.socket.settimeout(None)  # with a time-out every call on it is two system calls
            return _drive(poll, connections, waiting)
    finally:
        for connection in connections.values():
            connection.close()


def _drive(poll: select.epoll, connections: dict[int, Connection], waiting: "deque[bytes]") -> Drive:
    calls, answered, received = len(waiting), 0, 0
    began, processor = time.perf_counter(), time.process_time()
    for connection in connections.values():
        if waiting:
            connection.send(waiting.popleft())
    while answered < calls:
        events = poll.poll(SECONDS)
        if not events:
            raise TimeoutError(f"no answer within {SECONDS:.0f} s")
        for descriptor, _ in events:
            connection = connections[descriptor]
            if not connection.receive():
                continue
            connection.check()
            answered += 1
            received += len(connection.received)
            if waiting:
                connection.send(waiting.popleft())
    return Drive(time.perf_counter() - began, time.process_time() - processor, received // calls)


# Over stdio -----------------------------------------------------------------------------------------------------------


class Stdio:
    """A server that was started over stdio. ``initialized_after`` is how long that took, in seconds."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        began = time.perf_counter()
        with log.open("ab") as journal:
            self.process = subprocess.Popen(  # noqa: S603 (the servers that are compared)
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=journal, env=environment
            )
        result_of(self.ask(INITIALIZE))
        self.initialized_after = time.perf_counter() - began
        self._write(INITIALIZED)

    def _write(self, message: Mapping[str, Any]) -> None:
        stdin = cast("Any", self.process.stdin)
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()

    def ask(self, message: Mapping[str, Any]) -> bytes:
        """Send a request and return its answer; what the server says besides is left out."""
        self._write(message)
        for line in cast("Any", self.process.stdout):
            if line.startswith(b"{") and b'"method":"notifications/' not in line[:120]:
                return line
        raise ConnectionError(f"the server has ended: {self._log.read_text(errors='replace')[-600:]}")

    def timed(self, messages: Sequence[Mapping[str, Any]]) -> list[float]:
        """Call one after the other and return how long each took, in microseconds."""
        taken: list[float] = []
        for message in messages:
            began = time.perf_counter()
            answer = self.ask(message)
            taken.append((time.perf_counter() - began) * 1e6)
            if b'"isError":true' in answer or b'"result"' not in answer:
                result_of(answer)
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            cast("Any", self.process.stdin).close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        cast("Any", self.process.stdout).close()
