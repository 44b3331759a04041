"""What has an id: what an id that finds nothing may be instead, and why a thing does not move."""

import re
from uuid import UUID

from psycopg import sql

from studio_data.contract.domain import Entity, entities
from studio_data.contract.lifecycle import Moves, in_words
from studio_data.db import many, one
from studio_data.errors import NotFoundError, StudioError

LONGEST_NAME = 60

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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


def located(entity_type: str) -> sql.Composed:
    """Return the query of a thing by ``%(entity_id)s``: its ``id``, and the ``project_id`` of the project that it is in."""
    known = entities()
    chain = [known[entity_type]]
    while chain[-1].entity_type != "project" and chain[-1].owner not in {None, "project"}:
        chain.append(known[str(chain[-1].owner)])
    last = f"thing_{len(chain) - 1}"
    if chain[-1].entity_type == "project":
        project = sql.Identifier(last, "id")
    else:
        project = sql.SQL("NULL::uuid") if chain[-1].owner is None else sql.Identifier(last, "project_id")
    joins = [
        sql.SQL(" JOIN {table} AS {thing} ON {id} = {owner}").format(
            table=sql.Identifier(entity.table),
            thing=sql.Identifier(f"thing_{number}"),
            id=sql.Identifier(f"thing_{number}", "id"),
            owner=sql.Identifier(f"thing_{number - 1}", f"{entity.entity_type}_id"),
        )
        for number, entity in enumerate(chain[1:], 1)
    ]
    return sql.SQL(
        "SELECT thing_0.id, {project} AS project_id FROM {table} AS thing_0{joins} WHERE thing_0.id = %(entity_id)s"
    ).format(project=project, table=sql.Identifier(chain[0].table), joins=sql.Composed(joins))


def kind_named(words: str) -> str | None:
    """Return the kind of thing that is meant by its name, its plural or its table in any case; None if there is none."""
    name = words.lower().replace(" ", "_").replace("-", "_")
    for kind, entity in entities().items():
        if name in {kind, entity.table, f"{kind}s", f"{kind[:-1]}ies"}:
            return kind
    return None


def with_names(messages: list[str]) -> list[str]:
    """Return messages with the names of things before their ids. One round trip, if they have ids."""
    ids = list(dict.fromkeys(found for message in messages for found in _ID.findall(message)))
    if not ids:
        return messages
    query = sql.SQL(" UNION ALL ").join([_naming(entity) for entity in entities().values() if entity.name])
    names = {str(row["id"]): row["name"] for row in many(query, {"ids": ids}, reads=True)}
    return [_ID.sub(lambda found: _with_name(found[0], names.get(found[0])), message) for message in messages]


def _with_name(entity_id: str, name: str | None) -> str:
    if name is None:
        return entity_id
    return f"{name if len(name) <= LONGEST_NAME else f'{name[:LONGEST_NAME]}…'!r} ({entity_id})"


def _naming(entity: Entity) -> sql.Composed:
    return sql.SQL("SELECT id, ({name})::text AS name FROM {table} WHERE id = ANY(%(ids)s::uuid[])").format(
        name=sql.SQL(entity.name or "NULL"), table=sql.Identifier(entity.table)
    )


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
