"""What may be done with an agent's session and its executions now, and what the orchestrator is told of."""

from uuid import UUID

import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.db import one
from studio_data.errors import PermissionDeniedError
from studio_data.tools.available_actions import available_actions
from tests.support.rows import row
from tests.tools.test_available_actions import assert_true, available, project, tools


def run(status: str, phase: str = "pm") -> UUID:
    passed = {"qa_passed": True} if status == "completed" else {}
    return row("agent_sessions", session_id="run-1", user_mission="A room", status=status, current_phase=phase, **passed)


@pytest.mark.parametrize(
    ("status", "phase", "expected"),
    [
        ("pending", "pm", ["start_session", "fail_session"]),
        ("running", "pm", ["advance_phase arch", "fail_session", "resume_session"]),
        ("running", "arch", ["await_approval", "fail_session", "resume_session"]),
        ("awaiting_approval", "human_gate", ["approve_session", "reject_session", "reject_session", "fail_session",
                                             "resume_session"]),
        ("running", "eng", ["advance_phase qa", "fail_session", "resume_session"]),
        ("running", "qa", ["advance_phase eng", "record_iteration", "fail_session", "resume_session"]),
        ("completed", "complete", []),
        ("failed", "eng", ["resume_session"]),
        ("expired", "eng", ["resume_session"]),
    ],
)  # fmt: skip
def test_what_may_be_done_with_an_agent_session(status: str, phase: str, expected: list[str]) -> None:
    session = run(status, phase)

    with acting_as("user", "Maria"):
        assert tools(available_actions("agent_session", session)["available"]) == expected
        assert_true("agent_session", session, {
            "fail_session": {"reason": "Stop."}, "record_iteration": {"qa_passed": True},
            "reject_session": {"feedback": "Again."},
        })  # fmt: skip


def test_an_agent_is_told_that_a_person_decides_at_the_gate() -> None:
    session = run("awaiting_approval", "human_gate")

    with acting_as("agent", "pm", role="orchestrator"):
        found = [
            call for call in available_actions("agent_session", session)["refused"] if call["tool"] == "approve_session"
        ]
        assert [(call["rule"], call["reason"]) for call in found] == [
            ("people_only", "Only a person may call approve_session, not agent."),
        ]  # fmt: skip
        assert dispatch("approve_session", {"session_id": "run-1"})["message"] == found[0]["reason"]


def test_an_execution_is_finished_once() -> None:
    session = run("running")
    execution = row("agent_executions", agent_session_id=session, agent_type="pm")

    assert available("agent_execution", execution) == ["finish_execution"]
    one("UPDATE agent_executions SET status = 'completed', completed_at = now()")
    assert available("agent_execution", execution) == []


def test_the_orchestrator_is_told_of_runs_and_of_nothing_else() -> None:
    project_id, session = project(), run("pending")

    with acting_as("agent", "harness", role="orchestrator"):
        assert available("agent_session", session) == ["start_session", "fail_session"]
        with pytest.raises(PermissionDeniedError, match="orchestrator does not read the practice"):
            available_actions("project", project_id)
    with acting_as("agent", "pat", role="project_manager"):
        with pytest.raises(PermissionDeniedError, match="project_manager does not read agent runs"):
            available_actions("agent_session", session)
        assert available("project", project_id) == ["hold_project"]
