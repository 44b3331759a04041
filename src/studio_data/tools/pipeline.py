"""The sales pipeline: how a client moves along it, is lost, and comes back."""

from enum import StrEnum
from typing import Annotated

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal
from studio_data.contract.fields import (
    EntityId,
    Text,
    choice,
)
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import one
from studio_data.tools.clients import Client
from studio_data.tools.rules.lifecycles import CLIENT, ClientStatus
from studio_data.tools.rules.pipeline import CLIENT_MOVES


class PipelineStatus(StrEnum):
    """The statuses to which advance_client may move a client."""

    QUALIFIED = "qualified"
    PROPOSAL_SENT = "proposal_sent"
    CONTRACTED = "contracted"
    COMPLETED = "completed"


@tool(roles=[Role.STUDIO_MANAGER])
def advance_client(client_id: EntityId, *, to: Annotated[PipelineStatus | str, *choice(PipelineStatus)]) -> Client:
    """Move a client one step along the sales pipeline: qualified, proposal_sent, contracted, completed.

    qualified needs an e-mail or phone, and screening data. completed needs every project completed. The first project
    makes a contracted client active.

    Returns the client's row. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``.
    """
    row = _move(client_id, PipelineStatus(to).value)
    if row is None:
        raise move_refusal(CLIENT_MOVES, client_id, "advance_client", PipelineStatus(to).value)
    return row


@tool(roles=[Role.STUDIO_MANAGER], destructive=True)
def churn_client(client_id: EntityId, *, reason: Text) -> Client:
    """Record that a client is lost, and why. Their open projects are put on hold. reopen_client brings the client back.

    Returns the client's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a completed client.
    """
    row = _move(client_id, ClientStatus.CHURNED, reason)
    if row is None:
        raise move_refusal(CLIENT_MOVES, client_id, "churn_client")
    return row


@tool(roles=[Role.STUDIO_MANAGER])
def reopen_client(client_id: EntityId) -> Client:
    """Make a churned or completed client a lead again, with all their history: they came back.

    resume_project goes on with a project on hold; create_project begins another.

    Returns the client's row. Raises ``NotFoundError``, ``InvalidTransitionError`` for a client who is still in the pipeline.
    """
    row = _move(client_id, ClientStatus.LEAD)
    if row is None:
        raise move_refusal(CLIENT_MOVES, client_id, "reopen_client")
    return row


def _move(client_id: EntityId, to: str, reason: str | None = None) -> Client | None:
    """Move a client if the lifecycle and its rules allow it. Return None if they do not, or if the client is unknown."""
    return one(
        """
        WITH before AS (
            SELECT *
            FROM clients
            WHERE id = kept_client(%(client_id)s) AND merged_into IS NULL
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE clients
            SET status = %(to)s::client_status
            FROM before
            WHERE clients.id = before.id
                AND before.status = ANY(%(sources)s::client_status[])
                AND (
                    %(to)s <> 'qualified'
                    OR (coalesce(before.email, before.phone) IS NOT NULL AND before.screening_data <> '{}')
                )
                AND (
                    %(to)s <> 'completed'
                    OR NOT EXISTS (SELECT FROM projects WHERE client_id = before.id AND phase <> 'completed')
                )
            RETURNING clients.*
        ), open_projects AS (
            SELECT project.id, project.phase
            FROM after
            JOIN projects AS project ON project.client_id = after.id
            WHERE after.status = 'churned' AND project.phase NOT IN ('on_hold', 'completed')
            ORDER BY project.id
            FOR NO KEY UPDATE OF project
        ), held AS (
            UPDATE projects
            SET phase = 'on_hold'
            FROM open_projects
            WHERE projects.id = open_projects.id
            RETURNING projects.id, open_projects.phase AS from_phase
        ), transitions AS (
            INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by)
            SELECT id, from_phase, 'on_hold', %(actor_name)s
            FROM held
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'client', after.id, NULL::uuid, 'status_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('status', jsonb_build_array(before.status, after.status)),
                    'reason', %(reason)s::text
                ))
            FROM before, after
            UNION ALL
            (
                SELECT 'project', id, id, 'phase_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object(
                        'changes', jsonb_build_object('phase', jsonb_build_array(from_phase, 'on_hold')),
                        'reason', %(reason)s::text
                    )
                FROM held
                ORDER BY id
            )
        )
        SELECT * FROM after
        """,
        {
            "client_id": client_id,
            "to": to,
            "sources": CLIENT.sources_of(ClientStatus(to)),
            "reason": reason,
            **actor(),
        },
    )
