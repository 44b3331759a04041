"""The only door to Postgres: ``one`` and ``many`` for one statement, ``batch`` and ``transaction`` for a unit of several.

Outside a transaction a statement, or a batch of them, is atomic by itself and costs one round trip. Inside a transaction
it joins it. A context variable carries the transaction, so tools compose without passing connections.
"""

import os
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from psycopg import pq

from studio_data.errors import StudioError, UnavailableError
from studio_data.postgres.connections import (
    checked_out,
    close,
    connection_string,
    drain,
    printable_connection_string,
    this_process,
)
from studio_data.postgres.deadlines import call_deadline, pause_before, stop_if_cancelled, time_left
from studio_data.postgres.failures import (
    REPEAT_UNIT,
    DeadlineExceededError,
    Failure,
    failure_of,
    unavailable,
    unit_refused,
)
from studio_data.postgres.pool import StudioConnection
from studio_data.postgres.units import FirstRefusedError, Opening, Parameters, Query, Statement, Unit, batched, rows_of
from studio_data.telemetry import tried_again

__all__ = [
    "FirstRefusedError",
    "Framed",
    "Statement",
    "batch",
    "check_can_go_on",
    "close",
    "connection_string",
    "framed_transaction",
    "get_connection",
    "in_transaction",
    "many",
    "one",
    "only_reads",
    "printable_connection_string",
    "savepoint",
    "transaction",
    "unit_on",
]


# What runs ------------------------------------------------------------------------------------------------------------


_current: ContextVar[Unit | None] = ContextVar("current transaction", default=None)

only_reads: ContextVar[bool] = ContextVar("only reads", default=False)
"""Whether the running tool has promised to write nothing; its statements are then retried as with ``reads=True``."""


def _after_fork() -> None:
    unit = _current.get()
    if unit is not None and not unit.connection.closed:
        # When the child leaves the parent's transaction, its ROLLBACK must not reach the server.
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, unit.connection.pgconn.socket)
        os.close(nowhere)


os.register_at_fork(after_in_child=_after_fork)


# One statement --------------------------------------------------------------------------------------------------------


def one(query: Query, params: Parameters = None, *, reads: bool = False) -> Any:  # noqa: ANN401
    """Run one statement and return its first row as a dict, or None if there is none.

    With ``reads=True`` the caller promises that the statement writes nothing; then it is retried when its connection
    breaks. A tool that reads has promised this for all of its statements. Raises ``UnavailableError`` if the database
    cannot be reached or does not answer in time, and psycopg's own error for what the server refuses.
    """
    (rows,) = _run(((query, params),), reads=reads)
    return rows[0] if rows else None


def many(query: Query, params: Parameters = None, *, reads: bool = False) -> list[Any]:
    """Run one statement and return its rows as dicts. Takes and raises what ``one`` does."""
    (rows,) = _run(((query, params),), reads=reads)
    return rows


def batch(*statements: Statement, reads: bool = False) -> list[list[Any]]:
    """Run independent statements as one unit, and return the rows of each as dicts.

    They are sent together, in one round trip. Outside a transaction Postgres commits them together or not at all. Each
    statement sees what the earlier ones did, and what others committed before its turn: so a statement that locks goes
    first. Takes and raises what ``one`` does.
    """
    return _run(statements, reads=reads)


def _run(statements: Sequence[Statement], *, reads: bool) -> list[list[Any]]:
    unit = _running_unit()
    if unit is not None:
        with _part_of_unit(unit.connection):
            return unit.run(statements)
    with call_deadline():
        return _run_alone(statements, reads=reads or only_reads.get())


def _run_alone(statements: Sequence[Statement], *, reads: bool) -> list[list[Any]]:
    """Run an atomic piece of work. Retry it if that cannot write twice: it was rolled back, or it only reads."""
    attempt = 1
    while True:
        with checked_out() as connection:
            stop_if_cancelled()
            try:
                return rows_of(connection, statements)
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
    """Return what an exception means, and close the connection if it is no longer usable."""
    failure = failure_of(error, connection_lost=connection.closed)
    if failure is Failure.OUTDATED:
        connection.close()
    if isinstance(error, DeadlineExceededError):
        drain()
    return failure


def _raise_if_unavailable(error: psycopg.Error, failure: Failure, *, writes: bool, in_unit: bool = False) -> None:
    """Raise ``UnavailableError`` for a transient failure. ``writes`` says whether it may still have been committed."""
    if failure is Failure.REFUSED:
        return
    unanswered = failure is Failure.LOST or isinstance(error, DeadlineExceededError)
    outcome = "unknown" if writes and unanswered else "not_done"
    raise unavailable(error, failure, outcome=outcome, in_unit=in_unit) from error


# A unit of several statements -----------------------------------------------------------------------------------------


def in_transaction() -> bool:
    """Tell whether this code runs in a transaction. Then its caller decides about commit and retry."""
    return _running_unit() is not None


def _held() -> StudioConnection | None:
    """Return the connection of the transaction this code runs in, which is begun first; None outside a transaction."""
    unit = _running_unit()
    if unit is None:
        return None
    unit.open()
    return unit.connection


