"""How statements are sent, alone or several in one round trip, and the transaction that they may be part of."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Any, LiteralString

import psycopg
from psycopg import Cursor, pq, sql
from psycopg.rows import DictRow, dict_row

from studio_data.postgres.connections import Process
from studio_data.postgres.pool import StudioConnection

type Parameters = Mapping[str, Any] | tuple[Any, ...] | list[Any] | None
type Query = LiteralString | sql.Composed
type Statement = tuple[Query, Parameters]


class FirstRefusedError(Exception):
    """The first statement of a framed unit violated its constraint: nothing of the unit was done."""


class Opening:
    """The BEGIN of a unit and its first statement, which wait for what the unit does next, to go with it."""

    def __init__(self, block: psycopg.Transaction, first: Statement, refused_by: str) -> None:
        self._block = block
        self._first = first
        self._refused_by = refused_by
        self.is_sent = False

    def send(self, connection: StudioConnection) -> None:
        """Send both; the connection is in a pipeline, and nobody waits for them yet."""
        self.is_sent = True
        self._block.__enter__()
        _executed(connection, self._first)

    def is_refused(self, error: psycopg.Error) -> bool:
        """Tell whether it was the first statement, by its constraint, that failed."""
        return error.diag.constraint_name == self._refused_by


class Unit:
    """A transaction that is running: whose it is, and whether it still runs.

    Contexts are copied, by asyncio for one; a copy may outlive the transaction, and its connection is then somebody else's.
    """

    opening: Opening | None = None

    def __init__(self, process: Process, connection: StudioConnection, *, is_undone: bool) -> None:
        self.process = process
        self.connection = connection
        self.is_open = True
        self.is_undone = is_undone
        self.is_committing = False
        self.turn = RLock()

    def run(self, statements: Sequence[Statement] = ()) -> list[list[Any]]:
        """Run statements of the unit in one round trip, with its opening if that is still to be sent."""
        opening, self.opening = self.opening, None
        try:
            return rows_of(self.connection, statements, opening)
        except psycopg.errors.UniqueViolation as error:
            if opening is not None and opening.is_refused(error):
                raise FirstRefusedError from error
            raise

    def open(self) -> None:
        """Send its opening if that is still to be sent."""
        if self.opening is not None:
            self.run()


def rows_of(
    connection: StudioConnection, statements: Sequence[Statement], opening: Opening | None = None
) -> list[list[Any]]:
    """Run statements in one round trip, and before them what opens their unit; return the rows of each as dicts."""
    if len(statements) == 1 and opening is None:
        return [_rows(_executed(connection, statements[0]))]
    alone = opening is None and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
    with pipeline(connection):
        if opening is not None:
            opening.send(connection)
        try:
            cursors = [_executed(connection, statement) for statement in statements]
        except BaseException:
            if alone:
                # The end of the pipeline would commit those before one that was never sent.
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            raise
    return [_rows(cursor) for cursor in cursors]


@contextmanager
def pipeline(connection: StudioConnection) -> Generator[None]:
    """Send what the block executes in one round trip, and raise what was the matter with it.

    psycopg's own pipeline, left with an error, logs what its end then says; and where the server goes in the middle, its end
    fails in leaving pipeline mode, and that is all it raises.
    """
    failed: BaseException | None = None
    try:
        with connection.pipeline():
            try:
                yield
            except BaseException as error:  # noqa: BLE001 (raised below)
                failed = error
    except psycopg.Error as error:
        if connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            connection.close()
        if failed is None:
            failed = error.__context__ if isinstance(error.__context__, psycopg.Error) else error
    if failed is not None:
        raise failed


def _executed(connection: StudioConnection, statement: Statement) -> Cursor[DictRow]:
    return connection.cursor(row_factory=dict_row).execute(*statement)


def _rows(cursor: Cursor[DictRow]) -> list[DictRow]:
    has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0  # cursor.description is made anew at every look
    return cursor.fetchall() if has_rows else []
