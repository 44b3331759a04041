"""Agent checkpoints: the states from which a thread can continue."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.fields import Cursor, Fields, Limit, Line, ReportedObject
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.db import one
from studio_data.errors import ConflictError, NotFoundError
from studio_data.tools.runs.fields import Count, State
from studio_data.tools.runs.rules.audit import event


class AgentCheckpointSummary(TypedDict):
    """A checkpoint, without its data."""

    id: UUID
    thread_id: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    agent_type: str | None
    context_id: str | None
    metadata: dict[str, Any]
    created_at: datetime


class AgentCheckpoint(TypedDict):
    """One row of ``agent_checkpoints``."""

    id: UUID
    thread_id: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    agent_type: str | None
    context_id: str | None
    checkpoint_data: dict[str, Any]
    metadata: dict[str, Any]
    created_at: datetime


class PrunedCheckpoints(TypedDict):
    """How many checkpoints were removed, and from how many threads."""

    pruned: int
    threads: int


@tool()
def save_checkpoint(
    thread_id: Line,
    checkpoint_id: Line,
    *,
    checkpoint_data: State,
    parent_checkpoint_id: Line | None = None,
    agent_type: Line | None = None,
    context_id: Line | None = None,
    metadata: ReportedObject | None = None,
) -> AgentCheckpoint:
    """Save a state from which a thread can continue.

    For a session's thread, ``thread_id`` is the session's own key: resume_session then finds the newest checkpoint.
    Refused if the thread already has that ``checkpoint_id``.

    Returns the checkpoint's row. Raises ``ConflictError`` for a checkpoint that is there already.
    """
    row = one(
        """
        WITH checkpoint AS (
            INSERT INTO agent_checkpoints (
                thread_id, checkpoint_id, parent_checkpoint_id, agent_type, context_id, checkpoint_data, metadata
            )
            VALUES (
                %(thread_id)s, %(checkpoint_id)s, %(parent_checkpoint_id)s, %(agent_type)s, %(context_id)s,
                %(checkpoint_data)s, %(metadata)s
            )
            ON CONFLICT (thread_id, checkpoint_id) DO NOTHING
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_checkpoint', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('thread_id', thread_id, 'checkpoint_id', checkpoint_id)
            FROM checkpoint
        )
        SELECT * FROM checkpoint
        """,
        {
            "thread_id": thread_id,
            "checkpoint_id": checkpoint_id,
            "parent_checkpoint_id": parent_checkpoint_id,
            "agent_type": agent_type,
            "context_id": context_id,
            "checkpoint_data": Jsonb(checkpoint_data),
            "metadata": Jsonb(metadata or {}),
            "event": event("checkpoint_saved", metadata=metadata),
            **actor(),
        },
    )
    if row is None:
        raise ConflictError(
            f"The thread {thread_id} already has a checkpoint {checkpoint_id}.",
            hint="A checkpoint cannot change: give the new one another checkpoint_id.",
            details={"thread_id": thread_id, "checkpoint_id": checkpoint_id},
        )
    return row


@tool(reads=True)
def get_checkpoint(thread_id: Line, *, checkpoint_id: Line | None = None) -> AgentCheckpoint:
    """Get a thread's newest checkpoint, or the one with this ``checkpoint_id``, with its data.

    Returns the checkpoint's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM agent_checkpoints
        WHERE thread_id = %(thread_id)s AND (%(checkpoint_id)s::text IS NULL OR checkpoint_id = %(checkpoint_id)s)
        ORDER BY id DESC
        LIMIT 1
        """,
        {"thread_id": thread_id, "checkpoint_id": checkpoint_id},
    )
    if row is None:
        which = "no checkpoint" if checkpoint_id is None else f"no checkpoint {checkpoint_id}"
        raise NotFoundError(
            f"The thread {thread_id} has {which}.",
            hint="list_checkpoints shows them.",
            details={"entity_type": "agent_checkpoint", "thread_id": thread_id, "checkpoint_id": checkpoint_id},
        )
    return row


@tool(reads=True, brief=["checkpoint_id", "agent_type", "created_at"])
def list_checkpoints(
    thread_id: Line,
    *,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentCheckpointSummary]:
    """List the checkpoints of a thread, newest first.

    Returns at most ``limit`` rows without their data, and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT id, thread_id, checkpoint_id, parent_checkpoint_id, agent_type, context_id, metadata, created_at
        FROM agent_checkpoints
        WHERE thread_id = %(thread_id)s AND id < %(after)s
        ORDER BY id DESC
        """,
        {"thread_id": thread_id, "after": after or HIGHEST_ID, "limit": limit},
        fields,
    )


@tool(idempotent=True, destructive=True)
def prune_checkpoints(*, keep: Count, thread_id: Line | None = None) -> PrunedCheckpoints:
    """Remove old checkpoints; keep the newest ``keep`` of one thread, or of every thread.

    Returns how many were removed, and from how many threads.
    """
    return one(
        """
        WITH old AS (
            SELECT id
            FROM (
                SELECT id, row_number() OVER (PARTITION BY thread_id ORDER BY id DESC) AS place
                FROM agent_checkpoints
                WHERE %(thread_id)s::text IS NULL OR thread_id = %(thread_id)s
            ) AS numbered
            WHERE place > %(keep)s
        ), pruned AS (
            DELETE FROM agent_checkpoints
            USING old
            WHERE agent_checkpoints.id = old.id
            RETURNING agent_checkpoints.id, agent_checkpoints.thread_id
        ), threads AS (
            SELECT thread_id, count(*) AS pruned, max(id::text)::uuid AS newest
            FROM pruned
            GROUP BY thread_id
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_checkpoint', newest, 'pruned', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('thread_id', thread_id, 'pruned', pruned, 'kept', %(keep)s)
            FROM threads
            ORDER BY thread_id
        )
        SELECT coalesce(sum(pruned), 0)::integer AS pruned, count(*)::integer AS threads
        FROM threads
        """,
        {"thread_id": thread_id, "keep": keep, "event": event("checkpoints_pruned"), **actor()},
    )
