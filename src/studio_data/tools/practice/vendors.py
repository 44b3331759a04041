"""Vendors: the companies that sell what the projects need."""

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


class VendorField(StrEnum):
    """The fields of a vendor that ``clear`` may empty."""

    CATEGORY = "category"
    CONTACT_NAME = "contact_name"
    EMAIL = "email"
    PHONE = "phone"
    ACCOUNT_NUMBER = "account_number"
    DISCOUNT_TIER = "discount_tier"


class Vendor(TypedDict):
    """One row of ``vendors``."""

    id: UUID
    name: str
    category: str | None
    contact_name: str | None
    email: str | None
    phone: str | None
    account_number: str | None
    discount_tier: str | None
    created_at: datetime


class CreatedVendor(Vendor):
    """A new vendor's row, with ``likely_duplicates`` if there are some."""

    likely_duplicates: NotRequired[list[LikelyDuplicate]]


@tool(roles=[Role.SOURCING_SPECIALIST, Role.PROCUREMENT_COORDINATOR])
def create_vendor(
    name: Name,
    *,
    category: Line | None = None,
    contact_name: Name | None = None,
    email: Email | None = None,
    phone: Line | None = None,
    account_number: Line | None = None,
    discount_tier: Line | None = None,
) -> CreatedVendor:
    """Create a vendor from whom the practice may buy.

    ``likely_duplicates`` in the answer lists up to 20 vendors with the same name, e-mail or phone.

    Returns the vendor's row. Raises ``InvalidInputError`` for a bad argument.
    """
    row = one(
        """
        WITH vendor AS (
            INSERT INTO vendors (name, category, contact_name, email, phone, account_number, discount_tier)
            VALUES (
                %(name)s, %(category)s, %(contact_name)s, %(email)s, %(phone)s, %(account_number)s, %(discount_tier)s
            )
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'vendor', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s, jsonb_build_object('name', name)
            FROM vendor
        )
        SELECT vendor.*, ARRAY(
            SELECT ARRAY[id::text, name]
            FROM vendors
            WHERE lower(name) = lower(%(name)s)
                OR lower(email) = lower(%(email)s)
                OR (
                    right(phone_digits(phone), 7) = right(%(digits)s, 7)
                    AND right(phone_digits(phone), length(%(digits)s)) = %(digits)s
                )
            LIMIT 20
        ) AS likely_duplicates
        FROM vendor
        """,
        {
            "name": name,
            "category": category,
            "contact_name": contact_name,
            "email": email,
            "phone": phone,
            "digits": digits_of(phone),
            "account_number": account_number,
            "discount_tier": discount_tier,
            **actor(),
        },
    )
    return with_duplicates(row)


@tool(roles=[Role.SOURCING_SPECIALIST, Role.PROCUREMENT_COORDINATOR], idempotent=True)
def update_vendor(
    vendor_id: EntityId,
    *,
    name: Name | None = None,
    category: Line | None = None,
    contact_name: Name | None = None,
    email: Email | None = None,
    phone: Line | None = None,
    account_number: Line | None = None,
    discount_tier: Line | None = None,
    clear: Annotated[list[Annotated[VendorField | str, *choice(VendorField)]], Len(1, 6)] | None = None,
) -> Vendor:
    """Update the given fields of a vendor. ``clear`` empties fields.

    Returns the vendor's row. Raises ``NotFoundError``.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM vendors
            WHERE id = %(vendor_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE vendors
            SET name = coalesce(%(name)s, before.name),
                category = CASE
                    WHEN 'category' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(category)s, before.category)
                END,
                contact_name = CASE
                    WHEN 'contact_name' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(contact_name)s, before.contact_name)
                END,
                email = CASE WHEN 'email' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(email)s, before.email) END,
                phone = CASE WHEN 'phone' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(phone)s, before.phone) END,
                account_number = CASE
                    WHEN 'account_number' = ANY(%(clear)s) THEN NULL
                    ELSE coalesce(%(account_number)s, before.account_number)
                END,
                discount_tier = CASE
                    WHEN 'discount_tier' = ANY(%(clear)s) THEN NULL
                    ELSE coalesce(%(discount_tier)s, before.discount_tier)
                END
            FROM before
            WHERE vendors.id = before.id
            RETURNING vendors.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'vendor', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {
            "vendor_id": vendor_id,
            "name": name,
            "category": category,
            "contact_name": contact_name,
            "email": email,
            "phone": phone,
            "account_number": account_number,
            "discount_tier": discount_tier,
            "clear": list(clear or ()),
            **actor(),
        },
    )
    if row is None:
        raise no_such("vendor", vendor_id)
    return row


@tool(reads=True)
def get_vendor(vendor_id: EntityId) -> Vendor:
    """Get a vendor by its id.

    Returns the vendor's row. Raises ``NotFoundError``.
    """
    row = one("SELECT * FROM vendors WHERE id = %(vendor_id)s", {"vendor_id": vendor_id})
    if row is None:
        raise no_such("vendor", vendor_id)
    return row


@tool(reads=True, brief=["name", "category", "email", "phone"])
def list_vendors(
    *,
    category: Line | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Vendor]:
    """List vendors, oldest first. ``search`` looks in name, contact, e-mail and phone.

    Returns a page of rows, the oldest first.
    """
    found = listed(
        """
        SELECT *
        FROM vendors
        WHERE (%(category)s::text IS NULL OR lower(category) = lower(%(category)s))
            AND (
                %(search)s::text IS NULL
                OR strpos(lower(name), lower(%(search)s)) > 0
                OR strpos(lower(contact_name), lower(%(search)s)) > 0
                OR strpos(lower(email), lower(%(search)s)) > 0
                OR strpos(phone_digits(phone), %(digits)s) > 0
            )
            AND id > %(after)s
        ORDER BY id
        """,
        {"category": category, "search": search, "digits": digits_in(search), "after": after or LOWEST_ID, "limit": limit},
        fields,
    )
    return near_miss(found, "category", category, _categories)


def _categories() -> list[str]:
    return kinds("vendors", "category")
