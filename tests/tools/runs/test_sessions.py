"""Agent sessions: the lifecycle, the human gate, and how they are found."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from studio_data import acting_as, db
from studio_data.errors import (
    ConflictError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    PermissionDeniedError,
    RuleViolationError,
    StudioError,
)
from studio_data.tools.runs.executions import start_execution
from studio_data.tools.runs.phases import (
    advance_phase,
    approve_session,
    await_approval,
    record_iteration,
    reject_session,
)
from studio_data.tools.runs.rules.lifecycles import AGENT_SESSION, AgentSessionStatus
from studio_data.tools.runs.rules.session_moves import AgentSession
from studio_data.tools.runs.sessions import (
    complete_session,
    fail_session,
    get_session,
    list_sessions,
    open_session,
    resume_session,
    start_session,
)
from tests.examples import Practice
from tests.support.lifecycle import lines
from tests.support.mission import KEY, as_maria, bring_to, status, to_qa


def done() -> list[str]:
    return [line["metadata"]["user_action"] for line in lines() if line["entity_type"] == "agent_session"]


# One mission ----------------------------------------------------------------------------------------------------------


def test_a_mission_goes_through_its_phases_and_qa_twice() -> None:
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY):
        open_session(KEY, "Plan the Nguyen reveal")
        start_session(KEY)
        advance_phase(KEY, "arch")
        await_approval(KEY, state={"plan": "three days"})
    with as_maria():
        approved = approve_session(KEY, feedback="Hang the art first")
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY):
        advance_phase(KEY, "qa")
        failed = record_iteration(KEY, qa_passed=False, note="Two tasks have no date")
        advance_phase(KEY, "eng")
        advance_phase(KEY, "qa")
        record_iteration(KEY, qa_passed=True)
        completed = complete_session(KEY)

    assert (approved["status"], approved["current_phase"], approved["feedback"]) == ("running", "eng", "Hang the art first")
    assert (failed["iteration_count"], failed["qa_passed"]) == (1, False)
    assert (completed["status"], completed["current_phase"], completed["iteration_count"]) == ("completed", "complete", 2)
    assert get_session(KEY)["state_json"] == {"plan": "three days"}
    assert done() == [
        "session_created", "started", "phase_advanced", "approval_requested", "session_approved", "phase_advanced",
        "iteration_recorded", "phase_advanced", "phase_advanced", "iteration_recorded", "session_completed",
    ]  # fmt: skip
    approval = lines()[4]
    assert (approval["actor_name"], approval["action"]) == ("Maria", "status_changed")
    assert approval["metadata"] == {
        "user_action": "session_approved",
        "ip_address": "192.0.2.7",
        "feedback": "Hang the art first",
        "changes": {"status": ["awaiting_approval", "running"], "current_phase": ["human_gate", "eng"]},
    }
    assert lines()[6]["metadata"]["changes"] == {"iteration_count": [0, 1], "qa_passed": [None, False]}


def test_a_session_is_found_by_its_own_key_and_by_its_id() -> None:
    session = open_session(KEY, "Plan", project_id=Practice().project["id"])

    assert start_session(session["id"])["id"] == session["id"]
    assert get_session(str(session["id"]))["session_id"] == KEY
    assert lines()[-1]["project_id"] == session["project_id"]


def test_a_key_has_one_session() -> None:
    open_session(KEY, "Plan")

    with pytest.raises(ConflictError, match="Session mission-7 already exists"):
        open_session(KEY, "Plan again")
    with pytest.raises(InvalidInputError, match="at most 64 characters"):
        open_session("k" * 65, "Plan")
    assert len(done()) == 1


def advance(key: str) -> AgentSession:
    return advance_phase(key, "arch")


@pytest.mark.parametrize("move", [start_session, await_approval, resume_session, get_session, complete_session, advance])
def test_an_unknown_session_is_not_found(move: Callable[[str], Any]) -> None:
    with pytest.raises(NotFoundError, match="There is no agent session mission-9"):
        move("mission-9")


# Moves that are none --------------------------------------------------------------------------------------------------

LEADS_TO: dict[str, Callable[[], Any]] = {
    "running": lambda: start_session(KEY),
    "awaiting_approval": lambda: await_approval(KEY),
    "completed": lambda: complete_session(KEY),
    "failed": lambda: fail_session(KEY, reason="No use"),
}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pair for pair in product(AgentSessionStatus, LEADS_TO) if pair != ("failed", "awaiting_approval")
    ],  # see resume_session
)
def test_a_move_is_made_if_the_lifecycle_allows_it_and_else_refused_without_a_trace(source: str, target: str) -> None:
    bring_to(source)
    if source == "running" and target == "awaiting_approval":
        advance_phase(KEY, "arch")
    if source == "running" and target == "completed":
        to_qa()
        record_iteration(KEY, qa_passed=True)
    before = lines()
    allowed = target in AGENT_SESSION.moves[AgentSessionStatus(source)] and (target != "running" or source == "pending")

    if allowed:
        LEADS_TO[target]()
        assert status() == target
        assert lines()[-1]["metadata"]["changes"]["status"] == [source, target]
        return
    with pytest.raises(InvalidTransitionError) as raised, db.transaction():
        LEADS_TO[target]()
    assert raised.value.details["from"] == source
    assert status() == source
    assert lines() == before


PHASES = ("pm", "arch", "human_gate", "eng", "qa", "complete")


def bring_to_phase(phase: str) -> None:
    bring_to("completed" if phase == "complete" else "awaiting_approval" if phase == "human_gate" else "running")
    if phase == "arch":
        advance_phase(KEY, "arch")
    if phase in {"eng", "qa"}:
        to_qa()
    if phase == "eng":
        record_iteration(KEY, qa_passed=False)
        advance_phase(KEY, "eng")


@pytest.mark.parametrize(("phase", "to"), list(product(PHASES, ("arch", "eng", "qa"))))
def test_agents_advance_a_session_along_the_phases_but_not_through_the_gate(phase: str, to: str) -> None:
    bring_to_phase(phase)

    if (phase, to) in {("pm", "arch"), ("eng", "qa"), ("qa", "eng")}:
        assert advance_phase(KEY, to, state={"at": to})["current_phase"] == to
        assert lines()[-1]["action"] == "phase_changed"
        assert get_session(KEY)["state_json"] == {"at": to}
        return
    before = lines()
    with pytest.raises(StudioError) as raised, db.transaction():
        advance_phase(KEY, to)
    expected = RuleViolationError if phase in {"human_gate", "complete"} else InvalidTransitionError
    assert type(raised.value) is expected
    assert get_session(KEY)["current_phase"] == phase
    assert lines() == before


@pytest.mark.parametrize(
    ("standing", "way_on"),
    [
        ("pending", "start_session"), ("awaiting_approval", "approve_session"), ("failed", "resume_session"),
        ("expired", "resume_session"), ("completed", "open_session"),
    ],
)  # fmt: skip
def test_agents_work_in_running_sessions_only_and_are_told_the_way_on(standing: str, way_on: str) -> None:
    bring_to(standing)

    for work in (lambda: start_execution(KEY, "eng"), lambda: advance_phase(KEY, "qa")):
        with pytest.raises(RuleViolationError, match=way_on) as raised:
            work()
        assert raised.value.details["rule"] == "session_is_running"


def test_a_session_is_completed_only_after_qa_has_passed_it() -> None:
    bring_to_phase("qa")

    for verdict in (None, False):
        if verdict is not None:
            record_iteration(KEY, qa_passed=verdict)
        with pytest.raises(RuleViolationError, match="QA has not passed") as raised:
            complete_session(KEY)
        assert raised.value.details["rule"] == "qa_has_passed"
        assert raised.value.details["calls"][0]["tool"] == "record_iteration"
    assert status() == "running"


def test_qa_speaks_only_in_its_phase() -> None:
    bring_to("running")

    with pytest.raises(RuleViolationError, match="in the phase pm, and this belongs to qa"):
        record_iteration(KEY, qa_passed=True)
    assert get_session(KEY)["qa_passed"] is None


# The human gate -------------------------------------------------------------------------------------------------------


def reject(key: str) -> AgentSession:
    return reject_session(key, feedback="No")


@pytest.mark.parametrize("decide", [approve_session, reject])
@pytest.mark.parametrize("kind", ["agent", "system"])
def test_only_a_person_decides_at_the_gate(kind: str, decide: Callable[[str], Any]) -> None:
    bring_to("awaiting_approval")

    refused = pytest.raises(PermissionDeniedError, match=f"Only a person may call .*_session, not {kind}")
    with refused, acting_as(kind, "somebody"):
        decide(KEY)
    assert status() == "awaiting_approval"


@pytest.mark.parametrize("back_to", ["arch", "pm"])
def test_a_rejected_session_goes_back_with_what_is_wanted(back_to: str) -> None:
    bring_to("awaiting_approval")

    with as_maria():
        session = reject_session(KEY, feedback="The reveal is on a Saturday", back_to=back_to)

    assert (session["status"], session["current_phase"]) == ("running", back_to)
    assert session["feedback"] == "The reveal is on a Saturday"
    assert lines()[-1]["metadata"]["feedback"] == "The reveal is on a Saturday"
    assert resume_session(KEY)["session"]["feedback"] == "The reveal is on a Saturday"


# Lists ----------------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_by_what_they_are_and_found_by_a_word() -> None:
    house = Practice().project["id"]
    open_session("a", "Plan the reveal", project_id=house)
    open_session("b", "Order the sofa", project_name="Chen Kitchen")
    start_session("b")

    def listed(**filters: Any) -> list[str]:
        return [session["session_id"] for session in list_sessions(**filters)["items"]]

    assert listed() == ["b", "a"]
    assert listed(status="running") == ["b"]
    assert listed(phase="pm", project_id=house) == ["a"]
    assert listed(search="REVEAL") == ["a"]
    assert listed(search="chen") == ["b"]
    assert listed(search="%") == []
    first = list_sessions(limit=1)
    assert [session["session_id"] for session in list_sessions(limit=1, after=first["next"])["items"]] == ["a"]
    assert "state_json" not in first["items"][0]
