"""The schedule of a project: when its tasks are due, and who does them.

``schedule_project`` uses the templates' working days, Monday to Friday, without holidays:

- The phases run one after the other.
- Within a phase a task starts when half of the work before it is done. One task at a time would be too slow: a
  furnishings project of eight months would take fifteen.
- A task has its own working days in full, and is never due before the task that precedes it.
- A recurring task (the weekly update) delays no other task. It is due on the last day of its phase.
- A closed task keeps its place in the calculation, so the same first day always gives the same dates. Its own date stays.
- A task without a template has no duration, and keeps the date that somebody gave it.

``015_said_once.sql`` numbers the working days. ``due`` is MATERIALIZED because the planner puts ``working_day`` in line only
where the number that it is given is a column.
"""

from datetime import date
from typing import Literal, TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Day, EntityId, Name, Text, Truth
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.contract.validators import FIRST_YEAR, LAST_YEAR
from studio_data.db import many, one
from studio_data.errors import InvalidInputError, RuleViolationError, SatisfyingCall, StudioError
from studio_data.tools.practice.fields import WorkingDaysShift, WorkPhaseName
from studio_data.tools.practice.rules.live import waiting_refusal
from studio_data.tools.practice.tasks import ProjectTask


class PhaseSchedule(TypedDict):
    """The open tasks of a phase that have a due date: their number, and the first and last date."""

    phase: str
    tasks: int
    first_due_date: date
    last_due_date: date


class Schedule(TypedDict):
    """The open tasks of a project that have a due date, in total and per phase."""

    project_id: UUID
    tasks_scheduled: int
    first_due_date: date | None
    last_due_date: date | None
    phases: list[PhaseSchedule]


@tool(roles=[Role.PROJECT_MANAGER], idempotent=True)
def schedule_project(project_id: EntityId, *, start_date: Day) -> Schedule:
    """Set the due dates of a project's open tasks from its first day, in the templates' working days.

    ``start_date`` is the project's first day, also for a project that has begun. To shift the remaining dates, use
    shift_schedule.

    The module's docstring has the rules. Returns the schedule. Raises ``NotFoundError``, ``RuleViolationError`` for a
    project that is not live, ``InvalidInputError`` if the last date would be after the year 2199.
    """
    rows = many(
        """
        WITH project AS (
            SELECT id
            FROM projects
            WHERE id = %(project_id)s AND EXISTS (SELECT FROM live_projects WHERE id = %(project_id)s)
            FOR NO KEY UPDATE
        ), step AS (
            SELECT
                task.id, template.phase, template.is_recurring, coalesce(template.duration_days, 1) AS duration,
                coalesce(sum(coalesce(template.duration_days, 1)) FILTER (WHERE NOT template.is_recurring) OVER (
                    PARTITION BY template.phase ORDER BY task.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), 0) AS work_before
            FROM project
            JOIN project_tasks AS task ON task.project_id = project.id
            JOIN workflow_templates AS template ON template.id = task.template_id
        ), finish AS (
            SELECT
                id, phase, is_recurring, duration,
                max(work_before / 2 + duration) FILTER (WHERE NOT is_recurring) OVER (
                    PARTITION BY phase ORDER BY id ROWS UNBOUNDED PRECEDING
                ) AS ends
            FROM step
        ), length AS (
            SELECT phase, coalesce(max(ends), max(duration)) AS days
            FROM finish
            GROUP BY phase
        ), due AS MATERIALIZED (
            SELECT
                id,
                working_days_before(%(start_date)s)
                    + (SELECT coalesce(sum(days), 0)::integer FROM length AS earlier WHERE earlier.phase < finish.phase)
                    + (CASE WHEN is_recurring THEN days ELSE ends END)::integer - 1 AS number
            FROM finish
            JOIN length USING (phase)
        ), before AS (
            SELECT task.id, task.due_date, coalesce(task.phase, template.phase) AS phase
            FROM project
            JOIN project_tasks AS task ON task.project_id = project.id
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.status NOT IN ('completed', 'skipped')
            ORDER BY task.id
            FOR NO KEY UPDATE OF task
        ), schedule AS (
            SELECT
                before.id, phase, due_date AS present,
                coalesce(working_day(number), due_date) AS due_date
            FROM before
            LEFT JOIN due ON due.id = before.id
        ), after AS (
            UPDATE project_tasks
            SET due_date = schedule.due_date
            FROM schedule
            WHERE project_tasks.id = schedule.id
                AND schedule.due_date IS DISTINCT FROM schedule.present
                AND (SELECT max(due_date) FROM schedule) <= '2199-12-31'
            RETURNING project_tasks.id
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', id, id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s, jsonb_build_object(
                'start_date', %(start_date)s::date,
                'tasks_scheduled', (SELECT count(due_date) FROM schedule),
                'last_due_date', (SELECT max(due_date) FROM schedule)
            )
            FROM project
            WHERE EXISTS (SELECT FROM after)
        )
        SELECT phase, count(*) AS tasks, min(due_date) AS first_due_date, max(due_date) AS last_due_date
        FROM schedule
        WHERE due_date IS NOT NULL
        GROUP BY phase
        ORDER BY phase
        """,
        {"project_id": project_id, "start_date": start_date, **actor()},
    )
    if not rows and (refusal := waiting_refusal(project_id)) is not None:
        raise refusal
    if any(row["last_due_date"].year > LAST_YEAR for row in rows):
        raise _out_of_range("start_date")
    return _schedule(project_id, rows)


