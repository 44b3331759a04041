"""LangGraph's own saver on the library's database, for graphs that must outlive their process.

Give a graph the session's own key as its ``thread_id``. Then one name finds the session and the graph's checkpoints.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, NoReturn

import psycopg
from psycopg.rows import AsyncRowFactory, DictRow

from studio_data.config import settings
from studio_data.contract.preview import in_preview
from studio_data.db import connection_string
from studio_data.errors import ConfigurationError, StudioError, UnavailableError
from studio_data.postgres.deadlines import call_deadline, time_left
from studio_data.postgres.pool import StudioConnection, connect, connection_arguments

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

ASYNCHRONOUS = (
    "acopy_thread", "adelete_for_runs", "adelete_thread", "aget", "aget_delta_channel_history", "aget_tuple", "alist",
    "aprune", "aput", "aput_writes",
)  # fmt: skip
WRITES = ("copy_thread", "delete_for_runs", "delete_thread", "prune", "put", "put_writes")
SECONDS_BETWEEN_ATTEMPTS = 0.05
TABLES = "checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations"


@contextmanager
def checkpointer() -> Generator["PostgresSaver"]:
    """Yield a saver for ``graph.compile(checkpointer=…)``, with its own connection. For ``invoke`` and ``stream`` only.

    ``ainvoke`` and ``astream`` need ``async_checkpointer``, and raise ``ConfigurationError`` with this one.

    It creates its missing tables. If the connection breaks, the graph's run ends: open another checkpointer and continue
    from the last checkpoint. Raises ``ConfigurationError`` if the extra is not installed or the login may neither use nor
    create the saver's tables, ``UnavailableError`` if the database cannot be reached.
    """
    try:
        from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415 (optional)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "LangGraph's saver for Postgres is not installed.", hint="Install studio-data[langgraph]."
        ) from None
    with connect(connection_string(), settings()) as connection:
        saver = PostgresSaver(connection)
        try:
            _set_up(saver, connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"This login may not use or create the tables of LangGraph's saver: {error.diag.message_primary}.",
                hint="Open a checkpointer once as the database's owner, then GRANT SELECT, INSERT, UPDATE, DELETE ON "
                f"{TABLES} TO this login.",
            ) from error
        for name in ASYNCHRONOUS:  # the saver's own ones raise an error without a word
            setattr(saver, name, _only_synchronous)
        for name in WRITES:
            setattr(saver, name, _for_real(getattr(saver, name)))
        yield saver


def _for_real[**P, R](write: Callable[P, R]) -> Callable[P, R]:
    """Refuse a write of the saver in a preview: it has a connection of its own, and nothing would undo it."""

    @wraps(write)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if in_preview():
            raise StudioError(
                "A preview runs here, and the checkpoints of LangGraph's saver would stay.",
                hint="Preview the calls of tools in a node, not a graph with a saver.",
            )
        return write(*args, **kwargs)

    return guarded


def _only_synchronous(*_: object, **__: object) -> NoReturn:
    raise ConfigurationError(
        "checkpointer() is for invoke and stream, and this graph runs with ainvoke or astream.",
        hint="Use async with studio_data.langgraph.async_checkpointer() as saver.",
    )


@asynccontextmanager
async def async_checkpointer() -> AsyncGenerator["AsyncPostgresSaver"]:
    """Yield a saver for graphs that run with ``ainvoke`` and ``astream``, with its own connection.

    Otherwise it is like ``checkpointer``, and raises what that raises.
    """
    await asyncio.to_thread(_create_tables)
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415 (optional)

    arguments = connection_arguments(settings())
    rows: AsyncRowFactory[DictRow] = arguments.pop("row_factory")
    try:
        connection = await psycopg.AsyncConnection[DictRow].connect(connection_string(), row_factory=rows, **arguments)
    except psycopg.Error as error:
        raise UnavailableError(
            f"The database cannot be reached: {' '.join(str(error).split())}.", hint="Start it, or correct DATABASE_URL."
        ) from error
    async with connection:
        saver = AsyncPostgresSaver(connection)
        for name in WRITES:
            setattr(saver, f"a{name}", _for_real(getattr(saver, f"a{name}")))
        yield saver


def _create_tables() -> None:
    with checkpointer():
        pass


def _set_up(saver: "PostgresSaver", connection: StudioConnection) -> None:
    """Create the saver's tables, one process at a time: two at once would fail."""
    if _is_set_up(saver, connection):
        return
    # The lock has its own connection and is asked for without waiting. The saver makes indexes CONCURRENTLY, and that waits
    # for every earlier statement, also for one that waits for a lock.
    with connect(connection_string(), settings()) as lock, call_deadline(), lock.transaction():
        while not _is_locked(lock):
            if time_left() <= 0:
                raise UnavailableError("Another process is still creating the tables of LangGraph's saver.")
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)
        if not _is_set_up(saver, connection):
            saver.setup()


def _is_set_up(saver: "PostgresSaver", connection: StudioConnection) -> bool:
    row = connection.execute("SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS is_there").fetchone()
    if row is None or not row["is_there"]:
        return False
    row = connection.execute("SELECT max(v) AS newest FROM checkpoint_migrations").fetchone()
    return row is not None and row["newest"] is not None and row["newest"] >= len(saver.MIGRATIONS) - 1


def _is_locked(lock: StudioConnection) -> bool:
    row = lock.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('langgraph saver', 0)) AS is_mine").fetchone()
    return row is not None and row["is_mine"]
