from typing import Any

from studio_data import acting_as, db
from studio_data.tools.practice.phases import hold_project
from tests.examples.example import Example
from tests.examples.studio import Practice


def ready(practice: Practice) -> dict[str, Any]:
    """Make a project that every gate lets pass into detailed design."""
    project = practice.project["id"]
    db.one("INSERT INTO documents (project_id, doc_type, s3_key) VALUES (%s, 'exhibit_b', 'exhibit-b.pdf')", (project,))
    db.one(
        """
        INSERT INTO design_fees (project_id, label, amount, payment_number, status, paid_at)
        VALUES (%s, 'First instalment', 5000, 1, 'paid', now())
        """,
        (project,),
    )
    db.one("INSERT INTO meetings (project_id, meeting_type, status) VALUES (%s, 'cdm', 'completed')", (project,))
    db.one("INSERT INTO project_rooms (project_id, name, investment_estimate) VALUES (%s, 'Den', 20000)", (project,))
    return {"project_id": project}


def held(practice: Practice) -> dict[str, Any]:
    with acting_as("user", "Maria"):
        hold_project(practice.project["id"], reason="The house is being sold.")
    return {"project_id": practice.project["id"]}


EXAMPLES = {
    "check_gates": Example(lambda practice: {"project_id": practice.project["id"]}),
    "advance_project": Example(ready, logs=[("project", "phase_changed")]),
    "hold_project": Example(
        lambda practice: {"project_id": practice.project["id"], "reason": "The clients travel until spring."},
        logs=[("project", "phase_changed")],
    ),
    "resume_project": Example(held, logs=[("project", "phase_changed")]),
}
