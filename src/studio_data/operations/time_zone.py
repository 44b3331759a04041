"""The practice's time zone: a function of its schema, so that everybody who connects means the same day."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import TypedDict

import psycopg
from psycopg import sql

from studio_data.db import many, one, transaction
from studio_data.errors import InvalidInputError, PermissionDeniedError, did_you_mean
from studio_data.postgres.migrate import ADVISORY_LOCK
from studio_data.postgres.pool import StudioConnection


class TimeZone(TypedDict):
    """The zone that is set, and whether the server knows it."""

    name: str
    is_known: bool


class Now(TypedDict):
    """The practice's day and the hour and minute of its clock."""

    name: str
    today: date
    clock: str


def present() -> TimeZone:
    """Return the zone that is set, also one of which the server knows nothing."""
    return one(
        """
        SELECT
            practice_time_zone() AS name,
            EXISTS (SELECT FROM pg_timezone_names WHERE name = practice_time_zone()) AS is_known
        """,
        reads=True,
    )


def now() -> Now:
    """Return what day and time it is for the practice."""
    return one(
        """
        SELECT
            practice_time_zone() AS name, today() AS today,
            to_char(now() AT TIME ZONE practice_time_zone(), 'HH24:MI') AS clock
        """,
        reads=True,
    )


def change(name: str) -> None:
    """Let the practice's days begin and end in another time zone, from the next statement of everybody on.

    Moments that were stored stay what they are. Raises ``InvalidInputError`` for a zone that the server does not know,
    ``PermissionDeniedError`` if the login does not own the setting.
    """
    known = [row["name"] for row in many("SELECT name FROM pg_timezone_names ORDER BY name", reads=True)]
    if name not in known:
        raise InvalidInputError(
            f"The server knows no time zone {name}.",
            hint=did_you_mean(name, known) or "pg_timezone_names has them all, such as America/Chicago.",
            details={"time_zone": name},
        )
    try:
        with transaction() as connection, _owner_lent(connection):
            connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (ADVISORY_LOCK,))
            connection.execute(
                sql.SQL(
                    """
                    CREATE OR REPLACE FUNCTION practice_time_zone() RETURNS text
                    LANGUAGE sql STABLE PARALLEL SAFE
                    RETURN {name}
                    """
                ).format(name=sql.Literal(name))
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise PermissionDeniedError(
            "This login may not change the practice's time zone.",
            hint="Run it as the database's administrator.",
            details={"time_zone": name},
        ) from error


@contextmanager
def _owner_lent(connection: StudioConnection) -> Generator[None]:
    """Let an administrator who is not a superuser act as the setting's owner. It ends with the block, and nobody sees it."""
    (owner,) = connection.execute(
        """
        SELECT pg_get_userbyid(proowner) AS name, pg_has_role(proowner, 'USAGE') AS is_mine
        FROM pg_proc
        WHERE proname = 'practice_time_zone' AND pronamespace = current_schema()::regnamespace
        """
    ).fetchall()
    name = sql.Identifier(owner["name"])
    if not owner["is_mine"]:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(name))
    yield
    if not owner["is_mine"]:
        connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER").format(name))
