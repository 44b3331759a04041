"""Projects: commissions of a client, each with its own copy of the master workflow."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from annotated_types import Len

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Line, Money, Name, Search, choice
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.errors import NotFoundError, RuleViolationError, SatisfyingCall
from studio_data.tools.fields import ProjectPhaseName, ProjectTypeName
from studio_data.tools.rules.lifecycles import ClientStatus


class ProjectField(StrEnum):
    """The fields of a project that ``clear`` may empty."""

    ADDRESS = "address"


class Project(TypedDict):
    """One row of ``projects``; money in dollars. ``estimate_at_creation`` counts while no room has an estimate."""

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
    estimate_at_creation: Decimal | None


class CreatedProject(TypedDict):
    """A new project, and how many tasks of the master workflow it received."""

    project: Project
    tasks_created: int


@tool(roles=[Role.STUDIO_MANAGER, Role.PROJECT_MANAGER])
def create_project(
    client_id: EntityId,
    name: Name,
    project_type: ProjectTypeName,
    *,
    address: Line | None = None,
    investment_estimate: Money | None = None,
) -> CreatedProject:
    """Create a project in conceptual design, with the master workflow's tasks for its type.

    The first project of a contracted client makes the client active. Refused for a churned or completed client: call
    reopen_client first.

    A furnishings project leaves out the renovation-only tasks; renovation and mixed projects receive all of them. Returns
    the project's row and the number of its tasks. Raises ``InvalidInputError`` for a bad argument, ``NotFoundError`` for
    an unknown client, ``RuleViolationError`` for a churned or completed client.
    """
    row = one(
        """
        WITH client AS (
            SELECT id, status
            FROM clients
            WHERE id = kept_client(%(client_id)s) AND merged_into IS NULL AND status NOT IN ('churned', 'completed')
            FOR NO KEY UPDATE
        ), project AS (
            INSERT INTO projects (client_id, name, address, project_type, investment_estimate, estimate_at_creation)
            SELECT id, %(name)s, %(address)s, %(project_type)s::project_type, %(investment_estimate)s,
                %(investment_estimate)s
            FROM client
            RETURNING *
        ), tasks AS (
            INSERT INTO project_tasks (project_id, template_id)
            SELECT project.id, template.id
            FROM project
            JOIN workflow_templates AS template
                ON (project.project_type <> 'furnishings' OR NOT template.is_renovation_only)
                AND template.retired_at IS NULL
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
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', id, id, 'created', %(actor_type)s, %(actor_name)s, %(context)s, jsonb_build_object(
                'client_id', client_id, 'project_type', project_type, 'tasks_created', tasks_created
            )
            FROM created
            UNION ALL
            SELECT 'client', id, NULL, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
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
        raise _create_refusal(client_id)
    tasks_created = row.pop("tasks_created")
    return {"project": row, "tasks_created": tasks_created}


def _create_refusal(client_id: EntityId) -> NotFoundError | RuleViolationError:
    query = "SELECT status FROM clients WHERE id = kept_client(%(client_id)s)"
    client = one(query, {"client_id": client_id}, reads=True)
    if client is None:
        return no_such("client", client_id)
    calls: list[SatisfyingCall] = []
    match client["status"]:
        case ClientStatus.CHURNED | ClientStatus.COMPLETED:
            hint = "Call reopen_client first: it makes the client a lead."
            calls.append({"tool": "reopen_client", "arguments": {"client_id": str(client_id)}})
        case _:
            hint = "The client's status has just changed: call again."
    return RuleViolationError(
        f"Client {client_id} is {client['status']} and cannot have a new project.",
        rule="client_takes_projects",
        found=client["status"],
        calls=calls,
        hint=hint,
    )


@tool(reads=True)
def get_project(project_id: EntityId) -> Project:
    """Get a project by its id.

    Returns the project's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM projects
        WHERE id = %(project_id)s
        """,
        {"project_id": project_id},
    )
    if row is None:
        raise no_such("project", project_id)
    return row


@tool(roles=[Role.STUDIO_MANAGER, Role.PROJECT_MANAGER], idempotent=True)
def update_project(
    project_id: EntityId,
    *,
    name: Name | None = None,
    address: Line | None = None,
    clear: Annotated[list[Annotated[ProjectField | str, *choice(ProjectField)]], Len(1, 1)] | None = None,
) -> Project:
    """Update a project's name or address. ``clear`` empties fields.

    advance_project changes the phase. The estimate and Exhibit B total follow from the rooms.

    Returns the project's row. Raises ``NotFoundError`` for an unknown project.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM projects
            WHERE id = %(project_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE projects
            SET name = coalesce(%(name)s, before.name),
                address = CASE WHEN 'address' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(address)s, before.address) END
            FROM before
            WHERE projects.id = before.id
            RETURNING projects.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', after.id, after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {"project_id": project_id, "name": name, "address": address, "clear": list(clear or ()), **actor()},
    )
    if row is None:
        raise no_such("project", project_id)
    return row


@tool(reads=True, brief=["client_id", "name", "project_type", "phase"])
def list_projects(
    *,
    client_id: EntityId | None = None,
    phase: ProjectPhaseName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Project]:
    """List projects, newest first. ``search`` looks in name and address.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM projects
        WHERE (%(client_id)s::uuid IS NULL OR client_id = kept_client(%(client_id)s))
            AND (%(phase)s::project_phase IS NULL OR phase = %(phase)s)
            AND id < %(after)s
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', name, address)), lower(%(search)s)) > 0)
        ORDER BY id DESC
        """,
        {"client_id": client_id, "phase": phase, "after": after or HIGHEST_ID, "search": search, "limit": limit},
        fields,
    )


def closed_project_refusal(project_id: EntityId) -> NotFoundError | RuleViolationError:
    """Return the error for a project to which nothing can be added: it is unknown or completed."""
    row = one("SELECT phase FROM projects WHERE id = %(project_id)s", {"project_id": project_id}, reads=True)
    if row is None:
        return no_such("project", project_id)
    return RuleViolationError(
        f"Project {project_id} is {row['phase']}. Nothing can be added to a completed project.",
        rule="completed_projects_are_closed",
        found=row["phase"],
        hint="Create a new project for the new work.",
        calls=[{"tool": "create_project", "arguments": {}}],
    )