@tool(roles=[Role.PROJECT_MANAGER])
def shift_schedule(
    project_id: EntityId,
    *,
    working_days: WorkingDaysShift,
    reason: Text,
    from_task_id: EntityId | None = None,
    phase: WorkPhaseName | None = None,
) -> Schedule:
    """Shift the due dates of a project's open tasks by working days (negative is earlier), and say why.

    Shifts all of them, or those of one ``phase``, or those from one task on in workflow order.

    When it shifts later, a date on a weekend counts as the Friday before it; earlier, as the Monday after. Returns the
    whole project's schedule. Raises ``NotFoundError``, ``InvalidInputError`` for both limits, 0 days, another project's
    task or dates out of range, ``RuleViolationError`` if no task there has a due date, or the
    project is not live.
    """
    if from_task_id is not None and phase is not None:
        raise InvalidInputError(
            "from_task_id and phase cannot be given together.",
            hint="Give one of them.",
            details={"arguments": ["from_task_id", "phase"]},
        )
    if working_days == 0:
        raise InvalidInputError("working_days must not be 0.", details={"arguments": ["working_days"]})
    rows = many(
        """
        WITH project AS (
            SELECT id
            FROM projects
            WHERE id = %(project_id)s AND EXISTS (SELECT FROM live_projects WHERE id = %(project_id)s)
            FOR NO KEY UPDATE
        ), first AS (
            SELECT coalesce(task.phase, template.phase) AS phase, task.id
            FROM project_tasks AS task
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.id = %(from_task_id)s AND task.project_id = %(project_id)s
        ), before AS (
            SELECT task.id, task.due_date, coalesce(task.phase, template.phase) AS phase
            FROM project
            JOIN project_tasks AS task ON task.project_id = project.id
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.due_date IS NOT NULL AND task.status NOT IN ('completed', 'skipped')
            ORDER BY task.id
            FOR NO KEY UPDATE OF task
        ), moved AS MATERIALIZED (
            SELECT id, working_days_later(due_date, %(working_days)s) AS due_date
            FROM before
            WHERE (%(phase)s::project_phase IS NULL OR phase = %(phase)s)
                AND (%(from_task_id)s::uuid IS NULL OR (phase, id) >= (SELECT phase, id FROM first))
        ), after AS (
            UPDATE project_tasks
            SET due_date = moved.due_date
            FROM moved
            WHERE project_tasks.id = moved.id
                AND (SELECT bool_and(due_date BETWEEN '1900-01-01' AND '2199-12-31') FROM moved)
            RETURNING project_tasks.id, project_tasks.due_date
        ), schedule AS (
            SELECT before.phase, coalesce(after.due_date, before.due_date) AS due_date
            FROM before
            LEFT JOIN after ON after.id = before.id
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', id, id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'working_days', %(working_days)s::integer,
                    'phase', %(phase)s::text,
                    'from_task_id', %(from_task_id)s::uuid,
                    'tasks_moved', (SELECT count(*) FROM after),
                    'last_due_date', (SELECT max(due_date) FROM schedule),
                    'reason', %(reason)s::text
                ))
            FROM project
            WHERE EXISTS (SELECT FROM after)
        )
        SELECT
            phase, count(*) AS tasks, min(due_date) AS first_due_date, max(due_date) AS last_due_date,
            (SELECT count(*) FROM moved) AS wanted, (SELECT count(*) FROM after) AS moved
        FROM schedule
        GROUP BY phase
        ORDER BY phase
        """,
        {
            "project_id": project_id,
            "working_days": working_days,
            "from_task_id": from_task_id,
            "phase": phase,
            "reason": reason,
            **actor(),
        },
    )
    counts = [(row.pop("wanted"), row.pop("moved")) for row in rows]
    wanted, moved = counts[0] if counts else (0, 0)
    if wanted == 0:
        raise _shift_refusal(project_id, from_task_id)
    if moved == 0:
        raise _out_of_range("working_days")
    return _schedule(project_id, rows)


def _schedule(project_id: EntityId, phases: list[PhaseSchedule]) -> Schedule:
    return {
        "project_id": UUID(str(project_id)),
        "tasks_scheduled": sum(phase["tasks"] for phase in phases),
        "first_due_date": min((phase["first_due_date"] for phase in phases), default=None),
        "last_due_date": max((phase["last_due_date"] for phase in phases), default=None),
        "phases": phases,
    }


def _out_of_range(argument: str) -> InvalidInputError:
    return InvalidInputError(
        f"{argument} would set a due date outside the years {FIRST_YEAR} to {LAST_YEAR}.",
        hint="Nothing was changed.",
        details={"arguments": [argument]},
    )


