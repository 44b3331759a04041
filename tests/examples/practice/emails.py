from uuid import UUID

from studio_data import db
from tests.examples.example import Example
from tests.examples.practice.meetings import scheduled


def shipped(position: int) -> UUID:
    """Return the id of one of the templates that 002 ships: by its place, since a test may change its name."""
    return db.many("SELECT id FROM email_templates ORDER BY id LIMIT 22")[position]["id"]


EXAMPLES = {
    "create_email_template": Example(
        lambda _: {
            "name": "Fabric approval",
            "subject_template": "A fabric for {{ project.name }}",
            "body_template": "Dear {{ client.name }},\n\nplease approve the cutting."
            "{% if meeting.date %} We can talk on {{ meeting.date }}.{% endif %}\n\n{{ sender.name }}",
            "phase": "detailed_design",
            "requires_review": True,
        },
        logs=[("email_template", "created")],
    ),
    "change_email_template": Example(
        lambda _: {
            "email_template_id": shipped(1),
            "subject_template": "We measure {{ project.address }} on {{ meeting.date }}",
            "requires_review": True,
            "clear": ["phase"],
        },
        logs=[("email_template", "updated")],
    ),
    "get_email_template": Example(lambda _: {"email_template_id": shipped(0)}),
    "list_email_templates": Example(lambda _: {"phase": "purchasing"}),
    "render_email": Example(
        lambda practice: {
            "email_template_id": shipped(3),
            "project_id": practice.project["id"],
            "meeting_id": scheduled(practice)["id"],
        }
    ),
}