def _running_unit() -> Unit | None:
    """Return the transaction this code runs in, if it belongs to this process and is still open.

    A call that outlives a preview is refused, since it would write for real.
    """
    unit = _current.get()
    if unit is not None and unit.is_undone and not unit.is_open and unit.process is this_process():
        raise StudioError("The preview in which this call began is over.", hint="Wait for its calls inside the block.")
    return unit if unit is not None and unit.is_open and unit.process is this_process() else None


@contextmanager
def transaction(*, rollback: bool = False) -> Generator[StudioConnection]:
    """Make everything in the block one unit: all of it is committed, or nothing.

    Inside another transaction the block is a savepoint. With ``rollback=True`` the block runs for real and is then undone.
    An exception undoes the block and is raised again. Raises ``UnavailableError`` if the database cannot be reached or the
    connection breaks; its ``outcome`` is ``unknown`` only if it broke during the commit. Raises ``StudioError`` if a
    statement of the block was refused and the block continued: Postgres commits nothing after that.
    """
    held = _held()
    if held is not None:
        with _part_of_unit(held), held.transaction(force_rollback=rollback):
            yield held
            if not rollback:
                check_can_go_on(held)
        return

    with checked_out() as connection, unit_on(connection, rollback=rollback):
        yield connection


@contextmanager
def savepoint() -> Generator[None]:
    """Let a call inside a unit fail without undoing the unit, one call at a time. Outside a unit do nothing.

    Threads of one unit share its connection, and savepoints must nest. So a unit's calls take turns.
    """
    unit = _running_unit()
    if unit is None:
        yield
        return
    if not unit.turn.acquire(timeout=time_left()):
        raise UnavailableError("Another call of this unit did not end in time.", hint=REPEAT_UNIT)
    try:
        with transaction():
            yield
    finally:
        unit.turn.release()


@contextmanager
def unit_on(connection: StudioConnection, *, rollback: bool = False) -> Generator[None]:
    """Run the block as a transaction of its own on this connection."""
    with _as_unit(connection, is_undone=rollback) as unit, connection.transaction(force_rollback=rollback):
        yield
        if not rollback:
            check_can_go_on(connection)
            stop_if_cancelled()
            unit.is_committing = True


@contextmanager
def _as_unit(connection: StudioConnection, *, is_undone: bool = False) -> Generator[Unit]:
    """Let the block's code run in the transaction of this connection. A transient failure says what became of the unit."""
    unit = Unit(this_process(), connection, is_undone=is_undone)
    token = _current.set(unit)
    connection.is_in_block = True
    try:
        yield unit
    except psycopg.Error as error:
        _raise_if_unavailable(error, _failure(error, connection), writes=unit.is_committing, in_unit=True)
        raise
    finally:
        unit.is_open = connection.is_in_block = False
        _current.reset(token)


class Framed:
    """A unit whose first statement is sent with the block's first one, and whose last is sent with its COMMIT."""

    def __init__(self) -> None:
        self.last: Statement | None = None
        """The last statement; what it returns is not read."""


@contextmanager
def framed_transaction(first: Statement, *, refused_by: str) -> Generator[Framed]:
    """Run the block as a transaction that costs one round trip more than the block's own.

    BEGIN and the first statement are sent with the block's own first one. If the first statement violates the constraint
    ``refused_by``, Postgres does nothing of what came with it, and the block raises ``FirstRefusedError``. Raises what
    ``transaction`` does. Not for use inside another transaction.
    """
    with checked_out() as connection, _as_unit(connection) as unit:
        block = psycopg.Transaction(connection)  # connection.transaction() would keep pipeline mode on until its own end
        opening = unit.opening = Opening(block, first, refused_by)
        try:
            framed = Framed()
            yield framed
            unit.open()
            check_can_go_on(connection)
            stop_if_cancelled()
        except BaseException as error:
            if opening.is_sent:
                block.__exit__(type(error), error, error.__traceback__)
            raise
        unit.is_committing = True
        try:
            with batched(connection):
                if framed.last is not None:
                    connection.execute(*framed.last)
                block.__exit__(None, None, None)
        except BaseException:
            if not connection.closed:
                connection.rollback()  # COMMIT did not run if the last statement was refused or could not be sent
            raise


@contextmanager
def _part_of_unit(connection: StudioConnection) -> Generator[None]:
    """Add to a transient failure that nothing was written: the whole unit is rolled back."""
    try:
        yield
    except psycopg.Error as error:
        _raise_if_unavailable(error, _failure(error, connection), writes=False, in_unit=True)
        raise


def check_can_go_on(connection: StudioConnection) -> None:
    """Refuse to continue after a failed statement as if the unit succeeded: its COMMIT would be a silent ROLLBACK."""
    if connection.is_dead():
        raise UnavailableError(
            "The connection to the database was lost, perhaps because the unit was idle.", hint=REPEAT_UNIT
        )
    if connection.pgconn.transaction_status != pq.TransactionStatus.INTRANS:
        raise unit_refused()


@contextmanager
def get_connection() -> Generator[StudioConnection]:
    """Yield the connection of the current transaction, or open one for the block.

    Rows are dicts. The block is committed on exit and rolled back on an exception. Tools called in it join it. Its session
    settings (SET, row factory) end with it.
    """
    held = _held()
    if held is not None:
        yield held
        return
    with checked_out() as connection:
        try:
            with unit_on(connection):
                yield connection
        finally:
            connection.forget_session()
