"""Erasure from the audit trail, where the law demands it: the words go, the line and the proof stay.

A note in the trail says who erased which lines and why, with the hash of each before and after. ``seals.verify`` takes a
line for the one that was sealed if it is as a note left it, so the seals hold; every other change is found as before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

import psycopg

from studio_data.contract.audit import Call, actor, current_call
from studio_data.contract.entities import kind_named
from studio_data.contract.validators import checked, entity_id, line
from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError
from studio_data.operations import seals

COMMAND = "audit erase"
LINES_OF_A_NOTE = 500


class Erased(TypedDict):
    """What a note says: how many lines were erased, when, by whom and why."""

    note_id: UUID
    erased_at: datetime
    actor_name: str
    reason: str
    lines: int


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be erased: lines of the trail, and results of calls that are kept for retries."""

    kind: str
    thing_id: UUID
    lines: list[UUID]
    results: list[str]


def find(kind: str, thing_id: str, *, with_projects: bool = False) -> Found:
    """Return what the trail and the ledger hold about a thing, and is not erased yet.

    A client's lines are also those of clients who were merged into it and, with ``with_projects``, all of its projects'. A
    project's are all of its feed. Raises ``InvalidInputError`` for a kind that there is not, ``NotFoundError`` if there is
    nothing to erase.
    """
    known = kind_named(kind)
    if known is None:
        raise InvalidInputError(f"{kind[:60]!r} is no kind of thing.", hint="Give client, project, meeting or another kind.")
    given: UUID = checked("id", entity_id, thing_id)
    lines = many(
        """
        WITH meant AS (
            SELECT %(id)s::uuid AS id
            UNION
            SELECT id
            FROM clients
            WHERE %(kind)s = 'client' AND (id = kept_client(%(id)s) OR merged_into = kept_client(%(id)s))
        ), whole_projects AS (
            SELECT id FROM meant WHERE %(kind)s = 'project'
            UNION ALL
            SELECT project.id FROM projects AS project JOIN meant ON meant.id = project.client_id WHERE %(with_projects)s
        )
        SELECT line.id
        FROM activity_log AS line
        WHERE (
                (line.entity_type = %(kind)s AND line.entity_id IN (SELECT id FROM meant))
                OR line.project_id IN (SELECT id FROM whole_projects)
            )
            AND line.context ->> 'tool' IS DISTINCT FROM %(command)s
            AND NOT EXISTS (
                SELECT
                FROM erased_lines AS erased
                WHERE erased.line_id = line.id::text AND erased.after = encode(line_hash(line), 'hex')
            )
        ORDER BY line.id
        """,
        {"id": given, "kind": known, "with_projects": with_projects, "command": COMMAND},
    )
    results = many("SELECT key FROM call_ledger WHERE strpos(result::text, %(id)s) > 0 ORDER BY key", {"id": str(given)})
    if not lines and not results:
        raise NotFoundError(
            f"The trail has nothing about {known} {given} that is not erased.", hint="Check the kind and the id."
        )
    return Found(known, given, [row["id"] for row in lines], [row["key"] for row in results])


def erase(found: Found, *, reason: str) -> int:
    """Erase what was found, and return the number of lines. All of it or nothing; the note is sealed with the next seal.

    Of a line its ``metadata``, the reason of its change set and, if somebody noted it, its ``action`` go. A kept result
    becomes ``{"erased": true}``: its key still refuses a second write. Raises ``ConflictError`` for a line that cannot be
    sealed yet, ``PermissionDeniedError`` for a login that does not administrate the database, ``InvalidInputError`` for a
    bad reason.
    """
    why: str = checked("reason", line, reason)
    for _ in seals.seal():
        pass
    running = current_call.set(Call(COMMAND))
    try:
        with transaction() as connection:
            _refuse_unsealed(found)
            connection.execute("ALTER TABLE activity_log DISABLE TRIGGER activity_log_rows_are_final")
            for first in range(0, len(found.lines), LINES_OF_A_NOTE):
                one(_ERASE, _params(found, found.lines[first : first + LINES_OF_A_NOTE], why))
            connection.execute("ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final")
            one("UPDATE call_ledger SET result = '{\"erased\": true}' WHERE key = ANY(%(keys)s)", {"keys": found.results})
    except psycopg.errors.InsufficientPrivilege as error:
        raise PermissionDeniedError(
            "This login may not erase from the trail, so nothing was erased.",
            hint="Run the command as the database's administrator.",
        ) from error
    finally:
        current_call.reset(running)
    return len(found.lines)


_ERASE = """
WITH note AS MATERIALIZED (
    SELECT uuid_v7() AS id
), before AS MATERIALIZED (
    SELECT line.id, line_hash(line) AS hash
    FROM activity_log AS line
    WHERE line.id = ANY(%(lines)s)
), after AS (
    UPDATE activity_log AS line
    SET metadata = jsonb_build_object('erased', note.id),
        context = line.context - 'reason',
        action = CASE WHEN is_noted(line.context) THEN 'erased' ELSE line.action END
    FROM note
    WHERE line.id = ANY(%(lines)s)
    RETURNING line.id, line_hash(line) AS hash
)
INSERT INTO activity_log (id, entity_type, entity_id, action, actor_type, actor_name, context, metadata)
SELECT
    note.id, %(kind)s, %(thing_id)s, 'erased', %(actor_type)s, %(actor_name)s, %(context)s,
    jsonb_build_object('reason', %(reason)s::text, 'lines', (
        SELECT jsonb_agg(jsonb_build_object(
            'line', id, 'before', encode(before.hash, 'hex'), 'after', encode(after.hash, 'hex')
        ) ORDER BY id)
        FROM before
        JOIN after USING (id)
    ))
FROM note
"""


def _params(found: Found, lines: list[UUID], reason: str) -> dict[str, Any]:
    return {"lines": lines, "kind": found.kind, "thing_id": found.thing_id, "reason": reason, **actor()}


def _refuse_unsealed(found: Found) -> None:
    """Refuse a line that no seal covers: its seal would be computed without what it said."""
    waiting = one(
        """
        SELECT count(*) AS lines
        FROM activity_log
        WHERE id = ANY(%(lines)s)
            AND transaction_id > coalesce((SELECT max(last_transaction) FROM audit_seals), '0')
        """,
        {"lines": found.lines},
    )["lines"]
    if waiting:
        open_ones = "; ".join(holder["what"] for holder in seals.holders()[:3])
        raise ConflictError(
            f"{waiting:,} of the lines are not sealed yet, so nothing was erased.",
            hint=f"End {open_ones or 'what writes now'}, and run the command again.",
        )


def erased() -> list[Erased]:
    """Return every note of an erasure, the oldest first."""
    return many(
        """
        SELECT
            note.id AS note_id, note.created_at AS erased_at, note.actor_name::text, note.metadata ->> 'reason' AS reason,
            (SELECT count(*) FROM erased_lines WHERE note_id = note.id) AS lines
        FROM activity_log AS note
        WHERE note.action = 'erased' AND note.context ->> 'tool' = %(command)s
        ORDER BY note.id
        """,
        {"command": COMMAND},
        reads=True,
    )
