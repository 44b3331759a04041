"""The only door to Postgres: ``one`` and ``many`` for a statement, ``transaction`` for a unit of several.

A statement outside a transaction is atomic by itself and costs one round trip. Inside a transaction it joins it: the
transaction is carried by a context variable, so tools compose into one unit without passing connections around.
"""

import atexit
import os
import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import Lock
from typing import Any, LiteralString

import psycopg
from psycopg import Cursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from studio_data import embedded, migrate
from studio_data.config import settings
from studio_data.errors import UnavailableError
from studio_data.failures import DeadlineExceededError, Failure, failure_of, unavailable
from studio_data.pool import StudioConnection, connect, deadline, open_pool

MOST_ATTEMPTS = 5

type Parameters = Mapping[str, Any] | tuple[Any, ...] | list[Any] | None


# The pool of this process ---------------------------------------------------------------------------------------------


class _Process:
    """What this process holds; a forked child starts with an empty one and never touches its parent's."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.pool: ConnectionPool[StudioConnection] | None = None


_process = _Process()
_left_to_the_parent: list[_Process] = []
_current: ContextVar[tuple[_Process, StudioConnection] | None] = ContextVar("current transaction", default=None)


def _after_fork() -> None:
    # The parent's pool is kept and not used: collecting it here would say goodbye on sockets that the parent still uses.
    global _process  # noqa: PLW0603
    _left_to_the_parent.append(_process)
    _process = _Process()


os.register_at_fork(after_in_child=_after_fork)


def connection_string() -> str:
    """Return the connection string of the database in use, the embedded server started if it is that.

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
        pool, _process.pool = _process.pool, None
        if pool is not None:
            pool.close(timeout=2.0)
        embedded.leave()


atexit.register(close)


def _pool() -> ConnectionPool[StudioConnection]:
    pool = _process.pool
    if pool is not None:
        return pool
    with _process.lock:
        if _process.pool is None:
            conninfo = connection_string()
            with _first_connection(conninfo) as connection:
                if settings().database_url is None:
                    migrate.migrate(connection)
            _process.pool = open_pool(conninfo, settings())
        return _process.pool


def _first_connection(conninfo: str) -> StudioConnection:
    """Connect outside the pool, whose own time-out would not tell what is wrong; wait for a server that is on its way."""
    ends = time.monotonic() + settings().pool_timeout
    while True:
        try:
            return connect(conninfo, settings())
        except UnavailableError as error:
            on_its_way = settings().database_url is None or "the database system is" in error.message
            if not on_its_way or time.monotonic() > ends:
                raise
            time.sleep(0.1)


@contextmanager
def _connection() -> Generator[StudioConnection]:
    """Check a living connection out of the pool for a block."""
    pool = _pool()
    connection = _take(pool)
    while connection.is_dead():
        connection.close()
        pool.putconn(connection)
        connection = _take(pool)
    try:
        yield connection
    finally:
        pool.putconn(connection)


def _take(pool: ConnectionPool[StudioConnection], *, revived: bool = False) -> StudioConnection:
    try:
        return pool.getconn(timeout=_patience(pool))
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        cause = pool.connection_class.last_error
        if cause is None:
            fact = f"All {pool.max_size} connections of this process are busy."
        elif settings().database_url is None and not revived and embedded.revive(settings()):
            return _take(pool, revived=True)
        else:
            fact = f"The database cannot be reached: {' '.join(str(cause).split())}."
        raise UnavailableError(fact, hint="Nothing was written: call again.") from error


def _patience(pool: ConnectionPool[StudioConnection]) -> float:
    """Return how many seconds a call may still wait for a connection."""
    ends = deadline.get()
    return pool.timeout if ends is None else max(0.001, min(pool.timeout, ends - time.monotonic()))


# One statement --------------------------------------------------------------------------------------------------------


def one(query: LiteralString, params: Parameters = None) -> Any:  # noqa: ANN401 (a row is what its tool's TypedDict says)
    """Run one statement and return its first row as a dict, or None if there is none.

    Raises ``UnavailableError`` if the database cannot be reached or does not answer in time, and psycopg's own error for
    what the server refuses.
    """
    return _run(query, params, _first)


def many(query: LiteralString, params: Parameters = None) -> list[Any]:
    """Run one statement and return its rows as dicts. Raises as ``one`` does."""
    return _run(query, params, _all)


def _first(cursor: Cursor[DictRow]) -> DictRow | None:
    return cursor.fetchone() if cursor.description else None


def _all(cursor: Cursor[DictRow]) -> list[DictRow]:
    return cursor.fetchall() if cursor.description else []


