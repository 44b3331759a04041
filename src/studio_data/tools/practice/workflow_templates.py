"""Workflow templates: the practice's master list of tasks, which each new project copies.

Projects refer to the template they were made from, so a template is never rewritten. A change retires it and creates
another in its place, and existing projects keep their tasks. Only its position in the list may change.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypedDict
from uuid import UUID

from annotated_types import Len

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Name, Search, Text, Truth, choice
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one, transaction
from studio_data.errors import ConflictError, NotFoundError, RuleViolationError, StudioError
from studio_data.tools.practice.fields import Position, WorkingDays, WorkPhaseName


class WorkflowTemplateField(StrEnum):
    """The fields of a workflow template that ``clear`` may empty."""

    EMAIL_TEMPLATE_ID = "email_template_id"


class WorkflowTemplate(TypedDict):
    """One row of ``workflow_templates``; the duration in working days."""

    id: UUID
    phase: str
    task_order: int
    name: str
    description: str | None
    duration_days: int | None
    is_renovation_only: bool
    is_recurring: bool
    email_template_id: UUID | None
    created_at: datetime
    retired_at: datetime | None


@tool(reads=True, brief=["phase", "task_order", "name", "duration_days"])
def list_workflow_templates(
    *,
    phase: WorkPhaseName | None = None,
    include_retired: Truth = False,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[WorkflowTemplate]:
    """List the tasks of the master workflow in order: what a new project receives.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM workflow_templates
        WHERE (%(phase)s::project_phase IS NULL OR phase = %(phase)s)
            AND (%(include_retired)s OR retired_at IS NULL)
            AND (
                %(after)s::uuid IS NULL
                OR (phase, task_order, id) > (SELECT phase, task_order, id FROM workflow_templates WHERE id = %(after)s)
            )
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', name, description)), lower(%(search)s)) > 0)
        ORDER BY phase, task_order, id
        """,
        {"phase": phase, "include_retired": include_retired, "after": after, "search": search, "limit": limit},
        fields,
    )


@tool(roles=[Role.STUDIO_MANAGER])
def add_workflow_template(
    phase: WorkPhaseName,
    *,
    name: Name,
    description: Text,
    duration_days: WorkingDays,
    is_renovation_only: Truth = False,
    is_recurring: Truth = False,
    email_template_id: EntityId | None = None,
    position: Position | None = None,
) -> WorkflowTemplate:
    """Add a task to the master workflow, for projects created from now on.

    It goes to the end of its phase, or to ``position``; the tasks from there on shift by one.

    Returns the row. Raises ``ConflictError`` for a name that the phase has, ``NotFoundError`` for an unknown e-mail.
    """
    with transaction():
        # A caller must see the position that an earlier caller took. Readers and new projects do not wait.
        one("LOCK TABLE workflow_templates IN SHARE ROW EXCLUSIVE MODE")
        row = one(
            """
            WITH place AS (
                SELECT least(%(position)s, coalesce(max(task_order), 0) + 1) AS task_order
                FROM workflow_templates
                WHERE phase = %(phase)s AND retired_at IS NULL
                HAVING count(*) FILTER (WHERE name = %(name)s) = 0
                    AND (
                        %(email_template_id)s::uuid IS NULL
                        OR EXISTS (SELECT FROM email_templates WHERE id = %(email_template_id)s)
                    )
            ), moved AS (
                UPDATE workflow_templates AS later
                SET task_order = later.task_order + 1
                FROM place
                JOIN workflow_templates AS taken
                    ON taken.phase = %(phase)s AND taken.task_order = place.task_order AND taken.retired_at IS NULL
                WHERE later.phase = %(phase)s AND later.task_order >= place.task_order AND later.retired_at IS NULL
                RETURNING later.id
            ), template AS (
                INSERT INTO workflow_templates (
                    phase, task_order, name, description, duration_days, is_renovation_only, is_recurring,
                    email_template_id
                )
                SELECT
                    %(phase)s::project_phase, task_order, %(name)s, %(description)s, %(duration_days)s,
                    %(is_renovation_only)s, %(is_recurring)s, %(email_template_id)s::uuid
                FROM place
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
                SELECT 'workflow_template', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s, jsonb_build_object(
                    'phase', phase, 'task_order', task_order, 'moved_on', (SELECT count(*) FROM moved)
                )
                FROM template
            )
            SELECT *
            FROM template
            """,
            {
                "phase": phase,
                "name": name,
                "description": description,
                "duration_days": duration_days,
                "is_renovation_only": is_renovation_only,
                "is_recurring": is_recurring,
                "email_template_id": email_template_id,
                "position": position,
                **actor(),
            },
        )
        if row is None:
            raise _email_refusal(email_template_id, phase, name)
    return row


@tool(roles=[Role.STUDIO_MANAGER])
def change_workflow_template(
    workflow_template_id: EntityId,
    *,
    name: Name | None = None,
    description: Text | None = None,
    duration_days: WorkingDays | None = None,
    is_renovation_only: Truth | None = None,
    is_recurring: Truth | None = None,
    email_template_id: EntityId | None = None,
    clear: Annotated[
        list[Annotated[WorkflowTemplateField | str, *choice(WorkflowTemplateField)]], Len(0, len(WorkflowTemplateField))
    ]
    | None = None,
) -> WorkflowTemplate:
    """Change a task of the master workflow for projects created from now on. Existing projects keep theirs.

    The template is retired, and another with a new id takes its place. ``clear`` removes the e-mail.

    Returns the row in use: the new one, or the old one if nothing changes. Raises ``NotFoundError``,
    ``RuleViolationError`` for a retired template, ``ConflictError`` if the phase already has a task of that name.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM workflow_templates
            WHERE id = %(workflow_template_id)s
            FOR NO KEY UPDATE
        ), wanted AS (
            SELECT
                id, phase, task_order,
                coalesce(%(name)s, name) AS name,
                coalesce(%(description)s, description) AS description,
                coalesce(%(duration_days)s, duration_days) AS duration_days,
                coalesce(%(is_renovation_only)s, is_renovation_only) AS is_renovation_only,
                coalesce(%(is_recurring)s, is_recurring) AS is_recurring,
                CASE WHEN 'email_template_id' = ANY(%(clear)s) THEN NULL
                    ELSE coalesce(%(email_template_id)s, email_template_id) END AS email_template_id,
                created_at, retired_at
            FROM before
            WHERE retired_at IS NULL
        ), retired AS (
            UPDATE workflow_templates
            SET retired_at = now()
            FROM before, wanted
            WHERE workflow_templates.id = before.id
                AND to_jsonb(before) <> to_jsonb(wanted)
                AND NOT EXISTS (
                    SELECT FROM workflow_templates AS other
                    WHERE other.phase = wanted.phase AND other.name = wanted.name AND other.retired_at IS NULL
                        AND other.id <> wanted.id
                )
                AND (
                    wanted.email_template_id IS NULL
                    OR EXISTS (SELECT FROM email_templates WHERE id = wanted.email_template_id)
                )
            RETURNING workflow_templates.id
        ), template AS (
            INSERT INTO workflow_templates (
                phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id
            )
            SELECT
                phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id
            FROM wanted
            JOIN retired ON retired.id = wanted.id
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'workflow_template', id, 'retired', %(actor_type)s, %(actor_name)s, %(context)s, '{}'::jsonb
            FROM retired
            UNION ALL
            SELECT 'workflow_template', template.id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object(
                    'replaces', before.id,
                    'changes', changed_fields(to_jsonb(before), to_jsonb(template)) - ARRAY['id', 'created_at']
                )
            FROM before, template
        )
        SELECT * FROM template
        UNION ALL
        SELECT before.*
        FROM before, wanted
        WHERE to_jsonb(before) = to_jsonb(wanted)
        """,
        {
            "workflow_template_id": workflow_template_id,
            "name": name,
            "description": description,
            "duration_days": duration_days,
            "is_renovation_only": is_renovation_only,
            "is_recurring": is_recurring,
            "email_template_id": email_template_id,
            "clear": list(clear or ()),
            **actor(),
        },
    )
    if row is None:
        raise _change_refusal(workflow_template_id, email_template_id, name)
    return row


@tool(roles=[Role.STUDIO_MANAGER], idempotent=True, destructive=True)
def retire_workflow_template(workflow_template_id: EntityId) -> WorkflowTemplate:
    """Remove a task from the master workflow. Existing projects keep theirs.

    Returns the row; an already retired template stays unchanged. Raises ``NotFoundError``.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM workflow_templates
            WHERE id = %(workflow_template_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE workflow_templates
            SET retired_at = coalesce(before.retired_at, now())
            FROM before
            WHERE workflow_templates.id = before.id
            RETURNING workflow_templates.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context)
            SELECT 'workflow_template', after.id, 'retired', %(actor_type)s, %(actor_name)s, %(context)s
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {"workflow_template_id": workflow_template_id, **actor()},
    )
    if row is None:
        raise no_such("workflow_template", workflow_template_id)
    return row


