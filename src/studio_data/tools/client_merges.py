"""Clients who are in the practice's data twice: one is kept, and everything of the other moves to it."""

from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import batch, one
from studio_data.errors import ConflictError, InvalidInputError, StudioError
from studio_data.tools.clients import Client


@tool(roles=[Role.STUDIO_MANAGER], destructive=True)
def merge_clients(client_id: EntityId, *, from_client_id: EntityId) -> Client:
    """Merge a client who is there twice: ``client_id`` is kept, and all that is of the duplicate moves to it.

    The duplicate's id then means the client who is kept. Of both statuses the one that is further on counts.

    Returns the kept client's row, with the duplicate's projects, and its fields where the kept one has none. A status of the
    pipeline counts before one that ended it; completed only if no project is open. The merged row is not listed.
    Raises ``NotFoundError``, ``InvalidInputError`` for one client, ``ConflictError`` for a duplicate that was merged before.
    """
    if UUID(str(client_id)) == UUID(str(from_client_id)):
        raise InvalidInputError(
            "client_id and from_client_id are the same client.",
            hint="list_clients finds the other one.",
            details={"arguments": ["client_id", "from_client_id"]},
        )
    _, kept = batch(
        # Both are held, so that what another caller adds to one of them is seen by the statement that moves it.
        (
            """
            SELECT
            FROM clients
            WHERE id IN (kept_client(%(client_id)s), %(from_client_id)s)
            ORDER BY id
            FOR NO KEY UPDATE
            """,
            {"client_id": client_id, "from_client_id": from_client_id},
        ),
        (
            """
            WITH kept AS (
                SELECT *
                FROM clients
                WHERE id = kept_client(%(client_id)s) AND merged_into IS NULL
            ), duplicate AS (
                SELECT clients.*
                FROM clients, kept
                WHERE clients.id = %(from_client_id)s AND clients.merged_into IS NULL AND clients.id <> kept.id
            ), moved AS (
                UPDATE projects
                SET client_id = kept.id
                FROM kept, duplicate
                WHERE projects.client_id = duplicate.id
                RETURNING projects.id
            ), merged AS (
                UPDATE clients
                SET merged_into = kept.id
                FROM kept, duplicate
                WHERE duplicate.id IN (clients.id, clients.merged_into)
                RETURNING clients.id
            ), furthest AS (
                SELECT status
                FROM (SELECT id, status FROM kept UNION ALL SELECT id, status FROM duplicate) AS both_clients
                ORDER BY
                    status IN ('churned', 'completed'),
                    CASE WHEN EXISTS (
                        SELECT
                        FROM projects
                        WHERE client_id IN (SELECT id FROM kept UNION ALL SELECT id FROM duplicate) AND phase <> 'completed'
                    ) THEN status = 'completed' ELSE status = 'churned' END,
                    status DESC
                LIMIT 1
            ), after AS (
                UPDATE clients
                SET email = coalesce(kept.email, duplicate.email),
                    phone = coalesce(kept.phone, duplicate.phone),
                    address = coalesce(kept.address, duplicate.address),
                    source = coalesce(kept.source, duplicate.source),
                    screening_data = duplicate.screening_data || kept.screening_data,
                    status = furthest.status
                FROM kept, duplicate, furthest
                WHERE clients.id = kept.id
                RETURNING clients.*
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'client', after.id, NULL::uuid, 'merged', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object(
                        'merged_id', duplicate.id,
                        'merged_name', duplicate.name,
                        'projects_moved', (SELECT count(*) FROM moved),
                        'changes', changed_fields(to_jsonb(kept), to_jsonb(after))
                    )
                FROM kept, duplicate, after
                UNION ALL
                SELECT 'client', duplicate.id, NULL, 'merged', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('changes', jsonb_build_object('merged_into', jsonb_build_array(NULL, after.id)))
                FROM duplicate, after
                UNION ALL
                (
                    SELECT 'project', moved.id, moved.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                        jsonb_build_object(
                            'changes', jsonb_build_object('client_id', jsonb_build_array(duplicate.id, after.id))
                        )
                    FROM moved, duplicate, after
                    ORDER BY moved.id
                )
            )
            SELECT * FROM after
            """,
            {"client_id": client_id, "from_client_id": from_client_id, **actor()},
        ),
    )
    if not kept:
        raise _merge_refusal(client_id, from_client_id)
    return kept[0]


def _merge_refusal(client_id: EntityId, from_client_id: EntityId) -> StudioError:
    found = one(
        "SELECT kept_client(%(client_id)s) AS kept_id, kept_client(%(from_client_id)s) AS kept_of_duplicate",
        {"client_id": client_id, "from_client_id": from_client_id},
        reads=True,
    )
    for given, kept_id in ((client_id, found["kept_id"]), (from_client_id, found["kept_of_duplicate"])):
        if kept_id is None:
            return no_such("client", given)
    kept_id = found["kept_of_duplicate"]
    return ConflictError(
        f"Client {from_client_id} is no duplicate of {client_id}: its id means {kept_id}.",
        hint="Nothing is left to merge." if found["kept_id"] == kept_id else "Give that id instead.",
        details={"client_id": str(client_id), "from_client_id": str(from_client_id), "kept_id": str(kept_id)},
    )
