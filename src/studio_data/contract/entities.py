"""The things of the practice and its agents' runs that have an id, and what an id that finds nothing may be instead."""

from typing import Any
from uuid import UUID

from studio_data.db import one
from studio_data.errors import NotFoundError


def no_such(entity_type: str, entity_id: UUID | str, *, hint: str | None = None) -> NotFoundError:
    """Return the error for an id that is no ``entity_type``'s, having looked up whose it is. One round trip."""
    found = _entity_with(entity_id)
    if found is not None:
        article = "an" if found["entity_type"][0] in "aeiou" else "a"
        hint = f"That is the id of {article} {found['entity_type'].replace('_', ' ')}{_owner(entity_type, found)}."
    return NotFoundError(
        f"There is no {entity_type.replace('_', ' ')} {entity_id}.",
        hint=hint,
        details={
            "entity_type": entity_type,
            "id": str(entity_id),
            **({"found": {name: str(value) for name, value in found.items() if value}} if found else {}),
        },
    )


def _owner(entity_type: str, found: dict[str, Any]) -> str:
    """Say which id was probably meant, where the row that was found has it."""
    meant = found.get(f"{entity_type}_id")
    return f"; its {entity_type} is {meant}" if meant else ""


def _entity_with(entity_id: UUID | str) -> dict[str, Any] | None:
    return one(
        """
        SELECT 'client' AS entity_type, NULL::uuid AS client_id, NULL::uuid AS project_id
        FROM clients WHERE id = %(id)s
        UNION ALL SELECT 'project', client_id, NULL FROM projects WHERE id = %(id)s
        UNION ALL SELECT 'room', NULL, project_id FROM project_rooms WHERE id = %(id)s
        UNION ALL SELECT 'fee', NULL, project_id FROM design_fees WHERE id = %(id)s
        UNION ALL SELECT 'benchmark', NULL, NULL FROM pricing_benchmarks WHERE id = %(id)s
        UNION ALL SELECT 'vendor', NULL, NULL FROM vendors WHERE id = %(id)s
        UNION ALL SELECT 'line_item', NULL, NULL FROM line_items WHERE id = %(id)s
        UNION ALL SELECT 'vendor_quote', NULL, NULL FROM vendor_quotes WHERE id = %(id)s
        UNION ALL SELECT 'purchase_order', NULL, NULL FROM purchase_orders WHERE id = %(id)s
        UNION ALL SELECT 'email_template', NULL, NULL FROM email_templates WHERE id = %(id)s
        UNION ALL SELECT 'workflow_template', NULL, NULL FROM workflow_templates WHERE id = %(id)s
        UNION ALL SELECT 'task', NULL, project_id FROM project_tasks WHERE id = %(id)s
        UNION ALL SELECT 'trade', NULL, NULL FROM trades WHERE id = %(id)s
        UNION ALL SELECT 'project_trade', NULL, project_id FROM project_trades WHERE id = %(id)s
        UNION ALL SELECT 'meeting', NULL, project_id FROM meetings WHERE id = %(id)s
        UNION ALL SELECT 'action_item', NULL, NULL FROM meeting_action_items WHERE id = %(id)s
        UNION ALL SELECT 'document', NULL, project_id FROM documents WHERE id = %(id)s
        UNION ALL SELECT 'phase_transition', NULL, project_id FROM phase_transitions WHERE id = %(id)s
        UNION ALL SELECT 'agent_session', NULL, project_id FROM agent_sessions WHERE id = %(id)s
        UNION ALL SELECT 'agent_execution', NULL, NULL FROM agent_executions WHERE id = %(id)s
        UNION ALL SELECT 'agent_checkpoint', NULL, NULL FROM agent_checkpoints WHERE id = %(id)s
        UNION ALL SELECT 'agent_artifact', NULL, NULL FROM agent_artifacts WHERE id = %(id)s
        UNION ALL SELECT 'agent_settings', NULL, NULL FROM agent_settings WHERE id = %(id)s
        UNION ALL SELECT 'agent_reservation', NULL, NULL FROM agent_reservations WHERE id = %(id)s
        UNION ALL SELECT 'agent_prompt', NULL, NULL FROM agent_prompt_versions WHERE id = %(id)s
        UNION ALL SELECT 'agent_metric', NULL, NULL FROM agent_metrics WHERE id = %(id)s
        UNION ALL SELECT 'activity', NULL, NULL FROM activity_log WHERE id = %(id)s
        LIMIT 1
        """,
        {"id": entity_id},
        reads=True,
    )
