"""Tasks of a project. Most of them come from the master workflow."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import Cursor, Day, EntityId, Fields, Limit, Name, Search, Text, Truth, choice
from studio_data.contract.paging import Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.contract.roles import STAFF, Role
from studio_data.db import Statement, batch, one
from studio_data.tools.practice.fields import TaskStatusName, WorkPhaseName
from studio_data.tools.practice.rules.lifecycles import TaskStatus
from studio_data.tools.practice.rules.moves import BEGINS_WORK, TASK_MOVES, no_open_task
from studio_data.tools.practice.rules.people import assigned

_PLANNERS = (Role.PROJECT_MANAGER,)


class Unblocked(StrEnum):
    """The statuses to which a blocked task may return."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"


class ProjectTask(TypedDict):
    """A task with its template's name, phase and working days. Without a template it has no duration and does not recur."""

    id: UUID
    project_id: UUID
    template_id: UUID | None
    status: str
    assigned_to: str | None
    due_date: date | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    name: str
    description: str | None
    phase: str
    duration_days: int | None
    is_recurring: bool


@tool(reads=True)
def get_task(task_id: EntityId) -> ProjectTask:
    """Get a task by its id.

    Returns the task. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM task_answers
        WHERE id = %(task_id)s
        """,
        {"task_id": task_id},
    )
    if row is None:
        raise no_such("task", task_id)
    return row


@tool(reads=True, brief=["project_id", "status", "assigned_to", "due_date", "name", "phase"])
def list_tasks(
    *,
    project_id: EntityId | None = None,
    phase: WorkPhaseName | None = None,
    status: TaskStatusName | None = None,
    assigned_to: Name | None = None,
    due_before: Day | None = None,
    open_only: Truth = False,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ProjectTask]:
    """List a project's tasks in workflow order. Without a project: one person's or overdue tasks, by due date.

    ``due_before``, and ``open_only`` without a project, find open tasks of live projects: not on hold, completed or of a
    churned client.

    A project's tasks without a template come last; across projects, tasks without a due date do. Returns at most ``limit``
    tasks and the cursor of the next page (None on the last page).
    """
    found = listed(
        """
        SELECT *
        FROM task_answers
        WHERE (%(project_id)s::uuid IS NULL OR project_id = %(project_id)s)
            AND (%(phase)s::project_phase IS NULL OR phase = %(phase)s)
            AND (%(status)s::task_status IS NULL OR status = %(status)s)
            AND (%(assigned_to)s::text IS NULL OR lower(assigned_to) = lower(%(assigned_to)s))
            AND (%(due_before)s::date IS NULL OR due_date < %(due_before)s)
            AND (NOT %(open_only)s OR status NOT IN ('completed', 'skipped'))
            AND (NOT %(live_only)s OR (SELECT true FROM live_projects WHERE live_projects.id = project_id))
            AND (%(after)s::uuid IS NULL OR %(by_date)s OR id > %(after)s)
            AND (
                %(after)s::uuid IS NULL
                OR NOT %(by_date)s
                OR (coalesce(due_date, 'infinity'::date), id) > (
                    SELECT coalesce(due_date, 'infinity'::date), id FROM project_tasks WHERE id = %(after)s
                )
            )
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', name, description)), lower(%(search)s)) > 0)
        ORDER BY CASE WHEN %(by_date)s THEN due_date END, id
        """,
        {
            "project_id": project_id,
            "phase": phase,
            "status": status,
            "assigned_to": assigned_to,
            "due_before": due_before,
            "open_only": open_only or due_before is not None,
            "live_only": due_before is not None or (open_only and project_id is None),
            "by_date": project_id is None and (assigned_to is not None or due_before is not None),
            "after": after,
            "search": search,
            "limit": limit,
        },
        fields,
    )
    return near_miss(found, "assigned_to", assigned_to, assigned)


@tool(roles=_PLANNERS)
def add_task(
    project_id: EntityId,
    *,
    name: Name,
    phase: WorkPhaseName,
    description: Text | None = None,
    assigned_to: Name | None = None,
    due_date: Day | None = None,
) -> ProjectTask:
    """Add a task of its own to a project, beside those of the master workflow.

    schedule_project does not change its due date. Refused for a completed project.

    Returns the task. Raises ``NotFoundError``, ``RuleViolationError``.
    """
    row = one(
        """
        WITH project AS (
            SELECT id
            FROM projects
            WHERE id = %(project_id)s AND phase <> 'completed'
            FOR NO KEY UPDATE
        ), task AS (
            INSERT INTO project_tasks (project_id, name, phase, description, assigned_to, due_date)
            SELECT id, %(name)s, %(phase)s::project_phase, %(description)s, %(assigned_to)s, %(due_date)s::date
            FROM project
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'task', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('name', name, 'phase', phase)
            FROM task
        )
        SELECT answer.*
        FROM task
        CROSS JOIN task_answer(task, NULL) AS answer
        """,
        {
            "project_id": project_id,
            "name": name,
            "phase": phase,
            "description": description,
            "assigned_to": assigned_to,
            "due_date": due_date,
            **actor(),
        },
    )
    if row is None:
        if one("SELECT id FROM projects WHERE id = %(id)s", {"id": project_id}, reads=True) is None:
            raise no_such("project", project_id)
        raise no_open_task(project_id)
    return row


