"""What agents leave in a session: executions, checkpoints, artifacts, metrics, and the timeline of it all."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from studio_data import acting_as, db
from studio_data.errors import ConflictError, InvalidInputError, InvalidTransitionError, NotFoundError
from studio_data.tools.clients import create_client
from studio_data.tools.runs.artifacts import AgentArtifact, diff_artifact, list_artifacts, record_artifact
from studio_data.tools.runs.checkpoints import get_checkpoint, list_checkpoints, prune_checkpoints, save_checkpoint
from studio_data.tools.runs.executions import agent_performance, finish_execution, list_executions, start_execution
from studio_data.tools.runs.metrics import metrics_summary, record_metric
from studio_data.tools.runs.phases import advance_phase
from studio_data.tools.runs.sessions import AgentSession, open_session, start_session
from studio_data.tools.runs.timeline import session_timeline
from tests.support.lifecycle import lines

KEY = "mission-7"


@pytest.fixture
def session() -> AgentSession:
    open_session(KEY, "Plan the Nguyen reveal")
    return start_session(KEY)


def hash_of(content: str) -> str:
    return sha256(content.encode()).hexdigest()


# Executions -----------------------------------------------------------------------------------------------------------


def test_an_execution_has_its_duration_and_what_it_used(session: AgentSession) -> None:
    execution = start_execution(KEY, "eng", input_summary="Write the tasks", metadata={"model": "large"})
    db.one("UPDATE agent_executions SET started_at = started_at - interval '90.25 seconds'")

    ended = finish_execution(execution["id"], output_summary="Nine tasks", tokens_used=5200, cost=0.0425)

    assert (ended["status"], ended["duration_seconds"], ended["tokens_used"], ended["cost"]) == (
        "completed", Decimal("90.250"), 5200, Decimal("0.042500"),
    )  # fmt: skip
    assert lines()[-1]["metadata"] == {
        "user_action": "agent_completed",
        "agent_session_id": str(session["id"]),
        "agent_type": "eng",
        "tokens_used": 5200,
        "cost": 0.0425,
        "changes": {"status": ["running", "completed"]},
    }


def test_an_execution_that_brings_an_error_has_failed(session: AgentSession) -> None:
    ended = finish_execution(start_execution(KEY, "eng")["id"], error_message="The provider was down")

    assert (ended["status"], ended["error_message"]) == ("failed", "The provider was down")
    with pytest.raises(InvalidTransitionError, match="failed is final"):
        finish_execution(ended["id"], output_summary="Nine tasks")
    with pytest.raises(NotFoundError, match="That is the id of an agent session"):
        finish_execution(session["id"])


def test_executions_are_listed_by_session_agent_and_status(session: AgentSession) -> None:
    open_session("mission-8", "Another")
    start_session("mission-8")
    first, second = start_execution(KEY, "pm"), start_execution(KEY, "eng")
    third = start_execution("mission-8", "eng")
    finish_execution(first["id"])

    def listed(**filters: Any) -> list[Any]:
        return [execution["id"] for execution in list_executions(**filters)["items"]]

    assert listed() == [third["id"], second["id"], first["id"]]
    assert listed(session_id=KEY, status="running") == [second["id"]]
    assert listed(agent_type="eng", limit=1) == [third["id"]]
    assert listed(session_id="mission-9") == []


def test_agents_are_compared_over_the_last_seven_days(session: AgentSession) -> None:
    for seconds, error in ((10, None), (20, None), (30, "No")):
        execution = start_execution(KEY, "eng")
        db.one(
            "UPDATE agent_executions SET started_at = now() - make_interval(secs => %s) WHERE id = %s",
            (seconds, execution["id"]),
        )
        finish_execution(execution["id"], error_message=error, tokens_used=100, cost="0.5")
    old = start_execution(KEY, "pm")
    db.one("UPDATE agent_executions SET started_at = now() - interval '8 days' WHERE id = %s", (old["id"],))

    (eng,) = agent_performance()["agents"]

    assert eng == {
        "agent_type": "eng", "executions": 3, "completed": 2, "failed": 1, "success_rate": Decimal("0.6667"),
        "mean_seconds": Decimal(20), "p95_seconds": Decimal(29), "tokens_used": 300, "cost": Decimal("1.5"),
    }  # fmt: skip


# Checkpoints ----------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_saved_once_and_found_by_its_id_or_as_the_newest() -> None:
    save_checkpoint(KEY, "c-1", checkpoint_data={"at": 1})
    save_checkpoint(KEY, "c-2", checkpoint_data={"at": 2}, parent_checkpoint_id="c-1")

    assert get_checkpoint(KEY)["checkpoint_data"] == {"at": 2}
    assert get_checkpoint(KEY, checkpoint_id="c-1")["checkpoint_data"] == {"at": 1}
    assert [found["checkpoint_id"] for found in list_checkpoints(KEY)["items"]] == ["c-2", "c-1"]
    with pytest.raises(ConflictError, match="already has a checkpoint c-1"):
        save_checkpoint(KEY, "c-1", checkpoint_data={"at": 9})
    with pytest.raises(NotFoundError, match="The thread mission-7 has no checkpoint c-3"):
        get_checkpoint(KEY, checkpoint_id="c-3")


def test_a_checkpoint_holds_a_megabyte_and_not_more() -> None:
    save_checkpoint(KEY, "c-1", checkpoint_data={"text": "x" * 1_000_000})

    with pytest.raises(InvalidInputError, match="at most 1,048,576 bytes"):
        save_checkpoint(KEY, "c-2", checkpoint_data={"text": "x" * 1_100_000})
    assert len(get_checkpoint(KEY)["checkpoint_data"]["text"]) == 1_000_000


def test_old_checkpoints_are_pruned_thread_by_thread() -> None:
    for thread in ("a", "b"):
        for number in range(5):
            save_checkpoint(thread, f"c-{number}", checkpoint_data={})

    assert prune_checkpoints(keep=3, thread_id="a") == {"pruned": 2, "threads": 1}
    assert prune_checkpoints(keep=2) == {"pruned": 4, "threads": 2}
    assert prune_checkpoints(keep=2) == {"pruned": 0, "threads": 0}

    kept = db.many("SELECT thread_id, checkpoint_id FROM agent_checkpoints ORDER BY id")
    assert [tuple(row.values()) for row in kept] == [("a", "c-3"), ("a", "c-4"), ("b", "c-3"), ("b", "c-4")]
    assert [line["metadata"]["pruned"] for line in lines() if line["action"] == "pruned"] == [2, 1, 3]


# Artifacts ------------------------------------------------------------------------------------------------------------


def record(path: str, content: str) -> AgentArtifact:
    return record_artifact(KEY, path, artifact_type="code", content_hash=hash_of(content))


def test_versions_are_counted_by_path_and_the_same_content_is_no_new_one(session: AgentSession) -> None:
    versions = [record("plan.md", content)["version"] for content in ("a", "b", "b", "a")]

    assert versions == [1, 2, 2, 3]
    assert record("other.md", "a")["version"] == 1
    assert [found["version"] for found in list_artifacts(KEY, file_path="plan.md")["items"]] == [3, 2, 1]


def test_versions_that_are_recorded_at_once_are_numbered_one_by_one(committed_db: str) -> None:
    open_session(KEY, "Plan")

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(record, ["plan.md"] * 24, "abcdefghijklmnopqrstuvwx"))

    assert sorted(artifact["version"] for artifact in made) == list(range(1, 25))


def test_versions_are_compared_by_their_hashes(session: AgentSession) -> None:
    for content in ("a", "b", "a"):
        record("plan.md", content)

    newest = diff_artifact(KEY, "plan.md")
    assert (newest["is_changed"], newest["before"]["version"], newest["after"]["version"], newest["same_as"]) == (
        True,
        2,
        3,
        1,
    )
    assert not diff_artifact(KEY, "plan.md", before=1, after=3)["is_changed"]
    with pytest.raises(NotFoundError, match=r"versions 1 to 3 of plan\.md"):
        diff_artifact(KEY, "plan.md", after=4)
    with pytest.raises(NotFoundError, match=r"no file other\.md"):
        diff_artifact(KEY, "other.md")
    with pytest.raises(NotFoundError, match="no agent session"):
        diff_artifact("mission-9", "plan.md")


@pytest.mark.parametrize("wrong", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_hash_is_a_sha_256(session: AgentSession, wrong: str) -> None:
    with pytest.raises(InvalidInputError, match="content_hash must be a SHA-256"):
        record_artifact(KEY, "plan.md", artifact_type="code", content_hash=wrong)


# Metrics --------------------------------------------------------------------------------------------------------------


def test_a_metric_is_summed_up_by_label_and_period() -> None:
    for number in range(1, 101):
        kind, day = ("qa", "20") if number % 2 else ("eng", "21")
        record_metric(
            "seconds", number, labels={"agent_type": kind}, recorded_at=f"2026-11-{day}T{number % 24:02}:00:00+00:00"
        )
    record_metric("another", 5)

    (everything,) = metrics_summary("seconds")["groups"]
    assert everything == {
        "label": None, "period_start": None, "count": 100, "mean": 50.5, "p50": 50.5, "p95": pytest.approx(95.05),
        "smallest": 1.0, "largest": 100.0,
    }  # fmt: skip
    by_day = metrics_summary("seconds", by="agent_type", period="day")["groups"]
    assert [(group["label"], f"{group['period_start']:%d}", group["count"], group["mean"]) for group in by_day] == [
        ("qa", "20", 50, 50.0), ("eng", "21", 50, 51.0),
    ]  # fmt: skip
    late = metrics_summary("seconds", since="2026-11-21T00:00:00+00:00", until="2026-11-21T01:00:00+01:00")
    assert late == {"metric_name": "seconds", "groups": [], "is_complete": True}
    assert metrics_summary("unknown")["groups"] == []


def test_a_summary_says_when_it_is_not_complete() -> None:
    db.one(
        """
        INSERT INTO agent_metrics (metric_name, metric_value, labels)
        SELECT 'seconds', n, jsonb_build_object('n', n) FROM generate_series(1, 1001) AS n
        """
    )

    summary = metrics_summary("seconds", by="n")
    assert (len(summary["groups"]), summary["is_complete"]) == (1000, False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e301, True, "5"])
def test_a_metric_is_a_finite_number(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="metric_value must be a"):
        record_metric("seconds", value)


# The timeline ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def worked(session: AgentSession) -> AgentSession:
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY):
        execution = start_execution(KEY, "pm")
        finish_execution(execution["id"], tokens_used=1200, cost="0.018")
        record("prd.md", "a")
    with acting_as("agent", "studio_manager", role="studio_manager", run_id=str(session["id"])):
        create_client("Ann")
    with acting_as("agent", "studio_manager", role="studio_manager", run_id="mission-8"):
        create_client("Ben")
    advance_phase(KEY, "arch")
    return session


def test_a_timeline_is_everything_of_a_session_in_order_and_nothing_else(worked: AgentSession) -> None:
    timeline = session_timeline(KEY)

    assert [(item["kind"], item["what"]) for item in timeline["items"]] == [
        ("session", "session_created"), ("session", "started"), ("execution", "pm"), ("artifact", "prd.md"),
        ("tool_call", "create_client"), ("session", "phase_advanced"),
    ]  # fmt: skip
    assert timeline["session"]["current_phase"] == "arch"
    totals = timeline["totals"]
    assert (totals["executions"], totals["tokens_used"], totals["cost"], totals["artifacts"]) == (
        1,
        1200,
        Decimal("0.018"),
        1,
    )
    call = timeline["items"][4]
    assert (call["actor_name"], call["details"]["action"]) == ("studio_manager", "created")


def test_a_timeline_comes_in_pages_that_make_the_whole(worked: AgentSession) -> None:
    whole = session_timeline(KEY)["items"]
    paged: list[Any] = []
    after = None
    while True:
        page = session_timeline(worked["id"], limit=2, after=after)
        paged += page["items"]
        after = page["next"]
        if after is None:
            break

    assert paged == whole


def test_the_views_say_what_goes_on_and_what_it_came_to(worked: AgentSession) -> None:
    start_execution(KEY, "arch")

    active = db.one("SELECT * FROM active_sessions")
    assert (active["session_id"], active["running_agents"], active["executions"], active["cost"]) == (
        KEY, ["arch"], 2, Decimal("0.018"),
    )  # fmt: skip
    metrics = db.one("SELECT * FROM session_metrics")
    assert (metrics["executions"], metrics["failed_executions"], metrics["artifacts"]) == (2, 0, 1)
