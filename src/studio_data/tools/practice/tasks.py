"""Tasks of a project. Most of them come from the master workflow."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from studio_data.contract import lifecycles
from studio_data.contract.actor import ActorType, current_actor
from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import (
    Cursor,
    Day,
    EntityId,
    Limit,
    Name,
    TaskStatusName,
    Text,
    Truth,
    WorkPhaseName,
    choice,
)
from studio_data.contract.lifecycles import ProjectPhase, TaskStatus
from studio_data.contract.paging import Page, page
from studio_data.contract.registry import tool
from studio_data.contract.roles import STAFF, Role
from studio_data.db import Statement, batch, many, one
from studio_data.errors import ConflictError, NotFoundError, PermissionDeniedError, RuleViolationError, StudioError

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
        SELECT
            task.id, task.project_id, task.template_id, task.status, task.assigned_to, task.due_date, task.completed_at,
            task.created_at, task.updated_at, coalesce(task.name, template.name) AS name,
            coalesce(task.description, template.description) AS description, coalesce(task.phase, template.phase) AS phase,
            template.duration_days, coalesce(template.is_recurring, false) AS is_recurring
        FROM project_tasks AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        WHERE task.id = %(task_id)s
        """,
        {"task_id": task_id},
    )
    if row is None:
        raise _no_such_task(task_id)
    return row


@tool(reads=True)
def list_tasks(
    *,
    project_id: EntityId | None = None,
    phase: WorkPhaseName | None = None,
    status: TaskStatusName | None = None,
    assigned_to: Name | None = None,
    due_before: Day | None = None,
    open_only: Truth = False,
    limit: Limit = 50,
    after: Cursor | None = None,
) -> Page[ProjectTask]:
    """List a project's tasks in workflow order. Without a project: one person's or overdue tasks, by due date.

    ``due_before`` finds open tasks only.

    A project's tasks without a template come last; across projects, tasks without a due date do. Returns at most ``limit``
    tasks and the cursor of the next page (None on the last page).
    """
    rows = many(
        """
        SELECT
            task.id, task.project_id, task.template_id, task.status, task.assigned_to, task.due_date, task.completed_at,
            task.created_at, task.updated_at, coalesce(task.name, template.name) AS name,
            coalesce(task.description, template.description) AS description, coalesce(task.phase, template.phase) AS phase,
            template.duration_days, coalesce(template.is_recurring, false) AS is_recurring
        FROM project_tasks AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        WHERE (%(project_id)s::uuid IS NULL OR task.project_id = %(project_id)s)
            AND (%(phase)s::project_phase IS NULL OR coalesce(task.phase, template.phase) = %(phase)s)
            AND (%(status)s::task_status IS NULL OR task.status = %(status)s)
            AND (%(assigned_to)s::text IS NULL OR task.assigned_to = %(assigned_to)s)
            AND (%(due_before)s::date IS NULL OR task.due_date < %(due_before)s)
            AND (NOT %(open_only)s OR task.status NOT IN ('completed', 'skipped'))
            AND (%(after)s::uuid IS NULL OR %(by_date)s OR task.id > %(after)s)
            AND (
                %(after)s::uuid IS NULL
                OR NOT %(by_date)s
                OR (coalesce(task.due_date, '2200-01-01'), task.id) > (
                    SELECT coalesce(due_date, '2200-01-01'), id FROM project_tasks WHERE id = %(after)s
                )
            )
        ORDER BY CASE WHEN %(by_date)s THEN coalesce(task.due_date, '2200-01-01') END, task.id
        LIMIT %(limit)s + 1
        """,
        {
            "project_id": project_id,
            "phase": phase,
            "status": status,
            "assigned_to": assigned_to,
            "due_before": due_before,
            "open_only": open_only or due_before is not None,
            "by_date": project_id is None and (assigned_to is not None or due_before is not None),
            "after": after,
            "limit": limit,
        },
    )
    return page(rows, limit)


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
        SELECT *, NULL::integer AS duration_days, false AS is_recurring
        FROM task
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
            raise no_such("project", project_id, hint="list_projects shows them all.")
        raise _project_is_completed(project_id)
    return row


# Moves ----------------------------------------------------------------------------------------------------------------


@tool(roles=STAFF)
def start_task(task_id: EntityId) -> ProjectTask:
    """Record that work on a task began.

    Refused for a blocked task: call unblock_task.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError`` for a blocked task.
    """
    return _move(task_id, TaskStatus.IN_PROGRESS, (TaskStatus.NOT_STARTED,))


