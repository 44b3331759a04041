"""The types of tool arguments: what a caller may give, how it is checked, and what a model is told of it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainValidator, WithJsonSchema

from studio_data.contract import validators
from studio_data.contract.lifecycles import (
    ActionItemStatus,
    ClientStatus,
    DocumentType,
    FeeStatus,
    LineItemStatus,
    MeetingStatus,
    MeetingType,
    ProjectPhase,
    ProjectType,
    PurchaseOrderStatus,
    QuoteStatus,
    TaskStatus,
    TradeRole,
)

type Line = Annotated[str, PlainValidator(validators.line), WithJsonSchema({"type": "string"})]
"""One visible line of at most 200 characters. Surrounding blanks are dropped."""

type Name = Annotated[str, PlainValidator(validators.line), WithJsonSchema({"type": "string"})]
"""What somebody or something is called: a line."""

type Text = Annotated[str, PlainValidator(validators.text), WithJsonSchema({"type": "string"})]
"""Notes: lines and tabs, at most 20,000 characters. Surrounding blanks are dropped."""

type Email = Annotated[str, PlainValidator(validators.email), WithJsonSchema({"type": "string", "format": "email"})]
"""An e-mail address, as it is written."""

type EntityId = Annotated[
    UUID | str, PlainValidator(validators.entity_id), WithJsonSchema({"type": "string", "format": "uuid"})
]
"""The id of a row: a UUID, or its text with dashes."""

type Money = Annotated[
    Decimal | float | str,
    PlainValidator(validators.dollars),
    WithJsonSchema({"type": "string", "description": 'dollars, like "1250.00"'}),
]
"""Dollars from 0 to 9,999,999,999.99. Floats are rounded half-even to cents; more places in a Decimal are refused."""

type JsonObject = Annotated[
    Mapping[str, Any],
    PlainValidator(validators.json_object),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A JSON object of at most 64 kB and 32 levels."""


type FreightFactor = Annotated[
    Decimal | float | str,
    PlainValidator(validators.freight_factor),
    WithJsonSchema({"type": "string", "description": 'fraction of the price, like "0.18"'}),
]
"""Freight as a fraction of the price, 0 to 9.9999 with at most four places."""

type Day = Annotated[date | str, PlainValidator(validators.day), WithJsonSchema({"type": "string", "format": "date"})]
"""A date in the years 1900 to 2199, or its text like 2026-11-23."""

type StorageKey = Annotated[str, PlainValidator(validators.storage_key), WithJsonSchema({"type": "string"})]
"""The key of an object in the practice's file store: one line of at most 1,024 bytes."""

type IdOrName = Annotated[
    UUID | str,
    PlainValidator(validators.id_or_name),
    WithJsonSchema({"type": "string", "description": "its id, or its name"}),
]
"""The id of a row, or the name that only one row has."""

type Truth = Annotated[bool, PlainValidator(validators.truth), WithJsonSchema({"type": "boolean"})]
"""True or False."""


def between(first: int, last: int) -> tuple[PlainValidator, WithJsonSchema]:
    """Return what makes ``Annotated[int, *between(…)]`` take whole numbers in a range."""
    schema = {"type": "integer", "minimum": first, "maximum": last}
    return PlainValidator(validators.whole_number(first, last)), WithJsonSchema(schema)


type Quantity = Annotated[int, *between(1, 100_000)]
"""How many of a thing: 1 to 100,000."""

type Weeks = Annotated[int, *between(0, 520)]
"""A lead time in weeks: 0 to 520."""

type WorkingDays = Annotated[int, *between(1, 1_000)]
"""A duration in working days: 1 to 1,000."""

type WorkingDaysShift = Annotated[int, *between(-1_000, 1_000)]
"""How many working days later, or earlier if negative: -1,000 to 1,000."""

type Position = Annotated[int, *between(1, 10_000)]
"""A place in an order: 1 to 10,000."""

type InstalmentCount = Annotated[int, *between(1, 12)]
"""How many parts a fee is paid in: 1 to 12."""

type Limit = Annotated[
    int, PlainValidator(validators.whole_number(1, validators.LARGEST_PAGE)), WithJsonSchema({"type": "integer"})
]
"""How many items a page has at most: 1 to 500."""

type Cursor = Annotated[str, PlainValidator(validators.cursor), WithJsonSchema({"type": "string"})]
"""Where a page begins: the ``next`` of the page before."""

type TrailCursor = Annotated[
    validators.TrailPlace | str, PlainValidator(validators.trail_cursor), WithJsonSchema({"type": "string"})
]
"""How far somebody has followed the audit trail: the ``cursor`` of the answer before."""


def choice(enum: type[StrEnum]) -> tuple[PlainValidator, WithJsonSchema]:
    """Return what makes ``Annotated[Enum | str, *choice(Enum)]`` take a member of the enum, or its string."""
    schema = {"type": "string", "enum": [member.value for member in enum]}
    return PlainValidator(validators.member_of(enum)), WithJsonSchema(schema)


type ActionItemStatusName = Annotated[ActionItemStatus | str, *choice(ActionItemStatus)]
"""A status of an action item, or its string."""

type ClientStatusName = Annotated[ClientStatus | str, *choice(ClientStatus)]
"""A status of a client, or its string."""

type DocumentTypeName = Annotated[DocumentType | str, *choice(DocumentType)]
"""A type of document, or its string."""

type FeeStatusName = Annotated[FeeStatus | str, *choice(FeeStatus)]
"""A status of a fee, or its string."""

type LineItemStatusName = Annotated[LineItemStatus | str, *choice(LineItemStatus)]
"""A status of a line item, or its string."""

type MeetingStatusName = Annotated[MeetingStatus | str, *choice(MeetingStatus)]
"""A status of a meeting, or its string."""

type MeetingTypeName = Annotated[MeetingType | str, *choice(MeetingType)]
"""A type of meeting, or its string."""

type ProjectPhaseName = Annotated[ProjectPhase | str, *choice(ProjectPhase)]
"""A phase of a project, or its string."""

type ProjectTypeName = Annotated[ProjectType | str, *choice(ProjectType)]
"""A type of project, or its string."""

type PurchaseOrderStatusName = Annotated[PurchaseOrderStatus | str, *choice(PurchaseOrderStatus)]
"""A status of a purchase order, or its string."""

type QuoteStatusName = Annotated[QuoteStatus | str, *choice(QuoteStatus)]
"""A status of a trade's quote, or its string."""

type TaskStatusName = Annotated[TaskStatus | str, *choice(TaskStatus)]
"""A status of a task, or its string."""

type TradeRoleName = Annotated[TradeRole | str, *choice(TradeRole)]
"""A trade's role on a project, or its string."""


class WorkPhase(StrEnum):
    """A phase in which a project has tasks."""

    CONCEPTUAL_DESIGN = "conceptual_design"
    DETAILED_DESIGN = "detailed_design"
    PURCHASING = "purchasing"
    CONSTRUCTION = "construction"
    REVEAL_PUNCH_LIST = "reveal_punch_list"


type WorkPhaseName = Annotated[WorkPhase | str, *choice(WorkPhase)]
"""A phase with tasks, or its string: neither completed nor on hold."""


class PythonOnly:
    """Marks an argument that only Python code may give: no exported schema has it, and ``call`` refuses it."""


PYTHON_ONLY = PythonOnly()
