"""Clients: households and companies in the sales pipeline."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import (
    Cursor,
    Email,
    EntityId,
    Fields,
    JsonObject,
    Limit,
    Line,
    Name,
    ReportedObject,
    Search,
    choice,
)
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.phones import digits_in, digits_of
from studio_data.contract.registry import tool
from studio_data.contract.reports import cleaned
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.fields import ClientStatusName


class ClientField(StrEnum):
    """The fields of a client that ``clear`` may empty."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    SOURCE = "source"


class Client(TypedDict):
    """One row of ``clients``. One that was merged into another is not listed any more."""

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
    merged_into: UUID | None


class Duplicate(TypedDict):
    """Another client with the same e-mail address or phone number."""

    id: UUID
    name: str
    status: str


class CreatedClient(Client):
    """A new client's row, with ``likely_duplicates`` if other clients have its e-mail address or phone number."""

    likely_duplicates: NotRequired[list[Duplicate]]


@tool(roles=[Role.STUDIO_MANAGER])
def create_client(
    name: Name,
    *,
    email: Email | None = None,
    phone: Line | None = None,
    address: Line | None = None,
    source: Line | None = None,
    screening_data: JsonObject | None = None,
) -> CreatedClient:
    """Create a client at the start of the sales pipeline, as a lead.

    Use it at the first inquiry of a household or company. ``source`` says how they found the practice, ``screening_data``
    what is already known. ``likely_duplicates`` in the answer lists up to 20 clients with the same e-mail or phone:
    reopen_client brings a client back, merge_clients joins two.

    Returns the client's row. Raises ``InvalidInputError`` for a bad argument.
    """
    client = one(
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
        SELECT client.*, ARRAY(
            SELECT ARRAY[id::text, name, status::text]
            FROM clients
            WHERE merged_into IS NULL
                AND (
                    lower(email) = lower(%(email)s)
                    OR phone = %(phone)s
                    OR (
                        right(phone_digits(phone), 7) = right(%(digits)s, 7)
                        AND right(phone_digits(phone), length(%(digits)s)) = %(digits)s
                    )
                )
            LIMIT 20
        ) AS likely_duplicates
        FROM client
        """,
        {
            "name": name,
            "email": email,
            "phone": phone,
            "digits": digits_of(phone),
            "address": address,
            "source": source,
            "screening_data": Jsonb(screening_data or {}),
            **actor(),
        },
    )
    alike = client.pop("likely_duplicates")
    if alike:
        client["likely_duplicates"] = [
            {"id": UUID(client_id), "name": name, "status": status} for client_id, name, status in sorted(alike)
        ]
    return client


@tool(reads=True)
def get_client(client_id: EntityId) -> Client:
    """Get a client by its id.

    Returns the client's row; for the id of a merged client, that of the one who is kept. Raises ``NotFoundError`` for an
    unknown id.
    """
    row = one("SELECT * FROM clients WHERE id = kept_client(%(client_id)s)", {"client_id": client_id})
    if row is None:
        raise no_such("client", client_id)
    return row


@tool(reads=True, brief=["name", "status", "email", "phone"])
def list_clients(
    *,
    status: ClientStatusName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Client]:
    """List clients, newest first. ``search`` looks in name, e-mail and phone.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT *
        FROM clients
        WHERE merged_into IS NULL
            AND (%(status)s::client_status IS NULL OR status = %(status)s)
            AND (
                %(search)s::text IS NULL
                OR strpos(lower(name), lower(%(search)s)) > 0
                OR strpos(lower(email), lower(%(search)s)) > 0
                OR strpos(phone_digits(phone), %(digits)s) > 0
            )
            AND id < %(after)s
        ORDER BY id DESC
        """,
        {"status": status, "search": search, "digits": digits_in(search), "after": after or HIGHEST_ID, "limit": limit},
        fields,
    )


@tool(roles=[Role.STUDIO_MANAGER], idempotent=True)
def update_client(
    client_id: EntityId,
    *,
    name: Name | None = None,
    email: Email | None = None,
    phone: Line | None = None,
    address: Line | None = None,
    source: Line | None = None,
    clear: Annotated[list[Annotated[ClientField | str, *choice(ClientField)]], Len(1, 4)] | None = None,
) -> Client:
    """Update the given fields of a client. ``clear`` empties fields.

    Returns the client's row. Raises ``NotFoundError`` for an unknown client.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM clients
            WHERE id = kept_client(%(client_id)s) AND merged_into IS NULL
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE clients
            SET name = coalesce(%(name)s, before.name),
                email = CASE WHEN 'email' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(email)s, before.email) END,
                phone = CASE WHEN 'phone' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(phone)s, before.phone) END,
                address = CASE WHEN 'address' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(address)s, before.address) END,
                source = CASE WHEN 'source' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(source)s, before.source) END
            FROM before
            WHERE clients.id = before.id
            RETURNING clients.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'client', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {
            "client_id": client_id,
            "name": name,
            "email": email,
            "phone": phone,
            "address": address,
            "source": source,
            "clear": list(clear or ()),
            **actor(),
        },
    )
    if row is None:
        raise no_such("client", client_id)
    return row


@tool(roles=[Role.STUDIO_MANAGER], idempotent=True)
def record_screening(client_id: EntityId, screening_data: ReportedObject) -> Client:
    """Add screening answers to a client. An answer given again replaces the earlier one.

    Returns the client's row. Raises ``NotFoundError`` for an unknown client.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM clients
            WHERE id = kept_client(%(client_id)s) AND merged_into IS NULL
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE clients
            SET screening_data = before.screening_data || %(screening_data)s
            FROM before
            WHERE clients.id = before.id
            RETURNING clients.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'client', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(cleaned)s || jsonb_build_object(
                    'changes', jsonb_build_object(
                        'screening_data', changed_fields(before.screening_data, after.screening_data)
                    )
                )
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {
            "client_id": client_id,
            "screening_data": Jsonb(screening_data),
            "cleaned": Jsonb(cleaned(screening_data=screening_data)),
            **actor(),
        },
    )
    if row is None:
        raise no_such("client", client_id)
    return row