def _change_refusal(workflow_template_id: EntityId, email_template_id: EntityId | None, name: str | None) -> StudioError:
    template = one(
        """
        SELECT phase, name, retired_at
        FROM workflow_templates
        WHERE id = %(workflow_template_id)s
        """,
        {"workflow_template_id": workflow_template_id},
        reads=True,
    )
    if template is None:
        return no_such("workflow_template", workflow_template_id)
    if template["retired_at"] is not None:
        return RuleViolationError(
            f"Workflow template {workflow_template_id} is retired and cannot change.",
            rule="retired_templates_stay",
            found=f"retired at {template['retired_at'].isoformat()}",
            hint="list_workflow_templates shows those in use; add_workflow_template adds one.",
        )
    return _email_refusal(email_template_id, template["phase"], name or template["name"])


def _email_refusal(email_template_id: EntityId | None, phase: str, name: str) -> NotFoundError | ConflictError:
    known = one("SELECT id FROM email_templates WHERE id = %(id)s", {"id": email_template_id}, reads=True)
    if email_template_id is not None and known is None:
        return no_such("email_template", email_template_id)
    holder = one(
        """
        SELECT id
        FROM workflow_templates
        WHERE phase = %(phase)s AND name = %(name)s AND retired_at IS NULL
        """,
        {"phase": phase, "name": name},
        reads=True,
    )
    return ConflictError(
        f"The phase {phase} already has a task {name!r}.",
        hint="Choose another name, or change that one.",
        details={"workflow_template_id": str(holder["id"])} if holder else {},
    )
