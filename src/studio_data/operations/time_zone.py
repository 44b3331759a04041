"""The practice's time zone: a function of its schema, so that everybody who connects means the same day."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import TypedDict

import psycopg
from psycopg import sql

from studio_data.contract.audit import actor
from studio_data.contract.domain import Entity, domains, entities
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

    Moments that were stored stay what they are. Those that end a day, as a fee's due date does, end the same day there, and
    the audit trail has a line for each. Raises ``InvalidInputError`` for a zone that the server does not know,
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
            for table, column in _ends_of_days():
                _keep_the_days(connection, table, column, name)
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


def _ends_of_days() -> list[tuple[Entity, str]]:
    kinds = {entity.table: entity for entity in entities().values()}
    tables = [table for domain in domains().values() for table in domain.tables]
    return [(kinds[table.name], column) for table in tables for column in table.ends_of_days]


def _keep_the_days(connection: StudioConnection, entity: Entity, column: str, zone: str) -> None:
    """Let what ended a day in the old zone end the same day in the new one."""
    connection.execute(
        sql.SQL(
            """
            WITH before AS (
                SELECT *
                FROM {table}
                WHERE {column} IS NOT NULL AND practice_time_zone() <> %(zone)s
                ORDER BY id
                FOR NO KEY UPDATE
            ), after AS (
                UPDATE {table}
                SET {column} = before.{column} AT TIME ZONE practice_time_zone() AT TIME ZONE %(zone)s
                FROM before
                WHERE {table}.id = before.id
                RETURNING {table}.*
            )
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT {entity_type}, after.id, {project_id}, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)), 'time_zone', %(zone)s::text)
            FROM before
            JOIN after ON after.id = before.id
            WHERE before.{column} <> after.{column}
            ORDER BY after.id
            """
        ).format(
            table=sql.Identifier(entity.table),
            column=sql.Identifier(column),
            entity_type=sql.Literal(entity.entity_type),
            project_id=sql.SQL("after.project_id") if entity.owner == "project" else sql.SQL("NULL::uuid"),
        ),
        {"zone": zone, **actor()},
    )


@contextmanager
def _owner_lent(connection: StudioConnection) -> Generator[None]:
    """Let an administrator who is not a superuser act as the owners of what changes. It ends with the block, unseen."""
    owners = connection.execute(
        """
        SELECT DISTINCT pg_get_userbyid(owner) AS name
        FROM (
            SELECT proowner FROM pg_proc
            WHERE proname = 'practice_time_zone' AND pronamespace = current_schema()::regnamespace
            UNION
            SELECT relowner FROM pg_class
            WHERE relname = ANY(%(tables)s) AND relnamespace = current_schema()::regnamespace
        ) AS of_what_changes (owner)
        WHERE NOT pg_has_role(owner, 'USAGE')
        """,
        {"tables": ["activity_log", *(entity.table for entity, _ in _ends_of_days())]},
    ).fetchall()
    names = [sql.Identifier(row["name"]) for row in owners]
    for name in names:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(name))
    yield
    for name in names:
        connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER").format(name))
