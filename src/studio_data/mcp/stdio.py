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
from importlib.util import find_spec
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from threading import Event, Lock, Thread

from studio_data.contract.actor import require_actor
from studio_data.mcp.calls import SECONDS_TO_READ, Calls, Client
from studio_data.mcp.introduction import on_signals
from studio_data.mcp.toolset import Toolset
from studio_data.mcp.usual import Usual

log = logging.getLogger("studio_data.mcp")


def serve_stdio(toolset: Toolset) -> None:
    """Serve one client over stdin and stdout, until stdin ends or a signal says so."""
    require_actor("the MCP server")
    if find_spec("mcp") is None:
        raise ModuleNotFoundError("No module named 'mcp'", name="mcp")
    calls, client, for_the_sdk = Calls(), Client(), _ForTheSdk()

    def stop() -> None:
        calls.end()
        for_the_sdk.end()

    def leave() -> None:
        client.leave()
        usual.leave()
        stop()

    protocol = _stdout_for_the_protocol(calls, leave)

    def write(line: bytes) -> None:
        protocol.buffer.write(line)
        protocol.buffer.flush()

    usual = Usual(toolset, calls, write=write, hand_on=for_the_sdk.send)
    on_signals(stop)
    for_the_sdk.read_before_it(usual, calls)
    if for_the_sdk.is_needed():
        from studio_data.mcp.unusual import serve  # noqa: PLC0415 (takes most of a second)

        serve(toolset, calls, client, protocol, opened_by=usual.opened_by)
    for_the_sdk.settle()
    calls.wait()


# stdin ----------------------------------------------------------------------------------------------------------------


class _ForTheSdk:
    """A pipe of ours in the place of stdin, with what is for the SDK.

    The SDK reads stdin in a thread, and nothing interrupts a read in a thread but the end of the file.
    """

    def __init__(self) -> None:
        self._outside = os.dup(sys.stdin.fileno())
        self._writing, reading = socket.socketpair()
        os.dup2(reading.fileno(), sys.stdin.fileno())
        reading.close()
        self._is_needed = False
        self._is_known = Event()
        self._taking = Lock()

    def read_before_it(self, usual: Usual, calls: Calls) -> None:
        """Read the real stdin in a thread, line by line. Its end comes when the calls before it are answered."""

        def read() -> None:
            with suppress(OSError), FileIO(self._outside) as outside:
                for line in BufferedReader(outside):
                    with self._taking:
                        usual.take(line)
            calls.wait()
            self.end()

        Thread(target=read, name="stdin", daemon=True).start()

    def send(self, line: bytes) -> None:
        """Let the SDK have a line."""
        self._is_needed = True
        self._is_known.set()
        with suppress(OSError):  # ended already
            self._writing.sendall(line)

    def end(self) -> None:
        """Let the SDK see the end of stdin."""
        self._is_known.set()
        with suppress(OSError):  # ended already
            self._writing.shutdown(socket.SHUT_WR)

    def settle(self) -> None:
        """Wait until the line that was read last is answered, which it is in time."""
        with self._taking:
            pass

    def is_needed(self) -> bool:
        """Wait for the first line for the SDK, or the end. Tell whether there was a line."""
        self._is_known.wait()
        return self._is_needed


# stdout ---------------------------------------------------------------------------------------------------------------


def _stdout_for_the_protocol(calls: Calls, leave: Callable[[], None]) -> TextIOWrapper:
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
