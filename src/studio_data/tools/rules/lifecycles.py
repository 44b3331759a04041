"""The states of clients and projects, as the database's enums have them, and the moves between them."""

from enum import StrEnum

from studio_data.contract.lifecycle import Lifecycle


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


CLIENT = Lifecycle("client", {
    ClientStatus.LEAD: (ClientStatus.QUALIFIED, ClientStatus.CHURNED),
    ClientStatus.QUALIFIED: (ClientStatus.PROPOSAL_SENT, ClientStatus.CHURNED),
    ClientStatus.PROPOSAL_SENT: (ClientStatus.CONTRACTED, ClientStatus.CHURNED),
    ClientStatus.CONTRACTED: (ClientStatus.ACTIVE, ClientStatus.CHURNED),
    ClientStatus.ACTIVE: (ClientStatus.COMPLETED, ClientStatus.CHURNED),
    ClientStatus.COMPLETED: (ClientStatus.LEAD,),
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
