"""Sessions without a sign of life expire, and a new process gets what it needs to go on."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from studio_data import Threads, acting_as, db
from studio_data.errors import InvalidTransitionError, NotFoundError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.runs.artifacts import record_artifact
from studio_data.tools.runs.budgets import reserve_usage
from studio_data.tools.runs.checkpoints import save_checkpoint
from studio_data.tools.runs.executions import AgentExecution, finish_execution, record_heartbeat, start_execution
from studio_data.tools.runs.phases import (
    advance_phase,
)
from studio_data.tools.runs.sessions import (
    expire_stale_sessions,
    fail_session,
    resume_session,
)
from studio_data.tools.runs.settings import create_agent_settings
from tests.support.lifecycle import lines
from tests.support.mission import KEY, bring_to, grow_old, status


@pytest.mark.parametrize("standing", ["pending", "running"])
def test_a_session_without_a_sign_of_life_expires(standing: str) -> None:
    bring_to(standing)
    grow_old()

    assert expire_stale_sessions(idle_minutes=180) == {"expired": []}
    assert [session["session_id"] for session in expire_stale_sessions(idle_minutes=90)["expired"]] == [KEY]
    assert expire_stale_sessions(idle_minutes=90) == {"expired": []}
    assert status() == "expired"
    assert lines()[-1]["metadata"]["changes"] == {"status": [standing, "expired"]}


def begin_an_execution() -> None:
    start_execution(KEY, "eng")


def end_an_execution() -> None:
    execution = start_execution(KEY, "eng")
    db.one("UPDATE agent_executions SET started_at = now() - interval '2 hours'")
    finish_execution(execution["id"])


def save_a_checkpoint() -> None:
    save_checkpoint(KEY, "c-1", checkpoint_data={"at": 1})


def record_a_file() -> None:
    record_artifact(KEY, "docs/prd.md", artifact_type="prd", content_hash="a" * 64)


def reserve_a_budget() -> None:
    create_agent_settings("eng", provider="anthropic", model="large")
    reserve_usage("eng", amount="1", session_id=KEY)


def write_for_the_run() -> None:
    with acting_as("agent", "studio_manager", role="studio_manager", run_id=KEY):
        create_client("Ann")


@pytest.mark.parametrize(
    "sign",
    [begin_an_execution, end_an_execution, write_for_the_run, save_a_checkpoint, record_a_file, reserve_a_budget],
)
def test_what_is_written_for_a_session_is_a_sign_of_life(sign: Callable[[], None]) -> None:
    bring_to("running")
    sign()
    grow_old()

    assert expire_stale_sessions(idle_minutes=90) == {"expired": []}
    assert status() == "running"


# A silent execution ---------------------------------------------------------------------------------------------------


def silent_execution(*, lease_ended: bool = False) -> AgentExecution:
    """Bring a session to an execution that has said nothing for two hours."""
    bring_to("running")
    execution = start_execution(KEY, "eng")
    db.one("UPDATE agent_executions SET started_at = now() - interval '2 hours'")
    if lease_ended:
        db.one("UPDATE agent_executions SET lease_until = now() - interval '1 minute'")
    grow_old()
    return execution


def test_a_long_execution_keeps_its_session_alive() -> None:
    execution = silent_execution()

    assert expire_stale_sessions() == {"expired": []}
    finish_execution(execution["id"])
    start_execution(KEY, "qa")


def test_a_session_expires_when_the_lease_has_ended() -> None:
    silent_execution(lease_ended=True)

    assert [session["session_id"] for session in expire_stale_sessions()["expired"]] == [KEY]


def test_the_caller_chooses_the_lease() -> None:
    bring_to("running")
    execution = start_execution(KEY, "eng", lease_minutes=5)

    assert execution["lease_until"] - execution["started_at"] == timedelta(minutes=5)


def test_a_heartbeat_renews_the_lease_and_leaves_a_line() -> None:
    execution = silent_execution(lease_ended=True)

    beaten = record_heartbeat(execution["id"], lease_minutes=30)
    grow_old()

    assert beaten["lease_until"] - db.one("SELECT now() AS now")["now"] == timedelta(minutes=30)
    assert expire_stale_sessions() == {"expired": []}
    assert (lines()[-1]["entity_type"], lines()[-1]["metadata"]["user_action"]) == ("agent_execution", "agent_works")


@pytest.mark.parametrize("sign", [record_heartbeat, finish_execution])
def test_a_worker_that_was_taken_for_dead_comes_back(sign: Callable[[UUID], object]) -> None:
    execution = silent_execution(lease_ended=True)
    expire_stale_sessions()

    sign(execution["id"])

    assert status() == "running"
    revived = [line for line in lines() if line["metadata"]["user_action"] == "session_resumed"]
    assert [line["metadata"]["changes"] for line in revived] == [{"status": ["expired", "running"]}]
    assert expire_stale_sessions() == {"expired": []}
    start_execution(KEY, "qa")


@pytest.mark.parametrize("sign", [record_heartbeat, finish_execution])
def test_a_sign_of_life_wakes_no_session_that_failed(sign: Callable[[UUID], object]) -> None:
    execution = silent_execution()
    fail_session(KEY, reason="Given up")

    sign(execution["id"])

    assert status() == "failed"


def test_what_has_ended_has_no_heartbeat() -> None:
    execution = silent_execution()
    finish_execution(execution["id"])

    with pytest.raises(RuleViolationError, match="Only a running one has heartbeats") as raised:
        record_heartbeat(execution["id"])
    assert raised.value.details["rule"] == "execution_is_running"
    with pytest.raises(NotFoundError):
        record_heartbeat(uuid4())


def test_a_heartbeat_and_an_expiry_at_once_leave_the_session_running(committed_db: str) -> None:
    execution = silent_execution(lease_ended=True)

    with Threads(8) as threads:
        calls = [
            threads.submit(record_heartbeat, execution["id"]) if number % 2 else threads.submit(expire_stale_sessions)
            for number in range(24)
        ]
        for call in calls:
            call.result()

    assert (status(), expire_stale_sessions()) == ("running", {"expired": []})


@pytest.mark.parametrize("standing", ["awaiting_approval", "completed", "failed"])
def test_who_waits_for_a_person_or_has_ended_does_not_expire(standing: str) -> None:
    bring_to(standing)
    grow_old()

    assert expire_stale_sessions(idle_minutes=1) == {"expired": []}


def test_a_new_process_gets_the_state_the_newest_checkpoint_and_what_was_not_ended() -> None:
    bring_to("running")
    advance_phase(KEY, "arch", state={"step": 2})
    save_checkpoint(KEY, "c-1", checkpoint_data={"at": 1})
    save_checkpoint(KEY, "c-2", checkpoint_data={"at": 2}, parent_checkpoint_id="c-1")
    save_checkpoint("another", "c-3", checkpoint_data={"at": 3})
    finish_execution(start_execution(KEY, "pm")["id"])
    unfinished = start_execution(KEY, "arch")
    fail_session(KEY, reason="The process died")

    resumed = resume_session(KEY)

    assert (resumed["session"]["status"], resumed["session"]["current_phase"]) == ("running", "arch")
    assert resumed["session"]["state_json"] == {"step": 2}
    assert resumed["checkpoint"] is not None
    assert resumed["checkpoint"]["checkpoint_data"] == {"at": 2}
    assert [execution["id"] for execution in resumed["unfinished"]] == [unfinished["id"]]
    assert lines()[-1]["metadata"] == {"user_action": "session_resumed", "changes": {"status": ["failed", "running"]}}


def test_what_failed_at_the_gate_waits_there_again() -> None:
    bring_to("awaiting_approval")
    fail_session(KEY, reason="Nobody came")

    assert resume_session(KEY)["session"]["status"] == "awaiting_approval"


@pytest.mark.parametrize("standing", ["running", "awaiting_approval"])
def test_what_goes_on_is_resumed_as_it_is(standing: str) -> None:
    bring_to(standing)

    resumed = resume_session(KEY)

    assert (resumed["session"]["status"], resumed["checkpoint"], resumed["unfinished"]) == (standing, None, [])
    assert (lines()[-1]["action"], lines()[-1]["metadata"]) == ("updated", {"user_action": "session_resumed"})


@pytest.mark.parametrize("standing", ["pending", "completed"])
def test_what_has_not_begun_or_is_completed_is_not_resumed(standing: str) -> None:
    bring_to(standing)

    with pytest.raises(InvalidTransitionError) as raised:
        resume_session(KEY)
    assert raised.value.details["from"] == standing
