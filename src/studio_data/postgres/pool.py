"""Connections to Postgres: how one is made, how a dead one is found, and the bounded pool that keeps them."""

import logging
import re
import select
from collections import deque
from contextlib import suppress
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import Any, Self, override

import psycopg
from psycopg import pq, sql
from psycopg.abc import PQGen, Query
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from studio_data.config import Settings
from studio_data.errors import ConfigurationError, StudioError, UnavailableError
from studio_data.postgres.deadlines import current_deadline
from studio_data.postgres.failures import DeadlineExceededError

OLDEST_SERVER = 16

RECONNECT_SECONDS = 0.25

MOST_PREPARED = 400
"""Prepared statements of a connection. The tools have some 200: with psycopg's 100 each would push another out, in two more
round trips."""

# A failed attempt to connect has no sqlstate. When the server refuses a user, its message has these words.
TURNED_AWAY = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")

log = logging.getLogger("studio_data")


_ENDS_A_TRANSACTION = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
    r"(COMMIT|END|ABORT|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b)|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def _end_of_a_transaction(query: str) -> str | None:
    """Return the command with which a query ends its transaction; None if it does not begin with one."""
    found = _ENDS_A_TRANSACTION.match(query)
    return found[1].upper() if found else None


def _text(query: Query) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    return query.as_string() if isinstance(query, sql.SQL) else ""


class StudioCursor(psycopg.Cursor[DictRow]):
    """A cursor whose SQL does not end the transaction of the block in which it runs."""

    @override
    def execute(self, query: Query, *args: Any, **kwargs: Any) -> Self:
        connection = self.connection
        if not (isinstance(connection, StudioConnection) and connection.is_in_block):
            return super().execute(query, *args, **kwargs)
        command = _end_of_a_transaction(_text(query))
        if command is not None:
            raise StudioError(
                f"{command} would end the transaction of this block.",
                hint="Leave it out: the block commits at its end, and an exception rolls it back.",
            )
        done = super().execute(query, *args, **kwargs)
        if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE and not connection.pgconn.pipeline_status:
            raise StudioError(
                "The SQL ended the transaction of this block: what came before it is committed or rolled back.",
                hint="Leave COMMIT and ROLLBACK out of it.",
            )
        return done


class StudioConnection(psycopg.Connection[DictRow]):
    """A connection whose every wait ends: at the call's deadline, or after ``call_timeout`` seconds without a deadline.

    statement_timeout, keepalives and tcp_user_timeout do not end the wait for a frozen server, or in a network that drops
    packets. Only the client can end such a wait, and it does so by closing the connection.
    """

    call_timeout: float = 20.0
    last_error: psycopg.Error | None = None
    """Of the class: why the latest attempt to connect failed. The pool's own time-out does not tell."""

    is_in_block = False
    """Whether a block of the library owns the transaction."""

    _poller: "select.poll | None" = None

    @override
    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        try:
            connection = super().connect(conninfo, **kwargs)
        except psycopg.Error as error:
            cls.last_error = error
            raise
        cls.last_error = None
        connection.cursor_factory = StudioCursor
        connection.prepared_max = MOST_PREPARED
        connection.add_notice_handler(_report_local_commit)
        return connection

    @override
    def wait[T](self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        if timeout is not None:
            return super().wait(gen, interval=interval, timeout=timeout)
        ends = current_deadline.get()
        seconds = self.call_timeout if ends is None else max(0.0, ends - monotonic())
        try:
            return super().wait(gen, interval=interval, timeout=seconds)
        except psycopg.OperationalError as error:
            if type(error).__name__ != "_WaitTimeout":  # psycopg's own, not exported
                raise
            self.pgconn.finish()
            raise DeadlineExceededError("the server did not answer before the deadline") from error

    def is_dead(self) -> bool:
        """Tell, without asking the server, whether the other side closed an idle connection.

        The server sends to an idle client only when it closes the connection (or, rarely, for a notice). So an idle socket
        without data counts as alive. The check costs one system call instead of a round trip.
        """
        if self.closed:
            return True
        if self._poller is None:
            self._poller = select.poll()
            self._poller.register(self.pgconn.socket, select.POLLIN)
        if not self._poller.poll(0):
            return False
        try:
            self.pgconn.consume_input()
            self.execute("")
        except psycopg.Error:
            return True
        return self.pgconn.status != pq.ConnStatus.OK

    def forget_session(self) -> None:
        """Undo the session settings of a block of raw SQL, so that they do not reach the next call."""
        self.row_factory = dict_row
        with suppress(psycopg.Error):
            if not self.closed:
                self.execute("RESET ALL")


def _report_local_commit(notice: Diagnostic) -> None:
    """Log that a commit is durable on this server only: its wait for the synchronous standby was cut short."""
    if notice.source_function == "SyncRepWaitForLSN":
        log.warning("a commit is local only: %s", notice.message_primary)


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """Return the options with which the library opens every connection."""
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "prepare_threshold": None if settings.pooler == "transaction" else 5,
        "connect_timeout": settings.connect_timeout,
        "application_name": "studio-data",
        "client_encoding": "UTF8",
    }


