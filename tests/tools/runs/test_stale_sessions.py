"""Sessions without a sign of life expire, and a new process gets what it needs to go on."""

from collections.abc import Callable

import pytest

from studio_data import acting_as, db
from studio_data.errors import (
    InvalidTransitionError,
)
from studio_data.tools.clients import create_client
from studio_data.tools.runs.checkpoints import save_checkpoint
from studio_data.tools.runs.executions import finish_execution, start_execution
from studio_data.tools.runs.phases import (
    advance_phase,
)
from studio_data.tools.runs.sessions import (
    expire_stale_sessions,
    fail_session,
    resume_session,
)
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


def write_for_the_run() -> None:
    with acting_as("agent", "studio_manager", role="studio_manager", run_id=KEY):
        create_client("Ann")


@pytest.mark.parametrize("sign", [begin_an_execution, end_an_execution, write_for_the_run])
def test_an_execution_and_a_call_of_its_run_are_signs_of_life(sign: Callable[[], None]) -> None:
    bring_to("running")
    sign()
    grow_old()

    assert expire_stale_sessions(idle_minutes=90) == {"expired": []}
    assert status() == "running"


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
