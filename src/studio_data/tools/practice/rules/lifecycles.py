"""The states that things of the practice go through, as the database's enums have them, and the moves between them.

The diagrams in the docs are drawn from these tables.
"""

from enum import StrEnum

from studio_data.contract.lifecycle import Lifecycle


class FeeStatus(StrEnum):
    """How far an instalment of the design fee is."""

    PENDING = "pending"  # agreed, not asked for
    INVOICED = "invoiced"  # asked for
    PAID = "paid"  # received
    OVERDUE = "overdue"  # invoiced, and past its due date


class DocumentType(StrEnum):
    """What a document of a project is."""

    AGREEMENT = "agreement"  # the design agreement
    PROPOSAL = "proposal"  # what the practice offers before there is an agreement
    EXHIBIT_A = "exhibit_a"  # the scope of design services
    EXHIBIT_B = "exhibit_b"  # the investment per room, signed at the end of conceptual design
    INVESTMENT_ESTIMATE = "investment_estimate"  # what the client will spend, from benchmarks
    PRESENTATION = "presentation"  # concept or specified products, as shown at CDM and DDM
    MEETING_NOTES = "meeting_notes"  # what was said and decided
    RFQ = "rfq"  # a request for quote
    SCOPE_DELINEATION = "scope_delineation"  # who does which part of the work
    BUILD_RENO_BINDER = "build_reno_binder"  # the construction document set
    PHOTO = "photo"  # of the site, a product, the reveal
    OTHER = "other"


class TaskStatus(StrEnum):
    """How far a task is."""

    NOT_STARTED = "not_started"  # nobody has begun
    IN_PROGRESS = "in_progress"  # somebody works on it
    BLOCKED = "blocked"  # waits for something outside
    COMPLETED = "completed"  # done
    SKIPPED = "skipped"  # not needed, for a reason


class TradeRole(StrEnum):
    """What a trade does on a project."""

    GC = "gc"  # general contractor: several may bid, one is chosen
    SOFT_TRADE = "soft_trade"  # drapery, wallpaper, upholstery
    SUBCONTRACTOR = "subcontractor"  # works for the general contractor


class QuoteStatus(StrEnum):
    """How far a trade's quote is."""

    INVITED = "invited"  # asked to the trade day
    BALLPARK_RECEIVED = "ballpark_received"  # a first, rough amount
    FINAL_RFQ_SENT = "final_rfq_sent"  # asked for the final quote
    FINAL_QUOTE_RECEIVED = "final_quote_received"  # the amount that counts


class MeetingType(StrEnum):
    """What a meeting is for."""

    SCREENING = "screening"  # first questions to a lead
    SALES = "sales"  # the proposal
    SITE_DOCUMENTATION = "site_documentation"  # measuring and photographs
    LAYOUT = "layout"  # floor plans
    LAYOUT_REVISION = "layout_revision"
    TRADE_DAY = "trade_day"  # all trades look and price
    CDM = "cdm"  # conceptual design meeting: concept and estimate
    CDM_REVISION = "cdm_revision"
    DDM = "ddm"  # detailed design meeting: products and quotes
    DDM_REVISION = "ddm_revision"
    SITE_MEETING = "site_meeting"  # during construction
    OTHER = "other"


class MeetingStatus(StrEnum):
    """How far a meeting is."""

    SCHEDULED = "scheduled"  # has a date
    CONFIRMED = "confirmed"  # the client has confirmed the date
    COMPLETED = "completed"  # was held
    CANCELLED = "cancelled"  # will not be held
    RESCHEDULED = "rescheduled"  # needs a new date, or has just got one


class ActionItemStatus(StrEnum):
    """How far an action item of a meeting is."""

    OPEN = "open"  # agreed
    IN_PROGRESS = "in_progress"  # somebody works on it
    COMPLETED = "completed"  # done
    CANCELLED = "cancelled"  # not needed any more


class LineItemStatus(StrEnum):
    """How far one thing in one room is."""

    ESTIMATED = "estimated"  # a description and a benchmark's price
    SPECIFIED = "specified"  # a product is chosen
    QUOTED = "quoted"  # a vendor's quote is selected
    ORDERED = "ordered"  # its purchase order is submitted
    SHIPPED = "shipped"  # on its way
    DELIVERED = "delivered"  # at the receiver or on site
    INSTALLED = "installed"  # in its room


class PurchaseOrderStatus(StrEnum):
    """How far a purchase order is."""

    DRAFT = "draft"  # written, not sent
    SUBMITTED = "submitted"  # sent to the vendor
    ACKNOWLEDGED = "acknowledged"  # the vendor has confirmed price and date
    IN_PRODUCTION = "in_production"  # being made
    SHIPPED = "shipped"  # on its way
    DELIVERED = "delivered"  # arrived
    CANCELLED = "cancelled"  # called off before it was shipped


