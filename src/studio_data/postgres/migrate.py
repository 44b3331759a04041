"""Run the raw SQL migrations: in order, each in one transaction and only once, however many processes try.

Each migration records itself in ``schema_version``. So a database that psql or the Postgres container initialised is known
here too. All objects are created in the connection's own schema.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

import psycopg

from studio_data.config import settings
from studio_data.errors import ConfigurationError
from studio_data.hints import as_typed
from studio_data.postgres.deadlines import current_deadline
from studio_data.postgres.failures import refusal
from studio_data.postgres.pool import StudioConnection

MOST_ATTEMPTS = 5
LOCK_TIMEOUT = "3s"
ADVISORY_LOCK = 0x57D10  # any constant; the schema's name is the second half of the key


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the migrations folder, ``NNN_words.sql``."""

    version: int
    path: Path

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def reason(self) -> str:
        """The file's first line: why it exists."""
        with self.path.open(encoding="utf-8") as file:
            return file.readline().partition(": ")[2].strip()


def shipped() -> list[Migration]:
    """Return the migrations of this version of the library, oldest first."""
    package = Path(__file__).parents[1]
    inside_wheel = package / "migrations"
    folder = inside_wheel if inside_wheel.is_dir() else package.parents[1] / "migrations"
    found = [Migration(int(path.name[:3]), path) for path in sorted(folder.glob("[0-9][0-9][0-9]_*.sql"))]
    if not found:
        raise ConfigurationError(f"There are no migrations in {folder}.", hint="Install studio-data again.")
    return found


def applied(connection: StudioConnection) -> dict[int, datetime]:
    """Return the versions that the connection's schema has, with the time each was applied (UTC).

    Raises ``ConfigurationError`` if the connection has no schema, and what ``failures.refusal`` makes of a refusal.
    """
    try:
        return _applied(connection)
    except psycopg.Error as error:
        raise refusal(error) from error


def _applied(connection: StudioConnection) -> dict[int, datetime]:
    schema = connection.execute(
        """
        SELECT current_schema() AS name, EXISTS (
            SELECT FROM pg_class
            WHERE relname = 'schema_version' AND relnamespace = current_schema()::regnamespace
        ) AS has_versions
        """
    ).fetchone()
    if schema is None or schema["name"] is None:
        raise ConfigurationError(
            "The connection's search_path names no schema that exists.", hint="Create the schema first."
        )
    if not schema["has_versions"]:
        return {}
    rows = connection.execute("SELECT version, applied_at FROM schema_version ORDER BY version").fetchall()
    return {row["version"]: row["applied_at"] for row in rows}


def pending(connection: StudioConnection) -> list[Migration]:
    """Return the shipped migrations that the connection's schema lacks, oldest first.

    Raises ``ConfigurationError`` if the schema has a migration that this version of the library does not know.
    """
    known = shipped()
    there = applied(connection)
    newest_known = known[-1].version
    newest_there = max(there, default=newest_known)
    if newest_there > newest_known:
        raise ConfigurationError(
            f"The database is at version {newest_there}; this library knows versions up to {newest_known}.",
            hint="Upgrade studio-data.",
            details={"database": newest_there, "library": newest_known},
        )
    return [migration for migration in known if migration.version not in there]


def migrate(connection: StudioConnection, *, before_each: Callable[[Migration], None] | None = None) -> list[Migration]:
    """Apply the missing migrations and return them. A migration that fails leaves nothing behind.

    Raises ``ConfigurationError`` if one fails or the database is newer than the library.
    """
    done: list[Migration] = []
    for migration in pending(connection):
        if before_each is not None:
            before_each(migration)
        if _apply(connection, migration):
            done.append(migration)
    return done


def _apply(connection: StudioConnection, migration: Migration) -> bool:
    """Apply one migration. Return False if another process was first. Waits for busy tables, a few seconds at a time."""
    sql = migration.path.read_bytes()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            with _time_limit(), connection.transaction():
                _wait_for_turn(connection)
                if migration.version in _applied(connection):
                    return False
                connection.execute(sql, prepare=False)
                return True
        except psycopg.errors.LockNotAvailable as error:
            if attempt == MOST_ATTEMPTS:
                raise _failed(migration, error) from error
        except psycopg.Error as error:
            raise _failed(migration, error) from error
    return False


def _wait_for_turn(connection: StudioConnection) -> None:
    """Let one process at a time migrate a schema. All settings here end with the transaction, as poolers demand."""
    timeout = f"{settings().migration_timeout * 1000:.0f}ms"
    connection.execute("SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', '0', true)", (timeout,))
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (ADVISORY_LOCK,))
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))


@contextmanager
def _time_limit() -> Generator[None]:
    token = current_deadline.set(monotonic() + settings().migration_timeout)
    try:
        yield
    finally:
        current_deadline.reset(token)


def _failed(migration: Migration, error: psycopg.Error) -> ConfigurationError:
    return ConfigurationError(
        f"Migration {migration.name} failed: {' '.join(str(error).split())}.",
        hint=f"Nothing of it was applied. Correct what the database names and run {as_typed('migrate')} again.",
        details={"migration": migration.name, "sqlstate": error.sqlstate},
    )
