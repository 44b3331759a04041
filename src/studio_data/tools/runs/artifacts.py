"""Agent artifacts: the files that a session produced, with a hash of each version."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.fields import Cursor, Fields, Limit, ReportedObject, Search, StorageKey
from studio_data.contract.paging import HIGHEST_ID, Page, listed
from studio_data.contract.registry import tool
from studio_data.db import batch, many, one
from studio_data.errors import NotFoundError
from studio_data.tools.runs.fields import ArtifactTypeName, SessionKey, Sha256, VersionNumber
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.session_moves import no_such_session, session_params


class AgentArtifact(TypedDict):
    """One row of ``agent_artifacts``."""

    id: UUID
    agent_session_id: UUID
    artifact_type: str
    file_path: str
    content_hash: str
    version: int
    metadata: dict[str, Any]
    created_at: datetime


class ArtifactDiff(TypedDict):
    """Two versions of a file. ``same_as`` is the first version that has the later one's content."""

    is_changed: bool
    same_as: int
    before: AgentArtifact
    after: AgentArtifact


@tool(idempotent=True)
def record_artifact(
    session_id: SessionKey,
    file_path: StorageKey,
    *,
    artifact_type: ArtifactTypeName,
    content_hash: Sha256,
    metadata: ReportedObject | None = None,
) -> AgentArtifact:
    """Record a version of a file that a session produced, by the SHA-256 of its content.

    Versions count from 1 for each path. If the content is the newest version's, that version is returned.

    Returns the artifact's row. Raises ``NotFoundError`` for an unknown session.
    """
    sessions, artifacts = batch(
        # The session is locked first, so that two callers record one after the other and take two numbers.
        (
            """
            SELECT id
            FROM agent_sessions
            WHERE session_id = %(session_id)s OR id = %(id)s
            FOR NO KEY UPDATE
            """,
            session_params(session_id),
        ),
        (
            """
            WITH session AS (
                SELECT id, project_id
                FROM agent_sessions
                WHERE session_id = %(session_id)s OR id = %(id)s
            ), newest AS (
                SELECT artifact.*
                FROM session
                JOIN agent_artifacts AS artifact ON artifact.agent_session_id = session.id
                WHERE file_path = %(file_path)s::text
                ORDER BY version DESC
                LIMIT 1
            ), artifact AS (
                INSERT INTO agent_artifacts (
                    agent_session_id, artifact_type, file_path, content_hash, version, metadata
                )
                SELECT id, %(artifact_type)s, %(file_path)s::text, %(content_hash)s::text,
                    coalesce((SELECT version FROM newest), 0) + 1, %(metadata)s
                FROM session
                WHERE NOT EXISTS (SELECT FROM newest WHERE content_hash = %(content_hash)s::text)
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'agent_artifact', artifact.id, session.project_id, 'created', %(actor_type)s, %(actor_name)s,
                    %(context)s, %(event)s || jsonb_build_object(
                        'agent_session_id', agent_session_id, 'file_path', file_path, 'version', version
                    )
                FROM artifact, session
            )
            SELECT * FROM artifact
            UNION ALL
            SELECT * FROM newest WHERE content_hash = %(content_hash)s::text
            """,
            {
                **session_params(session_id),
                "file_path": file_path,
                "artifact_type": artifact_type,
                "content_hash": content_hash,
                "metadata": Jsonb(metadata or {}),
                "event": event("artifact_recorded", metadata=metadata),
                **actor(),
            },
        ),
    )
    if not sessions:
        raise no_such_session(session_id)
    return artifacts[0]


@tool(reads=True, brief=["artifact_type", "file_path", "version", "created_at"])
def list_artifacts(
    session_id: SessionKey,
    *,
    file_path: StorageKey | None = None,
    artifact_type: ArtifactTypeName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentArtifact]:
    """List the versions of a session's artifacts, newest first. Filter by path or type.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page).
    """
    return listed(
        """
        SELECT artifact.*
        FROM agent_sessions AS session
        JOIN agent_artifacts AS artifact ON artifact.agent_session_id = session.id
        WHERE (session.session_id = %(session_id)s OR session.id = %(id)s)
            AND artifact.id < %(after)s
            AND (%(file_path)s::text IS NULL OR file_path = %(file_path)s)
            AND (%(artifact_type)s::agent_artifact_type IS NULL OR artifact_type = %(artifact_type)s)
            AND (%(search)s::text IS NULL OR strpos(lower(file_path), lower(%(search)s)) > 0)
        ORDER BY artifact.id DESC
        """,
        {
            **session_params(session_id),
            "file_path": file_path,
            "artifact_type": artifact_type,
            "after": after or HIGHEST_ID,
            "search": search,
            "limit": limit,
        },
        fields,
    )


@tool(reads=True)
def diff_artifact(
    session_id: SessionKey,
    file_path: StorageKey,
    *,
    before: VersionNumber | None = None,
    after: VersionNumber | None = None,
) -> ArtifactDiff:
    """Compare two versions of a session's file by hash. By default, the newest and the one before it.

    ``same_as`` in the answer is the first version that has the later one's content. It shows that a file returned to an
    earlier state.

    Returns both versions. Raises ``NotFoundError`` for an unknown session, path or version.
    """
    rows = many(
        """
        SELECT artifact.*
        FROM agent_sessions AS session
        JOIN agent_artifacts AS artifact ON artifact.agent_session_id = session.id
        WHERE (session.session_id = %(session_id)s OR session.id = %(id)s) AND file_path = %(file_path)s
        ORDER BY version
        """,
        {**session_params(session_id), "file_path": file_path},
    )
    versions: dict[int, AgentArtifact] = {row["version"]: row for row in rows}
    later = versions.get(after or len(rows))
    earlier = versions.get(before or max(1, (after or len(rows)) - 1))
    if later is None or earlier is None:
        raise _no_such_version(session_id, file_path, len(rows))
    alike = [number for number, version in versions.items() if version["content_hash"] == later["content_hash"]]
    return {
        "is_changed": earlier["content_hash"] != later["content_hash"],
        "same_as": alike[0],
        "before": earlier,
        "after": later,
    }


def _no_such_version(session_id: SessionKey, file_path: StorageKey, versions: int) -> NotFoundError:
    session = one(
        "SELECT session_id FROM agent_sessions WHERE session_id = %(session_id)s OR id = %(id)s",
        session_params(session_id),
        reads=True,
    )
    if session is None:
        return no_such_session(session_id)
    return NotFoundError(
        f"The session has versions 1 to {versions} of {file_path}." if versions else f"The session has no file {file_path}.",
        hint="list_artifacts shows what it has.",
        details={"entity_type": "agent_artifact", "file_path": file_path, "versions": versions},
    )
