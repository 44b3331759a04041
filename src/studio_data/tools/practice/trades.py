"""Trades: the contractors and craft people whom the practice knows."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from annotated_types import Len

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, Email, EntityId, Fields, Limit, Line, Name, Search, choice
from studio_data.contract.paging import LOWEST_ID, Page, listed, near_miss
from studio_data.contract.phones import digits_in, digits_of
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.practice.rules.duplicates import LikelyDuplicate, with_duplicates
from studio_data.tools.practice.rules.kinds import kinds


class TradeField(StrEnum):
    """The fields of a trade that ``clear`` may empty."""

    SPECIALTY = "specialty"
    COMPANY = "company"
    EMAIL = "email"
    PHONE = "phone"


class Trade(TypedDict):
    """One row of ``trades``."""

    id: UUID
    name: str
    specialty: str | None
    company: str | None
    email: str | None
    phone: str | None
    created_at: datetime


class CreatedTrade(Trade):
    """A new trade's row, with ``likely_duplicates`` if there are some."""

    likely_duplicates: NotRequired[list[LikelyDuplicate]]


@tool(roles=[Role.PROCUREMENT_COORDINATOR])
def create_trade(
    name: Name,
    *,
    specialty: Line | None = None,
    company: Line | None = None,
    email: Email | None = None,
    phone: Line | None = None,
) -> CreatedTrade:
    """Create a trade: a contractor or craft person.

    ``specialty`` is what they do: general contractor, drapery, wallpaper. assign_trade assigns them to a project.
    ``likely_duplicates`` in the answer lists up to 20 trades with the same name, e-mail or phone.

    Returns the trade's row. Raises ``InvalidInputError`` for a bad argument.
    """
    row = one(
        """
        WITH trade AS (
            INSERT INTO trades (name, specialty, company, email, phone)
            VALUES (%(name)s, %(specialty)s, %(company)s, %(email)s, %(phone)s)
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'trade', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('specialty', specialty)
            FROM trade
        )
        SELECT trade.*, ARRAY(
            SELECT ARRAY[id::text, name]
            FROM trades
            WHERE lower(name) = lower(%(name)s)
                OR lower(email) = lower(%(email)s)
                OR (
                    right(phone_digits(phone), 7) = right(%(digits)s, 7)
                    AND right(phone_digits(phone), length(%(digits)s)) = %(digits)s
                )
            LIMIT 20
        ) AS likely_duplicates
        FROM trade
        """,
        {
            "name": name,
            "specialty": specialty,
            "company": company,
            "email": email,
            "phone": phone,
            "digits": digits_of(phone),
            **actor(),
        },
    )
    return with_duplicates(row)


@tool(reads=True)
def get_trade(trade_id: EntityId) -> Trade:
    """Get a trade by its id.

    Returns the trade's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM trades
        WHERE id = %(trade_id)s
        """,
        {"trade_id": trade_id},
    )
    if row is None:
        raise no_such("trade", trade_id)
    return row


@tool(reads=True, brief=["name", "specialty", "company", "phone"])
def list_trades(
    *,
    specialty: Line | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Trade]:
    """List trades, oldest first. ``search`` looks in name, company, specialty, e-mail and phone.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    found = listed(
        """
        SELECT *
        FROM trades
        WHERE (%(specialty)s::text IS NULL OR lower(specialty) = lower(%(specialty)s))
            AND (
                %(search)s::text IS NULL
                OR strpos(lower(name), lower(%(search)s)) > 0
                OR strpos(lower(company), lower(%(search)s)) > 0
                OR strpos(lower(specialty), lower(%(search)s)) > 0
                OR strpos(lower(email), lower(%(search)s)) > 0
                OR strpos(phone_digits(phone), %(digits)s) > 0
            )
            AND id > %(after)s
        ORDER BY id
        """,
        {"specialty": specialty, "search": search, "digits": digits_in(search), "after": after or LOWEST_ID, "limit": limit},
        fields,
    )
    return near_miss(found, "specialty", specialty, specialties)


def specialties() -> list[str]:
    """Return what the practice's trades do."""
    return kinds("trades", "specialty")


@tool(roles=[Role.PROCUREMENT_COORDINATOR], idempotent=True)
def update_trade(
    trade_id: EntityId,
    *,
    name: Name | None = None,
    specialty: Line | None = None,
    company: Line | None = None,
    email: Email | None = None,
    phone: Line | None = None,
    clear: Annotated[list[Annotated[TradeField | str, *choice(TradeField)]], Len(1, 4)] | None = None,
) -> Trade:
    """Update the given fields of a trade. ``clear`` empties fields.

    Returns the trade's row. Raises ``NotFoundError`` for an unknown trade.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM trades
            WHERE id = %(trade_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE trades
            SET name = coalesce(%(name)s, before.name),
                specialty = CASE
                    WHEN 'specialty' = ANY(%(clear)s) THEN NULL
                    ELSE coalesce(%(specialty)s, before.specialty)
                END,
                company = CASE WHEN 'company' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(company)s, before.company) END,
                email = CASE WHEN 'email' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(email)s, before.email) END,
                phone = CASE WHEN 'phone' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(phone)s, before.phone) END
            FROM before
            WHERE trades.id = before.id
            RETURNING trades.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'trade', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {
            "trade_id": trade_id,
            "name": name,
            "specialty": specialty,
            "company": company,
            "email": email,
            "phone": phone,
            "clear": list(clear or ()),
            **actor(),
        },
    )
    if row is None:
        raise no_such("trade", trade_id)
    return row