@tool(roles=STAFF)
def complete_task(task_id: EntityId) -> ProjectTask:
    """Record that a task in progress is done.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(task_id, TaskStatus.COMPLETED, (TaskStatus.IN_PROGRESS,))


@tool(roles=STAFF)
def block_task(task_id: EntityId, *, reason: Text) -> ProjectTask:
    """Record that a task waits for something outside, and for what. unblock_task ends the wait.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError``.
    """
    return _move(task_id, TaskStatus.BLOCKED, (TaskStatus.NOT_STARTED, TaskStatus.IN_PROGRESS), reason=reason)


@tool(roles=STAFF)
def unblock_task(task_id: EntityId, *, to: Annotated[Unblocked | str, *choice(Unblocked)] | None = None) -> ProjectTask:
    """Return a blocked task to its earlier status: in progress if it was started, else not started.

    ``to`` overrides this.

    The task's last move in the audit trail says which status it had. Returns the task. Raises ``NotFoundError``,
    ``InvalidTransitionError``, ``RuleViolationError`` for a task that another tool moves there.
    """
    return _move(task_id, TaskStatus(to) if to else None, (TaskStatus.BLOCKED,))


@tool(roles=_PLANNERS, destructive=True)
def skip_task(task_id: EntityId, *, reason: Text) -> ProjectTask:
    """Close an open task that the project does not need, and say why.

    Returns the task. Raises ``NotFoundError``, ``InvalidTransitionError`` for a closed task.
    """
    return _move(
        task_id,
        TaskStatus.SKIPPED,
        (TaskStatus.NOT_STARTED, TaskStatus.IN_PROGRESS, TaskStatus.BLOCKED),
        reason=reason,
    )


@tool(roles=_PLANNERS)
def reopen_task(task_id: EntityId) -> ProjectTask:
    """Reopen a completed or skipped task as not started.

    Only a person may call it. Refused in a completed project.

    Returns the task. Raises ``PermissionDeniedError`` for an agent or the system, ``NotFoundError``,
    ``InvalidTransitionError`` for an open task, ``RuleViolationError`` for a blocked one or a completed project.
    """
    acting = current_actor.get()
    actor_type = acting.type if acting else ActorType.SYSTEM
    if actor_type != ActorType.USER:
        raise PermissionDeniedError(
            f"Only a person reopens a task, not {actor_type}.",
            hint="Ask a person to reopen it, or create a new one with add_task.",
            details={"tool": "reopen_task", "actor_type": str(actor_type)},
        )
    sources = (TaskStatus.COMPLETED, TaskStatus.SKIPPED)
    projects, moved = batch(
        # The lock holds off the project's completion, which looks for open tasks.
        (
            """
            SELECT project.id, project.phase
            FROM project_tasks AS task
            JOIN projects AS project ON project.id = task.project_id
            WHERE task.id = %(task_id)s
            FOR NO KEY UPDATE OF project
            """,
            {"task_id": task_id},
        ),
        _moving(task_id, TaskStatus.NOT_STARTED, sources),
    )
    if moved:
        return moved[0]
    if projects and projects[0]["phase"] == ProjectPhase.COMPLETED:
        raise _project_is_completed(projects[0]["id"])
    raise _why_not(task_id, TaskStatus.NOT_STARTED, sources)


def _move(
    task_id: EntityId, to: TaskStatus | None, sources: tuple[TaskStatus, ...], *, reason: str | None = None
) -> ProjectTask:
    """Move a task from one of the sources, or refuse. Without ``to`` it returns to its status before it was blocked."""
    row = one(*_moving(task_id, to, sources, reason=reason))
    if row is None:
        raise _why_not(task_id, to or TaskStatus.NOT_STARTED, sources)
    return row


def _moving(
    task_id: EntityId, to: TaskStatus | None, sources: tuple[TaskStatus, ...], *, reason: str | None = None
) -> Statement:
    """Return the statement that moves a task from one of the sources. It reopens no task of a completed project."""
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
        SELECT
            task.id, task.project_id, task.template_id, task.status, task.assigned_to, task.due_date, task.completed_at,
            task.created_at, task.updated_at, coalesce(task.name, template.name) AS name,
            coalesce(task.description, template.description) AS description, coalesce(task.phase, template.phase) AS phase,
            template.duration_days, coalesce(template.is_recurring, false) AS is_recurring
        FROM after AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        """,
        {"task_id": task_id, "to": to, "sources": list(sources), "reason": reason, **actor()},
    )


def _why_not(task_id: EntityId, to: TaskStatus, sources: tuple[TaskStatus, ...]) -> StudioError:
    task = one("SELECT status FROM project_tasks WHERE id = %(task_id)s", {"task_id": task_id}, reads=True)
    if task is None:
        return _no_such_task(task_id)
    present = task["status"]
    if present not in lifecycles.TASK.sources_of(to):
        return lifecycles.TASK.refusal(task_id, present, to)
    if present in sources:
        return ConflictError(f"Task {task_id} has just changed to {present}.", hint="Call again.")
    way = {TaskStatus.NOT_STARTED: "start_task", TaskStatus.BLOCKED: "unblock_task"}.get(present, "reopen_task")
    return RuleViolationError(
        f"Task {task_id} is {present}. Only {way} moves it from there to {to}.",
        rule="each_tool_moves_from_its_own_states",
        found=present,
        calls=[{"tool": way, "arguments": {"task_id": str(task_id)}}],
        hint=f"Call {way}.",
    )


def _no_such_task(task_id: EntityId) -> NotFoundError:
    return no_such("task", task_id, hint="list_tasks shows the project's.")


def _project_is_completed(project_id: EntityId) -> RuleViolationError:
    return RuleViolationError(
        f"Project {project_id} is completed and cannot have open tasks.",
        rule="completed_projects_have_no_open_task",
        found="completed",
        hint="Create a project for further work.",
    )
