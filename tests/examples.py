"""One call of every tool: what the registry's tests, and the reference in the docs, make of each.

A tool without an example fails ``tests/test_contract.py`` by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from studio_data.tools.clients import Client, create_client
from studio_data.tools.projects import Project, create_project


class Practice:
    """What a call may need to be there already. Each part is made when an example first asks for it."""

    @cached_property
    def client(self) -> Client:
        return create_client("David & Linh Nguyen", email="linh@example.com", source="referral")

    @cached_property
    def project(self) -> Project:
        return create_project(self.client["id"], "Nguyen LR/DR/MBED", "furnishings")["project"]


@dataclass(frozen=True)
class Example:
    """A call that succeeds, and the lines that it leaves in the audit trail: (entity type, action), in order."""

    arguments: Callable[[Practice], dict[str, Any]]
    logs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


EXAMPLES = {
    "create_client": Example(
        lambda _: {
            "name": "David & Linh Nguyen",
            "email": "linh@example.com",
            "source": "referral",
            "screening_data": {"style": "modern", "budget_range": "90k-110k"},
        },
        logs=[("client", "created")],
    ),
    "get_client": Example(lambda practice: {"client_id": practice.client["id"]}),
    "list_clients": Example(lambda practice: {"status": practice.client["status"], "limit": 10}),
    "create_project": Example(
        lambda practice: {
            "client_id": practice.client["id"],
            "name": "Nguyen LR/DR/MBED",
            "project_type": "furnishings",
            "address": "123 Main St, Olathe, KS",
            "investment_estimate": "100000.00",
        },
        logs=[("project", "created")],
    ),
    "get_project": Example(lambda practice: {"project_id": practice.project["id"]}),
    "list_projects": Example(lambda practice: {"client_id": practice.project["client_id"], "phase": "conceptual_design"}),
    "log_activity": Example(
        lambda practice: {
            "entity_type": "project",
            "entity_id": practice.project["id"],
            "action": "site_visited",
            "metadata": {"weather": "rain", "measured": ["living room", "dining room"]},
        },
        logs=[("project", "site_visited")],
    ),
    "list_activity": Example(lambda practice: {"entity_type": "project", "entity_id": practice.project["id"]}),
}
