"""What a good developer writes by hand with psycopg: a transaction of single statements, rules checked in Python."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from benchmarks.operations import ADDRESS, NOTE, SCREENING, SOURCE, budget, context_of, overview, told

LOG = """
    INSERT INTO activity_log (entity_type, entity_id, project_id, action, actor_type, actor_name, metadata, context)
    VALUES (%s, %s, %s, %s, 'system', %s, %s, %s)
    """


class HandWritten:
    """BEGIN, the change, the line, COMMIT; create_project reads the templates and inserts with executemany."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row)

    def create_client(self, number: int) -> Any:
        with self._connection.transaction():
            row = self._one(
                """
                INSERT INTO clients (name, email, address, source, screening_data)
                VALUES (%s, %s, %s, %s, %s)
                RETURNING *
                """,
                ("David & Linh Nguyen", f"client{number}@example.com", ADDRESS, SOURCE, Jsonb(SCREENING)),
            )
            self._log("create_client", "client", row["id"], None, "created", {"source": SOURCE})
        return told(row["created_at"], row["updated_at"], row["name"], row["email"], row["status"])

    def create_project(self, client_id: UUID) -> Any:
        with self._connection.transaction():
            client = self._one("SELECT status FROM clients WHERE id = %s FOR NO KEY UPDATE", (client_id,))
            if client["status"] in {"churned", "completed"}:
                raise ValueError(client["status"])
            row = self._one(
                "INSERT INTO projects (client_id, name, project_type) VALUES (%s, %s, 'furnishings') RETURNING *",
                (client_id, "Nguyen LR/DR/MBED"),
            )
            templates = self._all(
                """
                SELECT id
                FROM workflow_templates
                WHERE NOT is_renovation_only AND retired_at IS NULL
                ORDER BY phase, task_order
                """
            )
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO project_tasks (project_id, template_id) VALUES (%s, %s)",
                    [(row["id"], template["id"]) for template in templates],
                )
            facts = {"client_id": str(client_id), "project_type": row["project_type"], "tasks_created": len(templates)}
            self._log("create_project", "project", row["id"], row["id"], "created", facts)
        return told(row["created_at"], row["updated_at"], row["client_id"], row["phase"], len(templates))

    def log_activity(self, client_id: UUID) -> Any:
        with self._connection.transaction():
            row = self._one(
                f"{LOG} RETURNING *",
                ("client", client_id, None, "called", "unknown", Jsonb(NOTE), Jsonb(context_of("log_activity"))),
            )
        return row["entity_type"], row["action"], row["metadata"], row["context"]

    def advance_client(self, client_id: UUID) -> Any:
        with self._connection.transaction():
            before = self._one("SELECT * FROM clients WHERE id = %s FOR NO KEY UPDATE", (client_id,))
            if before["status"] != "lead" or not (before["email"] or before["phone"]) or not before["screening_data"]:
                raise ValueError(before["status"])
            after = self._one("UPDATE clients SET status = 'qualified' WHERE id = %s RETURNING *", (client_id,))
            changes = {"changes": {"status": ["lead", "qualified"]}}
            self._log("advance_client", "client", client_id, None, "status_changed", changes)
        return told(after["created_at"], after["updated_at"], after["status"])

    def complete_task(self, task_id: UUID) -> Any:
        with self._connection.transaction():
            before = self._one("SELECT * FROM project_tasks WHERE id = %s FOR NO KEY UPDATE", (task_id,))
            if before["status"] != "in_progress":
                raise ValueError(before["status"])
            after = self._one(
                "UPDATE project_tasks SET status = 'completed', completed_at = now() WHERE id = %s RETURNING *", (task_id,)
            )
            changes = {"changes": {"status": ["in_progress", "completed"]}}
            self._log("complete_task", "task", task_id, before["project_id"], "status_changed", changes)
        return told(after["created_at"], after["updated_at"], after["status"], after["completed_at"] is not None)

    def list_activity(self) -> Any:
        return [line["id"] for line in self._all("SELECT * FROM activity_log ORDER BY id DESC LIMIT 50")]

    def list_tasks(self, project_id: UUID) -> Any:
        rows = self._all(
            """
            SELECT task.*, coalesce(task.name, template.name) AS title
            FROM project_tasks AS task
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.project_id = %s
            ORDER BY task.id
            LIMIT 50
            """,
            (project_id,),
        )
        return [(row["title"], row["status"], row["due_date"]) for row in rows]

    def project_budget(self, project_id: UUID) -> Any:
        project = self._one("SELECT investment_estimate, exhibit_b_total FROM projects WHERE id = %s", (project_id,))
        rooms = self._all(
            """
            SELECT room.name, room.investment_estimate, room.exhibit_b_amount, room.actual_amount,
                coalesce(sum(purchase.amount + coalesce(purchase.freight, 0)), 0) AS committed
            FROM project_rooms AS room
            LEFT JOIN line_items AS item ON item.room_id = room.id
            LEFT JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id AND purchase.status <> 'cancelled'
            WHERE room.project_id = %s
            GROUP BY room.id
            """,
            (project_id,),
        )
        trades = self._one(
            "SELECT coalesce(sum(final_amount), 0.00) AS total FROM project_trades WHERE project_id = %s", (project_id,)
        )
        return budget(
            (project["investment_estimate"], project["exhibit_b_total"]),
            [
                (
                    room["name"],
                    room["investment_estimate"],
                    room["exhibit_b_amount"],
                    room["actual_amount"],
                    room["committed"],
                )
                for room in rooms
            ],
            trades["total"],
        )

    def project_overview(self, project_id: UUID) -> Any:
        today = datetime.now(UTC).date()
        project = self._one(
            """
            SELECT project.*, client.name AS client_name
            FROM projects AS project
            JOIN clients AS client ON client.id = project.client_id
            WHERE project.id = %s
            """,
            (project_id,),
        )
        tasks = self._all(
            """
            SELECT task.id, coalesce(task.phase, template.phase) AS phase, task.status, task.due_date
            FROM project_tasks AS task
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.project_id = %s
            ORDER BY coalesce(task.phase, template.phase), task.id
            """,
            (project_id,),
        )
        meetings = self._all(
            """
            SELECT id
            FROM meetings
            WHERE project_id = %s AND status IN ('scheduled', 'confirmed') AND scheduled_date >= %s
            ORDER BY scheduled_date, id
            LIMIT 1
            """,
            (project_id, today),
        )
        overdue = self._one(
            """
            SELECT
                (
                    SELECT count(*)
                    FROM meetings AS meeting
                    JOIN meeting_action_items AS item ON item.meeting_id = meeting.id
                    WHERE meeting.project_id = %(id)s AND item.status IN ('open', 'in_progress')
                        AND item.due_date < %(today)s
                ) AS action_items,
                (
                    SELECT count(*)
                    FROM design_fees
                    WHERE project_id = %(id)s AND (status = 'overdue' OR (status = 'invoiced' AND due_at < now()))
                ) AS fees,
                (
                    SELECT count(*)
                    FROM project_rooms AS room
                    JOIN line_items AS item ON item.room_id = room.id
                    JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
                    WHERE room.project_id = %(id)s AND purchase.status NOT IN ('delivered', 'cancelled')
                        AND purchase.estimated_delivery < %(today)s
                ) AS orders
            """,
            {"id": project_id, "today": today},
        )
        still_open = [task for task in tasks if task["status"] not in {"completed", "skipped"}]
        late = sum(1 for task in still_open if task["due_date"] is not None and task["due_date"] < today)
        phases = dict.fromkeys(task["phase"] for task in tasks)
        return overview(
            project=(project["id"], project["client_name"]),
            progress=[
                (
                    phase,
                    sum(1 for task in tasks if task["phase"] == phase),
                    sum(1 for task in tasks if task["phase"] == phase and task["status"] in {"completed", "skipped"}),
                )
                for phase in phases
            ],
            next_task=still_open[0]["id"] if still_open else None,
            next_meeting=meetings[0]["id"] if meetings else None,
            overdue=(late, overdue["action_items"], overdue["fees"], overdue["orders"]),
            its_budget=self.project_budget(project_id),
        )

    def close(self) -> None:
        self._connection.close()

    def _one(self, query: str, params: Any = ()) -> DictRow:
        return self._connection.execute(query.encode(), params).fetchall()[0]

    def _all(self, query: str, params: Any = ()) -> list[DictRow]:
        return self._connection.execute(query.encode(), params).fetchall()

    def _log(  # noqa: PLR0917 (the columns of the line)
        self, tool: str, entity_type: str, entity_id: UUID, project_id: UUID | None, action: str, metadata: Any
    ) -> None:
        values = (entity_type, entity_id, project_id, action, tool, Jsonb(metadata), Jsonb(context_of(tool)))
        self._connection.execute(LOG, values)
