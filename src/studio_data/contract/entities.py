"""What has an id: what an id that finds nothing may be instead, and why a thing does not move."""

from uuid import UUID

from psycopg import sql

from studio_data.contract.domain import Entity, entities
from studio_data.contract.lifecycle import Moves, in_words
from studio_data.db import one
from studio_data.errors import NotFoundError, StudioError


def no_such(entity_type: str, entity_id: UUID | str, *, hint: str | None = None) -> NotFoundError:
    """Return the error for an id that is no ``entity_type``'s, having looked up whose it is. One round trip."""
    found = _entity_with(entity_id)
    if found is not None:
        article = "an" if found["entity_type"][0] in "aeiou" else "a"
        hint = f"That is the id of {article} {in_words(found['entity_type'])}{_owner(entity_type, found)}."
    known = entities().get(entity_type)
    return NotFoundError(
        f"There is no {in_words(entity_type)} {entity_id}.",
        hint=hint or (known.hint if known else None),
        details={"entity_type": entity_type, "id": str(entity_id), **({"found": found} if found else {})},
    )


def _owner(entity_type: str, found: dict[str, str]) -> str:
    """Say which id was probably meant, where the row that was found has it."""
    meant = found.get(f"{entity_type}_id")
    return f"; its {entity_type} is {meant}" if meant else ""


def _entity_with(entity_id: UUID | str) -> dict[str, str] | None:
    query = sql.SQL(" UNION ALL ").join([_looking_for(entity) for entity in entities().values()]) + sql.SQL(" LIMIT 1")
    row = one(query, {"id": entity_id}, reads=True)
    if row is None:
        return None
    owner = {f"{row['owner']}_id": str(row["owner_id"])} if row["owner_id"] else {}
    return {"entity_type": row["entity_type"], **owner}


def _looking_for(entity: Entity) -> sql.Composed:
    return sql.SQL(
        "SELECT {entity_type} AS entity_type, {owner} AS owner, {owner_id}::uuid AS owner_id FROM {table} WHERE id = %(id)s"
    ).format(
        entity_type=sql.Literal(entity.entity_type),
        owner=sql.Literal(entity.owner),
        owner_id=sql.Identifier(f"{entity.owner}_id") if entity.owner else sql.NULL,
        table=sql.Identifier(entity.table),
    )


def move_refusal(moves: Moves, entity_id: UUID | str, tool: str, to: str | None = None) -> StudioError:
    """Return why a tool did not move a thing, having read its facts: what ``available_actions`` says of the same call.

    One round trip, and another for an id that finds nothing.
    """
    facts = moves.facts(UUID(str(entity_id)))
    if facts is None:
        return no_such(moves.lifecycle.entity_type, entity_id)
    return moves.refusal_of(tool, facts, to)
