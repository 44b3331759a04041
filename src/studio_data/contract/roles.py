"""The roles of the practice. Each has a toolset, so that an agent gets only what its job needs."""

from enum import StrEnum


class Role(StrEnum):
    """What an actor does. All but the orchestrator may read the practice. A tool that writes names its roles."""

    STUDIO_MANAGER = "studio_manager"  # screening, clients, onboarding, e-mails, meetings
    PROJECT_MANAGER = "project_manager"  # plan, tasks, phases, milestones, proposals
    SOURCING_SPECIALIST = "sourcing_specialist"  # price benchmarks, line items, quotes
    PROCUREMENT_COORDINATOR = "procurement_coordinator"  # orders, deliveries, vendors, the trades' RFQs
    CONTROLLER = "controller"  # fees, budget, payments, reports
    TRANSCRIPTIONIST = "transcriptionist"  # meetings, notes, action items, documents
    ORCHESTRATOR = "orchestrator"  # the harness that runs the agents: sessions, checkpoints, prompts, budgets
    READER = "reader"  # reads only


EVERYBODY = frozenset(Role)
STAFF = EVERYBODY - {Role.ORCHESTRATOR, Role.READER}
"""The six roles that work in the practice."""

READERS = STAFF | {Role.READER}
"""Who may read what a domain does not keep for others: all but the orchestrator, who looks after the runs alone."""
