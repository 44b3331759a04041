"""The MCP server over stdio: one client, stdout for the protocol alone, and an end at which what was asked is answered."""

import errno
import logging
import os
import select
import socket
import sys
import time
from collections.abc import Buffer, Callable
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from threading import Thread
from types import TracebackType
from typing import Any, Self, TextIO

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from studio_data.config import settings
from studio_data.contract.actor import Actor, require_actor
from studio_data.mcp.calls import Calls, Client, current_client
from studio_data.mcp.server import on_signals, server_for

SECONDS_TO_READ = 5
"""How long the server waits, once it ends, for a client that leaves stdout full."""

log = logging.getLogger("studio_data.mcp")


def serve_stdio(acting: Actor) -> None:
    """Serve one client over stdin and stdout, until stdin ends or a signal says so."""
    require_actor("the MCP server")
    calls, client = Calls(), Client()
    end = _end_of_stdin()

    def stop() -> None:
        calls.end()
        end()

    def leave() -> None:
        client.leave()
        stop()

    protocol = _stdout_for_the_protocol(calls, leave)
    server = server_for(acting, calls)
    on_signals(stop)

    async def serve() -> None:
        current_client.set(client)
        async with stdio_server(stdout=anyio.wrap_file(protocol)) as (reading, writing):
            asked = _Asked(calls)
            await server.run(_Reading(reading, asked), _Writing(writing, asked), server.create_initialization_options())

    anyio.run(serve)


# The end --------------------------------------------------------------------------------------------------------------


class _Asked:
    """The calls that wait for an answer. The SDK drops them at the end of stdin, so the end waits for them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._ids: set[str] = set()
        self._none_left = anyio.Event()

    def note(self, message: object) -> None:
        """Note a call that came in or was cancelled, or an answer that went out."""
        match message:
            case JSONRPCRequest(method="tools/call", id=asked):
                self._ids.add(str(asked))
            case JSONRPCNotification(method="notifications/cancelled", params={"requestId": cancelled}):
                self._ids.discard(str(cancelled))  # never answered
            case JSONRPCResponse(id=answered) | JSONRPCError(id=answered):
                self._ids.discard(str(answered))
            case _:
                pass
        if not self._ids:
            self._none_left.set()

    async def answered(self) -> None:
        """Wait until every call is answered, which each is by its deadline. Then the server ends."""
        with anyio.move_on_after(settings().call_timeout + SECONDS_TO_READ):
            while self._ids:
                self._none_left = anyio.Event()
                await self._none_left.wait()
        self._calls.end()


class _Stream:
    """A stream of the SDK, seen by us too."""

    def __init__(self, stream: Any, asked: _Asked) -> None:  # noqa: ANN401 (the SDK exports no class of it)
        self._stream = stream
        self._asked = asked

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._stream.__aexit__(exc_type, exc_val, exc_tb)


class _Reading(_Stream):
    """What the client sends. Its end comes when the calls before it are answered."""

    @property
    def last_context(self) -> Any:  # noqa: ANN401 (for the SDK)
        return self._stream.last_context

    async def receive(self) -> SessionMessage | Exception:
        try:
            item = await self._stream.receive()
        except anyio.EndOfStream:
            await self._asked.answered()
            raise
        if isinstance(item, SessionMessage):
            self._asked.note(item.message)
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class _Writing(_Stream):
    """What the server sends."""

    async def send(self, item: SessionMessage, /) -> None:
        await self._stream.send(item)
        self._asked.note(item.message)


def _end_of_stdin() -> Callable[[], None]:
    """Put a pipe of ours before stdin, and return what ends it.

    The SDK reads stdin in a thread, and nothing interrupts a read in a thread but the end of the file.
    """
    outside = os.dup(sys.stdin.fileno())
    writing, reading = socket.socketpair()
    os.dup2(reading.fileno(), sys.stdin.fileno())
    reading.close()

    def end() -> None:
        with suppress(OSError):  # ended already
            writing.shutdown(socket.SHUT_WR)

    def copy() -> None:
        with suppress(OSError):  # nobody reads any more
            while data := os.read(outside, 65536):
                writing.sendall(data)
        end()

    Thread(target=copy, name="stdin", daemon=True).start()
    return end


# stdout ---------------------------------------------------------------------------------------------------------------


def _stdout_for_the_protocol(calls: Calls, leave: Callable[[], None]) -> TextIO:
    """Return stdout for the protocol alone, and send to stderr what tools, libraries and child processes print.

    The SDK would give stdout back at the end, and then what was printed and not yet written would follow the last answer.
    """
    protocol = _Answers(os.dup(1), calls, leave)
    os.dup2(2, 1)
    return TextIOWrapper(BufferedWriter(protocol), "utf-8")


class _Answers(FileIO):
    """Where answers are written. A client that no longer reads has gone: then the server ends as at a signal."""

    def __init__(self, descriptor: int, calls: Calls, leave: Callable[[], None]) -> None:
        super().__init__(descriptor, "w")
        self._calls = calls
        self._leave = leave
        self._is_left = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: Buffer, /) -> int:
        """Write, or end the server; what is still to be answered goes nowhere."""
        whole = memoryview(data)
        if self._is_left:
            return whole.nbytes
        try:
            self._wait_for_room()
            return super().write(whole[: select.PIPE_BUF])  # so much fits if there is room
        except OSError as error:
            log.warning("the client no longer reads: %s", error.strerror)
            self._is_left = True
            self._leave()
            return whole.nbytes

    def _wait_for_room(self) -> None:
        """Wait for a client that leaves stdout full: as long as it likes, but not when the server ends."""
        while not self._poll.poll(100):
            ending = self._calls.ending_since
            if ending is not None and time.monotonic() > ending + SECONDS_TO_READ:
                raise OSError(errno.ETIMEDOUT, "stdout stays full")