def _run[T](query: LiteralString, params: Parameters, fetch: Callable[[Cursor[DictRow]], T]) -> T:
    held = _held()
    if held is not None:
        try:
            return fetch(held.execute(query, params))
        except psycopg.Error as error:
            _raise_if_unavailable(error, held, writes=False)
            raise
    _pool()
    token = deadline.set(deadline.get() or time.monotonic() + settings().call_timeout)
    try:
        return _run_alone(query, params, fetch)
    finally:
        deadline.reset(token)


def _run_alone[T](query: LiteralString, params: Parameters, fetch: Callable[[Cursor[DictRow]], T]) -> T:
    """Run an atomic statement, and again where that cannot write twice: after a rollback, or when it only reads."""
    attempt = 1
    while True:
        with _connection() as connection:
            try:
                return fetch(connection.execute(query, params))
            except psycopg.Error as error:
                failure = _failure(error, connection)
                undone = failure in {Failure.ROLLED_BACK, Failure.STALE}
                may_repeat = undone or (failure is Failure.LOST and not _writes(query))
                if not may_repeat or attempt == MOST_ATTEMPTS or not _pause(attempt):
                    _raise_if_unavailable(error, connection, writes=_writes(query))
                    raise
        attempt += 1


def _pause(attempt: int) -> bool:
    """Sleep with full jitter, 10 ms doubled by each attempt, and tell whether the deadline leaves time for another."""
    pause = random.uniform(0, min(0.5, 0.01 * 2**attempt))  # noqa: S311 (jitter, not a secret)
    ends = deadline.get()
    if ends is not None and time.monotonic() + pause >= ends:
        return False
    time.sleep(pause)
    return True


@lru_cache(maxsize=1024)
def _writes(query: LiteralString) -> bool:
    """Tell whether a statement may write. In doubt it may: a SELECT … FOR UPDATE counts as a write."""
    reads = re.match(r"\s*(SELECT|WITH|TABLE|VALUES|SHOW|EXPLAIN)\b", query, re.IGNORECASE)
    return not reads or re.search(r"\b(INSERT|UPDATE|DELETE|MERGE|INTO)\b", query, re.IGNORECASE) is not None


def _failure(error: psycopg.Error, connection: StudioConnection) -> Failure:
    failure = failure_of(error, connection_lost=connection.closed)
    if failure is Failure.STALE:
        connection.close()  # its prepared statements go with it; the pool opens another
    return failure


def _raise_if_unavailable(error: psycopg.Error, connection: StudioConnection, *, writes: bool) -> None:
    """Raise ``UnavailableError`` for a passing failure. ``writes`` says whether it may have been committed all the same."""
    failure = _failure(error, connection)
    if failure is Failure.REFUSED:
        return
    unanswered = failure is Failure.LOST or isinstance(error, DeadlineExceededError)
    if isinstance(error, DeadlineExceededError) and _process.pool is not None:
        _process.pool.drain()  # the network may have swallowed the idle connections too
    raise unavailable(error, failure, outcome="unknown" if writes and unanswered else "not_done") from error


# A unit of several statements -----------------------------------------------------------------------------------------


def _held() -> StudioConnection | None:
    """Return the connection of the transaction this code runs in, if it runs in one of this process."""
    current = _current.get()
    return current[1] if current is not None and current[0] is _process else None


@contextmanager
def transaction(*, rollback: bool = False) -> Generator[StudioConnection]:
    """Make everything in the block one unit: all of it is committed, or none.

    Inside another transaction the block is a savepoint of it. With ``rollback=True`` the block runs for real and is then
    undone. An exception undoes the block and passes on. Raises ``UnavailableError`` if the database cannot be reached or the
    connection breaks; its ``outcome`` is ``unknown`` only when it broke during the commit.
    """
    held = _held()
    if held is not None:
        with held.transaction(force_rollback=rollback):
            yield held
        return

    with _connection() as connection:
        token = _current.set((_process, connection))
        committing = False
        try:
            with connection.transaction(force_rollback=rollback):
                yield connection
                committing = not rollback
        except psycopg.Error as error:
            _raise_if_unavailable(error, connection, writes=committing)
            raise
        finally:
            _current.reset(token)


@contextmanager
def get_connection() -> Generator[StudioConnection]:
    """Yield the connection of the current transaction, or open one for the block.

    Rows are dicts. The block is committed on exit and rolled back on an exception; tools called in it join it.
    """
    held = _held()
    if held is not None:
        yield held
        return
    with transaction() as connection:
        yield connection
