"""What may be done with a thing now, and what stands against the rest."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, LiteralString, TypedDict, cast
from uuid import UUID

from studio_data.contract.actor import ActorType, current_actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId, choice
from studio_data.contract.lifecycles import LineItemStatus, ProjectPhase
from studio_data.contract.registry import tool
from studio_data.db import one
from studio_data.errors import RuleViolationError, SatisfyingCall
from studio_data.tools import pipeline
from studio_data.tools.practice.rules import gates
from studio_data.tools.practice.rules.gates import Facts, item_calls
from studio_data.tools.practice.rules.moves import MOVES, Move, Moves, way_to


class Explained(StrEnum):
    """What has a lifecycle."""

    CLIENT = "client"
    PROJECT = "project"
    TASK = "task"
    MEETING = "meeting"
    ACTION_ITEM = "action_item"
    FEE = "fee"
    LINE_ITEM = "line_item"
    PURCHASE_ORDER = "purchase_order"
    PROJECT_TRADE = "project_trade"


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


@tool(reads=True)
def available_actions(entity_type: Annotated[Explained | str, *choice(Explained)], entity_id: EntityId) -> AvailableActions:
    """List the moves that a thing's lifecycle and rules allow now, and for the others what to call first.

    Arguments that only you can know are left out. A call that is named as a step may itself be refused.

    Who may call a tool is not looked at, except where a rule wants a person. ``rule`` is ``lifecycle`` where the present
    state stands against a move. Returns the thing's status and its moves. Raises ``NotFoundError`` for an unknown id.
    """
    kind = Explained(entity_type)
    facts = _FACTS[kind](cast("UUID", entity_id))
    if facts is None:
        raise no_such(kind.value, entity_id)
    moves = MOVES[kind]
    available: list[SatisfyingCall] = []
    refused: list[RefusedAction] = []
    for move in moves.moves:
        if not move.is_listed or facts.get("project_type") not in (None, *move.project_types):
            continue
        call = _call(moves, move, facts)
        against = _lifecycle_against(moves, move, facts) or _rule_against(move, facts)
        if against is None:
            available.append(call)
        else:
            refused.append({**call, **against})
    return {
        "entity_type": kind.value,
        "entity_id": cast("UUID", entity_id),
        "status": facts["status"],
        "available": available,
        "refused": refused,
    }


class _Against(TypedDict):
    reason: str
    rule: str
    calls: list[SatisfyingCall]


def _call(moves: Moves, move: Move, facts: Facts) -> SatisfyingCall:
    arguments = {} if move.takes is None else {moves.argument: str(facts["id"])}
    return {"tool": move.tool, "arguments": arguments | ({"to": move.to} if move.names_target else {})}


def _lifecycle_against(moves: Moves, move: Move, facts: Facts) -> _Against | None:
    if facts["status"] in move.sources:
        return None
    thing = moves.lifecycle.entity_type.replace("_", " ")
    sources = " or ".join(move.sources)
    return {
        "reason": f"The {thing} is {facts['status']}; {move.tool} takes one that is {sources}.",
        "rule": "lifecycle",
        "calls": _calls_to(moves, move, facts),
    }


def _calls_to(moves: Moves, move: Move, facts: Facts) -> list[SatisfyingCall]:
    """Return the calls that bring a thing to a state from which the move is legal; none if there is no way there."""
    if moves is MOVES["line_item"]:  # most of whose steps are those of its order
        order = [status.value for status in LineItemStatus]
        ahead = [status for status in order[order.index(facts["status"]) :] if status in move.sources]
        return item_calls(facts, ahead[0]) if ahead else []
    return [_call(moves, step, facts) for step in _way(moves, move.sources, facts)]


def _way(moves: Moves, goals: tuple[str, ...], facts: Facts) -> list[Move]:
    return way_to(
        moves.moves,
        facts["status"],
        goals,
        project_type=facts.get("project_type"),
        held_in=facts.get("held_in"),
    )


def _rule_against(move: Move, facts: Facts) -> _Against | None:
    for rule in move.rules:
        violation = _RULES[rule](facts, move.to or "")
        if violation is not None:
            return {
                "reason": violation.message,
                "rule": violation.details["rule"],
                "calls": violation.details["calls"],
            }
    return None


# What the rules look at -----------------------------------------------------------------------------------------------


def _status_by(query: LiteralString) -> Callable[[UUID], Facts | None]:
    return lambda entity_id: one(query, {"id": entity_id})


def _project(project_id: UUID) -> Facts | None:
    facts = gates.facts_of(project_id)
    if facts is None:
        return None
    return {**facts, "id": facts["project_id"], "status": facts["phase"], "held_in": _held_in(facts)}


def _held_in(facts: Facts) -> str | None:
    if facts["phase"] != ProjectPhase.ON_HOLD:
        return None
    held = one(
        """
        SELECT from_phase
        FROM phase_transitions
        WHERE project_id = %(project_id)s AND to_phase = 'on_hold'
        ORDER BY id DESC
        LIMIT 1
        """,
        {"project_id": facts["project_id"]},
    )
    return None if held is None else held["from_phase"]


_FACTS: dict[Explained, Callable[[UUID], Facts | None]] = {
    Explained.CLIENT: pipeline.facts_of,
    Explained.PROJECT: _project,
    Explained.TASK: _status_by("SELECT id, status FROM project_tasks WHERE id = %(id)s"),
    Explained.MEETING: _status_by("SELECT id, status FROM meetings WHERE id = %(id)s"),
    Explained.ACTION_ITEM: _status_by("SELECT id, status FROM meeting_action_items WHERE id = %(id)s"),
    Explained.FEE: _status_by("SELECT id, status FROM design_fees WHERE id = %(id)s"),
    Explained.PROJECT_TRADE: _status_by("SELECT id, quote_status AS status FROM project_trades WHERE id = %(id)s"),
    Explained.LINE_ITEM: _status_by(
        """
        SELECT
            item.id::text, item.id::text AS line_item_id, item.status, item.status AS item_status, project.id AS project_id,
            project.phase, purchase.id::text AS order_id, purchase.status AS order_status,
            EXISTS (SELECT FROM vendor_quotes WHERE line_item_id = item.id) AS has_quote,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS has_exhibit_b
        FROM line_items AS item
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        LEFT JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id AND purchase.status <> 'cancelled'
        WHERE item.id = %(id)s
        """
    ),
    Explained.PURCHASE_ORDER: _status_by(
        """
        SELECT
            purchase.id, purchase.status, item.id::text AS line_item_id, item.status AS item_status,
            project.id AS project_id, project.phase,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS has_exhibit_b
        FROM purchase_orders AS purchase
        JOIN line_items AS item ON item.id = purchase.line_item_id
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        WHERE purchase.id = %(id)s
        """
    ),
}


# The rules ------------------------------------------------------------------------------------------------------------


def _gates(facts: Facts, to: str) -> RuleViolationError | None:
    failing = [gate for gate in gates.gates_of(facts, ProjectPhase(to)) if not gate["passed"]]
    if not failing:
        return None
    found = "; ".join(f"{gate['gate']} ({gate['found']})" for gate in failing)
    return RuleViolationError(
        f"What {to} needs and the project lacks: {found}.",
        rule=", ".join(gate["gate"] for gate in failing),
        found=found,
        calls=[call for gate in failing for call in gate["calls"]],
    )


def _people_reopen_tasks(_facts: Facts, _to: str) -> RuleViolationError | None:
    acting = current_actor.get()
    if acting is not None and acting.type == ActorType.USER:
        return None
    return RuleViolationError(
        "Only a person reopens a task.", rule="people_reopen_tasks", found=acting.type.value if acting else "system"
    )


def _quote_is_recorded(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["has_quote"]:
        return None
    record: SatisfyingCall = {"tool": "record_quote", "arguments": {"line_item_id": facts["line_item_id"]}}
    return RuleViolationError(
        "The line item has no vendor's quote to select.", rule="quote_is_recorded", found="no quote", calls=[record]
    )


def _order_is_cancelled(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["order_id"] is None:
        return None
    cancel: SatisfyingCall = {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": facts["order_id"]}}
    return RuleViolationError(
        f"The line item has a purchase order that is {facts['order_status']}.",
        rule="order_is_cancelled",
        found=facts["order_status"],
        calls=[cancel],
    )


def _line_item_is_quoted(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["item_status"] == LineItemStatus.QUOTED:
        return None
    item = {"id": facts["line_item_id"], "status": facts["item_status"], "order_id": None, "order_status": None}
    return RuleViolationError(
        f"The line item is {facts['item_status']}, and an order is placed for one that is quoted.",
        rule="line_item_is_quoted",
        found=facts["item_status"],
        calls=item_calls(item, "quoted"),
    )


def _exhibit_b_signed(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["has_exhibit_b"]:
        return None
    arguments = {"project_id": str(facts["project_id"]), "doc_type": "exhibit_b"}
    return RuleViolationError(
        "The project has no signed Exhibit B.",
        rule="exhibit_b_signed",
        found="0 exhibit_b on file",
        calls=[{"tool": "register_document", "arguments": arguments}],
    )


_ORDERING = (
    ProjectPhase.PURCHASING, ProjectPhase.CONSTRUCTION, ProjectPhase.REVEAL_PUNCH_LIST, ProjectPhase.COMPLETED,
)  # fmt: skip


def _project_is_purchasing(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["phase"] in _ORDERING:
        return None
    project = {"id": facts["project_id"], "phase": facts["phase"], "project_id": facts["project_id"]}
    project |= {"status": facts["phase"], "held_in": _held_in(project)}
    steps = _way(MOVES["project"], tuple(phase.value for phase in _ORDERING), project)
    return RuleViolationError(
        f"The project is in {facts['phase']}, and orders are placed from purchasing on.",
        rule="project_is_purchasing",
        found=facts["phase"],
        calls=[_call(MOVES["project"], step, project) for step in steps],
    )


_RULES: dict[str, Callable[[Facts, str], RuleViolationError | None]] = {
    "client": pipeline.rule_against,
    "gates": _gates,
    "people_reopen_tasks": _people_reopen_tasks,
    "quote_is_recorded": _quote_is_recorded,
    "order_is_cancelled": _order_is_cancelled,
    "line_item_is_quoted": _line_item_is_quoted,
    "exhibit_b_signed": _exhibit_b_signed,
    "project_is_purchasing": _project_is_purchasing,
}
