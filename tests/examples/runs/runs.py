"""What a session's agents leave: executions, checkpoints, artifacts, metrics."""

from studio_data.tools.runs.artifacts import AgentArtifact, record_artifact
from studio_data.tools.runs.checkpoints import AgentCheckpoint, save_checkpoint
from studio_data.tools.runs.executions import AgentExecution, finish_execution, start_execution
from studio_data.tools.runs.metrics import AgentMetric, record_metric
from tests.examples.example import Example
from tests.examples.runs.sessions import running
from tests.examples.studio import Practice


def execution(practice: Practice) -> AgentExecution:
    return start_execution(running(practice)["session_id"], "eng", input_summary="Write the tasks")


def ended(practice: Practice) -> AgentExecution:
    return finish_execution(execution(practice)["id"], output_summary="Nine tasks", tokens_used=5200, cost="0.0425")


def after_some_work(practice: Practice) -> dict[str, object]:
    ended(practice)
    return {}


def checkpoint(practice: Practice) -> AgentCheckpoint:
    thread = running(practice)["session_id"]
    save_checkpoint(thread, "c-1", checkpoint_data={"step": 1})
    return save_checkpoint(thread, "c-2", checkpoint_data={"step": 2}, parent_checkpoint_id="c-1", agent_type="eng")


def artifact(practice: Practice) -> AgentArtifact:
    session = running(practice)
    record_artifact(session["id"], "docs/prd.md", artifact_type="prd", content_hash="a" * 64)
    return record_artifact(session["id"], "docs/prd.md", artifact_type="prd", content_hash="b" * 64)


def metric(_: Practice) -> AgentMetric:
    record_metric("qa_findings", 4, labels={"agent_type": "qa"}, recorded_at="2024-11-20T09:30:00+00:00")
    return record_metric("qa_findings", 1, labels={"agent_type": "qa"}, recorded_at="2024-11-20T11:00:00+00:00")


EXAMPLES = {
    "start_execution": Example(
        lambda practice: {
            "session_id": running(practice)["session_id"],
            "agent_type": "eng",
            "input_summary": "Write the tasks",
            "metadata": {"model": "large"},
        },
        logs=[("agent_execution", "created")],
    ),
    "record_heartbeat": Example(
        lambda practice: {"execution_id": execution(practice)["id"], "lease_minutes": 30},
        [("agent_execution", "updated")],
    ),
    "finish_execution": Example(
        lambda practice: {
            "execution_id": execution(practice)["id"],
            "output_summary": "Nine tasks",
            "tokens_used": 5200,
            "cost": "0.0425",
        },
        logs=[("agent_execution", "status_changed")],
    ),
    "list_executions": Example(
        lambda practice: {"session_id": ended(practice)["agent_session_id"], "agent_type": "eng", "status": "completed"}
    ),
    "agent_performance": Example(after_some_work),
    "save_checkpoint": Example(
        lambda practice: {
            "thread_id": running(practice)["session_id"],
            "checkpoint_id": "c-1",
            "checkpoint_data": {"step": 1, "open": ["dates"]},
            "parent_checkpoint_id": "c-0",
            "agent_type": "arch",
            "context_id": "design",
            "metadata": {"source": "loop"},
        },
        logs=[("agent_checkpoint", "created")],
    ),
    "get_checkpoint": Example(lambda practice: {"thread_id": checkpoint(practice)["thread_id"], "checkpoint_id": "c-1"}),
    "list_checkpoints": Example(lambda practice: {"thread_id": checkpoint(practice)["thread_id"], "limit": 10}),
    "prune_checkpoints": Example(
        lambda practice: {"keep": 1, "thread_id": checkpoint(practice)["thread_id"]}, logs=[("agent_checkpoint", "pruned")]
    ),
    "record_artifact": Example(
        lambda practice: {
            "session_id": running(practice)["session_id"],
            "file_path": "docs/prd.md",
            "artifact_type": "prd",
            "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "metadata": {"lines": 120},
        },
        logs=[("agent_artifact", "created")],
    ),
    "list_artifacts": Example(
        lambda practice: {
            "session_id": artifact(practice)["agent_session_id"],
            "file_path": "docs/prd.md",
            "artifact_type": "prd",
        }
    ),
    "diff_artifact": Example(
        lambda practice: {
            "session_id": artifact(practice)["agent_session_id"],
            "file_path": "docs/prd.md",
            "before": 1,
            "after": 2,
        }
    ),
    "record_metric": Example(
        lambda _: {
            "metric_name": "qa_findings",
            "metric_value": 4,
            "labels": {"agent_type": "qa"},
            "recorded_at": "2024-11-20T09:30:00+00:00",
        },
        logs=[("agent_metric", "created")],
    ),
    "metrics_summary": Example(
        lambda practice: {
            "metric_name": metric(practice)["metric_name"],
            "by": "agent_type",
            "period": "day",
            "since": "2024-11-01T00:00:00+00:00",
            "until": "2024-12-01T00:00:00+00:00",
        }
    ),
}
