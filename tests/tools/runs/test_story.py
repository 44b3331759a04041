"""One mission as its people see it: pm, arch, the human gate, eng and qa twice, complete; and studio-data session."""

import json
import re

from studio_data import acting_as, preview
from studio_data.tools.clients import create_client
from studio_data.tools.runs.artifacts import record_artifact
from studio_data.tools.runs.budgets import reserve_usage, settle_usage
from studio_data.tools.runs.executions import finish_execution, start_execution
from studio_data.tools.runs.phases import advance_phase, approve_session, await_approval, record_iteration
from studio_data.tools.runs.sessions import complete_session, open_session, start_session
from studio_data.tools.runs.settings import create_agent_settings
from tests.support import contents, studio_data

KEY = "mission-7"


def turn(agent_type: str, output: str, tokens: int, cost: str, *, error: str | None = None) -> None:
    """Let an agent have its turn, paid from its budget."""
    reserved = reserve_usage("claude", amount="0.50", session_id=KEY)
    execution = start_execution(KEY, agent_type, input_summary=f"{agent_type}, go on")
    finish_execution(
        execution["id"], output_summary=None if error else output, error_message=error, tokens_used=tokens, cost=cost
    )
    settle_usage(reserved["id"], amount=cost)


def the_mission() -> None:
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY):
        create_agent_settings("claude", provider="anthropic", model="large", hard_limit="5")
        open_session(KEY, "Plan the reveal of the [bold]Nguyen[/bold] living room", project_name="Nguyen reveal")
        start_session(KEY)
        turn("pm", "Nine requirements", 1_200, "0.0180")
        record_artifact(KEY, "docs/prd.md", artifact_type="prd", content_hash="9f86d081" * 8)
        advance_phase(KEY, "arch")
        turn("arch", "A plan of three days", 2_400, "0.0360")
        await_approval(KEY, state={"plan": "three days"})
    with acting_as("user", "Maria", ip_address="192.0.2.7"):
        approve_session(KEY, feedback="Hang the art first")
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY):
        turn("eng", "", 100, "0.0010", error="The provider was down")
        for findings in (2, 0):
            turn("eng", f"Twelve tasks, {findings} without a date", 5_200, "0.0781")
            advance_phase(KEY, "qa")
            turn("qa", f"{findings} findings", 900, "0.0135")
            record_iteration(KEY, qa_passed=findings == 0)
            if findings:
                advance_phase(KEY, "eng")
        complete_session(KEY)
    with acting_as("agent", "studio_manager", role="studio_manager", run_id=KEY):
        create_client("Ann Example")


def test_the_command_shows_a_mission_from_beginning_to_end() -> None:
    the_mission()

    code, said, _ = studio_data("session", KEY, terminal=200)

    assert code == 0
    assert "Plan the reveal of the [bold]Nguyen[/bold] living room" in said  # a name is no markup
    assert re.search(
        r"completed, in phase complete · iterations 2 · executions 7, failed 1 · 15,900 tokens · \$0\.2382", said
    )
    story = [
        "session created", "started", "Nine requirements", "docs/prd.md", "A plan of three days", "approval requested",
        "session approved", "feedback: Hang the art first", "The provider was down", "Twelve tasks, 2 without a date",
        "2 findings", "iteration recorded", "Twelve tasks, 0 without a date", "0 findings", "session completed",
        "create_client",
    ]  # fmt: skip
    places = [said.index(part) for part in story]
    assert places == sorted(places)
    assert re.search(r"session approved +.*feedback: Hang the art first.* Maria \(user\)", said)
    assert re.search(r"● +eng +Twelve tasks, 2 without a date +\d\.\d s +\$0\.0781 +5,200", said)


def test_the_command_gives_a_script_the_whole_timeline() -> None:
    the_mission()

    code, said, _ = studio_data("session", KEY, "--json")

    timeline = json.loads(said)
    assert (code, set(timeline)) == (0, {"session", "totals", "items"})
    kinds = [item["kind"] for item in timeline["items"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "session": 11, "execution": 7, "artifact": 1, "tool_call": 16,
    }  # fmt: skip
    assert timeline["totals"]["cost"] == "0.238200"


def test_an_unknown_session_is_one_line() -> None:
    assert studio_data("session", "mission-9") == (
        1, "", "studio-data: There is no agent session mission-9. list_sessions finds them.\n",
    )  # fmt: skip


def test_a_whole_mission_can_be_previewed_and_leaves_nothing() -> None:
    before = contents()

    with preview() as plan:
        the_mission()

    assert contents() == before
    tables = {change["table"] for change in plan.changes}
    assert {"agent_sessions", "agent_executions", "agent_artifacts", "agent_settings", "agent_reservations"} <= tables
