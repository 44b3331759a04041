"""The audit trail: one line for everything that happens."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.audit import ActorType
from studio_data.db import one
from studio_data.fields import ActorTypeName, EntityId, JsonObject, Line
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


@tool
def log_activity(
    entity_type: Line,
    entity_id: EntityId,
    action: Line,
    *,
    actor_type: ActorTypeName = ActorType.SYSTEM,
    actor_name: Line = "unknown",
    metadata: JsonObject | None = None,
) -> Activity:
    """Write a line into the audit trail for something that no other tool records.

    Takes any entity type and any action, in the past tense; ``entity_id`` need not exist in the database. The line is final:
    nobody can change or delete it. Returns its row. Raises ``InvalidInputError`` for a bad argument.
    """
    return one(
        """
        INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, metadata)
        VALUES (%(entity_type)s, %(entity_id)s, %(action)s, %(actor_type)s, %(actor_name)s, %(metadata)s)
        RETURNING *
        """,
        {
            "entity_type": entity_type,
            "entity_id": entity_id,
            "action": action,
            "actor_type": actor_type,
            "actor_name": actor_name,
            "metadata": Jsonb(metadata or {}),
        },
    )
