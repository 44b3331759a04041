"""Import of agent runs from another orchestrator, session by session. A repeated import adds only what is new."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, NotRequired, TypedDict, cast
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb
from pydantic import ConfigDict

from studio_data.contract.arguments import checked_row
from studio_data.contract.audit import actor
from studio_data.contract.fields import Line, Name, ReportedContent, ReportedObject, ReportedText, StorageKey, Truth
from studio_data.contract.registry import tool
from studio_data.contract.reports import EMPTY
from studio_data.db import one
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.tools.runs.fields import (
    ArtifactTypeName,
    ExecutionStatusName,
    Iterations,
    Moment,
    NewSessionKey,
    ReportedTokens,
    ReportedUsage,
    SessionPhaseName,
    SessionStatusName,
    Sha256,
    State,
    VersionNumber,
)
from studio_data.tools.runs.rules.audit import event

MOST_ROWS = 500
NO_MESSAGE = "No message was recorded."


class ImportedExecution(TypedDict):
    """An execution of another orchestrator; ``source_id`` is its own id there."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    source_id: Line
    agent_type: Line
    status: ExecutionStatusName
    started_at: Moment
    completed_at: NotRequired[Moment | None]
    input_summary: NotRequired[ReportedText | None]
    output_summary: NotRequired[ReportedText | None]
    error_message: NotRequired[ReportedText | None]
    tokens_used: NotRequired[ReportedTokens | None]
    cost: NotRequired[ReportedUsage | None]
    metadata: NotRequired[ReportedObject | None]


