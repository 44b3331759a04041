"""The audit trail: one line for each thing that happened."""

from datetime import date, datetime
from typing import Annotated, Any, TypedDict, cast
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from studio_data.contract.actor import ActorType, ActorTypeName, current_actor
from studio_data.contract.audit import Action, actor
from studio_data.contract.domain import domains, entities
from studio_data.contract.entities import kind_named, located, no_such
from studio_data.contract.fields import (
    PYTHON_ONLY,
    Cursor,
    Day,
    EntityId,
    Fields,
    Limit,
    Line,
    Name,
    ReportedLine,
    ReportedObject,
)
from studio_data.contract.paging import HIGHEST_ID, Page, listed, perhaps_meant
from studio_data.contract.registry import tool
from studio_data.contract.reports import cleaned
from studio_data.contract.roles import STAFF
from studio_data.db import one
from studio_data.errors import InvalidInputError, did_you_mean

OF_A_LINE = ("created_at", "actor_name", "action", "entity_type", "entity_id", "metadata", "is_noted")


class Activity(TypedDict):
    """One row of ``activity_log``."""

    id: UUID
    entity_type: str
    entity_id: UUID
    action: str
    actor_type: str
    actor_name: str
    metadata: dict[str, Any]
    created_at: datetime
    context: dict[str, Any]
    project_id: UUID | None


class ListedActivity(Activity):
    """A line as it is listed."""

    is_noted: bool
    """Whether somebody noted it, with ``log_activity`` or SQL: no tool says that it happened."""


@tool(roles=STAFF)
def log_activity(
    entity_type: Line,
    entity_id: EntityId,
    action: ReportedLine,
    *,
    actor_type: Annotated[ActorTypeName | None, PYTHON_ONLY] = None,
    actor_name: Annotated[Name | None, PYTHON_ONLY] = None,
    metadata: ReportedObject | None = None,
) -> Activity:
    """Write a line into the audit trail for something that no other tool records.

    Use it for outside events, such as a call or a visit. Write the action in the past tense. A line cannot be changed or
    removed.

    Any ``entity_type`` may be given. A thing of a known kind, such as a room, must exist, and its line belongs to the feed
    of its project; a client or project need not exist. The actor is the one that ``acting_as`` names, else the system under
    the name ``unknown``. Python code may name another one. Returns the line. Raises ``InvalidInputError`` for a bad
    argument, ``NotFoundError``.
    """
    acting = current_actor.get()
    kind = kind_named(entity_type)
    is_checked = kind is not None and kind not in {"client", "project"}
    line = one(
        sql.SQL(
            """
            WITH thing AS (
                {thing}
            ), line AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT
                    %(entity_type)s, thing.id, thing.project_id, %(action)s, %(actor_type)s, %(actor_name)s, %(context)s,
                    %(metadata)s
                FROM thing
                RETURNING
                    id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id
            )
            SELECT * FROM line
            """
        ).format(thing=located(str(kind)) if is_checked else _AS_GIVEN),
        {
            "entity_type": kind or entity_type,
            "entity_id": entity_id,
            "project_id": entity_id if kind == "project" else None,
            "action": action,
            **actor(),
            "actor_type": actor_type or (acting.type if acting else ActorType.SYSTEM),
            "actor_name": actor_name or (acting.name if acting else "unknown"),
            "metadata": Jsonb({**(metadata or {}), **cleaned(action=action, metadata=metadata)}),
        },
    )
    if line is None:
        raise no_such(str(kind), entity_id)
    return line


_AS_GIVEN = sql.SQL("SELECT %(entity_id)s::uuid AS id, %(project_id)s::uuid AS project_id")


@tool(
    reads=True,
    brief=["created_at", "actor_name", "action", "entity_type", "entity_id", "metadata", "is_noted"],
    brief_limit=15,
)
def list_activity(
    *,
    entity_type: Line | None = None,
    entity_id: EntityId | None = None,
    run_id: Line | None = None,
    changeset_id: EntityId | None = None,
    actor_name: Line | None = None,
    action: Line | None = None,
    from_date: Day | None = None,
    to_date: Day | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ListedActivity]:
    """List lines of the audit trail, newest first.

    ``entity_id`` needs ``entity_type``. Days are the practice's.

    Returns at most ``limit`` lines and the cursor of the next page (None on the last page). Raises ``InvalidInputError``
    for a bad argument.
    """
    check_entity(entity_type, entity_id)
    kind = None if entity_type is None else kind_named(entity_type) or entity_type
    found = listed(
        """
        SELECT
            id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id,
            is_noted(context) AS is_noted
        FROM activity_log
        WHERE (%(entity_type)s::text IS NULL OR entity_type = %(entity_type)s)
            AND (%(entity_id)s::uuid IS NULL OR entity_id = %(entity_id)s)
            AND (%(run_id)s::text IS NULL OR (context ? 'run_id' AND context ->> 'run_id' = %(run_id)s))
            AND (
                %(changeset_id)s::text IS NULL
                OR (context ? 'changeset_id' AND context ->> 'changeset_id' = %(changeset_id)s)
            )
            AND (%(actor_name)s::text IS NULL OR actor_name = %(actor_name)s)
            AND (%(action)s::text IS NULL OR action = %(action)s)
            AND (
                %(from_date)s::date IS NULL
                OR (id >= %(first_id)s AND created_at >= start_of_day(%(from_date)s))
            )
            AND (
                %(to_date)s::date IS NULL
                OR (id < %(end_id)s AND created_at < start_of_day(%(to_date)s::date + 1))
            )
            AND id < %(after)s
        ORDER BY id DESC
        """,
        {
            "entity_type": kind,
            "entity_id": entity_id,
            "run_id": run_id,
            "changeset_id": None if changeset_id is None else str(changeset_id),
            "actor_name": actor_name,
            "action": action,
            "from_date": from_date,
            "first_id": None if from_date is None else _first_id(cast("date", from_date), days_later=-2),
            "to_date": to_date,
            "end_id": None if to_date is None else _first_id(cast("date", to_date), days_later=3),
            "after": after or HIGHEST_ID,
            "limit": limit,
        },
        fields,
    )
    if not found["items"] and kind is not None and after is None:
        _check_kind(kind)
    return perhaps_meant(found, action, _actions)


