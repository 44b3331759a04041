from typing import Any

from studio_data.tools.practice.tasks import block_task, list_tasks, skip_task, start_task
from tests.examples.example import Example
from tests.examples.studio import Practice


def first_task(practice: Practice) -> dict[str, Any]:
    return {"task_id": list_tasks(project_id=practice.project["id"], limit=1)["items"][0]["id"]}


def started(practice: Practice) -> dict[str, Any]:
    return {"task_id": start_task(**first_task(practice))["id"]}


def blocked(practice: Practice) -> dict[str, Any]:
    return {"task_id": block_task(**started(practice), reason="The client travels until Monday.")["id"]}


def skipped(practice: Practice) -> dict[str, Any]:
    return {"task_id": skip_task(**first_task(practice), reason="The client brings the plans.")["id"]}


MOVED = [("task", "status_changed")]

EXAMPLES = {
    "get_task": Example(first_task),
    "list_tasks": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "phase": "conceptual_design",
            "status": "not_started",
            "open_only": True,
            "limit": 10,
        }
    ),
    "add_task": Example(
        lambda practice: {
            "project_id": practice.project["id"],
            "name": "Have the piano moved and tuned",
            "phase": "reveal_punch_list",
            "description": "The mover has the stairs' measures; the tuner comes a week after the reveal.",
            "assigned_to": "Maria",
            "due_date": "2025-06-02",
        },
        logs=[("task", "created")],
    ),
    "start_task": Example(first_task, logs=MOVED),
    "complete_task": Example(started, logs=MOVED),
    "block_task": Example(lambda practice: {**started(practice), "reason": "Waits for the GC's ballpark."}, logs=MOVED),
    "unblock_task": Example(blocked, logs=MOVED),
    "skip_task": Example(lambda practice: {**first_task(practice), "reason": "No kept pieces."}, logs=MOVED),
    "reopen_task": Example(skipped, logs=MOVED),
}
