"""The audit trail: one line for everything that happens."""

from datetime import datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.actor import Actor, ActorType, ActorTypeName, current_actor
from studio_data.audit import actor
from studio_data.db import many, one
from studio_data.errors import InvalidInputError
from studio_data.fields import PYTHON_ONLY, Cursor, EntityId, JsonObject, Limit, Line, Name
from studio_data.paging import Page, page
from studio_data.registry import tool
from studio_data.roles import STAFF


class Activity(TypedDict):
    """One row of ``activity_log``."""

    id: UUID
    entity_type: str
    entity_id: UUID
    action: str
    actor_type: str
    actor_name: str
    metadata: dict[str, Any]
    created_at: datetime
    context: dict[str, Any]
    project_id: UUID | None


@tool(roles=STAFF)
def log_activity(
    entity_type: Line,
    entity_id: EntityId,
    action: Line,
    *,
    actor_type: Annotated[ActorTypeName | None, PYTHON_ONLY] = None,
    actor_name: Annotated[Name | None, PYTHON_ONLY] = None,
    metadata: JsonObject | None = None,
) -> Activity:
    """Write a line into the audit trail for something that no other tool records.

    Use it for what happens outside the system, such as a call or a visit: any entity type, any action in the past tense.
    The line is final, and nothing else changes.

    ``entity_id`` need not exist in the database. Who acts is whoever ``acting_as`` says, else the system under the name
    ``unknown``; Python code may say otherwise. Returns the line. Raises ``InvalidInputError`` for a bad argument.
    """
    acting = current_actor.get() or Actor(ActorType.SYSTEM, "unknown")
    return one(
        """
        INSERT INTO activity_log (
            entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
        )
        VALUES (
            %(entity_type)s, %(entity_id)s, %(project_id)s, %(action)s, %(actor_type)s, %(actor_name)s, %(context)s,
            %(metadata)s
        )
        RETURNING
            id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id
        """,
        {
            "entity_type": entity_type,
            "entity_id": entity_id,
            "project_id": entity_id if entity_type == "project" else None,
            "action": action,
            **actor(),
            "actor_type": actor_type or acting.type,
            "actor_name": actor_name or acting.name,
            "metadata": Jsonb(metadata or {}),
        },
    )


@tool(reads=True)
def list_activity(
    *,
    entity_type: Line | None = None,
    entity_id: EntityId | None = None,
    run_id: Line | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
) -> Page[Activity]:
    """List lines of the audit trail, the newest first, all or those of an entity or an agent run.

    ``entity_id`` needs its ``entity_type``. ``after`` is the ``next`` of the page before.

    Returns ``limit`` lines at most and the cursor of the next page, None on the last. Raises ``InvalidInputError`` for a bad
    argument.
    """
    if entity_id is not None and entity_type is None:
        raise InvalidInputError(
            "entity_type is missing.", hint="An entity_id needs it.", details={"arguments": ["entity_type"]}
        )
    rows = many(
        """
        SELECT id, entity_type, entity_id, action, actor_type, actor_name, metadata, created_at, context, project_id
        FROM activity_log
        WHERE (%(entity_type)s::text IS NULL OR entity_type = %(entity_type)s)
            AND (%(entity_id)s::uuid IS NULL OR entity_id = %(entity_id)s)
            AND (%(run_id)s::text IS NULL OR (context ? 'run_id' AND context ->> 'run_id' = %(run_id)s))
            AND (%(after)s::uuid IS NULL OR id < %(after)s)
        ORDER BY id DESC
        LIMIT %(limit)s + 1
        """,
        {
            "entity_type": entity_type,
            "entity_id": entity_id,
            "run_id": run_id,
            "after": after,
            "limit": limit,
        },
    )
    return page(rows, limit)
