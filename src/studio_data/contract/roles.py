"""The roles of the practice: a toolset each, so that an agent is given what its job needs and no more."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody does. All but the orchestrator may read the practice; a tool that writes names the roles that may."""

    STUDIO_MANAGER = "studio_manager"  # screening, clients, onboarding, e-mails, meetings
    PROJECT_MANAGER = "project_manager"  # plan, tasks, phases, milestones, proposals
    SOURCING_SPECIALIST = "sourcing_specialist"  # benchmarks, line items, quotes
    PROCUREMENT_COORDINATOR = "procurement_coordinator"  # orders, deliveries, vendors, the trades' RFQs
    CONTROLLER = "controller"  # fees, budget, payments, reports
    TRANSCRIPTIONIST = "transcriptionist"  # meetings, notes, action items, documents
    ORCHESTRATOR = "orchestrator"  # the harness that runs the agents: sessions, checkpoints, prompts, budgets
    READER = "reader"  # looks, and changes nothing


EVERYBODY = frozenset(Role)
STAFF = EVERYBODY - {Role.ORCHESTRATOR, Role.READER}
"""The six roles that work in the practice."""

READERS = STAFF | {Role.READER}
"""Who may read what a domain does not keep for others: all but the orchestrator, who looks after the runs alone."""
