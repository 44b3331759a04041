"""Action items: tasks agreed in a meeting, with who does each one and its due date."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from annotated_types import Len

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Fields, Limit, Name, Search, Text, Truth, choice
from studio_data.contract.paging import Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.practice.rules.moves import ACTION_ITEM_MOVES
from studio_data.tools.practice.rules.people import assigned
from studio_data.tools.projects import closed_project_refusal

KEEPERS = (Role.TRANSCRIPTIONIST, Role.STUDIO_MANAGER)
DOERS = (*KEEPERS, Role.PROJECT_MANAGER)


class ActionItemField(StrEnum):
    """The fields of an action item that ``clear`` may empty."""

    ASSIGNED_TO = "assigned_to"
    DUE_DATE = "due_date"


class ActionItem(TypedDict):
    """One row of ``meeting_action_items``."""

    id: UUID
    meeting_id: UUID
    description: str
    assigned_to: str | None
    status: str
    due_date: date | None
    created_at: datetime
    updated_at: datetime


@tool(roles=KEEPERS)
def add_action_item(
    meeting_id: EntityId, *, description: Text, assigned_to: Name | None = None, due_date: Day | None = None
) -> ActionItem:
    """Add an action item to a meeting. complete_meeting takes those agreed in the meeting itself.

    Returns the action item's row. Raises ``NotFoundError`` for an unknown meeting, ``RuleViolationError`` for a completed
    project.
    """
    row = one(
        """
        WITH meeting AS (
            SELECT meeting.id, meeting.project_id
            FROM meetings AS meeting
            JOIN projects AS project ON project.id = meeting.project_id
            WHERE meeting.id = %(meeting_id)s AND project.phase <> 'completed'
            FOR SHARE OF project
        ), item AS (
            INSERT INTO meeting_action_items (meeting_id, description, assigned_to, due_date)
            SELECT id, %(description)s, %(assigned_to)s, %(due_date)s::date
            FROM meeting
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'action_item', item.id, meeting.project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object(
                    'meeting_id', item.meeting_id, 'assigned_to', item.assigned_to, 'due_date', item.due_date
                )
            FROM meeting, item
        )
        SELECT * FROM item
        """,
        {
            "meeting_id": meeting_id,
            "description": description,
            "assigned_to": assigned_to,
            "due_date": due_date,
            **actor(),
        },
    )
    if row is None:
        meeting = one("SELECT project_id FROM meetings WHERE id = %(id)s", {"id": meeting_id}, reads=True)
        if meeting is None:
            raise no_such("meeting", meeting_id)
        raise closed_project_refusal(meeting["project_id"])
    return row


@tool(roles=DOERS)
def start_action_item(action_item_id: EntityId) -> ActionItem:
    """Record that work on an action item began, in a live project.

    Returns the action item's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(action_item_id, "start_action_item")


@tool(roles=DOERS)
def complete_action_item(action_item_id: EntityId) -> ActionItem:
    """Record that an action item in progress is done.

    Returns the action item's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(action_item_id, "complete_action_item")


@tool(roles=KEEPERS, destructive=True)
def cancel_action_item(action_item_id: EntityId, *, reason: Text) -> ActionItem:
    """Record that an action item is no longer needed, and why.

    Returns the action item's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(action_item_id, "cancel_action_item", reason)


