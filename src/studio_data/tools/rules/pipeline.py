"""The sales pipeline: the moves of a client, and what a client needs before a move besides the status."""

from studio_data.contract.lifecycle import Facts, Move, Moves, Rule, move_to, read_by
from studio_data.errors import RuleViolationError, SatisfyingCall
from studio_data.tools.rules.lifecycles import CLIENT, ClientStatus


def _qualified_clients_are_screened(client: Facts, _to: str) -> RuleViolationError | None:
    of_client = {"client_id": str(client["id"])}
    missing: list[str] = []
    calls: list[SatisfyingCall] = []
    if not client["can_be_reached"]:
        missing.append("an e-mail address or phone number")
        calls.append({"tool": "update_client", "arguments": of_client})
    if not client["is_screened"]:
        missing.append("screening data")
        calls.append({"tool": "record_screening", "arguments": of_client})
    if not missing:
        return None
    return RuleViolationError(
        f"Client {client['id']} lacks {' and '.join(missing)}, and a qualified client has both.",
        rule="qualified_clients_are_screened",
        found=f"no {' and no '.join(missing)}",
        calls=calls,
        hint="Record it first.",
    )


def _completed_clients_have_completed_projects(client: Facts, _to: str) -> RuleViolationError | None:
    if not client["open_projects"]:
        return None
    calls: list[SatisfyingCall] = [
        {"tool": "advance_project", "arguments": {"project_id": project, "to": "completed"}}
        for project in client["open_projects"]
    ]
    return RuleViolationError(
        f"Client {client['id']} has {len(calls)} projects that are not completed.",
        rule="completed_clients_have_completed_projects",
        found=f"{len(calls)} open projects",
        calls=calls,
        hint="Complete them first.",
    )


def _advance(to: ClientStatus, *rules: Rule) -> Move:
    return move_to(CLIENT, "advance_client", to, rules=rules, arguments={"to": to.value})


CLIENT_MOVES = Moves(
    CLIENT,
    "client_id",
    read_by(
        """
        SELECT
            id, status, coalesce(email, phone) IS NOT NULL AS can_be_reached, screening_data <> '{}' AS is_screened,
            ARRAY(
                SELECT id::text FROM projects WHERE client_id = clients.id AND phase <> 'completed' ORDER BY id
            ) AS open_projects
        FROM clients
        WHERE id = kept_client(%(id)s)
        """
    ),
    [
        _advance(ClientStatus.QUALIFIED, _qualified_clients_are_screened),
        _advance(ClientStatus.PROPOSAL_SENT),
        _advance(ClientStatus.CONTRACTED),
        move_to(CLIENT, "create_project", ClientStatus.ACTIVE, is_listed=False),
        _advance(ClientStatus.COMPLETED, _completed_clients_have_completed_projects),
        move_to(CLIENT, "churn_client", ClientStatus.CHURNED, is_step=False),
        move_to(CLIENT, "reopen_client", ClientStatus.LEAD),
    ],
)
