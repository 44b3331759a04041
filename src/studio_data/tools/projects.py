"""Projects: commissions of a client, each with its own copy of the master workflow."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from studio_data.audit import actor
from studio_data.db import one
from studio_data.errors import NotFoundError, RuleViolationError
from studio_data.fields import EntityId, Line, Money, ProjectTypeName
from studio_data.lifecycles import ClientStatus
from studio_data.registry import tool


class Project(TypedDict):
    """One row of ``projects``; money in dollars."""

    id: UUID
    client_id: UUID
    name: str
    address: str | None
    project_type: str
    phase: str
    investment_estimate: Decimal | None
    exhibit_b_total: Decimal | None
    created_at: datetime
    updated_at: datetime


class CreatedProject(TypedDict):
    """A new project, and how many tasks of the master workflow it got."""

    project: Project
    tasks_created: int


@tool
def create_project(
    client_id: EntityId,
    name: Line,
    project_type: ProjectTypeName,
    *,
    address: Line | None = None,
    investment_estimate: Money | None = None,
) -> CreatedProject:
    """Create a project in conceptual design, with the tasks of the master workflow that its type needs.

    A furnishings project leaves out the renovation-only tasks; renovation and mixed get all of them. The first project of a
    contracted client makes the client active. ``investment_estimate`` is in dollars. Raises ``InvalidInputError`` for a bad
    argument, ``NotFoundError`` for an unknown client, ``RuleViolationError`` for a client whose
    work is completed or who has churned.
    """
    row = one(
        """
        WITH client AS (
            SELECT id, status
            FROM clients
            WHERE id = %(client_id)s AND status NOT IN ('churned', 'completed')
            FOR NO KEY UPDATE
        ), project AS (
            INSERT INTO projects (client_id, name, address, project_type, investment_estimate)
            SELECT id, %(name)s, %(address)s, %(project_type)s::project_type, %(investment_estimate)s
            FROM client
            RETURNING *
        ), tasks AS (
            INSERT INTO project_tasks (project_id, template_id)
            SELECT project.id, template.id
            FROM project
            JOIN workflow_templates AS template
                ON project.project_type <> 'furnishings' OR NOT template.is_renovation_only
            ORDER BY template.phase, template.task_order
            RETURNING project_id
        ), created AS (
            SELECT project.*, (SELECT count(*) FROM tasks) AS tasks_created
            FROM project
        ), activated AS (
            UPDATE clients
            SET status = 'active'
            FROM client
            WHERE clients.id = client.id AND client.status = 'contracted'
            RETURNING clients.id
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'project', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s, jsonb_build_object(
                'client_id', client_id, 'project_type', project_type, 'tasks_created', tasks_created
            )
            FROM created
            UNION ALL
            SELECT 'client', id, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                '{"changes": {"status": ["contracted", "active"]}}'
            FROM activated
        )
        SELECT * FROM created
        """,
        {
            "client_id": client_id,
            "name": name,
            "address": address,
            "project_type": project_type,
            "investment_estimate": investment_estimate,
            **actor(),
        },
    )
    if row is None:
        raise _why_not(client_id)
    tasks_created = row.pop("tasks_created")
    return {"project": row, "tasks_created": tasks_created}


def _why_not(client_id: EntityId) -> NotFoundError | RuleViolationError:
    client = one("SELECT status FROM clients WHERE id = %(client_id)s", {"client_id": client_id}, reads=True)
    if client is None:
        return NotFoundError(
            f"There is no client {client_id}.",
            hint="Use the id that create_client returned.",
            details={"entity_type": "client", "id": str(client_id)},
        )
    ways_out = {
        ClientStatus.CHURNED: "Bring the client back as a lead first.",
        ClientStatus.COMPLETED: "Create a new client for the new commission.",
    }
    return RuleViolationError(
        f"Client {client_id} is {client['status']}, and such a client gets no project.",
        hint=ways_out.get(client["status"], "The client has just moved on: call again."),
        details={"rule": "client_takes_projects", "found": client["status"]},
    )
