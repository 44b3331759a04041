"""Meetings with clients and trades: scheduled, confirmed, held, and what was agreed in them."""

from datetime import date, datetime
from functools import cache
from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from annotated_types import MaxLen
from psycopg.types.json import Jsonb
from pydantic import ConfigDict, TypeAdapter

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Fields, Limit, Name, ReportedContent, StorageKey, Text
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.reports import cleaned
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.errors import InvalidInputError, RuleViolationError, StudioError
from studio_data.tools.practice.action_items import ActionItem
from studio_data.tools.practice.fields import MeetingStatusName, MeetingTypeName
from studio_data.tools.practice.rules.days import past_day_refusal
from studio_data.tools.practice.rules.lifecycles import MeetingStatus
from studio_data.tools.practice.rules.moves import MEETING_MOVES
from studio_data.tools.projects import closed_project_refusal
from studio_data.tools.rules.lifecycles import ProjectPhase

KEEPERS = (Role.STUDIO_MANAGER, Role.TRANSCRIPTIONIST)


class Meeting(TypedDict):
    """One row of ``meetings``. ``scheduled_date`` is None while the meeting waits for a date."""

    id: UUID
    project_id: UUID
    meeting_type: str
    scheduled_date: date | None
    transcript_s3_key: str | None
    notes_s3_key: str | None
    status: str
    created_at: datetime
    updated_at: datetime


class AgreedAction(TypedDict):
    """An action item that was agreed in a meeting; who does it and by when, if known."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    description: ReportedContent
    assigned_to: NotRequired[Name | None]
    due_date: NotRequired[Day | None]


class CompletedMeeting(Meeting):
    """A completed meeting's row, and the action items that were made with it."""

    action_items: list[ActionItem]


@tool(roles=KEEPERS, people_only=["override_reason"])
def schedule_meeting(
    project_id: EntityId, *, meeting_type: MeetingTypeName, scheduled_date: Day, override_reason: Text | None = None
) -> Meeting:
    """Schedule a meeting of a project, such as the CDM or a site meeting. Next: confirm_meeting.

    Refused for a day before today without ``override_reason``.

    Returns the meeting's row. Raises ``InvalidInputError`` for a past day, ``NotFoundError`` for an unknown project.
    """
    row = one(
        """
        WITH meeting AS (
            INSERT INTO meetings (project_id, meeting_type, scheduled_date)
            SELECT id, %(meeting_type)s::meeting_type, %(scheduled_date)s::date
            FROM projects
            WHERE id = %(project_id)s
                AND (%(scheduled_date)s::date >= today() OR %(override_reason)s::text IS NOT NULL)
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'meeting', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'meeting_type', meeting_type, 'scheduled_date', scheduled_date, 'reason', %(override_reason)s::text
                ))
            FROM meeting
        )
        SELECT * FROM meeting
        """,
        {
            "project_id": project_id,
            "meeting_type": meeting_type,
            "scheduled_date": scheduled_date,
            "override_reason": override_reason,
            **actor(),
        },
    )
    if row is None:
        raise past_day_refusal("scheduled_date", scheduled_date, override_reason) or no_such("project", project_id)
    return row


@tool(roles=KEEPERS)
def confirm_meeting(meeting_id: EntityId) -> Meeting:
    """Record that the participants confirmed the date of a scheduled meeting.

    Returns the meeting's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(meeting_id, "confirm_meeting")


@tool(roles=KEEPERS, people_only=["override_reason"])
def reschedule_meeting(
    meeting_id: EntityId, *, scheduled_date: Day | None = None, override_reason: Text | None = None
) -> Meeting:
    """Give a meeting that was not held another date, or remove its date until there is a new one.

    With ``scheduled_date`` it becomes scheduled and must be confirmed again. Without, it becomes rescheduled and waits for
    a date. Refused for a day before today without ``override_reason``.

    A meeting that had a date passes through ``rescheduled``, and the audit trail has both moves. Returns the meeting's
    row. Raises ``InvalidInputError`` for a past day, ``NotFoundError``, ``InvalidTransitionError``,
    ``RuleViolationError`` for the date that it has already.
    """
    to = MeetingStatus.RESCHEDULED if scheduled_date is None else MeetingStatus.SCHEDULED
    return _move(meeting_id, "reschedule_meeting", to, scheduled_date=scheduled_date, override_reason=override_reason)


@tool(roles=KEEPERS, destructive=True)
def cancel_meeting(meeting_id: EntityId, *, reason: Text) -> Meeting:
    """Record that a meeting is cancelled, and why. For another date, use reschedule_meeting.

    Returns the meeting's row. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(meeting_id, "cancel_meeting", reason=reason)


