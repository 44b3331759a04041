"""The calls of a server: each in a thread, with its time from when it arrives, and taken back if nobody waits any more."""

import asyncio
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Event
from typing import Any

from studio_data.config import settings
from studio_data.errors import CallCancelledError, StudioError, UnavailableError
from studio_data.mcp.answers import Answered, Request, answer, refused, report_of
from studio_data.mcp.toolset import Toolset
from studio_data.postgres.deadlines import call_deadline, current_cancellation, time_left

SECONDS_TO_READ = 5
"""How long the server waits, once it ends, for a client that leaves stdout full."""


class Client:
    """Somebody who waits for answers. When they leave, their calls are taken back."""

    def __init__(self) -> None:
        self._is_gone = False
        self._calls: set[Callable[[], None]] = set()

    def leave(self) -> None:
        """Take back every call that runs or waits, and all that follow."""
        self._is_gone = True
        for take_back in tuple(self._calls):
            take_back()

    @contextmanager
    def waiting(self, take_back: Callable[[], None]) -> Generator[None]:
        """Let the block be a call of this client."""
        self._calls.add(take_back)
        if self._is_gone:
            take_back()
        try:
            yield
        finally:
            self._calls.discard(take_back)


current_client: ContextVar[Client | None] = ContextVar("current client", default=None)


class Calls:
    """The calls of one server. What a thread has begun ends by itself; until then a call can be taken back."""

    def __init__(self) -> None:
        # A call holds a connection for as long as it runs: more threads than connections would only wait for each other.
        self._threads = ThreadPoolExecutor(settings().pool_max_size, "call")
        self._calls: set[Future[Any]] = set()
        self.ending_since: float | None = None
        """On the monotonic clock; None as long as the server goes on."""

    def end(self) -> None:
        """Refuse the calls that no thread has begun, and those that come from now on."""
        self.ending_since = self.ending_since or time.monotonic()
        for work in tuple(self._calls):
            work.cancel()

    def begin(self, toolset: Toolset, request: Request, answered: Callable[[Answered], None]) -> Callable[[], None]:
        """Make a call in a thread, which also hands over its answer; return what takes the call back.

        A call that is taken back is not answered. As with ``run``, its line in the log says what became of it.
        """
        if self.ending_since is not None:
            answered(refused(_ending().to_dict()))
            return _nothing
        unwanted = Event()

        def work() -> None:
            if unwanted.is_set():
                report_of(toolset, request, None)
                return
            in_time = time_left() > 0
            result = answer(toolset, request) if in_time else refused(_busy().to_dict())
            if unwanted.is_set():
                report_of(toolset, request, result)
            else:
                answered(result)

        def ended(begun: Future[None]) -> None:
            self._calls.discard(begun)
            if begun.cancelled():
                answered(refused(_ending().to_dict()))

        with call_deadline():
            token = current_cancellation.set(unwanted)
            begun = self._threads.submit(copy_context().run, work)
            current_cancellation.reset(token)
        self._calls.add(begun)
        begun.add_done_callback(ended)
        return unwanted.set

    def wait(self) -> None:
        """Wait until every call has ended, each by its deadline."""
        wait(tuple(self._calls))

    async def run[R](self, make: Callable[[], R], *, cancelled: Callable[[R | None], None]) -> R:
        """Make a call in a thread and return its answer.

        If the client leaves or cancels, a call that was begun learns it from ``current_cancellation``. ``cancelled``
        receives the answer that goes nowhere, or None if the call was not begun. Raises ``UnavailableError`` if no thread
        was free until the call's deadline, or if the server ends, and ``CallCancelledError`` for a client that has left.
        """
        unwanted = Event()
        with call_deadline():
            if self.ending_since is not None:
                raise _ending()
            token = current_cancellation.set(unwanted)
            work = self._threads.submit(copy_context().run, make)
            current_cancellation.reset(token)

            def take_back() -> None:
                if not unwanted.is_set():
                    unwanted.set()
                    work.cancel()
                    work.add_done_callback(lambda _: cancelled(None if work.cancelled() else work.result()))

            self._calls.add(work)
            try:
                with (current_client.get() or Client()).waiting(take_back):
                    await _ended(work)
            except asyncio.CancelledError:
                take_back()
                raise
            finally:
                self._calls.discard(work)
        if not work.cancelled():
            return work.result()
        if unwanted.is_set():
            raise CallCancelledError
        raise _busy() if self.ending_since is None else _ending()


async def answer_in_time(calls: Calls, toolset: Toolset, request: Request) -> Answered:
    """Answer a call of a client, also one that no thread was free for."""
    try:
        return await calls.run(partial(answer, toolset, request), cancelled=partial(report_of, toolset, request))
    except StudioError as error:
        return refused(error.to_dict())


def _nothing() -> None:
    """Take back what was not begun."""


async def _ended(work: Future[Any]) -> None:
    """Wait until the call has ended, or was taken back: at its deadline that is done here."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended before the call
            loop.call_soon_threadsafe(end)

    work.add_done_callback(tell)
    deadline = loop.call_later(time_left(), work.cancel)  # which ends it, if no thread has begun it
    try:
        await ended
    finally:
        deadline.cancel()


def _busy() -> UnavailableError:
    return UnavailableError("The server was busy until the call's deadline.", hint="Nothing was written: call again.")


def _ending() -> UnavailableError:
    return UnavailableError("The server is ending.", hint="Nothing was written: call again.")
