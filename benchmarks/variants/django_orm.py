"""Django's ORM: unmanaged models, atomic blocks, bulk_create, aggregates; the connection is kept from call to call."""
# pyright: basic, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false
# pyright: reportArgumentType=false

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import django
from django.apps import AppConfig
from django.conf import settings
from django.db import connections, transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Now
from psycopg.conninfo import conninfo_to_dict

from benchmarks.operations import ADDRESS, NOTE, SCREENING, SOURCE, budget, context_of, overview, told

_numbers = count(1)
CLOSED = ("completed", "skipped")


class Bench(AppConfig):
    """The application that the models belong to."""

    name = "benchmarks.variants"
    label = "bench"


def _connect(url: str) -> str:
    """Give Django one more database and return its alias."""
    known = conninfo_to_dict(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known["dbname"],
        "USER": known.get("user", ""),
        "PASSWORD": known.get("password", ""),
        "HOST": known.get("host", ""),
        "PORT": str(known.get("port", "")),
        "CONN_MAX_AGE": None,
    }
    if not settings.configured:
        settings.configure(INSTALLED_APPS=[f"{__name__}.Bench"], DATABASES={}, USE_TZ=True)
        django.setup()
    alias = f"bench{next(_numbers)}"
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: database})[alias]
    return alias


