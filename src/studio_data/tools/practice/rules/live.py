"""Where work goes on: in a project that is neither on hold nor completed, and whose client has not churned.

The database says it once, in the view ``live_projects``. Every listing and summary of what is overdue, due or next asks it
too. What happens outside goes on: a delivery arrives, an invoice stays due, and a meeting that was agreed may be held.
"""

from uuid import UUID

from studio_data.contract.entities import no_such
from studio_data.contract.lifecycle import Facts
from studio_data.db import one
from studio_data.errors import RuleViolationError, SatisfyingCall, StudioError
from studio_data.tools.rules.lifecycles import ClientStatus, ProjectPhase


def work_goes_on(facts: Facts, _to: str = "") -> RuleViolationError | None:
    """Refuse to begin work in a project that is not alive.

    Looks at ``is_live``, at the ``project_id`` and its ``phase``, and at the ``client_id`` and the ``client_status``.
    """
    if facts["is_live"]:
        return None
    project, client = {"project_id": str(facts["project_id"])}, {"client_id": str(facts["client_id"])}
    found: list[str] = []
    calls: list[SatisfyingCall] = []
    if facts["client_status"] == ClientStatus.CHURNED:
        found.append("its client has churned")
        calls.append({"tool": "reopen_client", "arguments": client})
    if facts["phase"] == ProjectPhase.ON_HOLD:
        found.append("it is on hold")
        calls.append({"tool": "resume_project", "arguments": project})
    if facts["phase"] == ProjectPhase.COMPLETED:
        found, calls = ["it is completed"], []
    return RuleViolationError(
        f"Work in project {facts['project_id']} waits: {' and '.join(found)}.",
        rule="work_goes_on_in_live_projects",
        found=" and ".join(found),
        calls=calls,
        hint=f"First call {', then '.join(call['tool'] for call in calls)}." if calls else "Create another project for it.",
    )


def waiting_refusal(project_id: UUID | str) -> StudioError | None:
    """Return the refusal of work in a project that is not alive or does not exist; None for a live one."""
    facts = one(
        """
        SELECT
            project.id AS project_id, project.phase, client.id AS client_id, client.status AS client_status,
            EXISTS (SELECT FROM live_projects WHERE id = project.id) AS is_live
        FROM projects AS project
        JOIN clients AS client ON client.id = project.client_id
        WHERE project.id = %(project_id)s
        """,
        {"project_id": project_id},
        reads=True,
    )
    return no_such("project", project_id) if facts is None else work_goes_on(facts)
