"""Price benchmarks: what the practice knows of prices before there are quotes."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.fields import Cursor, Fields, Limit, Line, Money, Search, Text
from studio_data.contract.paging import LOWEST_ID, Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.practice.fields import FreightFactor
from studio_data.tools.practice.rules.kinds import kinds


class Benchmark(TypedDict):
    """One row of ``pricing_benchmarks``. The price is in dollars per unit, freight is a fraction of it."""

    id: UUID
    category: str
    item_type: str
    quality_tier: str
    unit_price_estimate: Decimal
    freight_factor: Decimal
    notes: str | None
    last_updated: datetime
    created_at: datetime


@tool(roles=[Role.SOURCING_SPECIALIST], idempotent=True)
def set_benchmark(
    category: Line,
    *,
    item_type: Line,
    unit_price_estimate: Money,
    quality_tier: Line = "mid-high",
    freight_factor: FreightFactor | None = None,
    notes: Text | None = None,
) -> Benchmark:
    """Set the typical unit price of an item type in a quality tier: create or change its price benchmark.

    Without ``freight_factor`` a known factor stays; a new one is 0.18.

    Returns the price benchmark's row. Raises ``InvalidInputError`` for a bad argument.
    """
    return one(
        """
        WITH before AS (
            SELECT *
            FROM pricing_benchmarks
            WHERE category = %(category)s AND item_type = %(item_type)s AND quality_tier = %(quality_tier)s
        ), written AS (
            INSERT INTO pricing_benchmarks AS benchmark (
                category, item_type, quality_tier, unit_price_estimate, freight_factor, notes
            )
            VALUES (
                %(category)s, %(item_type)s, %(quality_tier)s, %(unit_price_estimate)s,
                coalesce(%(freight_factor)s, 0.18), %(notes)s
            )
            ON CONFLICT (category, item_type, quality_tier) DO UPDATE
            SET unit_price_estimate = excluded.unit_price_estimate,
                freight_factor = coalesce(%(freight_factor)s, benchmark.freight_factor),
                notes = coalesce(excluded.notes, benchmark.notes),
                last_updated = now()
            WHERE (benchmark.unit_price_estimate, benchmark.freight_factor, benchmark.notes) IS DISTINCT FROM (
                excluded.unit_price_estimate,
                coalesce(%(freight_factor)s, benchmark.freight_factor),
                coalesce(excluded.notes, benchmark.notes)
            )
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'benchmark', written.id, CASE WHEN before.id IS NULL THEN 'created' ELSE 'updated' END,
                %(actor_type)s, %(actor_name)s, %(context)s,
                CASE
                    WHEN before.id IS NULL THEN jsonb_build_object('item_type', written.item_type)
                    ELSE jsonb_build_object(
                        'changes', changed_fields(to_jsonb(before), to_jsonb(written)) - 'last_updated'
                    )
                END
            FROM written
            LEFT JOIN before ON before.id = written.id
        )
        SELECT * FROM written
        UNION ALL
        SELECT * FROM before WHERE NOT EXISTS (SELECT FROM written)
        """,
        {
            "category": category,
            "item_type": item_type,
            "quality_tier": quality_tier,
            "unit_price_estimate": unit_price_estimate,
            "freight_factor": freight_factor,
            "notes": notes,
            **actor(),
        },
    )


@tool(reads=True, brief=["category", "item_type", "quality_tier", "unit_price_estimate"])
def find_benchmarks(
    *,
    category: Line | None = None,
    search: Search | None = None,
    quality_tier: Line | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Benchmark]:
    """Find price benchmarks by category, quality tier or part of the item type.

    Returns a page of rows, the oldest first.
    """
    found = listed(
        """
        SELECT *
        FROM pricing_benchmarks
        WHERE (%(category)s::text IS NULL OR lower(category) = lower(%(category)s))
            AND (%(quality_tier)s::text IS NULL OR lower(quality_tier) = lower(%(quality_tier)s))
            AND (%(search)s::text IS NULL OR strpos(lower(item_type), lower(%(search)s)) > 0)
            AND id > %(after)s
        ORDER BY id
        """,
        {"category": category, "quality_tier": quality_tier, "search": search, "after": after or LOWEST_ID, "limit": limit},
        fields,
    )
    return near_miss(near_miss(found, "category", category, _categories), "quality_tier", quality_tier, _quality_tiers)


def _categories() -> list[str]:
    return kinds("pricing_benchmarks", "category")


def _quality_tiers() -> list[str]:
    return kinds("pricing_benchmarks", "quality_tier")