class ImportedArtifact(TypedDict):
    """A version of an artifact of another orchestrator."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    artifact_type: ArtifactTypeName
    file_path: StorageKey
    content_hash: Sha256
    version: VersionNumber
    created_at: Moment
    metadata: NotRequired[ReportedObject | None]


class ImportedSession(TypedDict):
    """How many rows were new: 1 if the session was, and the number of its executions and artifacts."""

    session_id: str
    sessions: int
    executions: int
    artifacts: int


def checked_execution(row: Mapping[str, Any]) -> ImportedExecution:
    """Return one execution as ``import_session`` takes it. Raises ``InvalidInputError`` where the tool would refuse it."""
    execution = checked_row(ImportedExecution, row)
    fact = _contradiction_in(execution)
    if fact is not None:
        raise InvalidInputError(f"It {fact}")
    return execution


def checked_artifact(row: Mapping[str, Any]) -> ImportedArtifact:
    """Return one artifact as ``import_session`` takes it. Raises ``InvalidInputError`` where the tool would refuse it."""
    return checked_row(ImportedArtifact, row)


def execution_name(execution: ImportedExecution) -> str:
    """Return what tells an execution from the others of its session."""
    return f"execution {execution['source_id']}"


def artifact_name(artifact: ImportedArtifact) -> str:
    """Return what tells an artifact from the others of its session."""
    return f"version {artifact['version']} of {artifact['file_path']}"


@tool(idempotent=True, people_only=True)
def import_session(
    session_id: NewSessionKey,
    user_mission: ReportedContent,
    *,
    status: SessionStatusName,
    current_phase: SessionPhaseName,
    created_at: Moment,
    iteration_count: Iterations = 0,
    qa_passed: Truth | None = None,
    project_name: Name | None = None,
    work_dir: StorageKey | None = None,
    state: State | None = None,
    metadata: ReportedObject | None = None,
    executions: Annotated[list[ImportedExecution], Len(0, MOST_ROWS)] | None = None,
    artifacts: Annotated[list[ImportedArtifact], Len(0, MOST_ROWS)] | None = None,
) -> ImportedSession:
    """Import a session of another orchestrator, with up to 500 executions and artifacts. Call again for more.

    Rows that exist stay unchanged; a repeated call with a longer list adds only the new rows. Refused for a key that a
    session opened here has. The command studio-data import-sessions imports a whole file.

    Returns how many rows were new. Raises ``InvalidInputError`` for a row that contradicts itself or is there twice; then
    nothing of the session is imported. Raises ``ConflictError`` for a session that was opened here.
    """
    _check_session(str(status), str(current_phase), passed=qa_passed)
    runs, files = executions or [], artifacts or []
    for number, execution in enumerate(runs):
        fact = _contradiction_in(execution)
        if fact is not None:
            raise _contradiction(f"executions[{number}], {execution['source_id']}, {fact}")
    _check_each_is_there_once("executions", [execution_name(execution) for execution in runs])
    _check_each_is_there_once("artifacts", [artifact_name(artifact) for artifact in files])
    key = session_id
    parameters: dict[str, Any] = {
        "id": _id_at(cast("datetime", created_at), key),
        "session_id": key,
        "user_mission": user_mission,
        "project_name": project_name,
        "status": status,
        "current_phase": current_phase,
        "iteration_count": iteration_count,
        "qa_passed": qa_passed,
        "work_dir": work_dir,
        "state": Jsonb(state or {}),
        "metadata": Jsonb(metadata or {}),
        "created_at": created_at,
        "executions": Jsonb([_execution(key, execution) for execution in runs]),
        "artifacts": Jsonb([_artifact(key, artifact) for artifact in files]),
        "event": event(
            "session_imported",
            user_mission=user_mission,
            metadata=metadata,
            executions=executions,
            artifacts=artifacts,
        ),
        **actor(),
    }
    # A session that another import commits meanwhile is seen by a second statement only.
    imported = _imported(parameters) or _imported(parameters)
    if imported is None:
        raise ConflictError(
            f"Session {key} was opened here and not imported.",
            hint="Import under another key: import-sessions --prefix writes a word before each.",
            details={"session_id": key},
        )
    return imported


def _imported(parameters: Mapping[str, Any]) -> ImportedSession | None:
    """Return how many rows were new, or None if the session with this key was not imported."""
    return one(
        """
        WITH session AS (
            INSERT INTO agent_sessions (
                id, session_id, user_mission, project_name, status, current_phase, iteration_count, qa_passed, work_dir,
                state_json, metadata, created_at
            )
            VALUES (
                %(id)s, %(session_id)s, %(user_mission)s, %(project_name)s, %(status)s, %(current_phase)s,
                %(iteration_count)s, %(qa_passed)s, %(work_dir)s, %(state)s, %(metadata)s, %(created_at)s
            )
            ON CONFLICT DO NOTHING
            RETURNING id
        ), target AS (
            SELECT id FROM session
            UNION ALL
            SELECT id
            FROM agent_sessions
            WHERE session_id = %(session_id)s::text AND substr(id::text, 15) = substr(%(id)s::text, 15)
                AND NOT EXISTS (SELECT FROM session)
        ), executions AS (
            INSERT INTO agent_executions (
                id, agent_session_id, agent_type, status, started_at, completed_at, input_summary, output_summary,
                error_message, tokens_used, cost, metadata, created_at
            )
            SELECT
                run.id, target.id, agent_type, status, started_at, completed_at, input_summary, output_summary,
                error_message, coalesce(tokens_used, 0), coalesce(cost, 0), coalesce(metadata, '{}'), started_at
            FROM target, jsonb_to_recordset(%(executions)s) AS run (
                id uuid, agent_type text, status agent_execution_status, started_at timestamptz, completed_at timestamptz,
                input_summary text, output_summary text, error_message text, tokens_used integer, cost numeric,
                metadata jsonb
            )
            WHERE NOT EXISTS (
                SELECT FROM agent_executions AS known
                WHERE known.agent_session_id = target.id AND substr(known.id::text, 15) = substr(run.id::text, 15)
            )
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        ), artifacts AS (
            INSERT INTO agent_artifacts (
                id, agent_session_id, artifact_type, file_path, content_hash, version, metadata, created_at
            )
            SELECT
                file.id, target.id, artifact_type, file_path, content_hash, version, coalesce(metadata, '{}'), created_at
            FROM target, jsonb_to_recordset(%(artifacts)s) AS file (
                id uuid, artifact_type agent_artifact_type, file_path text, content_hash text, version integer,
                metadata jsonb, created_at timestamptz
            )
            ON CONFLICT DO NOTHING
            RETURNING id
        ), new AS (
            SELECT
                (SELECT count(*) FROM session)::integer AS sessions,
                (SELECT count(*) FROM executions)::integer AS executions,
                (SELECT count(*) FROM artifacts)::integer AS artifacts
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT
                'agent_session', target.id, CASE new.sessions WHEN 1 THEN 'created' ELSE 'updated' END, %(actor_type)s,
                %(actor_name)s, %(context)s, %(event)s || jsonb_build_object(
                    'session_id', %(session_id)s::text, 'executions', new.executions, 'artifacts', new.artifacts
                )
            FROM target, new
            WHERE new.sessions + new.executions + new.artifacts > 0
        )
        SELECT %(session_id)s::text AS session_id, sessions, executions, artifacts
        FROM target, new
        """,
        parameters,
    )


def _check_session(status: str, phase: str, *, passed: bool | None) -> None:
    if (status == "completed") != (phase == "complete"):
        raise _contradiction(f"Exactly the completed sessions are in the phase complete. This one is {status} in {phase}.")
    if status == "completed" and not passed:
        raise _contradiction("A completed session needs qa_passed true, and this one does not have it.")
    if status == "awaiting_approval" and phase != "human_gate":
        raise _contradiction(f"A session awaits approval only in the phase human_gate. This session is in {phase}.")


def _contradiction_in(execution: ImportedExecution) -> str | None:
    """Return what an execution says against itself, as the end of a sentence that begins with it."""
    ended = execution.get("completed_at")
    if (execution["status"] == "running") != (ended is None):
        return f"is {execution['status']} and has {'no' if ended is None else 'a'} completed_at."
    if ended is not None and cast("datetime", ended) < cast("datetime", execution["started_at"]):
        return "has a completed_at before its started_at."
    if execution["status"] != "failed" and (execution.get("error_message") or EMPTY) != EMPTY:
        return f"is {execution['status']} and has an error_message."
    return None


def _check_each_is_there_once(rows: str, names: list[str]) -> None:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if first.setdefault(name, number) != number:
            raise _contradiction(f"{rows}[{first[name]}] and {rows}[{number}] are both {name}.")


def _contradiction(fact: str) -> InvalidInputError:
    return InvalidInputError(fact, hint="Correct the row in its source; nothing of the session was imported.")


def _execution(key: str, execution: ImportedExecution) -> dict[str, Any]:
    row: dict[str, Any] = {
        **execution,
        "id": str(_id_at(cast("datetime", execution["started_at"]), key, execution["source_id"])),
    }
    message = execution.get("error_message")
    if execution["status"] == "failed":
        row["error_message"] = NO_MESSAGE if message in {None, EMPTY} else message
    else:
        row["error_message"] = None
    return _in_json(row)


def _artifact(key: str, artifact: ImportedArtifact) -> dict[str, Any]:
    path, version = artifact["file_path"], str(artifact["version"])
    return _in_json({**artifact, "id": str(_id_at(cast("datetime", artifact["created_at"]), key, path, version))})


def _in_json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, dict | int | None) else str(value) for name, value in row.items()}


def _id_at(moment: datetime, *source: str) -> UUID:
    """Return a uuid of version 7 (RFC 9562) for a time: always the same one for the same source.

    All but the time comes from the source alone, so a row whose time was corrected there is known by the rest.
    """
    made = int.from_bytes(sha256("\0".join(source).encode()).digest()[:10])
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80 | 7 << 76 | (made >> 62 & 0xFFF) << 64 | 0b10 << 62 | made & (1 << 62) - 1)
