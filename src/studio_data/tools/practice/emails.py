"""E-mail templates, and mails written from them. The harness sends the mails."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypedDict
from uuid import UUID

from annotated_types import Len
from psycopg.errors import UniqueViolation

from studio_data.contract.actor import current_actor
from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, IdOrName, Limit, Line, Name, Search, Text, Truth, choice
from studio_data.contract.paging import LOWEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import many, one, transaction
from studio_data.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    did_you_mean,
)
from studio_data.tools.fields import ProjectPhaseName
from studio_data.tools.practice.rules.mail_language import MailTemplate, check_audience
from studio_data.tools.practice.rules.mail_values import check_belongs, facts_for, lacks


class EmailTemplateField(StrEnum):
    """The fields of an e-mail template that ``clear`` may empty."""

    PHASE = "phase"


class EmailTemplate(TypedDict):
    """One row of ``email_templates``."""

    id: UUID
    name: str
    phase: str | None
    subject_template: str
    body_template: str
    requires_review: bool
    created_at: datetime


class ListedEmailTemplate(TypedDict):
    """An e-mail template in a list, without its body."""

    id: UUID
    name: str
    phase: str | None
    subject_template: str
    requires_review: bool


class RenderedEmail(TypedDict):
    """A mail in plain text. With ``requires_review``, a person reads it before it is sent."""

    subject: str
    body: str
    requires_review: bool
    email_template_id: UUID


@tool(roles=[Role.STUDIO_MANAGER])
def create_email_template(
    name: Name,
    *,
    subject_template: Line,
    body_template: Text,
    phase: ProjectPhaseName | None = None,
    requires_review: Truth = False,
) -> EmailTemplate:
    """Create an e-mail template, with placeholders like {{ client.name }} and {% if meeting.date %}…{% endif %}.

    An unknown placeholder is refused, with a list of the known ones. With ``requires_review``, a person reads each mail
    before it is sent.

    Returns the template's row. Raises ``InvalidInputError``, ``ConflictError`` for a name that another template has.
    """
    check_audience(MailTemplate("subject_template", subject_template), MailTemplate("body_template", body_template))
    row = one(
        """
        WITH template AS (
            INSERT INTO email_templates (name, phase, subject_template, body_template, requires_review)
            VALUES (
                %(name)s, %(phase)s::project_phase, %(subject_template)s, %(body_template)s, %(requires_review)s
            )
            ON CONFLICT (name) DO NOTHING
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'email_template', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('name', name, 'requires_review', requires_review)
            FROM template
        )
        SELECT * FROM template
        """,
        {
            "name": name,
            "phase": phase,
            "subject_template": subject_template,
            "body_template": body_template,
            "requires_review": requires_review,
            **actor(),
        },
    )
    if row is None:
        raise _name_is_taken(name)
    return row


@tool(roles=[Role.STUDIO_MANAGER], idempotent=True)
def change_email_template(
    email_template_id: EntityId,
    *,
    name: Name | None = None,
    subject_template: Line | None = None,
    body_template: Text | None = None,
    phase: ProjectPhaseName | None = None,
    requires_review: Truth | None = None,
    clear: Annotated[list[Annotated[EmailTemplateField | str, *choice(EmailTemplateField)]], Len(1, 1)] | None = None,
) -> EmailTemplate:
    """Update the given fields of an e-mail template. ``clear`` removes the phase.

    Returns the template's row. Raises ``NotFoundError``, ``InvalidInputError`` for an unknown placeholder,
    ``ConflictError`` for a name that another template has.
    """
    if subject_template is not None:
        MailTemplate("subject_template", subject_template)
    if body_template is not None:
        MailTemplate("body_template", body_template)
    try:
        with transaction():
            row = _change(
                email_template_id,
                {
                    "name": name,
                    "phase": phase,
                    "subject_template": subject_template,
                    "body_template": body_template,
                    "requires_review": requires_review,
                    "clear": list(clear or ()),
                },
            )
            if row is None:
                raise no_such("email_template", email_template_id)
            if subject_template is not None or body_template is not None:
                check_audience(*_parsed(row))
    except UniqueViolation:
        raise _name_is_taken(name) from None
    return row


def _change(email_template_id: EntityId, fields: dict[str, Any]) -> EmailTemplate | None:
    return one(
        """
        WITH before AS (
            SELECT *
            FROM email_templates
            WHERE id = %(email_template_id)s
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE email_templates
            SET name = coalesce(%(name)s, before.name),
                phase = CASE
                    WHEN 'phase' = ANY(%(clear)s) THEN NULL ELSE coalesce(%(phase)s::project_phase, before.phase)
                END,
                subject_template = coalesce(%(subject_template)s, before.subject_template),
                body_template = coalesce(%(body_template)s, before.body_template),
                requires_review = coalesce(%(requires_review)s, before.requires_review)
            FROM before
            WHERE email_templates.id = before.id
            RETURNING email_templates.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'email_template', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_build_object('changes', changed_fields(to_jsonb(before), to_jsonb(after)))
            FROM before, after
            WHERE before IS DISTINCT FROM after
        )
        SELECT * FROM after
        """,
        {"email_template_id": email_template_id, **fields, **actor()},
    )


@tool(reads=True)
def get_email_template(email_template_id: EntityId) -> EmailTemplate:
    """Get an e-mail template by its id.

    Returns the template's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM email_templates
        WHERE id = %(email_template_id)s
        """,
        {"email_template_id": email_template_id},
    )
    if row is None:
        raise no_such("email_template", email_template_id)
    return row


@tool(reads=True, brief=["name", "phase", "requires_review"])
def list_email_templates(
    *,
    phase: ProjectPhaseName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[ListedEmailTemplate]:
    """List e-mail templates without their bodies, oldest first.

    Returns at most ``limit`` items and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT id, name, phase, subject_template, requires_review
        FROM email_templates
        WHERE (%(phase)s::project_phase IS NULL OR phase = %(phase)s)
            AND id > %(after)s
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', name, subject_template)), lower(%(search)s)) > 0)
        ORDER BY id
        """,
        {"phase": phase, "after": after or LOWEST_ID, "search": search, "limit": limit},
        fields,
    )


@tool(reads=True)
def render_email(
    email_template_id: IdOrName,
    *,
    project_id: EntityId,
    meeting_id: EntityId | None = None,
    fee_id: EntityId | None = None,
    vendor_id: EntityId | None = None,
    trade_id: EntityId | None = None,
) -> RenderedEmail:
    """Write a mail about a project from a template. Nothing is sent.

    The mail goes to the client unless you give a vendor or trade. Meeting and fee are the project's next ones unless
    given.

    The sender is the person for whom the actor acts, else the actor. Returns subject and body in plain text, with money
    and dates as people write them. Raises ``InvalidInputError``, ``NotFoundError``, ``RuleViolationError``.
    """
    if vendor_id is not None and trade_id is not None:
        raise InvalidInputError(
            "A mail goes to a vendor or to a trade, not to both.",
            hint="Give one of them.",
            details={"arguments": ["vendor_id", "trade_id"]},
        )
    given = {"meeting": meeting_id, "fee": fee_id, "vendor": vendor_id, "trade": trade_id}
    found = facts_for(email_template_id, project_id, given)
    if found["id"] is None:
        if isinstance(email_template_id, UUID):
            raise no_such("email_template", email_template_id)
        raise _no_template_called(email_template_id)
    if found["project_id"] is None:
        raise no_such("project", project_id)
    for noun, entity_id in given.items():
        if entity_id is not None and found[f"{noun}_id"] is None:
            raise no_such(noun, entity_id, hint=f"list_{noun}s shows them all.")
    for noun in ("meeting", "fee"):
        check_belongs(noun, found, project_id)
    return _render(found)


def _render(found: dict[str, Any]) -> RenderedEmail:
    try:
        subject, body = _parsed(found)
        check_audience(subject, body)
    except InvalidInputError as error:  # somebody stored it with psql
        error.hint = f"Correct {found['name']} with change_email_template. {error.hint}"
        raise
    acting = current_actor.get()
    sender = (acting and acting.on_behalf_of) or actor()["actor_name"]
    values: dict[str, str | None] = {**found["filled"], "sender.name": sender}
    missing = list(dict.fromkeys(subject.missing(values) + body.missing(values)))
    if "recipient.name" in missing:
        raise InvalidInputError(
            f"E-mail template {found['name']} is for a vendor or a trade.",
            hint="Give the recipient's vendor_id or trade_id.",
            details={"arguments": ["vendor_id", "trade_id"]},
        )
    if missing:
        raise lacks(missing, found)
    return {
        "subject": subject.render(values),
        "body": body.render(values),
        "requires_review": found["requires_review"],
        "email_template_id": found["id"],
    }


def _parsed(template: EmailTemplate | dict[str, Any]) -> tuple[MailTemplate, MailTemplate]:
    return (
        MailTemplate("subject_template", template["subject_template"]),
        MailTemplate("body_template", template["body_template"]),
    )


def _name_is_taken(name: str | None) -> ConflictError:
    return ConflictError(
        f"An e-mail template called {name} already exists.",
        hint="change_email_template changes it; list_email_templates shows its id.",
        details={"name": name},
    )


def _no_template_called(name: str) -> NotFoundError:
    known = [row["name"] for row in many("SELECT name FROM email_templates ORDER BY id LIMIT 500", reads=True)]
    return NotFoundError(
        f"There is no e-mail template called {name}.",
        hint=did_you_mean(name, known) or "list_email_templates shows them all.",
        details={"entity_type": "email_template", "name": name},
    )