class DjangoOrm:
    """Django."""

    def __init__(self, url: str) -> None:
        self._alias = _connect(url)
        from benchmarks.variants import django_models  # noqa: PLC0415 (needs the settings)

        self._models = django_models

    def _log(self, tool: str, actor_name: str = "", **fields: Any) -> Any:
        return self._models.Activity.objects.using(self._alias).create(
            actor_name=actor_name or tool, context=context_of(tool), **fields
        )

    def create_client(self, number: int) -> Any:
        with transaction.atomic(using=self._alias):
            client = self._models.Client.objects.using(self._alias).create(
                name="David & Linh Nguyen",
                email=f"client{number}@example.com",
                address=ADDRESS,
                source=SOURCE,
                screening_data=SCREENING,
            )
            self._log(
                "create_client",
                entity_type="client",
                entity_id=client.id,
                action="created",
                metadata={"source": client.source},
            )
        return told(client.created_at, client.updated_at, client.name, client.email, client.status)

    def create_project(self, client_id: UUID) -> Any:
        models = self._models
        with transaction.atomic(using=self._alias):
            client = models.Client.objects.using(self._alias).select_for_update(no_key=True).get(id=client_id)
            if client.status in {"churned", "completed"}:
                raise ValueError(client.status)
            project = models.Project.objects.using(self._alias).create(
                client=client, name="Nguyen LR/DR/MBED", project_type="furnishings"
            )
            templates = models.WorkflowTemplate.objects.using(self._alias).filter(is_renovation_only=False, retired_at=None)
            tasks = models.ProjectTask.objects.using(self._alias).bulk_create(
                models.ProjectTask(project=project, template=template)
                for template in templates.order_by("phase", "task_order")
            )
            facts = {"client_id": str(client_id), "project_type": project.project_type, "tasks_created": len(tasks)}
            self._log(
                "create_project",
                entity_type="project",
                entity_id=project.id,
                project_id=project.id,
                action="created",
                metadata=facts,
            )
        return told(project.created_at, project.updated_at, project.client_id, project.phase, len(tasks))

    def log_activity(self, client_id: UUID) -> Any:
        line = self._log(
            "log_activity", "unknown", entity_type="client", entity_id=client_id, action="called", metadata=NOTE
        )
        return line.entity_type, line.action, line.metadata, line.context

    def advance_client(self, client_id: UUID) -> Any:
        with transaction.atomic(using=self._alias):
            client = self._models.Client.objects.using(self._alias).select_for_update(no_key=True).get(id=client_id)
            if client.status != "lead" or not client.email or not client.screening_data:
                raise ValueError(client.status)
            client.status, client.updated_at = "qualified", Now()  # an expression comes back with the UPDATE
            client.save(update_fields=["status", "updated_at"])
            changes = {"changes": {"status": ["lead", "qualified"]}}
            self._log("advance_client", entity_type="client", entity_id=client_id, action="status_changed", metadata=changes)
        return told(client.created_at, client.updated_at, client.status)

    def complete_task(self, task_id: UUID) -> Any:
        with transaction.atomic(using=self._alias):
            task = self._models.ProjectTask.objects.using(self._alias).select_for_update(no_key=True).get(id=task_id)
            if task.status != "in_progress":
                raise ValueError(task.status)
            task.status, task.completed_at, task.updated_at = "completed", Now(), Now()
            task.save(update_fields=["status", "completed_at", "updated_at"])
            changes = {"changes": {"status": ["in_progress", "completed"]}}
            self._log(
                "complete_task",
                entity_type="task",
                entity_id=task_id,
                project_id=task.project_id,
                action="status_changed",
                metadata=changes,
            )
        return told(task.created_at, task.updated_at, task.status, task.completed_at is not None)

    def list_activity(self) -> Any:
        return [line.id for line in self._models.Activity.objects.using(self._alias).order_by("-id")[:50]]

    def list_tasks(self, project_id: UUID) -> Any:
        tasks = self._models.ProjectTask.objects.using(self._alias).select_related("template")
        return [
            (task.name or task.template.name, task.status, task.due_date)
            for task in tasks.filter(project_id=project_id).order_by("id")[:50]
        ]

    def project_budget(self, project_id: UUID) -> Any:
        models = self._models
        project = models.Project.objects.using(self._alias).get(id=project_id)
        order = "lineitem__purchaseorder"
        cost = F(f"{order}__amount") + Coalesce(F(f"{order}__freight"), Decimal(0))
        rooms = (
            models.Room.objects.using(self._alias)
            .filter(project_id=project_id)
            .annotate(committed=Coalesce(Sum(cost, filter=~Q(**{f"{order}__status": "cancelled"})), Decimal(0)))
        )
        quoted = models.ProjectTrade.objects.using(self._alias).filter(project_id=project_id)
        return budget(
            (project.investment_estimate, project.exhibit_b_total),
            [
                (room.name, room.investment_estimate, room.exhibit_b_amount, room.actual_amount, room.committed)
                for room in rooms
            ],
            quoted.aggregate(total=Coalesce(Sum("final_amount"), Decimal("0.00")))["total"],
        )

    def project_overview(self, project_id: UUID) -> Any:
        models, today = self._models, datetime.now(UTC).date()
        project = models.Project.objects.using(self._alias).select_related("client").get(id=project_id)
        phase = Coalesce("phase", "template__phase")
        tasks = models.ProjectTask.objects.using(self._alias).filter(project_id=project_id).annotate(in_phase=phase)
        progress = (
            tasks.order_by().values("in_phase").annotate(tasks=Count("id"), closed=Count("id", filter=Q(status__in=CLOSED)))
        )
        still_open = tasks.exclude(status__in=CLOSED)
        meetings = models.Meeting.objects.using(self._alias).filter(project_id=project_id)
        coming = meetings.filter(status__in=("scheduled", "confirmed"), scheduled_date__gte=today)
        actions = models.ActionItem.objects.using(self._alias).filter(
            meeting__project_id=project_id, status__in=("open", "in_progress"), due_date__lt=today
        )
        fees = models.DesignFee.objects.using(self._alias).filter(project_id=project_id)
        orders = models.PurchaseOrder.objects.using(self._alias).filter(
            line_item__room__project_id=project_id, estimated_delivery__lt=today
        )
        return overview(
            project=(project.id, project.client.name),
            progress=[(row["in_phase"], row["tasks"], row["closed"]) for row in progress],
            next_task=still_open.order_by("in_phase", "id").values_list("id", flat=True).first(),
            next_meeting=coming.order_by("scheduled_date", "id").values_list("id", flat=True).first(),
            overdue=(
                still_open.filter(due_date__lt=today).count(),
                actions.count(),
                fees.filter(Q(status="overdue") | Q(status="invoiced", due_at__lt=Now())).count(),
                orders.exclude(status__in=("delivered", "cancelled")).count(),
            ),
            its_budget=self.project_budget(project_id),
        )

    def close(self) -> None:
        connections[self._alias].close()
