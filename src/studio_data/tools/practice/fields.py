"""The types of the arguments that only tools of the practice take."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from studio_data.contract import validators
from studio_data.contract.fields import between, choice
from studio_data.tools.practice.rules.lifecycles import (
    ActionItemStatus,
    DocumentType,
    FeeStatus,
    LineItemStatus,
    MeetingStatus,
    MeetingType,
    PurchaseOrderStatus,
    QuoteStatus,
    TaskStatus,
    TradeRole,
)

LARGEST_FACTOR = Decimal("9.9999")
_FRACTION = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,4})?", re.ASCII)


def freight_factor(value: object) -> Decimal:
    """Return freight as a fraction of the price, with four places."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"must be a fraction like 0.18, not {validators.kind(value)}")
    if isinstance(value, str) and not _FRACTION.fullmatch(value):
        raise ValueError('must be a fraction, written like "0.18"')
    factor = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not factor.is_finite() or not 0 <= factor <= LARGEST_FACTOR:
        raise ValueError(f"must be between 0 and {LARGEST_FACTOR}")
    rounded = abs(factor.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, Context(prec=28)))
    if isinstance(value, Decimal) and rounded != factor:
        raise ValueError("must have at most four decimal places")
    return rounded


type FreightFactor = Annotated[
    Decimal | float | str,
    PlainValidator(freight_factor),
    WithJsonSchema(
        {"type": "string", "description": 'fraction of the price, like "0.18"', "pattern": r"^[0-9](\.[0-9]{1,4})?$"}
    ),
]
"""Freight as a fraction of the price, 0 to 9.9999 with at most four places."""

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


class WorkPhase(StrEnum):
    """A phase in which a project has tasks."""

    CONCEPTUAL_DESIGN = "conceptual_design"
    DETAILED_DESIGN = "detailed_design"
    PURCHASING = "purchasing"
    CONSTRUCTION = "construction"
    REVEAL_PUNCH_LIST = "reveal_punch_list"


type WorkPhaseName = Annotated[WorkPhase | str, *choice(WorkPhase)]
"""A phase with tasks, or its string: neither completed nor on hold."""

type ActionItemStatusName = Annotated[ActionItemStatus | str, *choice(ActionItemStatus)]
"""A status of an action item, or its string."""

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

type PurchaseOrderStatusName = Annotated[PurchaseOrderStatus | str, *choice(PurchaseOrderStatus)]
"""A status of a purchase order, or its string."""

type QuoteStatusName = Annotated[QuoteStatus | str, *choice(QuoteStatus)]
"""A status of a trade's quote, or its string."""

type TaskStatusName = Annotated[TaskStatus | str, *choice(TaskStatus)]
"""A status of a task, or its string."""

type TradeRoleName = Annotated[TradeRole | str, *choice(TradeRole)]
"""A trade's role on a project, or its string."""
