"""How statements are sent, alone or several in one round trip, and the transaction to which they may belong."""

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
    """The first statement of a framed unit violated its constraint. Nothing of the unit was done."""


class Opening:
    """The BEGIN of a unit and its first statement. They wait until the unit's next statement is sent."""

    def __init__(self, block: psycopg.Transaction, first: Statement, refused_by: str) -> None:
        self._block = block
        self._first = first
        self._refused_by = refused_by
        self.is_sent = False

    def send(self, connection: StudioConnection) -> None:
        """Send both. The connection is in pipeline mode, so nothing waits for the answers yet."""
        self.is_sent = True
        self._block.__enter__()
        _executed(connection, self._first)

    def is_refused(self, error: psycopg.Error) -> bool:
        """Tell whether the first statement failed, by its constraint."""
        return error.diag.constraint_name == self._refused_by


class Unit:
    """A transaction, the process that owns it, and whether it still runs.

    Contexts are copied, for example by asyncio. A copy may outlive the transaction, and its connection then belongs to
    another caller.
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
        """Run statements of the unit in one round trip, with its opening if that was not sent yet."""
        opening, self.opening = self.opening, None
        try:
            return rows_of(self.connection, statements, opening)
        except psycopg.errors.UniqueViolation as error:
            if opening is not None and opening.is_refused(error):
                raise FirstRefusedError from error
            raise

    def open(self) -> None:
        """Send the opening if it was not sent yet."""
        if self.opening is not None:
            self.run()


def rows_of(
    connection: StudioConnection, statements: Sequence[Statement], opening: Opening | None = None
) -> list[list[Any]]:
    """Run statements in one round trip, after the opening of their unit. Return the rows of each as dicts."""
    if len(statements) == 1 and opening is None:
        return [_rows(_executed(connection, statements[0]))]
    alone = opening is None and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
    with batched(connection):
        if opening is not None:
            opening.send(connection)
        try:
            cursors = [_executed(connection, statement) for statement in statements]
        except BaseException:
            if alone:
                # The end of the batch would commit the statements before one that was never sent.
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            raise
    return [_rows(cursor) for cursor in cursors]


@contextmanager
def batched(connection: StudioConnection) -> Generator[None]:
    """Send what the block executes in one round trip, and raise the error that caused a failure.

    psycopg's own pipeline block logs a second message if an error leaves it. If the server ends meanwhile, it raises only
    the failure to leave pipeline mode.
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
    has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0  # cursor.description is built at each access
    return cursor.fetchall() if has_rows else []
