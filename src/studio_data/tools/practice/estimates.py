"""Estimates: what a room will cost, from price benchmarks, before there are quotes."""

from typing import Annotated, NotRequired, TypedDict

from annotated_types import Len
from pydantic import ConfigDict

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId, Line
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import batch, many, transaction
from studio_data.tools.practice.fields import Quantity
from studio_data.tools.practice.line_items import LineItem, benchmarks_exist
from studio_data.tools.practice.rooms import Room, lock_project_of_room, project_totals_sql, room_estimate_sql
from studio_data.tools.projects import closed_project_refusal


class EstimatedItem(TypedDict):
    """An item to estimate: a price benchmark, a quantity, and a description if the item type is not enough."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    benchmark_id: EntityId
    quantity: Quantity
    description: NotRequired[Line | None]


class RoomEstimate(TypedDict):
    """A room with its new estimate, and the line items that were added."""

    room: Room
    line_items: list[LineItem]


@tool(roles=[Role.SOURCING_SPECIALIST])
def estimate_room(room_id: EntityId, *, items: Annotated[list[EstimatedItem], Len(1, 100)]) -> RoomEstimate:
    """Add line items from price benchmarks to a room. Set the room's and the project's estimate from all their items.

    The estimate is the sum of quantity x unit price x (1 + freight factor).

    Returns the room and the new items. Raises ``NotFoundError``, ``RuleViolationError`` for a completed project. The
    formula is the practice's own; freight is 0.18 for an item without a price benchmark, and half a cent of the sum goes
    to the even cent.
    """
    wanted = [item["benchmark_id"] for item in items]
    with transaction():
        project_id = lock_project_of_room(room_id)
        if not benchmarks_exist(wanted):
            known = {row["id"] for row in many("SELECT id FROM pricing_benchmarks WHERE id = ANY(%(ids)s)", {"ids": wanted})}
            missing = next(benchmark_id for benchmark_id in wanted if benchmark_id not in known)
            raise no_such("benchmark", missing)
        added = many(
            """
            WITH item AS (
                INSERT INTO line_items (
                    room_id, benchmark_id, description_generic, quantity, estimated_unit_price, estimated_freight_factor
                )
                SELECT room.id, benchmark.id, coalesce(wanted.description, benchmark.item_type), wanted.quantity,
                    benchmark.unit_price_estimate, benchmark.freight_factor
                FROM unnest(%(benchmarks)s::uuid[], %(quantities)s::integer[], %(descriptions)s::text[]) WITH ORDINALITY
                    AS wanted (benchmark_id, quantity, description, position)
                JOIN pricing_benchmarks AS benchmark ON benchmark.id = wanted.benchmark_id
                JOIN project_rooms AS room ON room.id = %(room_id)s
                JOIN projects AS project ON project.id = room.project_id AND project.phase <> 'completed'
                ORDER BY wanted.position
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'line_item', id, %(project_id)s, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('description_generic', description_generic, 'quantity', quantity)
                FROM item
                ORDER BY id
            )
            SELECT * FROM item ORDER BY id
            """,
            {
                "room_id": room_id,
                "project_id": project_id,
                "benchmarks": wanted,
                "quantities": [item["quantity"] for item in items],
                "descriptions": [item.get("description") for item in items],
                **actor(),
            },
        )
        if not added:
            raise closed_project_refusal(project_id)
        rooms, _ = batch(
            room_estimate_sql(room_id, replaces_given=True),
            project_totals_sql(project_id),
        )
        return {"room": rooms[0], "line_items": added}