@tool(roles=KEEPERS, idempotent=True)
def update_action_item(
    action_item_id: EntityId,
    *,
    description: Text | None = None,
    assigned_to: Name | None = None,
    due_date: Day | None = None,
    clear: Annotated[list[Annotated[ActionItemField | str, *choice(ActionItemField)]], Len(1, 2)] | None = None,
) -> ActionItem:
    """Update the given fields of an action item. ``clear`` empties fields.

    Returns the action item's row. Raises ``NotFoundError`` for an unknown action item.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM meeting_action_items
            WHERE id = %(action_item_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE meeting_action_items
            SET description = coalesce(%(description)s, before.description),
                assigned_to = CASE
                    WHEN 'assigned_to' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(assigned_to)s, before.assigned_to)
                END,
                due_date = CASE
                    WHEN 'due_date' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(due_date)s::date, before.due_date)
                END
            FROM before
            WHERE meeting_action_items.id = before.id
            RETURNING meeting_action_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'action_item', after.id, meeting.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            JOIN meetings AS meeting ON meeting.id = after.meeting_id
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {
            "action_item_id": action_item_id,
            "description": description,
            "assigned_to": assigned_to,
            "due_date": due_date,
            "clear": list(clear or ()),
            **actor(),
        },
    )
    if row is None:
        raise no_such("action_item", action_item_id)
    return row


@tool(reads=True)
def get_action_item(action_item_id: EntityId) -> ActionItem:
    """Get an action item by its id.

    Returns the action item's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM meeting_action_items
        WHERE id = %(action_item_id)s
        """,
        {"action_item_id": action_item_id},
    )
    if row is None:
        raise no_such("action_item", action_item_id)
    return row


@tool(reads=True, brief=["meeting_id", "description", "assigned_to", "status", "due_date"])
def list_action_items(
    *,
    project_id: EntityId | None = None,
    meeting_id: EntityId | None = None,
    assigned_to: Name | None = None,
    open_only: Truth = False,
    overdue_only: Truth = False,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ActionItem]:
    """List action items by due date, those without one last.

    Overdue ones are of live projects.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page). Without project and meeting, open
    ones are of live projects too.
    """
    found = listed(
        """
        SELECT *
        FROM meeting_action_items
        WHERE (
                %(project_id)s::uuid IS NULL
                OR meeting_id = ANY(ARRAY(SELECT id FROM meetings WHERE project_id = %(project_id)s))
            )
            AND (%(meeting_id)s::uuid IS NULL OR meeting_id = %(meeting_id)s)
            AND (%(assigned_to)s::text IS NULL OR lower(assigned_to) = lower(%(assigned_to)s))
            AND (NOT %(open_only)s OR status IN ('open', 'in_progress'))
            AND (NOT %(overdue_only)s OR (status IN ('open', 'in_progress') AND due_date < today()))
            AND (
                NOT %(live_only)s
                OR (
                    SELECT true
                    FROM meetings AS meeting
                    JOIN live_projects AS project ON project.id = meeting.project_id
                    WHERE meeting.id = meeting_id
                )
            )
            AND (
                %(after)s::uuid IS NULL
                OR (coalesce(due_date, 'infinity'::date), id)
                > (SELECT coalesce(due_date, 'infinity'::date), id FROM meeting_action_items WHERE id = %(after)s)
            )
            AND (%(search)s::text IS NULL OR strpos(lower(description), lower(%(search)s)) > 0)
        ORDER BY due_date, id
        """,
        {
            "project_id": project_id,
            "meeting_id": meeting_id,
            "assigned_to": assigned_to,
            "open_only": open_only,
            "overdue_only": overdue_only,
            "live_only": overdue_only or (open_only and project_id is None and meeting_id is None),
            "after": after,
            "search": search,
            "limit": limit,
        },
        fields,
    )
    return near_miss(found, "assigned_to", assigned_to, assigned)


def _move(action_item_id: EntityId, tool_name: str, reason: str | None = None) -> ActionItem:
    """Move an action item as a tool does, or say why not."""
    move = ACTION_ITEM_MOVES.made_by(tool_name)
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM meeting_action_items
            WHERE id = %(action_item_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE meeting_action_items
            SET status = %(to)s::action_item_status
            FROM before
            WHERE meeting_action_items.id = before.id
                AND before.status = ANY(%(sources)s::action_item_status[])
                AND (
                    %(to)s <> 'in_progress'
                    OR EXISTS (
                        SELECT
                        FROM meetings AS meeting
                        JOIN live_projects AS project ON project.id = meeting.project_id
                        WHERE meeting.id = before.meeting_id
                    )
                )
            RETURNING meeting_action_items.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'action_item', after.id, meeting.project_id, 'status_changed',
                %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'reason', %(reason)s::text
                ))
            FROM before, after
            JOIN meetings AS meeting ON meeting.id = after.meeting_id
        )
        SELECT * FROM after
        """,
        {
            "action_item_id": action_item_id,
            "to": move.to,
            "sources": list(move.sources),
            "reason": reason,
            **actor(),
        },
    )
    if row is None:
        raise move_refusal(ACTION_ITEM_MOVES, action_item_id, tool_name)
    return row