def connect(conninfo: str, settings: Settings) -> StudioConnection:
    """Open one connection outside the pool.

    Raises ``ConfigurationError`` if the server is too old or refuses this user, ``UnavailableError`` if it is not
    reachable.
    """
    arguments = connection_arguments(settings)
    ends = current_deadline.get()
    if ends is not None:
        arguments["connect_timeout"] = max(2, min(settings.connect_timeout, ceil(ends - monotonic())))  # 2 is the least
    try:
        connection = StudioConnection.connect(conninfo, **arguments)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        if any(words in reason for words in TURNED_AWAY):
            raise ConfigurationError(
                f"The database refused the connection: {reason}.",
                hint="Correct DATABASE_URL in the environment or in .env.",
            ) from error
        raise UnavailableError(
            f"The database cannot be reached: {reason}.", hint="Start it, or correct DATABASE_URL."
        ) from error
    try:
        _check_server(connection)
    except ConfigurationError:
        connection.close()
        raise
    return connection


def _check_server(connection: StudioConnection) -> None:
    version = connection.info.server_version // 10000
    if version < OLDEST_SERVER:
        raise ConfigurationError(
            f"The server is Postgres {version}; the library needs {OLDEST_SERVER} or newer.",
            hint="Point DATABASE_URL at a newer server.",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database's encoding is {encoding}; the library needs UTF8.",
            hint="Create the database with ENCODING 'UTF8' TEMPLATE template0.",
        )
    style = connection.info.parameter_status("DateStyle") or ""
    if not style.startswith("ISO"):
        raise ConfigurationError(
            f"The connection's DateStyle is {style}; the library reads ISO only.",
            hint="Remove PGDATESTYLE from the environment, or ALTER ROLE … RESET datestyle (or ALTER DATABASE).",
        )


class _Newest(deque[StudioConnection]):
    """Free connections, of which the one that was returned last is taken first."""

    @override
    def popleft(self) -> StudioConnection:
        return self.pop()


class StudioPool(ConnectionPool[StudioConnection]):
    """A pool in which a limited number of callers wait, and that hands out the connection that was returned last.

    psycopg's pool hands out the one that has rested longest: so every call wakes another process of the server, whose
    caches are cold. Its own ``max_waiting`` also counts callers that gave up, until a connection arrives. In an outage it
    would soon refuse every caller before it tries to connect.
    """

    def __init__(self, conninfo: str, *, waiting: int, **arguments: Any) -> None:  # noqa: ANN401 (the pool's own)
        super().__init__(conninfo, open=False, **arguments)
        self._pool = _Newest()
        self.open()
        self._room = deque([None] * waiting)  # a semaphore whose turns take no lock

    @override
    def getconn(self, timeout: float | None = None) -> StudioConnection:
        try:
            self._room.pop()
        except IndexError:
            raise TooManyRequests("too many callers wait for a connection") from None
        try:
            return super().getconn(timeout)
        finally:
            self._room.append(None)


def open_pool(conninfo: str, settings: Settings) -> StudioPool:
    """Open the pool of this process. It connects in the background; nothing is checked out or asked yet.

    After a caller has waited in vain, it tries to connect every ``RECONNECT_SECONDS``. psycopg's pool by itself doubles
    its pauses, and stops trying until the next caller asks.
    """

    class Connection(StudioConnection):
        call_timeout = settings.call_timeout

    return StudioPool(
        conninfo,
        waiting=4 * settings.pool_max_size,
        connection_class=Connection,
        kwargs=connection_arguments(settings),
        min_size=1,
        max_size=settings.pool_max_size,
        timeout=settings.pool_timeout,
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=_try_on,
        name="studio-data",
    )


def _try_on(pool: ConnectionPool[StudioConnection]) -> None:
    """Connect again if a caller waits or gave up. The request for a connection makes the pool begin."""
    if pool.get_stats().get("requests_waiting", 0):
        with suppress(PoolTimeout, PoolClosed, TooManyRequests):
            pool.putconn(pool.getconn(timeout=0.001))