def _actions() -> list[str]:
    """Return the words of the tools' own actions."""
    return sorted({*Action, *(word for domain in domains().values() for word in domain.actions)})


def _first_id(day: date, *, days_later: int) -> UUID:
    """Return a bound of the ids that are made from a day on.

    An id holds the time when its line was written; ``created_at`` is when the transaction began. The bound is two days
    wider on both sides, which covers that difference, any time zone and a clock that was set. So the primary key finds
    the rows.
    """
    milliseconds = (day.toordinal() + days_later - date(1970, 1, 1).toordinal()) * 86_400_000
    return UUID(int=max(0, milliseconds) << 80)


@tool(reads=True, brief=["created_at", "actor_name", "action", "metadata", "is_noted"], brief_limit=20)
def get_history(
    entity_type: Line,
    entity_id: EntityId,
    *,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ListedActivity]:
    """List what happened to one thing, newest first.

    Returns at most ``limit`` lines and the cursor of the next page (None on the last page). The lines of a client are also
    those of clients who were merged into it. A thing without lines has an empty page. Raises ``InvalidInputError`` for a
    kind of thing that nothing is known of.
    """
    kind = kind_named(entity_type) or entity_type
    if kind == "client":
        return _history_of_client(entity_id, limit, after, fields)
    found = listed(
        """
        SELECT
            id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id,
            is_noted(context) AS is_noted
        FROM activity_log
        WHERE entity_type = %(entity_type)s
            AND entity_id = %(entity_id)s
            AND id < %(after)s
        ORDER BY id DESC
        """,
        {"entity_type": kind, "entity_id": entity_id, "after": after or HIGHEST_ID, "limit": limit},
        fields,
    )
    if not found["items"] and after is None:
        _check_kind(kind)
    return found


def _history_of_client(client_id: EntityId, limit: int, after: Cursor | None, fields: Fields | None) -> Page[ListedActivity]:
    """List a client's lines, with those of everybody who was merged into it."""
    return listed(
        """
        SELECT
            id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id,
            is_noted(context) AS is_noted
        FROM activity_log
        WHERE entity_type = 'client'
            AND entity_id = ANY(ARRAY(
                SELECT %(client_id)s::uuid
                UNION
                SELECT id
                FROM clients
                WHERE id = kept_client(%(client_id)s) OR merged_into = kept_client(%(client_id)s)
            ))
            AND id < %(after)s
        ORDER BY id DESC
        """,
        {"client_id": client_id, "after": after or HIGHEST_ID, "limit": limit},
        fields,
    )


def _check_kind(entity_type: str) -> None:
    """Refuse a kind of thing that the library does not know and of which there is no line: its name is a mistake."""
    if entity_type in entities():
        return
    nearest = one(
        """
        SELECT entity_type
        FROM activity_log
        WHERE entity_type >= %(kind)s
        ORDER BY entity_type
        LIMIT 1
        """,
        {"kind": entity_type},
    )
    if nearest is None or nearest["entity_type"] != entity_type:
        known = sorted(entities())
        raise InvalidInputError(
            f"The trail has no line about {entity_type!r}, and it is no kind of thing.",
            hint=did_you_mean(entity_type, known) or f"Kinds are {', '.join(known)}.",
            details={"arguments": ["entity_type"]},
        )


@tool(
    reads=True,
    brief=["created_at", "actor_name", "action", "entity_type", "entity_id", "metadata", "is_noted"],
    brief_limit=15,
)
def project_feed(
    project_id: EntityId,
    *,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ListedActivity]:
    """List what happened to a project and everything in it, newest first.

    Returns at most ``limit`` lines and the cursor of the next page (None on the last page). Raises ``NotFoundError`` for a
    project that does not exist.
    """
    found = listed(
        """
        SELECT
            id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id,
            is_noted(context) AS is_noted
        FROM activity_log
        WHERE project_id = %(project_id)s
            AND id < %(after)s
        ORDER BY id DESC
        """,
        {"project_id": project_id, "after": after or HIGHEST_ID, "limit": limit},
        fields,
    )
    if not found["items"] and one("SELECT id FROM projects WHERE id = %(project_id)s", {"project_id": project_id}) is None:
        raise no_such("project", project_id)
    return found


def check_entity(entity_type: str | None, entity_id: EntityId | None) -> None:
    """Refuse an id without the kind of its thing. Raises ``InvalidInputError``."""
    if entity_id is not None and entity_type is None:
        raise InvalidInputError(
            "entity_type is missing.", hint="entity_id needs it.", details={"arguments": ["entity_type"]}
        )
