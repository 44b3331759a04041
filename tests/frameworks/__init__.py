"""Agent frameworks use the toolset as their pages in docs/ show it: the tests run the pages' own code."""

from typing import Any

from studio_data import db
from tests.conftest import ROOT
from tests.support.pages import a_prompt, run

EMPTY_LISTS = {"list_activity", "list_clients", "list_projects", "list_vendors"}
"""What a reader finds empty in a new practice."""


def run_page(name: str, *, blocks: int | None = None) -> dict[str, Any]:
    """Run the Python blocks of a page in docs/ one after the other, all or the first ones, and return their names."""
    names = a_prompt()
    run(ROOT / "docs" / name, names, blocks=blocks)
    return names


def client_names() -> list[str]:
    """Return the names of all clients, the oldest first."""
    return [row["name"] for row in db.many("SELECT name FROM clients ORDER BY id")]


def audit_trail() -> list[tuple[str, ...]]:
    """Return (action, actor type, actor, role, run, tool) of every line, the oldest first."""
    rows = db.many(
        """
        SELECT action, actor_type, actor_name, context ->> 'role' AS role, context ->> 'run_id' AS run_id,
            context ->> 'tool' AS tool
        FROM activity_log
        ORDER BY id
        """
    )
    return [tuple(row.values()) for row in rows]


def created_by(role: str, run_id: str) -> tuple[str, ...]:
    """Return the line that a run of a role's agent leaves for a client it created."""
    return ("created", "agent", role, role, run_id, "create_client")
