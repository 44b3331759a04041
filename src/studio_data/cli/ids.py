"""Short ids and names for whole ids, as people type them, and how short an id may be shown.

For the command line only: a short id may become ambiguous, so scripts and agents give whole ids.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import takewhile
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from studio_data.contract.domain import Entity, entities
from studio_data.db import many
from studio_data.errors import InvalidInputError, NotFoundError

FEWEST, MOST_CANDIDATES, MOST_NAMES = 8, 5, 1000


def kind_of(field: str) -> str:
    """Return the entity type of an id field: client for ``client_id``."""
    otherwise = {entity.argument: kind for kind, entity in entities().items() if entity.argument}
    return otherwise.get(field, field.removeprefix("from_").removesuffix("_id"))


def shortened(ids: Iterable[str]) -> dict[str, str]:
    """Return the first characters of each id: at least 8, and enough that no other row of its kind begins with them.

    An id without a row is returned whole. One round trip.
    """
    wanted = sorted(set(ids))
    short = {whole: whole for whole in wanted}
    rows = _entities(
        """
        , shown AS (
            SELECT kind, id
            FROM entity
            WHERE id = ANY(%(ids)s::uuid[])
        )
        SELECT
            id::text,
            (SELECT id FROM entity WHERE kind = shown.kind AND id < shown.id ORDER BY id DESC LIMIT 1)::text AS before,
            (SELECT id FROM entity WHERE kind = shown.kind AND id > shown.id ORDER BY id LIMIT 1)::text AS after
        FROM shown
        """,
        {"ids": wanted},
    )
    for row in rows:
        whole: str = row["id"]
        length = 1 + max(_common(whole, row["before"] or ""), _common(whole, row["after"] or ""))
        short[whole] = whole[: max(FEWEST, length)]
    return short


def resolved(kind: str, given: str) -> str:
    """Return the whole id of the row that the first characters of an id, or a name, identify.

    A whole id is returned unchanged, and so is what cannot be text: the tool checks both. Raises ``InvalidInputError`` if
    several rows match, ``NotFoundError`` if no row does.
    """
    if _is_whole(given) or not _is_text(given):
        return given
    rows = _beginning_with(kind, given) or _named(kind, given)
    if len(rows) == 1:
        return rows[0]["id"]
    what = kind.replace("_", " ")
    if rows:
        short = shortened(row["id"] for row in rows[:MOST_CANDIDATES])
        candidates = [f"{short[row['id']]}{_in_words(row)}" for row in rows[:MOST_CANDIDATES]]
        more = ", …" if len(rows) > MOST_CANDIDATES else ""
        raise InvalidInputError(
            f"{given[:60]!r} does not name one {what}: {'more than ' * bool(more)}{len(candidates)} match.",
            hint=f"Give one of these ids: {', '.join(candidates)}{more}.",
            details={"kind": kind, "given": given[:60], "candidates": [row["id"] for row in rows[:MOST_CANDIDATES]]},
        )
    near = get_close_matches(given, _names(kind), n=3, cutoff=0.5)
    raise NotFoundError(
        f"There is no {what} {given[:60]!r}.",
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else f"Give its id, at least the first {FEWEST} characters of it, or its name if it has one.",
        details={"kind": kind, "given": given[:60], "nearest": near},
    )


def resolved_prefix(kind: str, given: str) -> str:
    """Do what ``resolved`` does for the first characters of an id. Return other values unchanged, for the tool to check."""
    return resolved(kind, given) if _beginning_with(kind, given) else given


def reference(kind: str, whole: str, name: str) -> str:
    """Return what a person may type for a row: its name if that is unique in its kind, else its short id."""
    return name if len(_named(kind, name)) == 1 else shortened([whole])[whole]


def _entities(query: LiteralString, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Query the rows of every kind, as ``entity``."""
    every = sql.SQL(" UNION ALL ").join([_rows_of(entity) for entity in entities().values()])
    return many(sql.SQL("WITH entity AS NOT MATERIALIZED ({}) ").format(every) + sql.SQL(query), params, reads=True)


def _rows_of(entity: Entity) -> sql.Composed:
    project: LiteralString = "(SELECT name FROM projects WHERE projects.id = project_id)"
    has_project = entity.name is not None and entity.owner == "project"
    return sql.SQL("SELECT {} AS kind, id, {}::text AS name, {}::text AS project_name FROM {}").format(
        sql.Literal(entity.entity_type),
        sql.SQL(entity.name or "NULL"),
        sql.SQL(project if has_project else "NULL"),
        sql.Identifier(entity.table),
    )


def _common(one: str, other: str) -> int:
    """Count the leading characters that both share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _is_whole(given: str) -> bool:
    try:
        return str(UUID(given)) == given.lower()
    except ValueError:
        return False


def _is_text(given: str) -> bool:
    try:
        return bool(given.encode())
    except UnicodeEncodeError:  # the terminal sent text that is not UTF-8
        return False


def _beginning_with(kind: str, given: str) -> list[dict[str, Any]]:
    """Return the rows of a kind whose ids begin with these characters. A range lets the primary key's index find them."""
    digits = given.lower().replace("-", "")
    if not re.fullmatch(rf"[0-9a-f]{{{FEWEST},32}}", digits):
        return []
    return _entities(
        """
        SELECT id::text, name, project_name
        FROM entity
        WHERE kind = %(kind)s AND id BETWEEN %(first)s::uuid AND %(last)s::uuid
        ORDER BY id
        LIMIT %(limit)s
        """,
        {"kind": kind, "first": digits.ljust(32, "0"), "last": digits.ljust(32, "f"), "limit": MOST_CANDIDATES + 1},
    )


def _named(kind: str, given: str) -> list[dict[str, Any]]:
    """Return the rows of a kind with that name, exactly or without regard to case."""
    rows = _entities(
        """
        SELECT id::text, name, project_name, name = %(given)s AS is_exact
        FROM entity
        WHERE kind = %(kind)s AND lower(name) = lower(%(given)s)
        ORDER BY is_exact DESC, id
        LIMIT %(limit)s
        """,
        {"kind": kind, "given": given, "limit": MOST_CANDIDATES + 1},
    )
    return [row for row in rows if row["is_exact"] or not rows[0]["is_exact"]]


def _names(kind: str) -> list[str]:
    """Return the names of the newest rows of a kind."""
    rows = _entities(
        """
        SELECT name
        FROM entity
        WHERE kind = %(kind)s AND name IS NOT NULL
        ORDER BY id DESC
        LIMIT %(limit)s
        """,
        {"kind": kind, "limit": MOST_NAMES},
    )
    return [row["name"] for row in rows]


def _in_words(row: dict[str, Any]) -> str:
    said = ", ".join(row[name] for name in ("name", "project_name") if row[name])
    return f" ({said})" if said else ""
