"""Rooms of a project. The project's estimate and Exhibit B total are the sums over its rooms."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from annotated_types import Len

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Money, Name, Search, Text, choice
from studio_data.contract.paging import LOWEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import Statement, batch, one
from studio_data.tools.projects import closed_project_refusal


class RoomField(StrEnum):
    """The fields of a room that ``clear`` may empty."""

    SCOPE = "scope"
    INVESTMENT_ESTIMATE = "investment_estimate"
    EXHIBIT_B_AMOUNT = "exhibit_b_amount"
    ACTUAL_AMOUNT = "actual_amount"


class Room(TypedDict):
    """One row of ``project_rooms``; money in dollars. An estimate that nobody gave is ``estimate_from_items``."""

    id: UUID
    project_id: UUID
    name: str
    scope: str | None
    investment_estimate: Decimal | None
    exhibit_b_amount: Decimal | None
    actual_amount: Decimal | None
    created_at: datetime
    estimate_from_items: bool


@tool(roles=[Role.PROJECT_MANAGER, Role.SOURCING_SPECIALIST])
def add_room(
    project_id: EntityId,
    *,
    name: Name,
    scope: Text | None = None,
    investment_estimate: Money | None = None,
    exhibit_b_amount: Money | None = None,
) -> Room:
    """Add a room to a project. Its amounts count in the project's totals.

    Returns the room's row. Raises ``NotFoundError``, ``RuleViolationError`` for a completed project.
    """
    rooms, _ = batch(
        # The project is locked first, so that the next statement sums the rooms as they are after the wait.
        (
            """
            WITH project AS (
                SELECT id
                FROM projects
                WHERE id = %(project_id)s AND phase <> 'completed'
                FOR NO KEY UPDATE
            ), room AS (
                INSERT INTO project_rooms (project_id, name, scope, investment_estimate, exhibit_b_amount)
                SELECT id, %(name)s, %(scope)s, %(investment_estimate)s, %(exhibit_b_amount)s
                FROM project
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'room', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('name', name)
                FROM room
            )
            SELECT * FROM room
            """,
            {
                "project_id": project_id,
                "name": name,
                "scope": scope,
                "investment_estimate": investment_estimate,
                "exhibit_b_amount": exhibit_b_amount,
                **actor(),
            },
        ),
        project_totals_sql(project_id, of_completed=False),
    )
    if not rooms:
        raise closed_project_refusal(project_id)
    return rooms[0]


@tool(roles=[Role.PROJECT_MANAGER, Role.SOURCING_SPECIALIST, Role.CONTROLLER], idempotent=True)
def update_room(
    room_id: EntityId,
    *,
    name: Name | None = None,
    scope: Text | None = None,
    investment_estimate: Money | None = None,
    exhibit_b_amount: Money | None = None,
    actual_amount: Money | None = None,
    clear: Annotated[list[Annotated[RoomField | str, *choice(RoomField)]], Len(1, 4)] | None = None,
) -> Room:
    """Update a room's name, scope or amounts; the project's totals follow. ``clear`` empties fields.

    Returns the room's row. An estimate that is given stays; once it is cleared, it is again the sum of the room's line
    items. Raises ``NotFoundError``.
    """
    _, rooms, _ = batch(
        lock_project_sql(room_id),
        (
            """
            WITH before AS (
                SELECT *
                FROM project_rooms
                WHERE id = %(room_id)s
                FOR NO KEY UPDATE
            ), after AS (
                UPDATE project_rooms
                SET name = coalesce(%(name)s, before.name),
                    scope = CASE WHEN 'scope' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(scope)s, before.scope) END,
                    investment_estimate = CASE
                        WHEN 'investment_estimate' = ANY(%(clear)s) THEN room_estimate(before.id)
                        ELSE coalesce(%(investment_estimate)s, before.investment_estimate)
                    END,
                    estimate_from_items = CASE
                        WHEN 'investment_estimate' = ANY(%(clear)s) THEN room_estimate(before.id) IS NOT NULL
                        ELSE before.estimate_from_items AND %(investment_estimate)s::numeric IS NULL
                    END,
                    exhibit_b_amount = CASE
                        WHEN 'exhibit_b_amount' = ANY(%(clear)s) THEN NULL
                        ELSE coalesce(%(exhibit_b_amount)s, before.exhibit_b_amount)
                    END,
                    actual_amount = CASE
                        WHEN 'actual_amount' = ANY(%(clear)s) THEN NULL
                        ELSE coalesce(%(actual_amount)s, before.actual_amount)
                    END
                FROM before
                WHERE project_rooms.id = before.id
                RETURNING project_rooms.*
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'room', after.id, after.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
                FROM before, after
                WHERE before IS DISTINCT FROM after
            )
            SELECT * FROM after
            """,
            {
                "room_id": room_id,
                "name": name,
                "scope": scope,
                "investment_estimate": investment_estimate,
                "exhibit_b_amount": exhibit_b_amount,
                "actual_amount": actual_amount,
                "clear": list(clear or ()),
                **actor(),
            },
        ),
        project_totals_sql(room_id),
    )
    if not rooms:
        raise no_such("room", room_id)
    return rooms[0]


@tool(reads=True)
def get_room(room_id: EntityId) -> Room:
    """Get a room by its id.

    Returns the room's row. Raises ``NotFoundError``.
    """
    row = one("SELECT * FROM project_rooms WHERE id = %(room_id)s", {"room_id": room_id})
    if row is None:
        raise no_such("room", room_id)
    return row


@tool(reads=True, brief=["name", "investment_estimate", "exhibit_b_amount", "actual_amount"])
def list_rooms(
    project_id: EntityId,
    *,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Room]:
    """List a project's rooms with estimate, Exhibit B and actual amount.

    Returns a page of rows, the oldest first.
    """
    return listed(
        """
        SELECT *
        FROM project_rooms
        WHERE project_id = %(project_id)s
            AND id > %(after)s
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', name, scope)), lower(%(search)s)) > 0)
        ORDER BY id
        """,
        {"project_id": project_id, "after": after or LOWEST_ID, "search": search, "limit": limit},
        fields,
    )


def lock_project_of_room(room_id: EntityId) -> UUID:
    """Lock a room's project, in a unit, before its rooms are summed. Raises ``NotFoundError``."""
    row = one(*lock_project_sql(room_id))
    if row is None:
        raise no_such("room", room_id)
    return row["id"]


