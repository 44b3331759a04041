"""Clients: households and companies in the sales pipeline."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.audit import actor
from studio_data.db import many, one
from studio_data.entities import no_such
from studio_data.fields import ClientStatusName, Cursor, Email, EntityId, JsonObject, Limit, Line, Name
from studio_data.paging import Page, page
from studio_data.registry import tool
from studio_data.roles import Role


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


@tool(roles=[Role.STUDIO_MANAGER])
def create_client(
    name: Name,
    *,
    email: Email | None = None,
    phone: Line | None = None,
    address: Line | None = None,
    source: Line | None = None,
    screening_data: JsonObject | None = None,
) -> Client:
    """Create a client at the head of the sales pipeline, as a lead.

    Use it at the first inquiry of a household or company. ``source`` says how they found the practice, ``screening_data``
    what is already known (style, rooms, budget range, timing).

    Returns the client's row. Raises ``InvalidInputError`` for a bad argument.
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


@tool(reads=True)
def get_client(client_id: EntityId) -> Client:
    """Look a client up by its id.

    Returns the client's row. Raises ``NotFoundError`` if there is none.
    """
    row = one(
        """
        SELECT *
        FROM clients
        WHERE id = %(client_id)s
        """,
        {"client_id": client_id},
    )
    if row is None:
        raise no_such("client", client_id, hint="list_clients shows them all.")
    return row


@tool(reads=True)
def list_clients(*, status: ClientStatusName | None = None, limit: Limit = 50, after: Cursor | None = None) -> Page[Client]:
    """List clients, the oldest first, all or those of one status.

    ``after`` is the ``next`` of the page before.

    Returns ``limit`` rows at most and the cursor of the next page, None on the last.
    """
    rows = many(
        """
        SELECT *
        FROM clients
        WHERE (%(status)s::client_status IS NULL OR status = %(status)s)
            AND (%(after)s::uuid IS NULL OR id > %(after)s)
        ORDER BY id
        LIMIT %(limit)s + 1
        """,
        {"status": status, "after": after, "limit": limit},
    )
    return page(rows, limit)
