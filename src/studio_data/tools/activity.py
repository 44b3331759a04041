"""The audit trail: one line for everything that happens."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.actor import Actor, ActorType, ActorTypeName, current_actor
from studio_data.audit import actor
from studio_data.db import one
from studio_data.fields import EntityId, JsonObject, Line
from studio_data.registry import tool


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


@tool
def log_activity(
    entity_type: Line,
    entity_id: EntityId,
    action: Line,
    *,
    actor_type: ActorTypeName | None = None,
    actor_name: Line | None = None,
    metadata: JsonObject | None = None,
) -> Activity:
    """Write a line into the audit trail for something that no other tool records.

    Takes any entity type and any action, in the past tense; ``entity_id`` need not exist in the database. The line is final:
    nobody can change or delete it. Who acts is whoever ``acting_as`` says, else the system under the name ``unknown``; the
    arguments may say otherwise. Returns its row. Raises ``InvalidInputError`` for a bad argument.
    """
    acting = current_actor.get() or Actor(ActorType.SYSTEM, "unknown")
    return one(
        """
        INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
        VALUES (
            %(entity_type)s, %(entity_id)s, %(action)s, %(actor_type)s, %(actor_name)s, %(context)s, %(metadata)s
        )
        RETURNING *
        """,
        {
            "entity_type": entity_type,
            "entity_id": entity_id,
            "action": action,
            **actor(),
            "actor_type": actor_type or acting.type,
            "actor_name": actor_name or acting.name,
            "metadata": Jsonb(metadata or {}),
        },
    )
