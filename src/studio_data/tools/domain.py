"""The nouns that every domain may know, as the library declares them: clients, projects and the audit trail."""

from studio_data.contract.domain import Domain, Entity, Invariant, Table, View
from studio_data.contract.roles import Role
from studio_data.hints import as_typed
from studio_data.tools.rules.lifecycles import ClientStatus, ProjectPhase, ProjectType
from studio_data.tools.rules.pipeline import CLIENT_MOVES

DOMAIN = Domain(
    name="clients and projects",
    title="clients, projects and one audit trail",
    pages=["practice.md", "audit.md"],
    tables=[Table("clients"), Table("projects")],
    views=[View("live_projects")],
    functions=["is_noted", "kept_client", "phone_digits"],
    enums={"client_status": ClientStatus, "project_type": ProjectType, "project_phase": ProjectPhase},
    entities=[
        Entity("client", "clients", hint="list_clients shows them all.", name="name"),
        Entity("project", "projects", owner="client", hint="list_projects shows them all.", name="name"),
        Entity("activity", "activity_log", owner="project", hint="list_activity shows the audit trail."),
    ],
    actions={"merged": "a client is kept for two who were the same: its line and the other's have both ids"},
    refusals={"clients_merged_into_another": "a client is merged into another one"},
    core={
        None: ["list_clients", "create_client", "list_projects", "create_project", "available_actions", "get_history"],
        Role.STUDIO_MANAGER: [
            "list_clients",
            "create_client",
            "update_client",
            "record_screening",
            "advance_client",
            "list_projects",
            "create_project",
            "available_actions",
        ],
        Role.PROJECT_MANAGER: ["list_projects", "available_actions"],
        Role.SOURCING_SPECIALIST: ["list_projects", "available_actions"],
        Role.PROCUREMENT_COORDINATOR: ["list_projects", "available_actions"],
        Role.CONTROLLER: ["list_projects", "available_actions"],
        Role.TRANSCRIPTIONIST: ["list_projects", "available_actions"],
        Role.READER: ["list_clients", "list_projects", "get_history", "list_activity"],
    },
    moves=[CLIENT_MOVES],
    invariants=[
        Invariant(
            "active clients without a project",
            """
            SELECT id FROM clients
            WHERE status IN ('active', 'completed') AND merged_into IS NULL
                AND NOT EXISTS (SELECT FROM projects WHERE client_id = clients.id)
            """,
            as_typed("call create_project"),
        ),
        Invariant(
            "clients and projects of which the audit trail knows nothing",
            """
            SELECT id FROM clients
            WHERE NOT EXISTS (
                SELECT FROM activity_log
                WHERE entity_type = 'client' AND entity_id = clients.id AND NOT is_noted(context)
            )
            UNION ALL
            SELECT id FROM projects
            WHERE NOT EXISTS (
                SELECT FROM activity_log
                WHERE entity_type = 'project' AND entity_id = projects.id AND NOT is_noted(context)
            )
            """,
            "find out who wrote them past the tools",
        ),
        Invariant(
            "clients in another status than the audit trail's last word about them",
            """
            SELECT id FROM clients
            WHERE status::text <> coalesce((
                SELECT metadata #>> '{changes,status,1}'
                FROM activity_log
                WHERE entity_type = 'client' AND entity_id = clients.id AND NOT is_noted(context)
                    AND metadata #> '{changes,status}' IS NOT NULL
                ORDER BY activity_log.id DESC
                LIMIT 1
            ), 'lead')
            """,
            "find out who changed them past the tools",
        ),
    ],
)
