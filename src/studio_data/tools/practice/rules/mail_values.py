"""What fills the placeholders of a mail: computed from the data, and where it is missing, the calls that would bring it."""

from typing import Any
from uuid import UUID

from studio_data.db import one
from studio_data.errors import InvalidInputError, RuleViolationError, SatisfyingCall


def facts_for(email_template: UUID | str, project_id: UUID | str, given: dict[str, UUID | str | None]) -> dict[str, Any]:
    """Return the template and everything a placeholder may be filled with, as a person reads it. One round trip."""
    return one(
        """
        SELECT
            template.id, template.name, template.subject_template, template.body_template, template.requires_review,
            project.id AS project_id,
            meeting.id AS meeting_id, meeting.project_id AS project_of_meeting,
            fee.id AS fee_id, fee.project_id AS project_of_fee, fee.status AS fee_status,
            EXISTS (SELECT FROM design_fees WHERE project_id = project.id) AS has_fees,
            vendor.id AS vendor_id,
            trade.id AS trade_id,
            jsonb_build_object(
                'client.name', client.name,
                'recipient.name', coalesce(vendor.contact_name, vendor.name, trade.name),
                'project.name', project.name,
                'project.address', project.address,
                'project.project_type', project.project_type,
                'project.investment_estimate', to_char(project.investment_estimate, 'FM$9,999,999,990.00'),
                'project.exhibit_b_total', to_char(project.exhibit_b_total, 'FM$9,999,999,990.00'),
                'project.exhibit_b_signed', to_char(signed.total, 'FM$9,999,999,990.00'),
                'meeting.date', to_char(meeting.scheduled_date, 'FMDay, FMMonth FMDD, YYYY'),
                'fee.label', fee.label,
                'fee.amount', to_char(fee.amount, 'FM$9,999,999,990.00'),
                'fee.due_date', to_char(day_of(fee.due_at), 'FMDay, FMMonth FMDD, YYYY')
            ) AS filled
        FROM (VALUES (1)) AS always
        LEFT JOIN email_templates AS template
            ON template.id = %(template_id)s OR template.name = %(template_name)s
        LEFT JOIN projects AS project ON project.id = %(project_id)s
        LEFT JOIN clients AS client ON client.id = project.client_id
        LEFT JOIN LATERAL (
            SELECT sum(amount::numeric) AS total
            FROM jsonb_each_text(exhibit_b_covers(project.id)) AS covered (room_id, amount)
        ) AS signed ON true
        LEFT JOIN LATERAL (
            SELECT *
            FROM meetings
            WHERE id = %(meeting_id)s
                OR (
                    %(meeting_id)s::uuid IS NULL
                    AND project_id = (SELECT id FROM live_projects WHERE id = project.id)
                    AND status IN ('scheduled', 'confirmed')
                    AND scheduled_date >= today()
                )
            ORDER BY scheduled_date, id
            LIMIT 1
        ) AS meeting ON true
        LEFT JOIN LATERAL (
            SELECT *
            FROM design_fees
            WHERE id = %(fee_id)s OR (%(fee_id)s::uuid IS NULL AND project_id = project.id AND status <> 'paid')
            ORDER BY payment_number
            LIMIT 1
        ) AS fee ON true
        LEFT JOIN vendors AS vendor ON vendor.id = %(vendor_id)s
        LEFT JOIN trades AS trade ON trade.id = %(trade_id)s
        """,
        {
            "template_id": email_template if isinstance(email_template, UUID) else None,
            "template_name": None if isinstance(email_template, UUID) else email_template,
            "project_id": project_id,
            **{f"{noun}_id": entity_id for noun, entity_id in given.items()},
        },
    )


def check_belongs(noun: str, found: dict[str, Any], project_id: UUID | str) -> None:
    """Refuse a meeting or a fee of another project. Raises ``InvalidInputError``."""
    owner = found[f"project_of_{noun}"]
    if owner not in {None, found["project_id"]}:
        raise InvalidInputError(
            f"{noun.capitalize()} {found[f'{noun}_id']} belongs to project {owner}, not to {project_id}.",
            hint=f"list_{noun}s shows those of a project.",
            details={"arguments": [f"{noun}_id", "project_id"]},
        )


def lacks(missing: list[str], found: dict[str, Any]) -> RuleViolationError:
    """Return the error for placeholders that nothing fills yet, with the calls that would."""
    calls = [call for placeholder in missing for call in _calls_that_fill(placeholder, found)]
    return RuleViolationError(
        f"Project {found['project_id']} has no {', no '.join(missing)}, and e-mail template {found['name']} shows it.",
        rule="mails_are_complete",
        found=f"no {', no '.join(missing)}",
        calls=[call for place, call in enumerate(calls) if call not in calls[:place]],
        hint="Make the calls first, or give the meeting_id or fee_id of the one that is meant.",
    )


def _calls_that_fill(placeholder: str, found: dict[str, Any]) -> list[SatisfyingCall]:
    project = {"project_id": str(found["project_id"])}
    call: SatisfyingCall = {"tool": "update_project", "arguments": project}
    match placeholder:
        case "meeting.date" if found["meeting_id"]:
            call = {"tool": "reschedule_meeting", "arguments": {"meeting_id": str(found["meeting_id"])}}
        case "meeting.date":
            call = {"tool": "schedule_meeting", "arguments": project}
        case "fee.due_date" if found["fee_status"] == "pending":
            call = {"tool": "invoice_fee", "arguments": {"fee_id": str(found["fee_id"])}}
        case "fee.label" | "fee.amount" | "fee.due_date":
            return [] if found["has_fees"] else [{"tool": "create_fee_schedule", "arguments": project}]
        case "project.exhibit_b_signed":
            call = {"tool": "register_document", "arguments": {**project, "doc_type": "exhibit_b"}}
        case "project.exhibit_b_total":
            call = {"tool": "update_room", "arguments": {}}
        case _:
            pass
    return [call]
