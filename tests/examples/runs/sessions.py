from studio_data import acting_as, db
from studio_data.tools.runs.artifacts import record_artifact
from studio_data.tools.runs.executions import finish_execution, start_execution
from studio_data.tools.runs.phases import advance_phase, approve_session, await_approval, record_iteration
from studio_data.tools.runs.rules.session_moves import AgentSession
from studio_data.tools.runs.sessions import fail_session, open_session, start_session
from tests.examples.example import Example
from tests.examples.studio import Practice
from tests.support import as_administrator

MOVED = [("agent_session", "status_changed")]


def new_key() -> str:
    """Return a key that no session has yet."""
    sessions = db.one("SELECT count(*) AS sessions FROM agent_sessions")["sessions"]
    return f"mission-{7 + sessions}"


def pending(practice: Practice) -> AgentSession:
    return open_session(
        new_key(),
        "Plan the Nguyen reveal",
        project_name="Nguyen reveal",
        project_id=practice.project["id"],
        state={"step": 1},
    )


def running(practice: Practice) -> AgentSession:
    return start_session(pending(practice)["session_id"])


def designed(practice: Practice) -> AgentSession:
    return advance_phase(running(practice)["session_id"], "arch")


def awaiting(practice: Practice) -> AgentSession:
    return await_approval(designed(practice)["session_id"])


def examined(practice: Practice) -> AgentSession:
    session = awaiting(practice)
    with acting_as("user", "Maria"):
        approve_session(session["id"])
    return advance_phase(session["id"], "qa")


def passed(practice: Practice) -> AgentSession:
    return record_iteration(examined(practice)["id"], qa_passed=True)


def failed(practice: Practice) -> AgentSession:
    session = running(practice)
    start_execution(session["id"], "arch")
    return fail_session(session["id"], reason="The provider was down")


def stale(practice: Practice) -> dict[str, object]:
    session = running(practice)
    with as_administrator():
        db.one("ALTER TABLE agent_sessions DISABLE TRIGGER agent_sessions_set_updated_at")
        db.one("UPDATE agent_sessions SET updated_at = now() - interval '2 hours' WHERE id = %s", (session["id"],))
        db.one("ALTER TABLE agent_sessions ENABLE TRIGGER agent_sessions_set_updated_at")
    return {"idle_minutes": 90}


def with_work(practice: Practice) -> AgentSession:
    session = running(practice)
    execution = start_execution(session["id"], "pm", input_summary="What does the reveal need?")
    finish_execution(execution["id"], output_summary="Nine tasks", tokens_used=1200, cost="0.018")
    record_artifact(session["id"], "docs/prd.md", artifact_type="prd", content_hash="a" * 64)
    return session


EXAMPLES = {
    "open_session": Example(
        lambda practice: {
            "session_id": new_key(),
            "user_mission": "Plan the Nguyen reveal",
            "project_name": "Nguyen reveal",
            "project_id": practice.project["id"],
            "work_dir": "missions/7",
            "state": {"step": 1},
            "metadata": {"asked_by": "Maria"},
        },
        logs=[("agent_session", "created")],
    ),
    "start_session": Example(lambda practice: {"session_id": pending(practice)["id"]}, logs=MOVED),
    "advance_phase": Example(
        lambda practice: {"session_id": running(practice)["session_id"], "to": "arch", "state": {"step": 2}},
        logs=[("agent_session", "phase_changed")],
    ),
    "record_iteration": Example(
        lambda practice: {
            "session_id": examined(practice)["session_id"],
            "qa_passed": False,
            "note": "Two tasks have no date",
        },
        logs=[("agent_session", "updated")],
    ),
    "await_approval": Example(
        lambda practice: {"session_id": designed(practice)["session_id"], "state": {"step": 3}}, logs=MOVED
    ),
    "approve_session": Example(
        lambda practice: {"session_id": awaiting(practice)["session_id"], "feedback": "Go on"},
        logs=MOVED,
    ),
    "reject_session": Example(
        lambda practice: {
            "session_id": awaiting(practice)["session_id"],
            "feedback": "The reveal is on a Saturday",
            "back_to": "pm",
        },
        logs=MOVED,
    ),
    "complete_session": Example(
        lambda practice: {"session_id": passed(practice)["session_id"], "state": {"step": 9}}, logs=MOVED
    ),
    "fail_session": Example(
        lambda practice: {"session_id": running(practice)["session_id"], "reason": "The provider was down", "state": {}},
        logs=MOVED,
    ),
    "expire_stale_sessions": Example(stale, logs=MOVED),
    "resume_session": Example(lambda practice: {"session_id": failed(practice)["session_id"]}, logs=MOVED),
    "import_session": Example(
        lambda _: {
            "session_id": new_key(),
            "user_mission": "Plan the Chen kitchen",
            "status": "failed",
            "current_phase": "eng",
            "created_at": "2024-03-04T09:00:00+00:00",
            "iteration_count": 1,
            "executions": [
                {
                    "source_id": "12",
                    "agent_type": "eng",
                    "status": "completed",
                    "started_at": "2024-03-04T09:01:00+00:00",
                    "completed_at": "2024-03-04T09:04:30+00:00",
                    "tokens_used": 5200,
                    "cost": "0.0781",
                }
            ],
            "artifacts": [
                {
                    "artifact_type": "code",
                    "file_path": "plan.md",
                    "content_hash": "b" * 64,
                    "version": 1,
                    "created_at": "2024-03-04T09:04:00+00:00",
                }
            ],
        },
        logs=[("agent_session", "created")],
    ),
    "get_session": Example(lambda practice: {"session_id": running(practice)["session_id"]}),
    "list_sessions": Example(
        lambda practice: {
            "project_id": running(practice)["project_id"],
            "status": "running",
            "phase": "pm",
            "search": "reveal",
        }
    ),
    "session_timeline": Example(lambda practice: {"session_id": with_work(practice)["session_id"], "limit": 10}),
}
