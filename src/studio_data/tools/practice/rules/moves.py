"""Which tool makes which move of a lifecycle: what somebody may call now is read off these tables.

A row holds for the states that the lifecycle lets go to its target, unless it names its own. The rules that it names are in
``available_actions.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from studio_data.contract import lifecycles
from studio_data.contract.lifecycles import (
    ActionItemStatus,
    ClientStatus,
    FeeStatus,
    Lifecycle,
    LineItemStatus,
    MeetingStatus,
    ProjectPhase,
    ProjectType,
    PurchaseOrderStatus,
    QuoteStatus,
    TaskStatus,
)


@dataclass(frozen=True)
class Move:
    """A tool that brings a thing from one of its states to another."""

    tool: str
    to: str | None
    """The state that it leads to; None for the phase that a project was held in."""
    sources: tuple[str, ...]
    rules: tuple[str, ...] = ()
    """What must hold besides the state, the first that does not hold being the one to name."""
    names_target: bool = False
    """Whether the tool is told where to, as its argument ``to``."""
    takes: str | None = "itself"
    """None where the tool's argument is another thing, which only the caller can choose."""
    is_step: bool = True
    """Whether it may be a step on the way to another move: calling off and holding up are not."""
    is_listed: bool = True
    """Whether it is a move by itself, or only a step: a project makes its client active."""
    project_types: tuple[str, ...] = tuple(ProjectType)


@dataclass(frozen=True)
class Moves:
    """The moves of one kind of thing, and what the tools call its id."""

    lifecycle: Lifecycle[Any]
    argument: str
    moves: Sequence[Move]


def _move(lifecycle: Lifecycle[Any], tool: str, to: StrEnum, *, but: tuple[StrEnum, ...] = (), **more: Any) -> Move:  # noqa: ANN401
    """Return a move from every state that the lifecycle lets go to the target, but for some."""
    return Move(tool, to.value, tuple(source for source in lifecycle.sources_of(to) if source not in but), **more)


def _moves(
    lifecycle: Lifecycle[Any], argument: str, tools: Mapping[str, StrEnum], called_off: Mapping[str, StrEnum]
) -> Moves:
    """Return moves without rules: those that lead on, and those that call off or hold up."""
    return Moves(lifecycle, argument, [
        *(_move(lifecycle, tool, to) for tool, to in tools.items()),
        *(_move(lifecycle, tool, to, is_step=False) for tool, to in called_off.items()),
    ])  # fmt: skip


def _advance_client(to: ClientStatus, *rules: str) -> Move:
    return _move(lifecycles.CLIENT, "advance_client", to, rules=rules, names_target=True)


def _advance_project(to: ProjectPhase, *but: ProjectPhase, **more: Any) -> Move:  # noqa: ANN401
    held = (ProjectPhase.ON_HOLD, *but)
    return _move(lifecycles.PROJECT, "advance_project", to, but=held, rules=("gates",), names_target=True, **more)


_WITH_CONSTRUCTION = (ProjectType.RENOVATION.value, ProjectType.MIXED.value)
_ORDER_RULES = ("exhibit_b_signed", "project_is_purchasing")

