"""Unmanaged Django models of the same tables. Importing this needs Django to be configured."""
# pyright: basic, reportAttributeAccessIssue=false, reportAssignmentType=false

from typing import Any

from django.db import models
from django.db.models.functions import Now


class UuidV7(models.Func):
    """The default of every id."""

    function = "uuid_v7"
    arity = 0
    output_field = models.UUIDField()


class EnumField(models.TextField):
    """A column of one of the schema's enums, which Django must know by name to insert many rows at once."""

    def __init__(self, enum: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.enum = enum

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 (Django's)
        return self.enum


def _id() -> Any:
    return models.UUIDField(primary_key=True, db_default=UuidV7())


def _made() -> Any:
    return models.DateTimeField(db_default=Now())


def _money() -> Any:
    return models.DecimalField(max_digits=12, decimal_places=2, null=True)


def _text(**options: Any) -> Any:
    return models.TextField(**options)


class _Unmanaged(models.Model):
    class Meta:
        abstract = True
        managed = False
        app_label = "bench"


class Client(_Unmanaged):
    """clients."""

    id = _id()
    name = _text()
    email = _text(null=True)
    phone = _text(null=True)
    address = _text(null=True)
    status = EnumField("client_status", db_default="lead")
    source = _text(null=True)
    screening_data = models.JSONField()
    created_at = _made()
    updated_at = _made()

    class Meta(_Unmanaged.Meta):
        db_table = "clients"


class Project(_Unmanaged):
    """projects."""

    id = _id()
    client = models.ForeignKey(Client, models.DO_NOTHING)
    name = _text()
    address = _text(null=True)
    project_type = EnumField("project_type")
    phase = EnumField("project_phase", db_default="conceptual_design")
    investment_estimate = _money()
    exhibit_b_total = _money()
    created_at = _made()
    updated_at = _made()

    class Meta(_Unmanaged.Meta):
        db_table = "projects"


class WorkflowTemplate(_Unmanaged):
    """workflow_templates."""

    id = _id()
    phase = EnumField("project_phase")
    task_order = models.IntegerField()
    name = _text()
    is_renovation_only = models.BooleanField()
    retired_at = models.DateTimeField(null=True)

    class Meta(_Unmanaged.Meta):
        db_table = "workflow_templates"


class ProjectTask(_Unmanaged):
    """project_tasks."""

    id = _id()
    project = models.ForeignKey(Project, models.DO_NOTHING)
    template = models.ForeignKey(WorkflowTemplate, models.DO_NOTHING, null=True)
    name = _text(null=True)
    phase = EnumField("project_phase", null=True)
    status = EnumField("task_status", db_default="not_started")
    assigned_to = _text(null=True)
    due_date = models.DateField(null=True)
    completed_at = models.DateTimeField(null=True)
    created_at = _made()
    updated_at = _made()

    class Meta(_Unmanaged.Meta):
        db_table = "project_tasks"


class Activity(_Unmanaged):
    """activity_log."""

    id = _id()
    entity_type = _text()
    entity_id = models.UUIDField()
    project_id = models.UUIDField(null=True)
    action = _text()
    actor_type = _text(default="system")
    actor_name = _text()
    metadata = models.JSONField()
    context = models.JSONField(default=dict)
    created_at = _made()

    class Meta(_Unmanaged.Meta):
        db_table = "activity_log"


class Room(_Unmanaged):
    """project_rooms."""

    id = _id()
    project = models.ForeignKey(Project, models.DO_NOTHING)
    name = _text()
    investment_estimate = _money()
    exhibit_b_amount = _money()
    actual_amount = _money()

    class Meta(_Unmanaged.Meta):
        db_table = "project_rooms"


class LineItem(_Unmanaged):
    """line_items."""

    id = _id()
    room = models.ForeignKey(Room, models.DO_NOTHING)

    class Meta(_Unmanaged.Meta):
        db_table = "line_items"


class PurchaseOrder(_Unmanaged):
    """purchase_orders."""

    id = _id()
    line_item = models.ForeignKey(LineItem, models.DO_NOTHING)
    amount = _money()
    freight = _money()
    status = EnumField("po_status")
    estimated_delivery = models.DateField(null=True)

    class Meta(_Unmanaged.Meta):
        db_table = "purchase_orders"


class ProjectTrade(_Unmanaged):
    """project_trades."""

    id = _id()
    project = models.ForeignKey(Project, models.DO_NOTHING)
    final_amount = _money()

    class Meta(_Unmanaged.Meta):
        db_table = "project_trades"


class DesignFee(_Unmanaged):
    """design_fees."""

    id = _id()
    project = models.ForeignKey(Project, models.DO_NOTHING)
    status = EnumField("fee_status")
    due_at = models.DateTimeField(null=True)

    class Meta(_Unmanaged.Meta):
        db_table = "design_fees"


class Meeting(_Unmanaged):
    """meetings."""

    id = _id()
    project = models.ForeignKey(Project, models.DO_NOTHING)
    status = EnumField("meeting_status")
    scheduled_date = models.DateField(null=True)

    class Meta(_Unmanaged.Meta):
        db_table = "meetings"


class ActionItem(_Unmanaged):
    """meeting_action_items."""

    id = _id()
    meeting = models.ForeignKey(Meeting, models.DO_NOTHING)
    status = EnumField("action_item_status")
    due_date = models.DateField(null=True)

    class Meta(_Unmanaged.Meta):
        db_table = "meeting_action_items"
