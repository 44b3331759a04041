"""The only door to Postgres: ``one`` and ``many`` for a statement, ``transaction`` for a unit of several.

A statement outside a transaction is atomic by itself and costs one round trip. Inside a transaction it joins it: the
transaction is carried by a context variable, so tools compose into one unit without passing connections around.
"""

import atexit
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, RLock
from typing import Any, LiteralString

import psycopg
from psycopg import Cursor, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from studio_data import embedded, migrate
from studio_data.config import settings
from studio_data.deadlines import call_deadline, in_time, pause_before, time_left
from studio_data.errors import StudioError, UnavailableError
from studio_data.failures import (
    REPEAT_UNIT,
    DeadlineExceededError,
    Failure,
    failure_of,
    unavailable,
    unit_refused,
)
from studio_data.pool import StudioConnection, StudioPool, connect, open_pool
from studio_data.watch import tried_again

type Parameters = Mapping[str, Any] | tuple[Any, ...] | list[Any] | None


# The pool of this process ---------------------------------------------------------------------------------------------


class _Process:
    """What this process holds; a forked child starts with an empty one and never touches its parent's."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.pool: StudioPool | None = None


class _Unit:
    """A transaction that is running: whose it is, and whether it still runs.

    Contexts are copied, by asyncio for one; a copy may outlive the transaction, and its connection is then somebody else's.
    """

    def __init__(self, process: _Process, connection: StudioConnection, *, is_undone: bool) -> None:
        self.process = process
        self.connection = connection
        self.is_open = True
        self.is_undone = is_undone
        self.turn = RLock()


_process = _Process()
_left_to_the_parent: list[_Process] = []
_current: ContextVar[_Unit | None] = ContextVar("current transaction", default=None)

only_reads: ContextVar[bool] = ContextVar("only reads", default=False)
"""Whether the running tool has promised to write nothing; its statements are then repeated as with ``reads=True``."""


def _after_fork() -> None:
    global _process  # noqa: PLW0603
    # The parent's pool is kept and not used: collecting it here would say goodbye on sockets that the parent still uses.
    _left_to_the_parent.append(_process)
    _process = _Process()
    unit = _current.get()
    if unit is not None and not unit.connection.closed:
        # Leaving the parent's transaction, the child would end it: its ROLLBACK goes nowhere.
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, unit.connection.pgconn.socket)
        os.close(nowhere)


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


def _pool() -> StudioPool:
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
    """Connect outside the pool, whose own time-out would not tell what is wrong; wait for a server that is on its way."""
    ends = time.monotonic() + min(settings().pool_timeout, time_left())
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
    while True:
        connection = _take(pool)
        try:
            if not connection.is_dead():
                yield connection
                return
            connection.close()
        finally:
            pool.putconn(connection)


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


# One statement --------------------------------------------------------------------------------------------------------


def one(query: LiteralString, params: Parameters = None, *, reads: bool = False) -> Any:  # noqa: ANN401
    """Run one statement and return its first row as a dict, or None if there is none.

    With ``reads=True`` the caller promises that the statement writes nothing; it is repeated when its connection breaks. A
    tool that reads has promised it for all of its statements.
    Raises ``UnavailableError`` if the database cannot be reached or does not answer in time, and psycopg's own error for
    what the server refuses.
    """
    return _run(query, params, _first, reads=reads)


def many(query: LiteralString, params: Parameters = None, *, reads: bool = False) -> list[Any]:
    """Run one statement and return its rows as dicts. Takes and raises what ``one`` does."""
    return _run(query, params, _all, reads=reads)


def _first(cursor: Cursor[DictRow]) -> DictRow | None:
    return cursor.fetchone() if cursor.description else None


def _all(cursor: Cursor[DictRow]) -> list[DictRow]:
    return cursor.fetchall() if cursor.description else []


def _run[T](query: LiteralString, params: Parameters, fetch: Callable[[Cursor[DictRow]], T], *, reads: bool) -> T:
    held = _held()
    if held is not None:
        with _part_of_unit(held):
            return fetch(held.cursor(row_factory=dict_row).execute(query, params))
    with call_deadline():
        return _run_alone(query, params, fetch, reads=reads or only_reads.get())


def _run_alone[T](query: LiteralString, params: Parameters, fetch: Callable[[Cursor[DictRow]], T], *, reads: bool) -> T:
    """Run an atomic statement, and again where that cannot write twice: it was undone, or it only reads."""
    attempt = 1
    while True:
        with _connection() as connection:
            try:
                return fetch(connection.execute(query, params))
            except psycopg.Error as error:
                failure = _failure(error, connection)
                may_repeat = failure in {Failure.ROLLED_BACK, Failure.OUTDATED} or (failure is Failure.LOST and reads)
                pause = pause_before(attempt + 1)
                if not may_repeat or pause is None:
                    _raise_if_unavailable(error, failure, writes=not reads)
                    raise
                tried_again(error)
        time.sleep(pause)
        attempt += 1


def _failure(error: psycopg.Error, connection: StudioConnection) -> Failure:
    """Say what an exception means, and close the connection if it is of no use any more."""
    failure = failure_of(error, connection_lost=connection.closed)
    if failure is Failure.OUTDATED:
        connection.close()
    if isinstance(error, DeadlineExceededError) and _process.pool is not None:
        _process.pool.drain()  # the network may have swallowed the idle connections too
    return failure


def _raise_if_unavailable(error: psycopg.Error, failure: Failure, *, writes: bool, in_unit: bool = False) -> None:
    """Raise ``UnavailableError`` for a passing failure. ``writes`` says whether it may have been committed all the same."""
    if failure is Failure.REFUSED:
        return
    unanswered = failure is Failure.LOST or isinstance(error, DeadlineExceededError)
    outcome = "unknown" if writes and unanswered else "not_done"
    raise unavailable(error, failure, outcome=outcome, in_unit=in_unit) from error


# A unit of several statements -----------------------------------------------------------------------------------------


def in_transaction() -> bool:
    """Tell whether this code runs in a transaction, whose caller then decides about commit and repetition."""
    return _held() is not None


def _held() -> StudioConnection | None:
    """Return the connection of the transaction this code runs in, if it runs in one of this process that is still open.

    What is left over from a unit that was to be undone must not write for real: it is refused.
    """
    unit = _current.get()
    if unit is not None and unit.is_undone and not unit.is_open and unit.process is _process:
        raise StudioError("The preview in which this call was begun is over.", hint="Wait for its calls inside the block.")
    return unit.connection if unit is not None and unit.is_open and unit.process is _process else None


@contextmanager
def transaction(*, rollback: bool = False) -> Generator[StudioConnection]:
    """Make everything in the block one unit: all of it is committed, or none.

    Inside another transaction the block is a savepoint of it. With ``rollback=True`` the block runs for real and is then
    undone. An exception undoes the block and passes on. Raises ``UnavailableError`` if the database cannot be reached or the
    connection breaks; its ``outcome`` is ``unknown`` only when it broke during the commit. Raises ``StudioError`` if a
    statement of the block was refused and the block went on regardless: Postgres commits nothing after that.
    """
    held = _held()
    if held is not None:
        with _part_of_unit(held), held.transaction(force_rollback=rollback):
            yield held
            if not rollback:
                check_can_go_on(held)
        return

    with _connection() as connection, unit_on(connection, rollback=rollback):
        yield connection


@contextmanager
def savepoint() -> Generator[None]:
    """Let a call inside a unit fail without spoiling the unit, one call at a time; outside a unit do nothing.

    Threads of one unit share its connection, and savepoints must nest: so a unit's calls take turns.
    """
    held = _held()
    unit = _current.get()
    if held is None or unit is None:
        yield
        return
    if not unit.turn.acquire(timeout=time_left()):
        raise UnavailableError("Another call of this unit has not ended in time.", hint=REPEAT_UNIT)
    try:
        with transaction():
            yield
    finally:
        unit.turn.release()


@contextmanager
def unit_on(connection: StudioConnection, *, rollback: bool = False) -> Generator[None]:
    """Run the block as a transaction of its own on this connection."""
    unit = _Unit(_process, connection, is_undone=rollback)
    token = _current.set(unit)
    committing = False
    try:
        with connection.transaction(force_rollback=rollback):
            yield
            if not rollback:
                check_can_go_on(connection)
                committing = True
    except psycopg.Error as error:
        _raise_if_unavailable(error, _failure(error, connection), writes=committing, in_unit=True)
        raise
    finally:
        unit.is_open = False
        _current.reset(token)


@contextmanager
def _part_of_unit(connection: StudioConnection) -> Generator[None]:
    """Say of a passing failure that nothing was written: the unit that this is a part of is undone."""
    try:
        yield
    except psycopg.Error as error:
        _raise_if_unavailable(error, _failure(error, connection), writes=False, in_unit=True)
        raise


def check_can_go_on(connection: StudioConnection) -> None:
    """Refuse to go on with a unit as if all was done: COMMIT after a failed statement is a silent ROLLBACK."""
    if connection.is_dead():
        raise UnavailableError(
            "The connection to the database was lost, perhaps because the unit was idle.", hint=REPEAT_UNIT
        )
    if connection.pgconn.transaction_status != pq.TransactionStatus.INTRANS:
        raise unit_refused()


@contextmanager
def get_connection() -> Generator[StudioConnection]:
    """Yield the connection of the current transaction, or open one for the block.

    Rows are dicts. The block is committed on exit and rolled back on an exception; tools called in it join it. What it sets
    for the session (SET, row factory) ends with it.
    """
    held = _held()
    if held is not None:
        yield held
        return
    with _connection() as connection:
        try:
            with unit_on(connection):
                yield connection
        finally:
            connection.forget_session()
