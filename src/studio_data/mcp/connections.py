"""Connections over HTTP that cost the server little: each has so long to send and to read, and there are only so many."""

import asyncio
import logging
import math
import resource
from typing import Any, override

from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from studio_data.config import settings
from studio_data.mcp.calls import Client, current_client

SECONDS_FOR_HEADERS = 10
SECONDS_FOR_BODY = 20
SECONDS_TO_READ = 20

LONGEST_HEAD = 64 * 1024

MOST_CONNECTIONS = 1000
ACCEPTED_AT_ONCE = 8
"""Connections that asyncio accepts in one turn of its loop. Some six turns later those in excess are closed."""

SPARE_FILES = 40 + 6 * ACCEPTED_AT_ONCE
"""Files of a server besides its connections: those in excess, standard streams, the loop, logs, name look-ups."""

FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

log = logging.getLogger("studio_data.mcp.http")


def room_for_connections() -> int:
    """Return how many connections the server may hold. Raise the process's limit of open files as far as that needs."""
    reserved = settings().pool_max_size + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + reserved
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    files = wanted if soft == resource.RLIM_INFINITY else soft
    return max(1, min(MOST_CONNECTIONS, files - reserved))


class Room:
    """The connections of one server: those that wait for a request give way, the oldest first, if there are too many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: dict[Connection, None] = {}
        self.busy: set[Connection] = set()

    def connection(self, **given: Any) -> "Connection":  # noqa: ANN401 (uvicorn's own)
        """Make the protocol of a new connection, as uvicorn asks for it."""
        return Connection(self, **given)

    def end_oldest(self) -> None:
        """End the connection that has waited for the longest time."""
        oldest = next(iter(self.waiting), None)
        if oldest is not None:
            oldest.end("closed a connection of %s, which waited for a request: more than %d are open", self.most)


class Connection(HttpToolsProtocol):
    """A connection that ends if its request does not come, or its answer is not read, in time.

    Uvicorn by itself only ends a connection on which nothing comes after an answer. httptools takes a head of any length.
    """

    def __init__(self, room: Room, app_state: dict[str, Any], **given: Any) -> None:  # noqa: ANN401 (uvicorn's own)
        self._client = Client()
        super().__init__(app_state={**app_state, "client": self._client}, **given)
        self._room = room
        self._head = 0
        self._requests: list[RequestResponseCycle] = []
        self._sending: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (as in uvicorn)
        super().connection_made(transport)
        # From the first byte that the client does not read, and not from 64 kB on, is its time to read counted.
        transport.set_write_buffer_limits(high=0)
        if len(self._room.busy) >= self._room.most:
            log.warning("refused a connection: all %d are busy", self._room.most)
            transport.write(FULL)
            transport.close()
            return
        self._wait_for_headers()
        if len(self.connections) > self._room.most:
            # Not before the loop has read what is there: else a crowd would push out the newest requests, whole or not.
            self.loop.call_soon(self.loop.call_soon, self._room.end_oldest)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._waits_for_headers():
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                log.warning("refused a request: its head has more than %d bytes", LONGEST_HEAD)
                self.send_400_response("The head is too large.")
                return
        self._find_place()

    def _waits_for_headers(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] (None at first)

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._requests = [cycle for cycle in self._requests if not cycle.response_complete] + [self.cycle]

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._find_place()

    def _find_place(self) -> None:
        """Wait, for a head or for the rest of a body, or be busy with a whole request."""
        if self.transport.is_closing():
            return
        if self._waits_for_headers():
            self._wait_for_headers()
            return
        self._head = 0
        self._leave_room()
        if self.cycle.more_body:
            self._room.waiting[self] = None
        else:
            self._room.busy.add(self)

    def _wait_for_headers(self) -> None:
        """Give the client its time for the next request, counted once."""
        self._room.busy.discard(self)
        self._room.waiting.setdefault(self)
        if self._sending is None:
            why = "closed a connection of %s: no request came in %d s"
            self._sending = self.loop.call_later(SECONDS_FOR_HEADERS, self.end, why, SECONDS_FOR_HEADERS)

    def _leave_room(self) -> None:
        self._room.waiting.pop(self, None)
        self._room.busy.discard(self)
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        why = "closed a connection of %s: its answer was not read in %d s"
        self._reading = self.loop.call_later(SECONDS_TO_READ, self.end, why, SECONDS_TO_READ)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def end(self, why: str, number: int) -> None:
        """End the connection at once, whatever is still to be sent."""
        log.warning(why, self.client and self.client[0], number)
        self._leave_room()
        for cycle in self._requests:
            cycle.disconnected = True  # at once, and not when the loop says so: nothing more is written
        self.transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_room()
        super().connection_lost(exc)  # resumes writing
        self._client.leave()


class Door:
    """Lets whole requests in: the body is here, in time and not too large, before anything looks at it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 408 or 413, or nothing to a client that has left; else let the request in."""
        try:
            async with asyncio.timeout(SECONDS_FOR_BODY):
                body = await _whole_body(scope, receive)
        except TimeoutError:
            log.warning("refused a request: its body did not come in %d s", SECONDS_FOR_BODY)
            await _refusal("The body did not come in time.", 408)(scope, receive, send)
            return
        except _TooLargeError:
            log.warning("refused a request: its body has more than %d bytes", DEFAULT_MAX_REQUEST_BODY_SIZE)
            await _refusal("The body is too large.", 413)(scope, receive, send)
            return
        except _LeftError:
            log.info("a client left before its request was whole")
            return
        current_client.set(scope["state"]["client"])
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, again, send)


class _TooLargeError(Exception): ...


class _LeftError(Exception): ...


async def _whole_body(scope: Scope, receive: Receive) -> bytes:
    if int(dict(scope["headers"]).get(b"content-length", 0)) > DEFAULT_MAX_REQUEST_BODY_SIZE:
        raise _TooLargeError
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _LeftError
        body += message.get("body", b"")
        if len(body) > DEFAULT_MAX_REQUEST_BODY_SIZE:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _refusal(fact: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(f"{fact} Nothing was written.\n", status, headers={"Connection": "close"})


# The log --------------------------------------------------------------------------------------------------------------


SECONDS_BETWEEN_LINES = 60


class Seldom(logging.Filter):
    """Lets a warning through once a minute, and then says how often it was left out: strangers can cause some at will."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[tuple[str, int, str], tuple[float, int]] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        line = (record.pathname, record.lineno, record.msg if record.args else "")  # without arguments it may quote anything
        last, left_out = self._lines.get(line, (-math.inf, 0))
        if record.created - last < SECONDS_BETWEEN_LINES:
            self._lines[line] = (last, left_out + 1)
            return False
        self._lines[line] = (record.created, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more since the last line)", None
        return True


def report_briefly(loop: asyncio.AbstractEventLoop) -> None:
    """Make a line of each event that a stranger can cause, and not a line for each time that it happens."""
    seldom = Seldom()
    for name in (log.name, "uvicorn.error", "mcp.server.transport_security"):
        logging.getLogger(name).addFilter(seldom)

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and "accept" in context.get("message", ""):
            log.warning("cannot accept connections for a second: %s", error.strerror)  # asyncio would add its traceback
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(report)