@tool(roles=KEEPERS)
def complete_meeting(
    meeting_id: EntityId,
    *,
    transcript_s3_key: StorageKey | None = None,
    notes_s3_key: StorageKey | None = None,
    action_items: Annotated[list[AgreedAction], MaxLen(100)] | None = None,
) -> CompletedMeeting:
    """Record that a confirmed meeting was held, with its transcript, notes and agreed action items.

    Refused before the day of the meeting: reschedule_meeting gives it the day on which it was held.

    Returns the meeting's row and the ``action_items`` made, in the order given. Raises ``NotFoundError``,
    ``InvalidTransitionError``, ``RuleViolationError`` for a day to come and for action items in a completed project; then
    none is made.
    """
    agreed = action_items or []
    row = one(
        """
        WITH before AS (
            SELECT meeting.*
            FROM meetings AS meeting
            JOIN projects AS project ON project.id = meeting.project_id
            WHERE meeting.id = %(meeting_id)s
                AND (project.phase <> 'completed' OR cardinality(%(descriptions)s::text[]) = 0)
            FOR NO KEY UPDATE OF meeting
            FOR SHARE OF project
        ), after AS (
            UPDATE meetings
            SET status = 'completed',
                transcript_s3_key = coalesce(%(transcript_s3_key)s, before.transcript_s3_key),
                notes_s3_key = coalesce(%(notes_s3_key)s, before.notes_s3_key)
            FROM before
            WHERE meetings.id = before.id
                AND before.status = ANY(%(sources)s::meeting_status[])
                AND (before.scheduled_date <= today()) IS NOT FALSE
            RETURNING meetings.*
        ), items AS (
            INSERT INTO meeting_action_items (meeting_id, description, assigned_to, due_date)
            SELECT after.id, agreed.description, agreed.assigned_to, agreed.due_date
            FROM after, unnest(%(descriptions)s::text[], %(assigned_to)s::text[], %(due_dates)s::date[])
                WITH ORDINALITY AS agreed (description, assigned_to, due_date, place)
            ORDER BY agreed.place
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'meeting', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                %(cleaned)s || jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            UNION ALL
            (
                SELECT 'action_item', items.id, after.project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object(
                        'meeting_id', meeting_id, 'assigned_to', assigned_to, 'due_date', due_date
                    )
                FROM after, items
                ORDER BY items.id
            )
        )
        SELECT
            after.*,
            (SELECT coalesce(jsonb_agg(to_jsonb(items) ORDER BY items.id), '[]') FROM items) AS action_items
        FROM after
        """,
        {
            "meeting_id": meeting_id,
            "sources": list(MEETING_MOVES.made_by("complete_meeting").sources),
            "transcript_s3_key": transcript_s3_key,
            "notes_s3_key": notes_s3_key,
            "descriptions": [item["description"] for item in agreed],
            "assigned_to": [item.get("assigned_to") for item in agreed],
            "due_dates": [item.get("due_date") for item in agreed],
            "cleaned": Jsonb(cleaned(action_items=agreed)),
            **actor(),
        },
    )
    if row is None:
        raise _move_refusal(meeting_id, "complete_meeting", MeetingStatus.COMPLETED)
    row["action_items"] = _action_items().validate_python(row["action_items"])
    return row


@cache
def _action_items() -> TypeAdapter[list[ActionItem]]:
    """Return the adapter that gives rows from JSON their types."""
    return TypeAdapter(list[ActionItem])


