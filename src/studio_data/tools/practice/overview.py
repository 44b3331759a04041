"""A project's state in one answer, for the practice or for its client."""

from datetime import date
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId
from studio_data.contract.registry import tool
from studio_data.db import Statement, batch
from studio_data.tools.practice.budgets import (
    LeftOut,
    LeftOutForClient,
    budget_of,
    budget_sql,
    client_budget_of,
    client_budget_sql,
)
from studio_data.tools.practice.phases import gate_check
from studio_data.tools.practice.rules.gates import Gate, facts_sql
from studio_data.tools.projects import Project


class PhaseProgress(TypedDict):
    """How many of a phase's tasks are closed: completed or skipped."""

    phase: str
    tasks: int
    closed: int


class NextMeeting(TypedDict):
    """The next meeting of a live project that is scheduled or confirmed."""

    meeting_id: UUID
    meeting_type: str
    scheduled_date: date
    status: str


class NextTask(TypedDict):
    """The next task in workflow order, and who does it. A recurring or blocked one is next only if no other is left."""

    task_id: UUID
    name: str
    status: str
    assigned_to: str | None
    due_date: date | None


class Overdue(TypedDict):
    """How many open things of a project are past their due date.

    Tasks and action items wait while the project is not live: none is overdue then. Fees and orders are late all the same.
    """

    tasks: int
    action_items: int
    fees: int
    orders: int


class BudgetTotals(TypedDict):
    """A project's budget in total, in dollars."""

    estimate: Decimal | None
    exhibit_b: Decimal | None
    exhibit_b_signed: Decimal | None
    committed: Decimal
    actual: Decimal | None
    variance: Decimal | None
    left_out: LeftOut


class ProjectOverview(TypedDict):
    """A project's state."""

    project: Project
    client_name: str
    next_phase: str | None
    gates: list[Gate]
    progress: list[PhaseProgress]
    budget: BudgetTotals
    next_meeting: NextMeeting | None
    overdue: Overdue
    next_task: NextTask | None


class ClientBudgetTotals(TypedDict):
    """The totals of the budget that a client sees, in dollars."""

    estimate: Decimal | None
    exhibit_b: Decimal | None
    exhibit_b_signed: Decimal | None
    retail_total: Decimal
    left_out: LeftOutForClient


class ClientOverview(TypedDict):
    """A project's state as its client may see it."""

    project_id: UUID
    name: str
    address: str | None
    phase: str
    progress: list[PhaseProgress]
    budget: ClientBudgetTotals
    next_meeting: NextMeeting | None


@tool(reads=True)
def project_overview(project_id: EntityId) -> ProjectOverview:
    """Show a project's state: phase, gates, progress, budget, next meeting, what is overdue, who acts next.

    Returns the answer for the practice; money in dollars. Raises ``NotFoundError``.
    """
    standing, facts, parts = batch(_standing_sql(project_id), facts_sql(project_id), budget_sql(project_id), reads=True)
    found = _standing(project_id, standing)
    check = gate_check(facts[0])
    budget = budget_of(project_id, parts)
    return {
        "project": found["project"],
        "client_name": found["client_name"],
        "next_phase": check["to"],
        "gates": check["gates"],
        "progress": found["progress"],
        "budget": {
            "estimate": budget["estimate"],
            "exhibit_b": budget["exhibit_b"],
            "exhibit_b_signed": budget["exhibit_b_signed"],
            "committed": budget["committed"],
            "actual": budget["actual"],
            "variance": budget["variance"],
            "left_out": budget["left_out"],
        },
        "next_meeting": found["next_meeting"],
        "overdue": found["overdue"],
        "next_task": found["next_task"],
    }


@tool(reads=True)
def project_overview_for_client(project_id: EntityId) -> ClientOverview:
    """Show a project's state as its client may see it: phase, progress, budget, next meeting.

    Returns nothing of what the practice pays; money in dollars. Raises ``NotFoundError``.
    """
    standing, parts = batch(_standing_sql(project_id), client_budget_sql(project_id), reads=True)
    found = _standing(project_id, standing)
    budget = client_budget_of(project_id, parts)
    project: Project = found["project"]
    return {
        "project_id": project["id"],
        "name": project["name"],
        "address": project["address"],
        "phase": project["phase"],
        "progress": found["progress"],
        "budget": {
            "estimate": budget["estimate"],
            "exhibit_b": budget["exhibit_b"],
            "exhibit_b_signed": budget["exhibit_b_signed"],
            "retail_total": budget["retail_total"],
            "left_out": budget["left_out"],
        },
        "next_meeting": found["next_meeting"],
    }


