"""The way of a line item from an estimate to its room: which calls bring it on, its order's among them."""

from collections.abc import Sequence

from studio_data.contract.lifecycle import Facts
from studio_data.errors import SatisfyingCall
from studio_data.tools.practice.rules.lifecycles import LineItemStatus

# From each status of a line item, the calls that bring it to the next, in order.
_CALLS = (
    ("estimated", "specified", ("specify_line_item",)),
    ("specified", "quoted", ("record_quote", "select_quote")),
    ("quoted", "ordered", ("draft_purchase_order", "submit_purchase_order")),
    ("ordered", "shipped", ("acknowledge_purchase_order", "start_production", "ship_purchase_order")),
    ("shipped", "delivered", ("deliver_purchase_order",)),
    ("delivered", "installed", ("install_line_item",)),
)
_STATUSES = [status.value for status in LineItemStatus]
_DONE_WITH_AN_ORDER = {
    "draft": ("draft_purchase_order",),
    "acknowledged": ("acknowledge_purchase_order",),
    "in_production": ("acknowledge_purchase_order", "start_production"),
}
_OF_THE_ITEM = {"specify_line_item", "record_quote", "draft_purchase_order", "install_line_item"}


def is_behind(status: str, target: str) -> bool:
    """Tell whether a line item has still to reach a status."""
    return _STATUSES.index(status) < _STATUSES.index(target)


def item_calls(item: Facts, target: str) -> list[SatisfyingCall]:
    """Return the calls that bring a line item from its status to the target.

    Looks at the item's ``id`` and ``status``, and at the ``order_id`` and ``order_status`` of its open order.
    """
    calls: list[SatisfyingCall] = []
    done = _DONE_WITH_AN_ORDER.get(item["order_status"] or "", ())
    for source, reached, tools in _CALLS:
        if is_behind(source, item["status"]):
            continue
        if is_behind(target, reached):
            break
        for tool in tools:
            if tool in done:
                continue
            if tool in _OF_THE_ITEM:
                calls.append({"tool": tool, "arguments": {"line_item_id": str(item["id"])}})
            elif tool != "select_quote" and item["order_id"] is not None:
                calls.append({"tool": tool, "arguments": {"purchase_order_id": str(item["order_id"])}})
            else:
                calls.append({"tool": tool, "arguments": {}})
    return calls


def way_on(item: Facts, goals: Sequence[str]) -> list[SatisfyingCall]:
    """Return the calls that bring a line item to the next of some statuses that lies ahead, or back to specified."""
    ahead = [status for status in _STATUSES if status in goals and not is_behind(status, item["status"])]
    if ahead:
        return item_calls(item, ahead[0])
    return _way_back(item) if LineItemStatus.SPECIFIED in goals else []


def _way_back(item: Facts) -> list[SatisfyingCall]:
    """Return the calls that take back what was selected: an order that was sent takes its item with it."""
    cancel: SatisfyingCall = {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(item["order_id"])}}
    again: SatisfyingCall = {"tool": "respecify_line_item", "arguments": {"line_item_id": str(item["id"])}}
    match item["status"]:
        case LineItemStatus.QUOTED:
            return [again] if item["order_id"] is None else [cancel, again]
        case LineItemStatus.ORDERED:
            return [again] if item["order_id"] is None else [cancel]
        case _:
            return []