# Moves ----------------------------------------------------------------------------------------------------------------


@tool(roles=STAFF)
def start_task(task_id: EntityId) -> ProjectTask:
    """Record that work on a task began, in a live project.

    Refused for a blocked task: call unblock_task.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(task_id, "start_task")


@tool(roles=STAFF)
def complete_task(task_id: EntityId) -> ProjectTask:
    """Record that a task in progress is done.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(task_id, "complete_task")


@tool(roles=STAFF)
def block_task(task_id: EntityId, *, reason: Text) -> ProjectTask:
    """Record that a task waits for something outside, and for what. unblock_task ends the wait.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(task_id, "block_task", reason=reason)


@tool(roles=STAFF)
def unblock_task(task_id: EntityId, *, to: Annotated[Unblocked | str, *choice(Unblocked)] | None = None) -> ProjectTask:
    """Return a blocked task to its earlier status: in progress if it was started, else not started.

    ``to`` overrides this.

    The task's last move in the audit trail says which status it had. Returns the task. Raises ``NotFoundError``,
    ``InvalidTransitionError``, ``RuleViolationError``.
    """
    return _move(task_id, "unblock_task", to=TaskStatus(to) if to else None, goes_back=to is None)


@tool(roles=_PLANNERS, destructive=True)
def skip_task(task_id: EntityId, *, reason: Text) -> ProjectTask:
    """Close an open task that the project does not need, and say why.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError`` for a closed task.
    """
    return _move(task_id, "skip_task", reason=reason)


@tool(roles=_PLANNERS, people_only=True)
def reopen_task(task_id: EntityId) -> ProjectTask:
    """Reopen a completed or skipped task as not started.

    Refused in a completed project.

    Returns the task. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for an open task, ``RuleViolationError`` for a blocked one or a completed project.
    """
    _, moved = batch(
        # Held against the project's completion, which looks for open tasks.
        (
            """
            SELECT
            FROM project_tasks AS task
            JOIN projects AS project ON project.id = task.project_id
            WHERE task.id = %(task_id)s
            FOR NO KEY UPDATE OF project
            """,
            {"task_id": task_id},
        ),
        _move_sql(task_id, "reopen_task"),
    )
    if not moved:
        raise move_refusal(TASK_MOVES, task_id, "reopen_task")
    return moved[0]


def _move(
    task_id: EntityId,
    tool_name: str,
    *,
    to: TaskStatus | None = None,
    goes_back: bool = False,
    reason: str | None = None,
) -> ProjectTask:
    """Move a task as a tool does, or refuse. One that ``goes_back`` is where it was before it was blocked."""
    row = one(*_move_sql(task_id, tool_name, to=to, goes_back=goes_back, reason=reason))
    if row is None:
        raise move_refusal(TASK_MOVES, task_id, tool_name, to)
    return row


def _move_sql(
    task_id: EntityId,
    tool_name: str,
    *,
    to: TaskStatus | None = None,
    goes_back: bool = False,
    reason: str | None = None,
) -> Statement:
    """Return what moves a task as a tool does, but reopens none of a completed project."""
    move = TASK_MOVES.made_by(tool_name, to)
    return (
        """
        WITH before AS (
            SELECT *
            FROM project_tasks
            WHERE id = %(task_id)s
            FOR NO KEY UPDATE
        ), target AS (
            SELECT coalesce(
                %(to)s,
                (
                    SELECT 'in_progress'
                    FROM (
                        SELECT metadata
                        FROM activity_log
                        WHERE entity_type = 'task' AND entity_id = %(task_id)s AND action = 'status_changed'
                            AND NOT is_noted(context)
                        ORDER BY id DESC
                        LIMIT 1
                    ) AS last_move
                    WHERE metadata #> '{changes,status}' ? 'in_progress'
                ),
                'not_started'
            )::task_status AS status
        ), after AS (
            UPDATE project_tasks
            SET status = target.status, completed_at = CASE WHEN target.status = 'completed' THEN now() END
            FROM before, target
            WHERE project_tasks.id = before.id AND before.status = ANY(%(sources)s::task_status[])
                AND NOT EXISTS (
                    SELECT
                    FROM projects
                    WHERE projects.id = before.project_id AND projects.phase = 'completed'
                        AND before.status IN ('completed', 'skipped')
                )
                AND (NOT %(begins_work)s OR EXISTS (SELECT FROM live_projects WHERE id = before.project_id))
            RETURNING project_tasks.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'task', after.id, after.project_id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'reason', %(reason)s::text
                ))
            FROM before, after
        )
        SELECT answer.*
        FROM after AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        CROSS JOIN task_answer(task, template) AS answer
        """,
        {
            "task_id": task_id,
            "to": None if goes_back else move.to,
            "sources": list(move.sources),
            "begins_work": tool_name in BEGINS_WORK,
            "reason": reason,
            **actor(),
        },
    )
