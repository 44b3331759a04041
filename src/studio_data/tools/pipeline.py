"""The sales pipeline's rules: what a client needs before a move, beside the status."""

from typing import Any
from uuid import UUID

from studio_data.contract.lifecycles import ClientStatus
from studio_data.db import one
from studio_data.errors import RuleViolationError, SatisfyingCall

type Facts = dict[str, Any]


def facts_of(client_id: UUID | str) -> Facts | None:
    """Return what the rules of a client's moves look at; None if there is no such client."""
    return one(
        """
        SELECT
            id, status, coalesce(email, phone) IS NOT NULL AS can_be_reached, screening_data <> '{}' AS is_screened,
            ARRAY(
                SELECT id::text FROM projects WHERE client_id = clients.id AND phase <> 'completed' ORDER BY id
            ) AS open_projects
        FROM clients
        WHERE id = %(client_id)s
        """,
        {"client_id": client_id},
        reads=True,
    )


def rule_against(client: Facts, to: str) -> RuleViolationError | None:
    """Return the rule that a client's facts break in a move which the lifecycle allows; None if they break none."""
    calls: list[SatisfyingCall] = []
    if to == ClientStatus.QUALIFIED:
        missing: list[str] = []
        if not client["can_be_reached"]:
            missing.append("an e-mail address or phone number")
            calls.append({"tool": "update_client", "arguments": {"client_id": str(client["id"])}})
        if not client["is_screened"]:
            missing.append("screening data")
            calls.append({"tool": "record_screening", "arguments": {"client_id": str(client["id"])}})
        if not missing:
            return None
        return RuleViolationError(
            f"Client {client['id']} lacks {' and '.join(missing)}, and a qualified client has both.",
            rule="qualified_clients_are_screened",
            found=f"no {' and no '.join(missing)}",
            calls=calls,
            hint="Record it first.",
        )
    if to == ClientStatus.COMPLETED and client["open_projects"]:
        calls = [
            {"tool": "advance_project", "arguments": {"project_id": project, "to": "completed"}}
            for project in client["open_projects"]
        ]
        return RuleViolationError(
            f"Client {client['id']} has {len(calls)} projects that are not completed.",
            rule="completed_clients_have_completed_projects",
            found=f"{len(calls)} open projects",
            calls=calls,
            hint="Complete them first.",
        )
    return None