@tool(reads=True)
def get_meeting(meeting_id: EntityId) -> Meeting:
    """Get a meeting by its id.

    Returns the meeting's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one("SELECT * FROM meetings WHERE id = %(meeting_id)s", {"meeting_id": meeting_id})
    if row is None:
        raise no_such("meeting", meeting_id)
    return row


@tool(reads=True, brief=["project_id", "meeting_type", "scheduled_date", "status"])
def list_meetings(
    *,
    project_id: EntityId | None = None,
    status: MeetingStatusName | None = None,
    meeting_type: MeetingTypeName | None = None,
    from_date: Day | None = None,
    to_date: Day | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Meeting]:
    """List meetings by date, those without a date last.

    Returns a page, its cursor None on the last. Raises ``InvalidInputError`` for a ``from_date`` after ``to_date``.
    """
    if isinstance(from_date, date) and isinstance(to_date, date) and from_date > to_date:
        raise InvalidInputError(
            f"from_date {from_date} is after to_date {to_date}.",
            hint="Give the earlier day as from_date.",
            details={"arguments": ["from_date", "to_date"]},
        )
    return listed(
        """
        SELECT *
        FROM meetings
        WHERE (%(project_id)s::uuid IS NULL OR project_id = %(project_id)s)
            AND (%(status)s::meeting_status IS NULL OR status = %(status)s)
            AND (%(meeting_type)s::meeting_type IS NULL OR meeting_type = %(meeting_type)s)
            AND (%(from_date)s::date IS NULL OR scheduled_date >= %(from_date)s)
            AND (%(to_date)s::date IS NULL OR scheduled_date <= %(to_date)s)
            AND (
                %(after)s::uuid IS NULL
                OR (coalesce(scheduled_date, 'infinity'::date), id)
                > (SELECT coalesce(scheduled_date, 'infinity'::date), id FROM meetings WHERE id = %(after)s)
            )
        ORDER BY scheduled_date, id
        """,
        {
            "project_id": project_id,
            "status": status,
            "meeting_type": meeting_type,
            "from_date": from_date,
            "to_date": to_date,
            "after": after,
            "limit": limit,
        },
        fields,
    )


def _move(
    meeting_id: EntityId,
    tool_name: str,
    to: MeetingStatus | None = None,
    *,
    scheduled_date: Day | None = None,
    override_reason: str | None = None,
    reason: str | None = None,
) -> Meeting:
    """Move a meeting as a tool does, or say why not. On the way to another date it passes through ``rescheduled``."""
    move = MEETING_MOVES.made_by(tool_name, to)
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM meetings
            WHERE id = %(meeting_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE meetings
            SET status = %(to)s::meeting_status,
                scheduled_date = CASE
                    WHEN %(to)s IN ('scheduled', 'rescheduled') THEN %(scheduled_date)s::date
                    ELSE before.scheduled_date
                END
            FROM before
            WHERE meetings.id = before.id
                AND before.status = ANY(%(sources)s::meeting_status[])
                AND (%(scheduled_date)s::date >= today() OR %(override_reason)s::text IS NOT NULL) IS NOT FALSE
                AND (
                    %(to)s <> 'scheduled'
                    OR before.status = 'rescheduled'
                    OR before.scheduled_date IS DISTINCT FROM %(scheduled_date)s::date
                )
            RETURNING meetings.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'meeting', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', jsonb_build_object('status', jsonb_build_array(before.status, 'rescheduled')))
            FROM before, after
            WHERE after.status = 'scheduled' AND before.status <> 'rescheduled'
            UNION ALL
            SELECT 'meeting', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', changed_fields(
                        CASE
                            WHEN after.status = 'scheduled' THEN to_jsonb(before) || '{"status": "rescheduled"}'
                            ELSE to_jsonb(before)
                        END,
                        to_jsonb(after)
                    ),
                    'reason', coalesce(%(reason)s::text, %(override_reason)s::text)
                ))
            FROM before, after
        )
        SELECT * FROM after
        """,
        {
            "meeting_id": meeting_id,
            "to": move.to,
            "sources": list(move.sources),
            "scheduled_date": scheduled_date,
            "override_reason": override_reason,
            "reason": reason,
            **actor(),
        },
    )
    if row is None:
        raise past_day_refusal("scheduled_date", scheduled_date, override_reason) or _move_refusal(meeting_id, tool_name, to)
    return row


def _move_refusal(meeting_id: EntityId, tool_name: str, to: MeetingStatus | None) -> StudioError:
    meeting = one(
        """
        SELECT
            meeting.status, meeting.scheduled_date, (meeting.scheduled_date > today()) IS TRUE AS is_ahead,
            meeting.project_id, project.phase
        FROM meetings AS meeting
        JOIN projects AS project ON project.id = meeting.project_id
        WHERE meeting.id = %(meeting_id)s
        """,
        {"meeting_id": meeting_id},
        reads=True,
    )
    if meeting is None:
        return no_such("meeting", meeting_id)
    if to is MeetingStatus.SCHEDULED and meeting["status"] in MEETING_MOVES.made_by(tool_name, to).sources:
        return RuleViolationError(
            f"Meeting {meeting_id} is already {meeting['status']} for {meeting['scheduled_date']}.",
            rule="rescheduled_meetings_get_another_date",
            found=str(meeting["scheduled_date"]),
            hint="Give another date, or no date until there is one.",
        )
    is_confirmed = meeting["status"] == MeetingStatus.CONFIRMED and not meeting["is_ahead"]
    if to is MeetingStatus.COMPLETED and is_confirmed and meeting["phase"] == ProjectPhase.COMPLETED:
        return closed_project_refusal(meeting["project_id"])
    refusal = move_refusal(MEETING_MOVES, meeting_id, tool_name, to)
    if to is MeetingStatus.RESCHEDULED and meeting["status"] == to:
        refusal.hint = "Give scheduled_date."
    return refusal