def _standing_sql(project_id: EntityId) -> Statement:
    """Return the query of everything except gates and money."""
    return (
        """
        WITH live AS (
            SELECT id
            FROM live_projects
            WHERE id = %(project_id)s
        ), tasks AS (
            SELECT task.id, coalesce(task.phase, template.phase) AS phase, coalesce(task.name, template.name) AS name,
                task.status, task.assigned_to, task.due_date,
                task.status IN ('completed', 'skipped') AS is_closed,
                coalesce(template.is_recurring, false) AS is_recurring
            FROM project_tasks AS task
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.project_id = %(project_id)s
        ), progress AS (
            SELECT phase, count(*) AS tasks, count(*) FILTER (WHERE is_closed) AS closed
            FROM tasks
            GROUP BY phase
        ), next_task AS (
            SELECT id, name, status, assigned_to, due_date
            FROM tasks
            WHERE NOT is_closed AND EXISTS (SELECT FROM live)
            ORDER BY status = 'blocked', is_recurring, phase, id
            LIMIT 1
        ), next_meeting AS (
            SELECT id, meeting_type, scheduled_date, status
            FROM meetings
            WHERE project_id = (SELECT id FROM live)
                AND status IN ('scheduled', 'confirmed')
                AND scheduled_date >= today()
            ORDER BY scheduled_date, id
            LIMIT 1
        )
        SELECT project.*, client.name AS client_name,
            ARRAY(SELECT phase::text FROM progress ORDER BY progress.phase) AS phases,
            ARRAY(SELECT tasks FROM progress ORDER BY phase) AS phase_tasks,
            ARRAY(SELECT closed FROM progress ORDER BY phase) AS phase_closed,
            next_task.id AS task_id, next_task.name AS task_name, next_task.status AS task_status,
            next_task.assigned_to AS task_assigned_to, next_task.due_date AS task_due_date,
            next_meeting.id AS meeting_id, next_meeting.meeting_type, next_meeting.scheduled_date,
            next_meeting.status AS meeting_status,
            (SELECT count(*) FROM live, tasks WHERE NOT is_closed AND due_date < today()) AS overdue_tasks,
            (
                SELECT count(*)
                FROM live
                JOIN meetings AS meeting ON meeting.project_id = live.id
                JOIN meeting_action_items AS item ON item.meeting_id = meeting.id
                WHERE item.status IN ('open', 'in_progress')
                    AND item.due_date < today()
            ) AS overdue_action_items,
            (
                SELECT count(*)
                FROM design_fees AS fee
                WHERE fee.project_id = project.id
                    AND (fee.status = 'overdue' OR (fee.status = 'invoiced' AND fee.due_at < now()))
            ) AS overdue_fees,
            (
                SELECT count(*)
                FROM project_rooms AS room
                JOIN line_items AS item ON item.room_id = room.id
                JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
                WHERE room.project_id = project.id AND purchase.status NOT IN ('delivered', 'cancelled')
                    AND purchase.estimated_delivery < today()
            ) AS overdue_orders
        FROM projects AS project
        JOIN clients AS client ON client.id = project.client_id
        LEFT JOIN next_task ON true
        LEFT JOIN next_meeting ON true
        WHERE project.id = %(project_id)s
        """,
        {"project_id": project_id},
    )


def _standing(project_id: EntityId, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        raise no_such("project", project_id)
    (row,) = rows
    return {
        "project": {name: row[name] for name in Project.__annotations__},
        "client_name": row["client_name"],
        "progress": [
            {"phase": phase, "tasks": tasks, "closed": closed}
            for phase, tasks, closed in zip(row["phases"], row["phase_tasks"], row["phase_closed"], strict=True)
        ],
        "next_task": row["task_id"]
        and {
            "task_id": row["task_id"],
            "name": row["task_name"],
            "status": row["task_status"],
            "assigned_to": row["task_assigned_to"],
            "due_date": row["task_due_date"],
        },
        "next_meeting": row["meeting_id"]
        and {
            "meeting_id": row["meeting_id"],
            "meeting_type": row["meeting_type"],
            "scheduled_date": row["scheduled_date"],
            "status": row["meeting_status"],
        },
        "overdue": {
            "tasks": row["overdue_tasks"],
            "action_items": row["overdue_action_items"],
            "fees": row["overdue_fees"],
            "orders": row["overdue_orders"],
        },
    }
