"""SQLAlchemy 2 Core: the same work as expressions over the tables as they are reflected, in one transaction."""
# pyright: basic

import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import MetaData, case, create_engine, event, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SAWarning

from benchmarks.operations import ADDRESS, NOTE, SCREENING, SOURCE, budget, context_of, overview, told

OPEN_ITEM = ("open", "in_progress")
CLOSED = ("completed", "skipped")


def engine_for(url: str) -> Engine:
    """Return an engine with SQLAlchemy's own pool over psycopg."""
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))


def _without_domain(_inspector: Any, _table: Any, column: Any) -> None:
    if isinstance(column["type"], DOMAIN):
        column["type"] = column["type"].data_type


class SqlalchemyCore:
    """Core."""

    def __init__(self, url: str) -> None:
        self._engine = engine_for(url)
        metadata = MetaData()
        event.listen(metadata, "column_reflect", _without_domain)
        with warnings.catch_warnings(category=SAWarning, action="ignore"):  # xid8 is a type that it does not know
            metadata.reflect(self._engine)
        self._tables = metadata.tables

    def create_client(self, number: int) -> Any:
        clients = self._tables["clients"]
        with self._engine.begin() as connection:
            row = connection.execute(
                insert(clients)
                .values(
                    name="David & Linh Nguyen",
                    email=f"client{number}@example.com",
                    address=ADDRESS,
                    source=SOURCE,
                    screening_data=SCREENING,
                )
                .returning(*clients.c)
            ).one()
            self._log(connection, "create_client", "client", row.id, None, "created", {"source": SOURCE})
        return told(row.created_at, row.updated_at, row.name, row.email, row.status)

    def create_project(self, client_id: UUID) -> Any:
        clients, projects, templates = (self._tables[name] for name in ("clients", "projects", "workflow_templates"))
        with self._engine.begin() as connection:
            status = connection.execute(
                select(clients.c.status).where(clients.c.id == client_id).with_for_update(key_share=True)
            ).scalar_one()
            if status in {"churned", "completed"}:
                raise ValueError(status)
            row = connection.execute(
                insert(projects)
                .values(client_id=client_id, name="Nguyen LR/DR/MBED", project_type="furnishings")
                .returning(*projects.c)
            ).one()
            found = connection.execute(
                select(templates.c.id)
                .where(~templates.c.is_renovation_only, templates.c.retired_at.is_(None))
                .order_by(templates.c.phase, templates.c.task_order)
            ).scalars()
            tasks = [{"project_id": row.id, "template_id": template} for template in found]
            connection.execute(insert(self._tables["project_tasks"]), tasks)
            facts = {"client_id": str(client_id), "project_type": row.project_type, "tasks_created": len(tasks)}
            self._log(connection, "create_project", "project", row.id, row.id, "created", facts)
        return told(row.created_at, row.updated_at, row.client_id, row.phase, len(tasks))

    def log_activity(self, client_id: UUID) -> Any:
        log = self._tables["activity_log"]
        with self._engine.begin() as connection:
            row = (
                connection.execute(
                    insert(log)
                    .values(
                        entity_type="client",
                        entity_id=client_id,
                        action="called",
                        metadata=NOTE,
                        context=context_of("log_activity"),
                    )
                    .returning(*(column for column in log.c if column.name != "transaction_id"))
                )
                .mappings()
                .one()
            )
        return row["entity_type"], row["action"], row["metadata"], row["context"]

    def advance_client(self, client_id: UUID) -> Any:
        clients = self._tables["clients"]
        with self._engine.begin() as connection:
            before = connection.execute(
                select(clients).where(clients.c.id == client_id).with_for_update(key_share=True)
            ).one()
            if before.status != "lead" or not (before.email or before.phone) or not before.screening_data:
                raise ValueError(before.status)
            after = connection.execute(
                update(clients).where(clients.c.id == client_id).values(status="qualified").returning(*clients.c)
            ).one()
            changes = {"changes": {"status": ["lead", "qualified"]}}
            self._log(connection, "advance_client", "client", client_id, None, "status_changed", changes)
        return told(after.created_at, after.updated_at, after.status)

    def complete_task(self, task_id: UUID) -> Any:
        tasks = self._tables["project_tasks"]
        with self._engine.begin() as connection:
            before = connection.execute(select(tasks).where(tasks.c.id == task_id).with_for_update(key_share=True)).one()
            if before.status != "in_progress":
                raise ValueError(before.status)
            after = connection.execute(
                update(tasks)
                .where(tasks.c.id == task_id)
                .values(status="completed", completed_at=func.now())
                .returning(*tasks.c)
            ).one()
            changes = {"changes": {"status": ["in_progress", "completed"]}}
            self._log(connection, "complete_task", "task", task_id, before.project_id, "status_changed", changes)
        return told(after.created_at, after.updated_at, after.status, after.completed_at is not None)

    def list_activity(self) -> Any:
        log = self._tables["activity_log"]
        with self._engine.connect() as connection:
            columns = [column for column in log.c if column.name != "transaction_id"]
            return [row.id for row in connection.execute(select(*columns).order_by(log.c.id.desc()).limit(50))]

    def list_tasks(self, project_id: UUID) -> Any:
        tasks, templates = self._tables["project_tasks"], self._tables["workflow_templates"]
        query = (
            select(tasks, func.coalesce(tasks.c.name, templates.c.name).label("title"))
            .outerjoin(templates, templates.c.id == tasks.c.template_id)
            .where(tasks.c.project_id == project_id)
            .order_by(tasks.c.id)
            .limit(50)
        )
        with self._engine.connect() as connection:
            return [(row.title, row.status, row.due_date) for row in connection.execute(query)]

    def project_budget(self, project_id: UUID) -> Any:
        with self._engine.connect() as connection:
            return self._budget(connection, project_id)

    def _budget(self, connection: Any, project_id: UUID) -> Any:
        projects, rooms, items, orders, quotes = (
            self._tables[name] for name in ("projects", "project_rooms", "line_items", "purchase_orders", "project_trades")
        )
        project = connection.execute(
            select(projects.c.investment_estimate, projects.c.exhibit_b_total).where(projects.c.id == project_id)
        ).one()
        found = connection.execute(
            select(
                rooms.c.name,
                rooms.c.investment_estimate,
                rooms.c.exhibit_b_amount,
                rooms.c.actual_amount,
                func.coalesce(func.sum(orders.c.amount + func.coalesce(orders.c.freight, 0)), 0),
            )
            .outerjoin(items, items.c.room_id == rooms.c.id)
            .outerjoin(orders, (orders.c.line_item_id == items.c.id) & (orders.c.status != "cancelled"))
            .where(rooms.c.project_id == project_id)
            .group_by(rooms.c.id)
        )
        quoted = select(func.coalesce(func.sum(quotes.c.final_amount), Decimal("0.00"))).where(
            quotes.c.project_id == project_id
        )
        return budget(tuple(project), [tuple(row) for row in found], connection.execute(quoted).scalar_one())

    def project_overview(self, project_id: UUID) -> Any:
        today = datetime.now(UTC).date()
        projects, clients, tasks, templates, meetings, actions, fees, rooms, items, orders = (
            self._tables[name]
            for name in (
                "projects", "clients", "project_tasks", "workflow_templates", "meetings", "meeting_action_items",
                "design_fees", "project_rooms", "line_items", "purchase_orders",
            )
        )  # fmt: skip
        phase = func.coalesce(tasks.c.phase, templates.c.phase)
        of_project = tasks.outerjoin(templates, templates.c.id == tasks.c.template_id)
        closed = func.sum(case((tasks.c.status.in_(CLOSED), 1), else_=0))
        with self._engine.connect() as connection:
            project = connection.execute(
                select(projects.c.id, clients.c.name).join(clients).where(projects.c.id == project_id)
            ).one()
            progress = connection.execute(
                select(phase, func.count(), closed)
                .select_from(of_project)
                .where(tasks.c.project_id == project_id)
                .group_by(phase)
            ).all()
            still_open = (tasks.c.project_id == project_id) & tasks.c.status.not_in(CLOSED)
            next_task = connection.execute(
                select(tasks.c.id).select_from(of_project).where(still_open).order_by(phase, tasks.c.id).limit(1)
            ).scalar()
            next_meeting = connection.execute(
                select(meetings.c.id)
                .where(
                    meetings.c.project_id == project_id,
                    meetings.c.status.in_(("scheduled", "confirmed")),
                    meetings.c.scheduled_date >= today,
                )
                .order_by(meetings.c.scheduled_date, meetings.c.id)
                .limit(1)
            ).scalar()
            overdue: Any = tuple(
                connection.execute(query).scalar_one()
                for query in (
                    select(func.count()).select_from(tasks).where(still_open, tasks.c.due_date < today),
                    select(func.count())
                    .select_from(meetings.join(actions))
                    .where(meetings.c.project_id == project_id, actions.c.status.in_(OPEN_ITEM), actions.c.due_date < today),
                    select(func.count())
                    .select_from(fees)
                    .where(
                        fees.c.project_id == project_id,
                        or_(fees.c.status == "overdue", (fees.c.status == "invoiced") & (fees.c.due_at < func.now())),
                    ),
                    select(func.count())
                    .select_from(rooms.join(items).join(orders))
                    .where(
                        rooms.c.project_id == project_id,
                        orders.c.status.not_in(("delivered", "cancelled")),
                        orders.c.estimated_delivery < today,
                    ),
                )
            )
            return overview(
                project=tuple(project),
                progress=[(row[0], row[1], row[2]) for row in progress],
                next_task=next_task,
                next_meeting=next_meeting,
                overdue=overdue,
                its_budget=self._budget(connection, project_id),
            )

    def close(self) -> None:
        self._engine.dispose()

    def _log(  # noqa: PLR0917 (the columns of the line)
        self,
        connection: Any,
        tool: str,
        entity_type: str,
        entity_id: UUID,
        project_id: UUID | None,
        action: str,
        metadata: Any,
    ) -> None:
        connection.execute(
            insert(self._tables["activity_log"]).values(
                entity_type=entity_type,
                entity_id=entity_id,
                project_id=project_id,
                action=action,
                actor_type="system",
                actor_name=tool,
                metadata=metadata,
                context=context_of(tool),
            )
        )