FEE = Lifecycle("fee", {
    FeeStatus.PENDING: (FeeStatus.INVOICED,),
    FeeStatus.INVOICED: (FeeStatus.PAID, FeeStatus.OVERDUE),
    FeeStatus.OVERDUE: (FeeStatus.PAID,),
    FeeStatus.PAID: (),
})  # fmt: skip

TASK = Lifecycle("task", {
    TaskStatus.NOT_STARTED: (TaskStatus.IN_PROGRESS, TaskStatus.BLOCKED, TaskStatus.SKIPPED),
    TaskStatus.IN_PROGRESS: (TaskStatus.COMPLETED, TaskStatus.BLOCKED, TaskStatus.SKIPPED),
    TaskStatus.BLOCKED: (TaskStatus.NOT_STARTED, TaskStatus.IN_PROGRESS, TaskStatus.SKIPPED),
    TaskStatus.COMPLETED: (TaskStatus.NOT_STARTED,),  # reopened, by a person
    TaskStatus.SKIPPED: (TaskStatus.NOT_STARTED,),  # reopened, by a person
})  # fmt: skip

TRADE_QUOTE = Lifecycle("project_trade", {
    QuoteStatus.INVITED: (QuoteStatus.BALLPARK_RECEIVED,),
    QuoteStatus.BALLPARK_RECEIVED: (QuoteStatus.FINAL_RFQ_SENT,),
    QuoteStatus.FINAL_RFQ_SENT: (QuoteStatus.FINAL_QUOTE_RECEIVED,),
    QuoteStatus.FINAL_QUOTE_RECEIVED: (),
})  # fmt: skip

MEETING = Lifecycle("meeting", {
    MeetingStatus.SCHEDULED: (MeetingStatus.CONFIRMED, MeetingStatus.RESCHEDULED, MeetingStatus.CANCELLED),
    MeetingStatus.CONFIRMED: (MeetingStatus.COMPLETED, MeetingStatus.RESCHEDULED, MeetingStatus.CANCELLED),
    MeetingStatus.RESCHEDULED: (MeetingStatus.SCHEDULED, MeetingStatus.CANCELLED),
    MeetingStatus.COMPLETED: (),
    MeetingStatus.CANCELLED: (),
})  # fmt: skip

ACTION_ITEM = Lifecycle("action_item", {
    ActionItemStatus.OPEN: (ActionItemStatus.IN_PROGRESS, ActionItemStatus.CANCELLED),
    ActionItemStatus.IN_PROGRESS: (ActionItemStatus.COMPLETED, ActionItemStatus.CANCELLED),
    ActionItemStatus.COMPLETED: (),
    ActionItemStatus.CANCELLED: (),
})  # fmt: skip

LINE_ITEM = Lifecycle("line_item", {
    LineItemStatus.ESTIMATED: (LineItemStatus.SPECIFIED,),
    LineItemStatus.SPECIFIED: (LineItemStatus.QUOTED,),
    LineItemStatus.QUOTED: (LineItemStatus.ORDERED, LineItemStatus.SPECIFIED),  # back: another product or vendor
    LineItemStatus.ORDERED: (LineItemStatus.SHIPPED, LineItemStatus.SPECIFIED),  # back: its order was cancelled
    LineItemStatus.SHIPPED: (LineItemStatus.DELIVERED,),
    LineItemStatus.DELIVERED: (LineItemStatus.INSTALLED,),
    LineItemStatus.INSTALLED: (),
})  # fmt: skip

PURCHASE_ORDER = Lifecycle("purchase_order", {
    PurchaseOrderStatus.DRAFT: (PurchaseOrderStatus.SUBMITTED, PurchaseOrderStatus.CANCELLED),
    PurchaseOrderStatus.SUBMITTED: (PurchaseOrderStatus.ACKNOWLEDGED, PurchaseOrderStatus.CANCELLED),
    PurchaseOrderStatus.ACKNOWLEDGED: (PurchaseOrderStatus.IN_PRODUCTION, PurchaseOrderStatus.CANCELLED),
    PurchaseOrderStatus.IN_PRODUCTION: (PurchaseOrderStatus.SHIPPED, PurchaseOrderStatus.CANCELLED),
    PurchaseOrderStatus.SHIPPED: (PurchaseOrderStatus.DELIVERED,),
    PurchaseOrderStatus.DELIVERED: (),
    PurchaseOrderStatus.CANCELLED: (),
})  # fmt: skip
