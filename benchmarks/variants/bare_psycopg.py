"""psycopg on one plain connection, running the library's own statements: what the library costs, it costs over this."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from benchmarks.operations import budget, overview, told
from benchmarks.variants.captured import Captured


class BarePsycopg:
    """An autocommit connection with dict rows, as quick as psycopg is."""

    def __init__(self, url: str, statements: dict[str, Captured]) -> None:
        self._connection = psycopg.Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row)
        self._statements = statements

    def _rows(self, operation: str, value: object = None) -> list[DictRow]:
        ((query, params),) = self._statements[operation].with_value(value)
        return self._connection.execute(query.encode(), params).fetchall()

    def create_client(self, number: int) -> Any:
        (row,) = self._rows("create_client", f"client{number}@example.com")
        return told(row["created_at"], row["updated_at"], row["name"], row["email"], row["status"])

    def create_project(self, client_id: UUID) -> Any:  # noqa: ARG002 (caught with its client)
        (row,) = self._rows("create_project")
        return told(row["created_at"], row["updated_at"], row["client_id"], row["phase"], row["tasks_created"])

    def log_activity(self, client_id: UUID) -> Any:  # noqa: ARG002 (caught with its client)
        (row,) = self._rows("log_activity")
        return row["entity_type"], row["action"], row["metadata"], row["context"]

    def advance_client(self, client_id: UUID) -> Any:
        (row,) = self._rows("advance_client", client_id)
        return told(row["created_at"], row["updated_at"], row["status"])

    def complete_task(self, task_id: UUID) -> Any:
        (row,) = self._rows("complete_task", task_id)
        return told(row["created_at"], row["updated_at"], row["status"], row["completed_at"] is not None)

    def list_activity(self) -> Any:
        return [line["id"] for line in self._rows("list_activity")[:50]]

    def list_tasks(self, project_id: UUID) -> Any:
        return [(task["name"], task["status"], task["due_date"]) for task in self._rows("list_tasks", project_id)[:50]]

    def project_budget(self, project_id: UUID) -> Any:
        return _budget(self._rows("project_budget", project_id))

    def project_overview(self, project_id: UUID) -> Any:
        with self._connection.pipeline():
            cursors = [
                self._connection.execute(query.encode(), params)
                for query, params in self._statements["project_overview"].with_value(project_id)
            ]
        (standing,), _, parts = (cursor.fetchall() for cursor in cursors)
        return overview(
            project=(standing["id"], standing["client_name"]),
            progress=zip(standing["phases"], standing["phase_tasks"], standing["phase_closed"], strict=True),
            next_task=standing["task_id"],
            next_meeting=standing["meeting_id"],
            overdue=(
                standing["overdue_tasks"],
                standing["overdue_action_items"],
                standing["overdue_fees"],
                standing["overdue_orders"],
            ),
            its_budget=_budget(parts),
        )

    def close(self) -> None:
        self._connection.close()


def _budget(rows: list[DictRow]) -> dict[str, Any]:
    (project,) = (row for row in rows if row["part"] == "project")
    (trades,) = (row for row in rows if row["part"] == "trades")
    rooms = [
        (row["name"], row["estimate"], row["exhibit_b"], row["actual"], row["committed"])
        for row in rows
        if row["part"] == "room"
    ]
    return budget((project["estimate"], project["exhibit_b"]), rooms, trades["committed"])