def _shift_refusal(project_id: EntityId, from_task_id: EntityId | None) -> StudioError:
    found = one(
        """
        SELECT
            (SELECT project_id FROM project_tasks WHERE id = %(from_task_id)s) AS project_of_task,
            EXISTS (
                SELECT FROM project_tasks
                WHERE project_id = project.id AND template_id IS NOT NULL AND due_date IS NULL
                    AND status NOT IN ('completed', 'skipped')
            ) AS can_be_scheduled
        FROM projects AS project
        WHERE id = %(project_id)s
        """,
        {"project_id": project_id, "from_task_id": from_task_id},
        reads=True,
    )
    if found is None:
        return no_such("project", project_id)
    if from_task_id is not None and found["project_of_task"] is None:
        return no_such("task", from_task_id)
    if from_task_id is not None and found["project_of_task"] != project_id:
        return InvalidInputError(
            f"from_task_id belongs to another project, {found['project_of_task']}.",
            hint="list_tasks shows the project's.",
            details={"arguments": ["from_task_id"]},
        )
    if (refusal := waiting_refusal(project_id)) is not None:
        return refusal
    calls: list[SatisfyingCall] = [{"tool": "schedule_project", "arguments": {"project_id": str(project_id)}}]
    return RuleViolationError(
        f"Project {project_id} has no open task with a due date there.",
        rule="only_due_dates_move",
        found="no open task with a due date",
        calls=calls if found["can_be_scheduled"] else [],
        hint="schedule_project sets all due dates, reschedule_task sets one.",
    )


# One task -------------------------------------------------------------------------------------------------------------


@tool(roles=[Role.PROJECT_MANAGER], idempotent=True)
def assign_task(task_id: EntityId, *, assigned_to: Name | None = None, clear: Truth = False) -> ProjectTask:
    """Assign a task to somebody, or with ``clear`` to nobody.

    Returns the task. Raises ``InvalidInputError`` unless exactly one of the two is given, ``NotFoundError``.
    """
    _check_one_is_given("assigned_to", assigned_to, clear=clear)
    return _change(task_id, assigned_to, None, "assigned_to" if clear else None)


@tool(roles=[Role.PROJECT_MANAGER], idempotent=True)
def reschedule_task(task_id: EntityId, *, due_date: Day | None = None, clear: Truth = False) -> ProjectTask:
    """Set an open task's due date, or remove it with ``clear``.

    Returns the task. Raises ``InvalidInputError`` unless exactly one of the two is given, ``NotFoundError``,
    ``RuleViolationError`` for a closed task or a project that is not live.
    """
    _check_one_is_given("due_date", due_date, clear=clear)
    return _change(task_id, None, due_date, "due_date" if clear else None)


def _check_one_is_given(name: str, value: object, *, clear: bool) -> None:
    if (value is None) is not clear:
        raise InvalidInputError(
            f"Give either {name} or clear.",
            hint=f"clear removes the {name.replace('_', ' ')}.",
            details={"arguments": [name, "clear"]},
        )


def _change(
    task_id: EntityId, assigned_to: Name | None, due_date: Day | None, clear: Literal["assigned_to", "due_date"] | None
) -> ProjectTask:
    """Change a task's assignee or due date. A closed task keeps its date."""
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM project_tasks
            WHERE id = %(task_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE project_tasks
            SET assigned_to = CASE WHEN %(clear)s = 'assigned_to' THEN NULL
                    ELSE coalesce(%(assigned_to)s, before.assigned_to) END,
                due_date = CASE WHEN %(clear)s = 'due_date' THEN NULL ELSE coalesce(%(due_date)s, before.due_date) END
            FROM before
            WHERE project_tasks.id = before.id
                AND (
                    %(keeps_date)s
                    OR before.status NOT IN ('completed', 'skipped')
                    AND EXISTS (SELECT FROM live_projects WHERE id = before.project_id)
                )
            RETURNING project_tasks.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'task', after.id, after.project_id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT answer.*
        FROM after AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        CROSS JOIN task_answer(task, template) AS answer
        """,
        {
            "task_id": task_id,
            "assigned_to": assigned_to,
            "due_date": due_date,
            "clear": clear,
            "keeps_date": due_date is None and clear != "due_date",
            **actor(),
        },
    )
    if row is None:
        task = one("SELECT status, project_id FROM project_tasks WHERE id = %(id)s", {"id": task_id}, reads=True)
        if task is None:
            raise no_such("task", task_id)
        if task["status"] not in {"completed", "skipped"} and (refusal := waiting_refusal(task["project_id"])) is not None:
            raise refusal
        raise RuleViolationError(
            f"Task {task_id} is {task['status']}. A closed task keeps its due date.",
            rule="closed_tasks_keep_their_dates",
            found=task["status"],
            calls=[{"tool": "reopen_task", "arguments": {"task_id": str(task_id)}}],
            hint="A person can reopen it.",
        )
    return row
