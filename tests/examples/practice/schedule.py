from studio_data.tools.practice.schedule import schedule_project
from tests.examples.example import Example
from tests.examples.practice.tasks import first_task
from tests.examples.studio import Practice


def scheduled(practice: Practice) -> dict[str, object]:
    return {"project_id": schedule_project(practice.project["id"], start_date="2025-01-06")["project_id"]}


EXAMPLES = {
    "schedule_project": Example(
        lambda practice: {"project_id": practice.project["id"], "start_date": "2025-01-06"},
        logs=[("project", "updated")],
    ),
    "shift_schedule": Example(
        lambda practice: {
            **scheduled(practice),
            "working_days": 5,
            "phase": "construction",
            "reason": "The painter is a week late.",
        },
        logs=[("project", "updated")],
    ),
    "assign_task": Example(
        lambda practice: {**first_task(practice), "assigned_to": "Maria"},
        logs=[("task", "updated")],
    ),
    "reschedule_task": Example(
        lambda practice: {**first_task(practice), "due_date": "2025-01-10"},
        logs=[("task", "updated")],
    ),
}
