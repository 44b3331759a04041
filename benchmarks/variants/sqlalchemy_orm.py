"""SQLAlchemy 2 ORM: mapped classes over the reflected tables, a session for each call; sums over rows are Core's queries."""
# pyright: basic

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, insert, select
from sqlalchemy.orm import DeclarativeBase, Session

from benchmarks.operations import ADDRESS, NOTE, SCREENING, SOURCE, context_of, told
from benchmarks.variants.sqlalchemy_core import SqlalchemyCore


class SqlalchemyOrm(SqlalchemyCore):
    """The ORM. Sums over many rows stay queries, so they are inherited."""

    def __init__(self, url: str) -> None:
        super().__init__(url)

        class Base(DeclarativeBase):
            pass

        for table in self._tables.values():
            if "updated_at" in table.c:
                table.c.updated_at.server_onupdate = FetchedValue(for_update=True)  # a trigger sets it

        def mapped(name: str, table: str, *, skipped: tuple[str, ...] = (), **mapping: Any) -> Any:
            options = {"eager_defaults": True, "exclude_properties": skipped}
            return type(name, (Base,), {"__table__": self._tables[table], "__mapper_args__": options, **mapping})

        self._client = mapped("Client", "clients")
        self._project = mapped("Project", "projects")
        self._template = mapped("WorkflowTemplate", "workflow_templates")
        self._task = mapped("ProjectTask", "project_tasks")
        log = self._tables["activity_log"]
        # "metadata" is a name of the declarative base; xid8 has no type in SQLAlchemy
        self._line = mapped("Activity", "activity_log", skipped=("transaction_id",), particulars=log.c.metadata)

    def _new_line(self, tool: str, **fields: Any) -> Any:
        return self._line(actor_type="system", actor_name=tool, context=context_of(tool), **fields)

    def create_client(self, number: int) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            client = self._client(
                name="David & Linh Nguyen",
                email=f"client{number}@example.com",
                address=ADDRESS,
                source=SOURCE,
                screening_data=SCREENING,
            )
            session.add(client)
            session.flush()
            session.add(
                self._new_line(
                    "create_client",
                    entity_type="client",
                    entity_id=client.id,
                    action="created",
                    particulars={"source": client.source},
                )
            )
            session.commit()
            return told(client.created_at, client.updated_at, client.name, client.email, client.status)

    def create_project(self, client_id: UUID) -> Any:
        template = self._template
        with Session(self._engine, expire_on_commit=False) as session:
            client = session.get(self._client, client_id, with_for_update={"key_share": True})
            if client is None or client.status in {"churned", "completed"}:
                raise ValueError(client_id)
            project = self._project(client_id=client_id, name="Nguyen LR/DR/MBED", project_type="furnishings")
            session.add(project)
            session.flush()
            found = session.scalars(
                select(template)
                .where(~template.is_renovation_only, template.retired_at.is_(None))
                .order_by(template.phase, template.task_order)
            ).all()
            # As objects they would be inserted one by one: ids that the server makes cannot be told apart in one answer.
            tasks = [{"project_id": project.id, "template_id": each.id} for each in found]
            session.execute(insert(self._task), tasks)
            facts = {"client_id": str(client_id), "project_type": project.project_type, "tasks_created": len(tasks)}
            session.add(
                self._new_line(
                    "create_project",
                    entity_type="project",
                    entity_id=project.id,
                    project_id=project.id,
                    action="created",
                    particulars=facts,
                )
            )
            session.commit()
            return told(project.created_at, project.updated_at, project.client_id, project.phase, len(tasks))

    def log_activity(self, client_id: UUID) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            line = self._line(
                entity_type="client",
                entity_id=client_id,
                action="called",
                particulars=NOTE,
                context=context_of("log_activity"),
            )
            session.add(line)
            session.commit()
            return line.entity_type, line.action, line.particulars, line.context

    def advance_client(self, client_id: UUID) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            client = session.get(self._client, client_id, with_for_update={"key_share": True})
            if client is None or client.status != "lead" or not client.email or not client.screening_data:
                raise ValueError(client_id)
            client.status = "qualified"
            changes = {"changes": {"status": ["lead", "qualified"]}}
            session.add(
                self._new_line(
                    "advance_client",
                    entity_type="client",
                    entity_id=client_id,
                    action="status_changed",
                    particulars=changes,
                )
            )
            session.commit()
            return told(client.created_at, client.updated_at, client.status)

    def complete_task(self, task_id: UUID) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            task = session.get(self._task, task_id, with_for_update={"key_share": True})
            if task is None or task.status != "in_progress":
                raise ValueError(task_id)
            task.status = "completed"
            task.completed_at = datetime.now(UTC)  # func.now() would have to be read back
            changes = {"changes": {"status": ["in_progress", "completed"]}}
            session.add(
                self._new_line(
                    "complete_task",
                    entity_type="task",
                    entity_id=task_id,
                    project_id=task.project_id,
                    action="status_changed",
                    particulars=changes,
                )
            )
            session.commit()
            return told(task.created_at, task.updated_at, task.status, task.completed_at is not None)

    def list_activity(self) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            return [line.id for line in session.scalars(select(self._line).order_by(self._line.id.desc()).limit(50))]

    def list_tasks(self, project_id: UUID) -> Any:
        task, template = self._task, self._template
        query = (
            select(task, template)
            .outerjoin(template, template.id == task.template_id)
            .where(task.project_id == project_id)
            .order_by(task.id)
            .limit(50)
        )
        with Session(self._engine, expire_on_commit=False) as session:
            return [(each.name or origin.name, each.status, each.due_date) for each, origin in session.execute(query).all()]
