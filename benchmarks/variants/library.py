"""The library's tools, as anybody calls them; and the same with a key for each call."""

from typing import Any
from uuid import UUID

from benchmarks.operations import ADDRESS, NOTE, SCREENING, SOURCE, budget, overview, told
from studio_data import call_key, db
from studio_data.tools.activity import list_activity, log_activity
from studio_data.tools.clients import create_client
from studio_data.tools.pipeline import advance_client
from studio_data.tools.practice.finance import project_budget
from studio_data.tools.practice.overview import project_overview
from studio_data.tools.practice.tasks import complete_task, list_tasks
from studio_data.tools.projects import create_project


class Library:
    """The tools."""

    def create_client(self, number: int) -> Any:
        row = create_client(
            "David & Linh Nguyen",
            email=f"client{number}@example.com",
            address=ADDRESS,
            source=SOURCE,
            screening_data=SCREENING,
        )
        return told(row["created_at"], row["updated_at"], row["name"], row["email"], row["status"])

    def create_project(self, client_id: UUID) -> Any:
        created = create_project(client_id, "Nguyen LR/DR/MBED", "furnishings")
        row = created["project"]
        return told(row["created_at"], row["updated_at"], row["client_id"], row["phase"], created["tasks_created"])

    def log_activity(self, client_id: UUID) -> Any:
        line = log_activity("client", client_id, "called", metadata=NOTE)
        return line["entity_type"], line["action"], line["metadata"], line["context"]

    def advance_client(self, client_id: UUID) -> Any:
        row = advance_client(client_id, to="qualified")
        return told(row["created_at"], row["updated_at"], row["status"])

    def complete_task(self, task_id: UUID) -> Any:
        row = complete_task(task_id)
        return told(row["created_at"], row["updated_at"], row["status"], row["completed_at"] is not None)

    def list_activity(self) -> Any:
        return [line["id"] for line in list_activity()["items"]]

    def list_tasks(self, project_id: UUID) -> Any:
        return [(task["name"], task["status"], task["due_date"]) for task in list_tasks(project_id=project_id)["items"]]

    def project_budget(self, project_id: UUID) -> Any:
        found = project_budget(project_id)
        rooms = [
            (room["name"], room["estimate"], room["exhibit_b"], room["actual"], room["committed"]) for room in found["rooms"]
        ]
        return budget((found["estimate"], found["exhibit_b"]), rooms, found["trades_total"])

    def project_overview(self, project_id: UUID) -> Any:
        found = project_overview(project_id)
        late = found["overdue"]
        return overview(
            project=(found["project"]["id"], found["client_name"]),
            progress=[(part["phase"], part["tasks"], part["closed"]) for part in found["progress"]],
            next_task=found["next_task"] and found["next_task"]["task_id"],
            next_meeting=found["next_meeting"] and found["next_meeting"]["meeting_id"],
            overdue=(late["tasks"], late["action_items"], late["fees"], late["orders"]),
            its_budget={**found["budget"]},
        )

    def close(self) -> None:
        db.close()


class Keyed(Library):
    """The tools that write, each call with a key of its own, so that a repetition would write nothing."""

    def __init__(self) -> None:
        self._calls = 0

    def _key(self) -> str:
        self._calls += 1
        return f"run-42/{id(self):x}/{self._calls}"

    def create_client(self, number: int) -> Any:
        with call_key(self._key()):
            return super().create_client(number)

    def create_project(self, client_id: UUID) -> Any:
        with call_key(self._key()):
            return super().create_project(client_id)

    def log_activity(self, client_id: UUID) -> Any:
        with call_key(self._key()):
            return super().log_activity(client_id)