MOVES: dict[str, Moves] = {
    "client": Moves(lifecycles.CLIENT, "client_id", [
        _advance_client(ClientStatus.QUALIFIED, "client"),
        _advance_client(ClientStatus.PROPOSAL_SENT),
        _advance_client(ClientStatus.CONTRACTED),
        _move(lifecycles.CLIENT, "create_project", ClientStatus.ACTIVE, is_listed=False),
        _advance_client(ClientStatus.COMPLETED, "client"),
        _move(lifecycles.CLIENT, "churn_client", ClientStatus.CHURNED, is_step=False),
        _move(lifecycles.CLIENT, "reopen_client", ClientStatus.LEAD),
    ]),
    "project": Moves(lifecycles.PROJECT, "project_id", [
        _advance_project(ProjectPhase.DETAILED_DESIGN),
        _advance_project(ProjectPhase.PURCHASING),
        _advance_project(ProjectPhase.CONSTRUCTION),
        _advance_project(ProjectPhase.REVEAL_PUNCH_LIST, project_types=(ProjectType.FURNISHINGS.value,)),
        _advance_project(ProjectPhase.REVEAL_PUNCH_LIST, ProjectPhase.PURCHASING, project_types=_WITH_CONSTRUCTION),
        _advance_project(ProjectPhase.COMPLETED),
        _move(lifecycles.PROJECT, "hold_project", ProjectPhase.ON_HOLD, is_step=False),
        Move("resume_project", None, (ProjectPhase.ON_HOLD.value,)),
    ]),
    "fee": _moves(
        lifecycles.FEE, "fee_id", {"invoice_fee": FeeStatus.INVOICED, "pay_fee": FeeStatus.PAID}, {}
    ),
    "task": Moves(lifecycles.TASK, "task_id", [
        _move(lifecycles.TASK, "start_task", TaskStatus.IN_PROGRESS, but=(TaskStatus.BLOCKED,)),
        _move(lifecycles.TASK, "complete_task", TaskStatus.COMPLETED),
        _move(lifecycles.TASK, "block_task", TaskStatus.BLOCKED, is_step=False),
        Move("unblock_task", TaskStatus.NOT_STARTED.value, (TaskStatus.BLOCKED.value,)),
        Move(
            "unblock_task", TaskStatus.IN_PROGRESS.value, (TaskStatus.BLOCKED.value,), names_target=True, is_listed=False
        ),
        _move(lifecycles.TASK, "skip_task", TaskStatus.SKIPPED, is_step=False),
        _move(
            lifecycles.TASK, "reopen_task", TaskStatus.NOT_STARTED, but=(TaskStatus.BLOCKED,), rules=("people_reopen_tasks",)
        ),
    ]),
    "project_trade": _moves(
        lifecycles.TRADE_QUOTE, "project_trade_id", {
            "record_ballpark": QuoteStatus.BALLPARK_RECEIVED,
            "send_final_rfq": QuoteStatus.FINAL_RFQ_SENT,
            "record_final_quote": QuoteStatus.FINAL_QUOTE_RECEIVED,
        }, {},
    ),
    # With its new date a rescheduled meeting is scheduled again.
    "meeting": Moves(lifecycles.MEETING, "meeting_id", [
        _move(lifecycles.MEETING, "confirm_meeting", MeetingStatus.CONFIRMED),
        Move("reschedule_meeting", MeetingStatus.SCHEDULED.value, (
            *lifecycles.MEETING.sources_of(MeetingStatus.RESCHEDULED),
            *lifecycles.MEETING.sources_of(MeetingStatus.SCHEDULED),
        )),
        _move(lifecycles.MEETING, "complete_meeting", MeetingStatus.COMPLETED),
        _move(lifecycles.MEETING, "cancel_meeting", MeetingStatus.CANCELLED, is_step=False),
    ]),
    "action_item": _moves(
        lifecycles.ACTION_ITEM, "action_item_id", {
            "start_action_item": ActionItemStatus.IN_PROGRESS, "complete_action_item": ActionItemStatus.COMPLETED
        }, {"cancel_action_item": ActionItemStatus.CANCELLED},
    ),
    # Ordered, shipped and delivered are moves of the order: the item follows it.
    "line_item": Moves(lifecycles.LINE_ITEM, "line_item_id", [
        Move("specify_line_item", LineItemStatus.SPECIFIED.value, (LineItemStatus.ESTIMATED.value,)),
        _move(lifecycles.LINE_ITEM, "select_quote", LineItemStatus.QUOTED, rules=("quote_is_recorded",), takes=None),
        _move(
            lifecycles.LINE_ITEM, "respecify_line_item", LineItemStatus.SPECIFIED, but=(LineItemStatus.ESTIMATED,),
            rules=("order_is_cancelled",), is_step=False,
        ),
        _move(
            lifecycles.LINE_ITEM, "draft_purchase_order", LineItemStatus.ORDERED, rules=("order_is_cancelled", *_ORDER_RULES)
        ),
        _move(lifecycles.LINE_ITEM, "install_line_item", LineItemStatus.INSTALLED),
    ]),
    "purchase_order": Moves(lifecycles.PURCHASE_ORDER, "purchase_order_id", [
        _move(
            lifecycles.PURCHASE_ORDER, "submit_purchase_order", PurchaseOrderStatus.SUBMITTED,
            rules=("line_item_is_quoted", *_ORDER_RULES),
        ),
        _move(lifecycles.PURCHASE_ORDER, "acknowledge_purchase_order", PurchaseOrderStatus.ACKNOWLEDGED),
        _move(lifecycles.PURCHASE_ORDER, "start_production", PurchaseOrderStatus.IN_PRODUCTION),
        _move(lifecycles.PURCHASE_ORDER, "ship_purchase_order", PurchaseOrderStatus.SHIPPED),
        _move(lifecycles.PURCHASE_ORDER, "deliver_purchase_order", PurchaseOrderStatus.DELIVERED),
        _move(lifecycles.PURCHASE_ORDER, "cancel_purchase_order", PurchaseOrderStatus.CANCELLED, is_step=False),
    ]),
}  # fmt: skip


def way_to(
    moves: Sequence[Move], present: str, goals: Sequence[str], *, project_type: str | None, held_in: str | None
) -> list[Move]:
    """Return the fewest moves that bring a thing from its present state to one of others; none if there is no way."""
    ways: dict[str, list[Move]] = {present: []}
    waiting = [present]
    while waiting:
        state = waiting.pop(0)
        if state in goals:
            return ways[state]
        for move in moves:
            target = move.to or held_in
            may = move.is_step and state in move.sources and (project_type is None or project_type in move.project_types)
            if may and target is not None and target not in ways:
                ways[target] = [*ways[state], move]
                waiting.append(target)
    return []
