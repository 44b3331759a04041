"""A session of agents, brought by the tools to where a test begins."""

from typing import Any

from studio_data import acting_as, db
from studio_data.tools.runs.phases import (
    advance_phase,
    approve_session,
    await_approval,
    record_iteration,
)
from studio_data.tools.runs.sessions import (
    complete_session,
    expire_stale_sessions,
    fail_session,
    get_session,
    open_session,
    start_session,
)
from tests.support import as_administrator

KEY = "mission-7"


def as_maria() -> Any:
    return acting_as("user", "Maria", ip_address="192.0.2.7")


def bring_to(status: str) -> None:
    """Open a session and bring it to a status by the tools."""
    open_session(KEY, "Plan the Nguyen reveal", state={"step": 1})
    if status == "pending":
        return
    start_session(KEY)
    match status:
        case "awaiting_approval":
            advance_phase(KEY, "arch")
            await_approval(KEY)
        case "completed":
            to_qa()
            record_iteration(KEY, qa_passed=True)
            complete_session(KEY)
        case "failed":
            fail_session(KEY, reason="The provider was down")
        case "expired":
            grow_old()
            expire_stale_sessions(idle_minutes=60)
        case _:
            pass


def to_qa() -> None:
    advance_phase(KEY, "arch")
    await_approval(KEY)
    with as_maria():
        approve_session(KEY)
    advance_phase(KEY, "qa")


def grow_old() -> None:
    with as_administrator():
        db.one("ALTER TABLE agent_sessions DISABLE TRIGGER agent_sessions_set_updated_at")
        db.one("UPDATE agent_sessions SET updated_at = now() - interval '2 hours'")
        db.one("ALTER TABLE agent_sessions ENABLE TRIGGER agent_sessions_set_updated_at")


def status() -> str:
    return get_session(KEY)["status"]
