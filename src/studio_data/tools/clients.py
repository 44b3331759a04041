"""Clients: households and companies in the sales pipeline."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.audit import actor
from studio_data.db import one
from studio_data.fields import Email, JsonObject, Line
from studio_data.registry import tool


class Client(TypedDict):
    """One row of ``clients``."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    address: str | None
    status: str
    source: str | None
    screening_data: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@tool
def create_client(
    name: Line,
    *,
    email: Email | None = None,
    phone: Line | None = None,
    address: Line | None = None,
    source: Line | None = None,
    screening_data: JsonObject | None = None,
) -> Client:
    """Create a client at the head of the sales pipeline, as a lead.

    ``source`` says how they found the practice; ``screening_data`` holds what is already known from the first talk (style,
    rooms, budget range, timing). Returns the client's row. Raises ``InvalidInputError`` for a bad argument.
    """
    return one(
        """
        WITH client AS (
            INSERT INTO clients (name, email, phone, address, source, screening_data)
            VALUES (%(name)s, %(email)s, %(phone)s, %(address)s, %(source)s, %(screening_data)s)
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'client', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('source', source)
            FROM client
        )
        SELECT * FROM client
        """,
        {
            "name": name,
            "email": email,
            "phone": phone,
            "address": address,
            "source": source,
            "screening_data": Jsonb(screening_data or {}),
            **actor(),
        },
    )
