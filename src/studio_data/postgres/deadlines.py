"""How long a call may take: its deadline, the pauses between its attempts, and whether it is still wanted.

The deadline is a context variable, so it follows asyncio tasks and ``asyncio.to_thread``. Every wait (for a connection, an
answer, another call) ends at the deadline.
"""

import math
import random
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Event, Thread

from studio_data.config import settings
from studio_data.errors import CallCancelledError, InvalidInputError

current_deadline: ContextVar[float | None] = ContextVar("current deadline", default=None)
"""When the running call must have ended, on the monotonic clock; None outside a call."""

current_cancellation: ContextVar[Event | None] = ContextVar("current cancellation", default=None)
"""Set by another thread when nobody wants the running call any more; None where nobody can say so."""


@contextmanager
def deadline(seconds: float) -> Generator[None]:
    """Let everything in the block end within this many seconds, counted from its beginning.

    Without it each call may take ``STUDIO_DATA_CALL_TIMEOUT``. A call that does not end by then raises
    ``UnavailableError``. Blocks nest; the earliest deadline counts. Raises ``InvalidInputError`` unless the seconds are a
    number above 0.
    """
    given: object = seconds  # callers are not type-checked
    if type(given) not in {int, float} or not 0 < seconds < math.inf:
        raise InvalidInputError(
            f"A deadline is a number of seconds above 0, not {given!r:.40}.", details={"arguments": ["seconds"]}
        )
    ends = time.monotonic() + seconds
    running = current_deadline.get()
    token = current_deadline.set(ends if running is None else min(running, ends))
    try:
        yield
    finally:
        current_deadline.reset(token)


class call_deadline:  # noqa: N801 (used as a function is; a class costs each call a third of a generator)
    """Give the block the time of one call, unless a deadline already runs."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        running = current_deadline.get() is not None
        self._token = None if running else current_deadline.set(time.monotonic() + settings().call_timeout)

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            current_deadline.reset(self._token)


def time_left() -> float:
    """Return the seconds until the running call's deadline. Without a deadline, return the time of a whole call."""
    ends = current_deadline.get()
    return settings().call_timeout if ends is None else max(0.0, ends - time.monotonic())


def stop_if_cancelled() -> None:
    """Stop a call that is no longer wanted. Called where nothing of it can be written yet."""
    cancelled = current_cancellation.get()
    if cancelled is not None and cancelled.is_set():
        raise CallCancelledError


def pause_before(attempt: int) -> float | None:
    """Return the seconds to wait before a call's next attempt (full jitter), or None if no attempt is left."""
    chosen = settings()
    pause = random.uniform(0, min(chosen.retry_longest_pause, chosen.retry_pause * 2 ** (attempt - 1)))  # noqa: S311 (not a secret)
    return pause if attempt <= chosen.retry_attempts and pause < time_left() else None


def in_time[R](work: Callable[[], R], *, abandoned: Callable[[R], None]) -> R:
    """Do work that has no deadline of its own in a thread, and return its result.

    Raises ``TimeoutError`` at the deadline. ``abandoned`` receives a result that arrives later.
    """
    result: Future[R] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 (passed on, whatever it is)
            result.set_exception(error)

    Thread(target=copy_context().run, args=(run,), name="studio-data-in-time", daemon=True).start()
    try:
        return result.result(timeout=time_left())
    except TimeoutError:
        result.add_done_callback(lambda late: late.exception() or abandoned(late.result()))
        raise
