"""What may be done with a thing now, and what stands against the rest."""

from typing import Annotated, TypedDict
from uuid import UUID

from studio_data.contract.actor import current_actor
from studio_data.contract.domain import WithMoves, domain_with, moves_of
from studio_data.contract.entities import no_such, with_names
from studio_data.contract.fields import EntityId
from studio_data.contract.registry import get_tool, say_whose, tool
from studio_data.contract.roles import EVERYBODY
from studio_data.errors import PermissionDeniedError, SatisfyingCall, StudioError


class RefusedAction(SatisfyingCall):
    """A call that would be refused: why, by which rule, and the calls that would satisfy it, in order."""

    reason: str
    rule: str
    calls: list[SatisfyingCall]


class AvailableActions(TypedDict):
    """The moves of a thing: the calls that are legal now, and those that are not."""

    entity_type: str
    entity_id: UUID
    status: str
    available: list[SatisfyingCall]
    refused: list[RefusedAction]


@tool(reads=True, roles=EVERYBODY)
def available_actions(entity_type: Annotated[str, WithMoves()], entity_id: EntityId) -> AvailableActions:
    """List the moves that a thing's lifecycle and rules allow now, and for the others what to call first.

    Arguments that only you can know are left out. A call that is named as a step may itself be refused.

    The reason of a refused call is the message that the call would be refused with. ``rule`` is ``lifecycle`` where the
    present state stands against a move, ``people_only`` where only a person may call the tool, ``role`` where the asking
    role may not; then ``roles`` says who may. Returns the thing's status and its moves. Raises ``NotFoundError`` for an
    unknown id, ``PermissionDeniedError`` for a kind of thing that the role does not read.
    """
    moves = moves_of(entity_type)
    _check_reader(entity_type)
    row_id = UUID(str(entity_id))
    facts = moves.facts(row_id)
    if facts is None:
        raise no_such(entity_type, entity_id)
    available: list[SatisfyingCall] = []
    refused: list[RefusedAction] = []
    for move in moves.moves:
        if not move.is_listed or not move.is_for(facts):
            continue
        call = moves.call(move, facts)
        against = get_tool(move.tool).refusal_of_the_actor() or moves.refusal(move, facts)
        if against is None:
            available.append(call)
        else:
            say_whose([call, *against.details.get("calls", [])])
            refused.append({**call, **_explained(against)})
    for action, reason in zip(refused, with_names([action["reason"] for action in refused]), strict=True):
        action["reason"] = reason
    return {
        "entity_type": str(entity_type),
        "entity_id": row_id,
        "status": facts["status"],
        "available": available,
        "refused": refused,
    }


def _check_reader(entity_type: str) -> None:
    """Refuse what the actor's role does not read by the other tools of the domain either."""
    acting = current_actor.get()
    if acting is None or acting.role is None:
        return
    domain = domain_with(entity_type)
    if acting.role not in domain.readers:
        raise PermissionDeniedError(
            f"The role {acting.role} does not read {domain.name}.",
            hint=f"Ask one of these: {', '.join(sorted(domain.readers))}.",
            details={"tool": "available_actions", "role": acting.role.value, "entity_type": entity_type},
        )


class _Explained(TypedDict):
    reason: str
    rule: str
    calls: list[SatisfyingCall]


def _explained(error: StudioError) -> _Explained:
    return {
        "reason": error.message,
        "rule": error.details.get("rule", "role" if "roles" in error.details else "lifecycle"),
        "calls": error.details.get("calls", []),
    }
