"""The runs of agents, as the library declares them: sessions, and all that a run needs, leaves behind and may use."""

from studio_data.contract.domain import Domain, Entity, Invariant, Table, View
from studio_data.contract.roles import Role
from studio_data.tools.runs.rules import lifecycles
from studio_data.tools.runs.rules.session_moves import EXECUTION_MOVES, SESSION_MOVES

DOMAIN = Domain(
    name="agent runs",
    title="agent runs: sessions, executions, checkpoints, artifacts, prompts and budgets",
    pages=["agent-runs.md"],
    tables=[
        Table("agent_sessions", has_imports=True),
        Table("agent_executions", has_imports=True),
        Table("agent_checkpoints", ("INSERT", "DELETE")),  # only old checkpoints go
        Table("agent_artifacts", ("INSERT",), has_imports=True),
        Table("agent_settings", hidden=("api_key_encrypted",)),
        Table("agent_reservations"),
        Table("agent_prompt_versions"),
        Table("agent_metrics", ("INSERT",)),
    ],
    views=[
        View("active_sessions"),
        View("session_metrics"),
        View("agent_performance"),
        View("session_answers"),
        View("settings_answers", is_for_readers=False),
    ],
    functions=["used_today", "session_answer", "settings_answer"],
    enums={
        "agent_session_status": lifecycles.AgentSessionStatus,
        "agent_session_phase": lifecycles.AgentSessionPhase,
        "agent_execution_status": lifecycles.AgentExecutionStatus,
        "agent_artifact_type": lifecycles.AgentArtifactType,
        "agent_usage_unit": lifecycles.AgentUsageUnit,
    },
    entities=[
        Entity(
            "agent_session",
            "agent_sessions",
            argument="session_id",
            owner="project",
            hint="list_sessions finds them.",
            name="session_id",
        ),
        Entity("agent_execution", "agent_executions", argument="execution_id", hint="list_executions shows a session's."),
        Entity("agent_checkpoint", "agent_checkpoints"),
        Entity("agent_artifact", "agent_artifacts", name="file_path"),
        Entity("agent_settings", "agent_settings", hint="list_agent_settings shows them all.", name="profile_name"),
        Entity("agent_reservation", "agent_reservations", argument="reservation_id", hint="reserve_usage makes one."),
        Entity("agent_prompt", "agent_prompt_versions", hint="list_prompts shows them all."),
        Entity("agent_metric", "agent_metrics"),
    ],
    refusals={
        "state_jsonb_is_bounded_and_shallow": (
            "a state must be a JSON object of at most 1 MB, 32 levels and numbers up to 1e300"
        ),
        "prompt_text_is_plain_text": "a prompt must have at most 200,000 characters and no control characters",
        "usage_amount_is_finite_and_not_negative": "an amount of usage is between 0 and 999,999,999,999.999999",
        "seconds_are_finite_and_not_negative": "a duration is between 0 and 999,999,999,999.999 seconds",
        "finite_number_is_finite": "a number is finite and at most 1e300",
        "agent_sessions_session_id_is_no_id": "a session's key does not have the form of an id",
        "agent_sessions_session_id_is_seen": "a session's key has no invisible characters",
        "sha256_hex_has_64_digits": "a SHA-256 has 64 hexadecimal digits in lower case",
    },
    actions={"pruned": "old checkpoints of a thread were removed"},
    core={
        Role.ORCHESTRATOR: [
            "open_session",
            "start_session",
            "get_session",
            "resume_session",
            "advance_phase",
            "await_approval",
            "complete_session",
            "start_execution",
            "record_heartbeat",
            "finish_execution",
            "save_checkpoint",
            "get_checkpoint",
            "record_artifact",
            "reserve_usage",
            "settle_usage",
        ],
        Role.READER: ["list_sessions"],
    },
    readers=frozenset({Role.ORCHESTRATOR, Role.READER}),
    writers=frozenset({Role.ORCHESTRATOR}),
    moves=[SESSION_MOVES, EXECUTION_MOVES],
    invariants=[
        Invariant(
            "sessions whose key looks like an id, so that only their id finds them",
            r"SELECT id FROM agent_sessions WHERE session_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'",
            "give each a key of its own with SQL, such as its present one after a word",
        ),
    ],
    other_lifecycles=[lifecycles.AGENT_SESSION_PHASE],
)
