"""The states that things of the practice go through, as the database's enums have them, and the moves between them.

A table of moves says, for each state, where a thing may go from there; every other move is refused. The diagrams in the docs
are drawn from these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from studio_data.errors import InvalidTransitionError


class ClientStatus(StrEnum):
    """Where a household stands in the sales pipeline."""

    LEAD = "lead"  # asked, nothing known yet
    QUALIFIED = "qualified"  # screened: can be reached, and fits the practice
    PROPOSAL_SENT = "proposal_sent"  # decides about our proposal
    CONTRACTED = "contracted"  # signed the design agreement, has no project yet
    ACTIVE = "active"  # has a project
    COMPLETED = "completed"  # every project is completed
    CHURNED = "churned"  # lost, or went away


class ProjectType(StrEnum):
    """What kind of work a commission is; the master workflow leaves out what a type does not need."""

    FURNISHINGS = "furnishings"  # furniture only
    RENOVATION = "renovation"  # construction work
    MIXED = "mixed"  # both


class ProjectPhase(StrEnum):
    """How far a project is."""

    CONCEPTUAL_DESIGN = "conceptual_design"  # concept and investment estimate, until Exhibit B is signed
    DETAILED_DESIGN = "detailed_design"  # products specified and quoted, until the DDM
    PURCHASING = "purchasing"  # orders placed
    CONSTRUCTION = "construction"  # trades work on site
    REVEAL_PUNCH_LIST = "reveal_punch_list"  # installed and shown; the last corrections
    COMPLETED = "completed"  # nothing left to do
    ON_HOLD = "on_hold"  # paused; goes back to the phase it came from


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

    GC = "gc"  # general contractor: one of them on a project
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


# Moves ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lifecycle[S: StrEnum]:
    """The states of one kind of thing, and where it may go from each."""

    entity_type: str
    moves: Mapping[S, tuple[S, ...]]

    def sources_of(self, target: S) -> list[str]:
        """Return the states from which the target may be reached in one move, for SQL."""
        return [source.value for source, allowed in self.moves.items() if target in allowed]

    def refusal(self, entity_id: object, present: str, target: str) -> InvalidTransitionError:
        """Return the error for a move that is none, with the moves that are allowed from the present state."""
        allowed = [state.value for source, states in self.moves.items() if source.value == present for state in states]
        return InvalidTransitionError(
            f"{self.entity_type.replace('_', ' ').capitalize()} {entity_id} is {present} and cannot become {target}.",
            hint=f"From {present} it may become {_either(allowed)}." if allowed else f"{present} is final.",
            details={
                "entity_type": self.entity_type,
                "id": str(entity_id),
                "from": present,
                "to": target,
                "allowed": allowed,
            },
        )


def _either(states: list[str]) -> str:
    return f"{', '.join(states[:-1])} or {states[-1]}" if len(states) > 1 else states[0]


CLIENT = Lifecycle("client", {
    ClientStatus.LEAD: (ClientStatus.QUALIFIED, ClientStatus.CHURNED),
    ClientStatus.QUALIFIED: (ClientStatus.PROPOSAL_SENT, ClientStatus.CHURNED),
    ClientStatus.PROPOSAL_SENT: (ClientStatus.CONTRACTED, ClientStatus.CHURNED),
    ClientStatus.CONTRACTED: (ClientStatus.ACTIVE, ClientStatus.CHURNED),
    ClientStatus.ACTIVE: (ClientStatus.COMPLETED, ClientStatus.CHURNED),
    ClientStatus.COMPLETED: (),
    ClientStatus.CHURNED: (ClientStatus.LEAD,),
})  # fmt: skip

# On hold goes back to the phase it was held in, which the row in phase_transitions tells.
PROJECT = Lifecycle("project", {
    ProjectPhase.CONCEPTUAL_DESIGN: (ProjectPhase.DETAILED_DESIGN, ProjectPhase.ON_HOLD),
    ProjectPhase.DETAILED_DESIGN: (ProjectPhase.PURCHASING, ProjectPhase.ON_HOLD),
    ProjectPhase.PURCHASING: (ProjectPhase.CONSTRUCTION, ProjectPhase.REVEAL_PUNCH_LIST, ProjectPhase.ON_HOLD),
    ProjectPhase.CONSTRUCTION: (ProjectPhase.REVEAL_PUNCH_LIST, ProjectPhase.ON_HOLD),
    ProjectPhase.REVEAL_PUNCH_LIST: (ProjectPhase.COMPLETED, ProjectPhase.ON_HOLD),
    ProjectPhase.COMPLETED: (),
    ProjectPhase.ON_HOLD: (
        ProjectPhase.CONCEPTUAL_DESIGN, ProjectPhase.DETAILED_DESIGN, ProjectPhase.PURCHASING, ProjectPhase.CONSTRUCTION,
        ProjectPhase.REVEAL_PUNCH_LIST,
    ),
})  # fmt: skip

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

LIFECYCLES = (
    CLIENT, PROJECT, FEE, TASK, TRADE_QUOTE, MEETING, ACTION_ITEM, LINE_ITEM, PURCHASE_ORDER,
)  # fmt: skip
