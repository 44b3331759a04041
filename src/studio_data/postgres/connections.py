"""The connections of this process: one pool, opened on first use, closed at exit, never shared with a forked child."""

import atexit
import os
import time
from threading import Lock

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from studio_data.config import settings
from studio_data.errors import UnavailableError
from studio_data.postgres import embedded, migrate
from studio_data.postgres.deadlines import in_time, time_left
from studio_data.postgres.pool import StudioConnection, StudioPool, connect, open_pool


class Process:
    """What this process holds. A forked child starts with an empty one and never touches its parent's."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.pool: StudioPool | None = None


_process = Process()
_left_to_the_parent: list[Process] = []


def this_process() -> Process:
    """Return what this process holds. A forked child has another object."""
    return _process


def _after_fork() -> None:
    global _process  # noqa: PLW0603
    # The parent's pool stays referenced: its collection would close sessions on sockets that the parent still uses.
    _left_to_the_parent.append(_process)
    _process = Process()


os.register_at_fork(after_in_child=_after_fork)


def connection_string() -> str:
    """Return the connection string of the database in use. Start the embedded server if that is it.

    Raises ``ConfigurationError`` or ``UnavailableError`` if there is no database to use.
    """
    configured = settings().database_url
    if configured is not None:
        return configured
    return embedded.start(settings())


def printable_connection_string() -> str:
    """Return the connection string with the password masked, for people and logs."""
    conninfo = connection_string()
    given = conninfo_to_dict(conninfo)
    secrets = {name: "****" for name in ("password", "sslpassword") if name in given}
    return make_conninfo(conninfo, **secrets) if secrets else conninfo


def close() -> None:
    """Close the pool, and leave the embedded server if this process uses it. The next call opens them again."""
    with _process.lock:
        opened, _process.pool = _process.pool, None
        if opened is not None:
            opened.close(timeout=2.0)
        embedded.leave()


atexit.register(close)


def pool() -> StudioPool:
    """Return the pool of this process; open it first if needed. Raises the errors of its opening."""
    process = _process
    if process.pool is not None:
        return process.pool
    if not process.lock.acquire(timeout=time_left()):
        raise UnavailableError(
            "Another thread is still connecting to the database.", hint="Nothing was written: call again."
        )
    try:
        if process.pool is None:
            process.pool = in_time(_open, abandoned=lambda late: late.close())
    except TimeoutError:
        raise UnavailableError("The database did not answer in time.", hint="Nothing was written: call again.") from None
    else:
        return process.pool
    finally:
        process.lock.release()


def _open() -> StudioPool:
    conninfo = connection_string()
    with _first_connection(conninfo) as connection:
        if settings().database_url is None:
            migrate.migrate(connection)
    return open_pool(conninfo, settings())


def _first_connection(conninfo: str) -> StudioConnection:
    """Connect outside the pool, since the pool's time-out hides the cause. Wait for a server that is starting."""
    ends = time.monotonic() + min(settings().pool_timeout, time_left())
    while True:
        try:
            return connect(conninfo, settings())
        except UnavailableError as error:
            on_its_way = settings().database_url is None or "the database system is" in error.message
            if not on_its_way or time.monotonic() > ends:
                raise
            time.sleep(0.1)


class checked_out:  # noqa: N801 (used as a function is; a class costs each call a third of a generator)
    """Check a living connection out of the pool for a block. Raises ``UnavailableError`` if none is free in time."""

    __slots__ = ("_connection", "_pool")

    def __enter__(self) -> StudioConnection:
        self._pool = pool()
        while True:
            self._connection = _take(self._pool)
            try:
                if not self._connection.is_dead():
                    return self._connection
                self._connection.close()
            except BaseException:
                self._pool.putconn(self._connection)
                raise
            self._pool.putconn(self._connection)

    def __exit__(self, *_error: object) -> None:
        self._pool.putconn(self._connection)


def drain() -> None:
    """Replace the idle connections too, after one did not answer: the network may have dropped them all."""
    if _process.pool is not None:
        _process.pool.drain()


def _take(pool: StudioPool, *, revived: bool = False) -> StudioConnection:
    try:
        return pool.getconn(timeout=max(0.001, min(pool.timeout, time_left())))
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        cause = pool.connection_class.last_error
        if cause is None:
            fact = f"All {pool.max_size} connections of this process are busy."
        elif settings().database_url is None and not revived and embedded.revive(settings()):
            return _take(pool, revived=True)
        else:
            fact = f"The database cannot be reached: {' '.join(str(cause).split())}."
        raise UnavailableError(fact, hint="Nothing was written: call again.") from error
