"""Documents of a project: agreements, exhibits, notes. The files themselves are in the practice's file store."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import Cursor, EntityId, Fields, Limit, Name, Search, StorageKey
from studio_data.contract.paging import Page, listed
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import batch, many, one
from studio_data.errors import ConflictError
from studio_data.tools.practice.fields import DocumentTypeName


class Document(TypedDict):
    """One row of ``documents``. An Exhibit B ``covers`` the rooms' amounts in dollars, by the room's id."""

    id: UUID
    project_id: UUID
    doc_type: str
    s3_key: str
    version: int
    created_by: str | None
    created_at: datetime
    covers: dict[str, Any] | None


class LatestDocuments(TypedDict):
    """The newest document of each type that a project has."""

    items: list[Document]


@tool(
    roles=[
        Role.TRANSCRIPTIONIST,
        Role.PROJECT_MANAGER,
        Role.STUDIO_MANAGER,
        Role.SOURCING_SPECIALIST,
        Role.PROCUREMENT_COORDINATOR,
    ]
)
def register_document(
    project_id: EntityId, *, doc_type: DocumentTypeName, s3_key: StorageKey, created_by: Name | None = None
) -> Document:
    """Record a stored file as the next version of its type in a project.

    An Exhibit B covers the rooms' amounts of this moment: a change needs a new one.
    ``created_by`` is the caller unless given.

    Versions count from 1 for each project and type, without gaps. Returns the document's row. Raises ``NotFoundError`` for
    an unknown project.
    """
    projects, documents = batch(
        # A statement that waits for a lock still sees the rows from before the wait. So the next one counts the versions.
        (
            """
            SELECT id
            FROM projects
            WHERE id = %(project_id)s
            FOR NO KEY UPDATE
            """,
            {"project_id": project_id},
        ),
        (
            """
            WITH document AS (
                INSERT INTO documents (project_id, doc_type, s3_key, version, created_by, covers)
                SELECT project.id, %(doc_type)s::document_type, %(s3_key)s,
                    1 + (
                        SELECT coalesce(max(version), 0)
                        FROM documents
                        WHERE project_id = %(project_id)s AND doc_type = %(doc_type)s::document_type
                    ),
                    coalesce(%(created_by)s, %(actor_name)s),
                    CASE %(doc_type)s::document_type WHEN 'exhibit_b' THEN exhibit_b_amounts(project.id) END
                FROM projects AS project
                WHERE project.id = %(project_id)s
                ON CONFLICT (project_id, doc_type, version) DO NOTHING
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (
                    entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
                )
                SELECT 'document', id, project_id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    jsonb_build_object('doc_type', doc_type, 'version', version, 's3_key', s3_key)
                FROM document
            )
            SELECT * FROM document
            """,
            {"project_id": project_id, "doc_type": doc_type, "s3_key": s3_key, "created_by": created_by, **actor()},
        ),
    )
    if not projects:
        raise no_such("project", project_id)
    if not documents:  # the number was taken by one who had not locked
        raise ConflictError(f"Another {doc_type} was just registered for project {project_id}.", hint="Call again.")
    return documents[0]


@tool(reads=True)
def get_document(document_id: EntityId) -> Document:
    """Get a document by its id.

    Returns the document's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(
        """
        SELECT *
        FROM documents
        WHERE id = %(document_id)s
        """,
        {"document_id": document_id},
    )
    if row is None:
        raise no_such("document", document_id)
    return row


@tool(reads=True, brief=["doc_type", "s3_key", "version", "created_at"])
def list_documents(
    project_id: EntityId,
    *,
    doc_type: DocumentTypeName | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[Document]:
    """List a project's documents by type, newest version first.

    Returns at most ``limit`` rows and the cursor of the next page (None on the last page). Raises ``NotFoundError`` for an
    unknown project.
    """
    found = listed(
        """
        SELECT *
        FROM documents
        WHERE project_id = %(project_id)s
            AND (%(doc_type)s::document_type IS NULL OR doc_type = %(doc_type)s)
            AND (
                %(after)s::uuid IS NULL
                OR (doc_type, -version) > (SELECT doc_type, -version FROM documents WHERE id = %(after)s)
            )
            AND (%(search)s::text IS NULL OR strpos(lower(s3_key), lower(%(search)s)) > 0)
        ORDER BY doc_type, version DESC
        """,
        {"project_id": project_id, "doc_type": doc_type, "after": after, "search": search, "limit": limit},
        fields,
    )
    if not found["items"]:
        _check_project(project_id)
    return found


@tool(reads=True)
def latest_documents(project_id: EntityId) -> LatestDocuments:
    """List the newest version of each document type in a project.

    Returns one row a type, in the order of the types. Raises ``NotFoundError`` for an unknown project.
    """
    rows = many(
        """
        SELECT DISTINCT ON (doc_type) *
        FROM documents
        WHERE project_id = %(project_id)s
        ORDER BY doc_type, version DESC
        """,
        {"project_id": project_id},
    )
    if not rows:
        _check_project(project_id)
    return {"items": rows}


def _check_project(project_id: EntityId) -> None:
    if one("SELECT id FROM projects WHERE id = %(project_id)s", {"project_id": project_id}, reads=True) is None:
        raise no_such("project", project_id)