def lock_project_sql(room_id: EntityId) -> Statement:
    """Return the statement that locks a room's project, before its rooms or their items are summed."""
    return (
        """
        SELECT project.id
        FROM project_rooms AS room
        JOIN projects AS project ON project.id = room.project_id
        WHERE room.id = %(room_id)s
        FOR NO KEY UPDATE OF project
        """,
        {"room_id": room_id},
    )


def room_estimate_sql(room_id: EntityId, *, replaces_given: bool = False) -> Statement:
    """Return the statement that sets the estimate of a room whose project is locked, after the unit has added items to it.

    An estimate that somebody has given stays, unless it ``replaces_given`` ones. Returns the room.
    """
    return (
        """
        WITH before AS (
            SELECT *
            FROM project_rooms
            WHERE id = %(room_id)s
                AND EXISTS (SELECT FROM line_items WHERE room_id = %(room_id)s AND created_at = now())
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE project_rooms
            SET investment_estimate = estimate, estimate_from_items = estimate IS NOT NULL
            FROM before, room_estimate(%(room_id)s) AS estimate
            WHERE project_rooms.id = before.id
                AND (before.estimate_from_items OR before.investment_estimate IS NULL OR %(replaces_given)s)
                AND (before.investment_estimate, before.estimate_from_items)
                    IS DISTINCT FROM (estimate, estimate IS NOT NULL)
            RETURNING project_rooms.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'room', after.id, after.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
        )
        SELECT * FROM after
        UNION ALL
        SELECT * FROM before WHERE NOT EXISTS (SELECT FROM after)
        """,
        {"room_id": room_id, "replaces_given": replaces_given, **actor()},
    )


def project_totals_sql(of: EntityId | UUID, *, of_completed: bool = True) -> Statement:
    """Return the statement that updates a locked project's totals from its rooms.

    If no room has an estimate, it is the figure from the project's creation. ``of`` is the project's id or the id of one of
    its rooms.
    """
    return (
        """
        WITH before AS (
            SELECT *
            FROM projects
            WHERE id IN (%(of)s, (SELECT project_id FROM project_rooms WHERE id = %(of)s))
                AND (%(of_completed)s OR phase <> 'completed')
            FOR NO KEY UPDATE
        ), totals AS (
            SELECT project_estimate(projects) AS estimate, project_exhibit_b(projects.id) AS exhibit_b
            FROM before
            JOIN projects ON projects.id = before.id
        ), after AS (
            UPDATE projects
            SET investment_estimate = totals.estimate, exhibit_b_total = totals.exhibit_b
            FROM before, totals
            WHERE projects.id = before.id
                AND (before.investment_estimate, before.exhibit_b_total)
                    IS DISTINCT FROM (totals.estimate, totals.exhibit_b)
            RETURNING projects.*
        )
        INSERT INTO activity_log (
            entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
        )
        SELECT 'project', after.id, after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
            jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
        FROM before, after
        """,
        {"of": of, "of_completed": of_completed, **actor()},
    )
