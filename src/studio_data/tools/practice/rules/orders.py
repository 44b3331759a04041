"""Where the practice may order: what a line item and its project need, and how an order and its item move on.

A purchase order is for one line item; when it moves on, the item follows it. The rules here are asked by the tools of both,
by their refusals and by ``available_actions``.
"""

from uuid import UUID

from studio_data.contract.lifecycle import Facts, Move, Moves, Rule, move_to
from studio_data.contract.validators import LARGEST_AMOUNT
from studio_data.db import one
from studio_data.errors import ConflictError, InvalidTransitionError, RuleViolationError, SatisfyingCall
from studio_data.tools.practice.rules.exhibit_b import not_signed
from studio_data.tools.practice.rules.lifecycles import LINE_ITEM, PURCHASE_ORDER, LineItemStatus, PurchaseOrderStatus
from studio_data.tools.practice.rules.line_items import way_on
from studio_data.tools.practice.rules.live import work_goes_on
from studio_data.tools.practice.rules.projects import PROJECT_MOVES
from studio_data.tools.rules.lifecycles import ProjectPhase

ORDERING_PHASES = [ProjectPhase.PURCHASING.value, ProjectPhase.CONSTRUCTION.value, ProjectPhase.REVEAL_PUNCH_LIST.value]
"""The phases in which a project may order."""

ITEM_FOLLOWS = {
    PurchaseOrderStatus.SUBMITTED: LineItemStatus.ORDERED,
    PurchaseOrderStatus.SHIPPED: LineItemStatus.SHIPPED,
    PurchaseOrderStatus.DELIVERED: LineItemStatus.DELIVERED,
}
"""Where the line item goes with its order."""


def item_sources(to: PurchaseOrderStatus) -> list[str]:
    """Return from where a line item goes along with its order; from nowhere if it does not.

    A cancellation takes back only what had been ordered.
    """
    if to is PurchaseOrderStatus.CANCELLED:
        return [LineItemStatus.ORDERED.value]
    return LINE_ITEM.sources_of(ITEM_FOLLOWS[to]) if to in ITEM_FOLLOWS else []


# Facts ----------------------------------------------------------------------------------------------------------------


def _facts(line_item_id: UUID | None, purchase_order_id: UUID | None) -> Facts | None:
    """Read a line item with its open order, or an order with its line item, and what the project has for them."""
    return one(
        """
        SELECT
            item.id AS line_item_id,
            item.status AS item_status,
            item.quantity,
            item.designer_net,
            item.selected_vendor_id IS NOT NULL AS has_vendor,
            coalesce(item.designer_net * item.quantity <= %(largest_amount)s, true) AS fits,
            EXISTS (SELECT FROM vendor_quotes WHERE line_item_id = item.id) AS has_quote,
            purchase.id AS order_id,
            purchase.status AS order_status,
            purchase.po_number,
            (
                purchase.vendor_id = item.selected_vendor_id
                AND purchase.amount = item.designer_net * item.quantity
                AND purchase.freight IS NOT DISTINCT FROM item.freight
            ) IS TRUE AS is_as_selected,
            project.id AS project_id,
            project.phase,
            project.project_type,
            CASE WHEN project.phase = 'on_hold' THEN phase_held_in(project.id) END AS held_in,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS has_exhibit_b,
            exhibit_b_covers(project.id) AS exhibit_b_covers,
            exhibit_b_amounts(project.id) AS exhibit_b_amounts,
            client.id AS client_id,
            client.status AS client_status,
            EXISTS (SELECT FROM live_projects WHERE id = project.id) AS is_live
        FROM line_items AS item
        JOIN project_rooms AS room ON room.id = item.room_id
        JOIN projects AS project ON project.id = room.project_id
        JOIN clients AS client ON client.id = project.client_id
        LEFT JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id
            AND CASE
                WHEN %(purchase_order_id)s::uuid IS NULL THEN purchase.status <> 'cancelled'
                ELSE purchase.id = %(purchase_order_id)s
            END
        WHERE item.id = coalesce(
            %(line_item_id)s::uuid, (SELECT line_item_id FROM purchase_orders WHERE id = %(purchase_order_id)s)
        )
        """,
        {"line_item_id": line_item_id, "purchase_order_id": purchase_order_id, "largest_amount": LARGEST_AMOUNT},
        reads=True,
    )


def _of_item(line_item_id: UUID) -> Facts | None:
    facts = _facts(line_item_id, None)
    return facts and {**facts, "id": facts["line_item_id"], "status": facts["item_status"]}


def _of_order(purchase_order_id: UUID) -> Facts | None:
    facts = _facts(None, purchase_order_id)
    return facts and {**facts, "id": facts["order_id"], "status": facts["order_status"]}


# Rules ----------------------------------------------------------------------------------------------------------------


def _ready_to_order(facts: Facts, _to: str) -> RuleViolationError | None:
    """Refuse an order while the project or the line item lacks something, and name all of it."""
    found: dict[str, str] = {}
    calls: list[SatisfyingCall] = []
    unsigned = not_signed(facts)
    if unsigned is not None:
        found["exhibit_b_signed"] = unsigned
        arguments = {"project_id": str(facts["project_id"]), "doc_type": "exhibit_b"}
        calls.append({"tool": "register_document", "arguments": arguments})
    if facts["phase"] not in ORDERING_PHASES:
        found["project_in_purchasing_or_later"] = f"the project is in {facts['phase']}"
        project = {**facts, "id": facts["project_id"], "status": facts["phase"]}
        calls += PROJECT_MOVES.calls_to(project, ORDERING_PHASES)
    elif (waits := work_goes_on(facts)) is not None:
        found["work_goes_on"] = str(waits.details["found"])
        calls += waits.details["calls"]
    if not _is_quoted(facts):
        found["line_item_quoted"] = _what_of_the_quote(facts)
        calls += _calls_to_another_quote(facts)
    elif not facts["fits"]:
        found["amount_fits"] = f"{facts['quantity']:,} times {facts['designer_net']:,} is more than {LARGEST_AMOUNT:,}"
        calls += _calls_to_another_quote(facts)
    if not found:
        return None
    return RuleViolationError(
        f"Line item {facts['line_item_id']} cannot be ordered yet: {'; '.join(found.values())}.",
        rule="ready_to_order",
        found=found,
        calls=calls,
        hint="First make the calls listed in details." if calls else "No call can change that: ask a person.",
    )


def _is_quoted(facts: Facts) -> bool:
    return facts["item_status"] == LineItemStatus.QUOTED and facts["has_vendor"] and facts["designer_net"] is not None


def _what_of_the_quote(facts: Facts) -> str:
    if facts["item_status"] != LineItemStatus.QUOTED:
        return f"the line item is {facts['item_status']}, not quoted"
    missing = ["selected vendor"] * (not facts["has_vendor"]) + ["designer net"] * (facts["designer_net"] is None)
    return f"the line item has no {' and no '.join(missing)}"


def _calls_to_another_quote(facts: Facts) -> list[SatisfyingCall]:
    item = {**facts, "id": facts["line_item_id"], "status": facts["item_status"]}
    if facts["item_status"] != LineItemStatus.QUOTED:
        return way_on(item, [LineItemStatus.QUOTED])
    again: SatisfyingCall = {"tool": "respecify_line_item", "arguments": {"line_item_id": str(facts["line_item_id"])}}
    return [again, *way_on({**item, "status": LineItemStatus.SPECIFIED.value}, [LineItemStatus.QUOTED])]


def _no_open_order(facts: Facts, _to: str) -> ConflictError | None:
    if facts["order_id"] is None:
        return None
    cancel: SatisfyingCall = {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(facts["order_id"])}}
    may_be_cancelled = facts["order_status"] in PURCHASE_ORDER.sources_of(PurchaseOrderStatus.CANCELLED)
    order = f"{facts['po_number']}, which is {facts['order_status']}"
    return ConflictError(
        f"Line item {facts['line_item_id']} already has an open order, {order}.",
        hint="Use that order, or cancel it before you draft another." if may_be_cancelled else "Use that order.",
        details={
            "line_item_id": str(facts["line_item_id"]),
            "purchase_order_id": str(facts["order_id"]),
            "po_number": facts["po_number"],
            "status": facts["order_status"],
            "rule": "one_open_order",
            "calls": [cancel] if may_be_cancelled else [],
        },
    )


def _order_is_cancelled(facts: Facts, to: str) -> InvalidTransitionError | None:
    if facts["order_id"] is None:
        return None
    error = LINE_ITEM.refusal(facts["id"], facts["status"], to, calls=way_on(facts, [to]))
    order = f"the open order {facts['po_number']}, which is {facts['order_status']}"
    error.message = f"Line item {facts['id']} has {order}, and cannot become {to}."
    error.details["rule"] = "order_is_cancelled"
    may_be_cancelled = facts["order_status"] in PURCHASE_ORDER.sources_of(PurchaseOrderStatus.CANCELLED)
    error.hint = "First call cancel_purchase_order." if may_be_cancelled else "That order can no longer be cancelled."
    return error


def _quote_is_recorded(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["has_quote"]:
        return None
    record: SatisfyingCall = {"tool": "record_quote", "arguments": {"line_item_id": str(facts["line_item_id"])}}
    return RuleViolationError(
        f"Line item {facts['line_item_id']} has no vendor's quote to select.",
        rule="quote_is_recorded",
        found="no quote",
        calls=[record],
    )


def _line_item_follows(facts: Facts, to: str) -> InvalidTransitionError | None:
    target = PurchaseOrderStatus(to)
    if facts["item_status"] in item_sources(target):
        return None
    item = {**facts, "id": facts["line_item_id"], "status": facts["item_status"]}
    goals = item_sources(target)
    return LINE_ITEM.refusal(item["id"], item["status"], ITEM_FOLLOWS[target], calls=way_on(item, goals))


def _orders_follow_the_selection(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["is_as_selected"]:
        return None
    return RuleViolationError(
        f"Order {facts['po_number']} does not match its line item's selected quote.",
        rule="orders_follow_the_selection",
        found="another vendor, amount or freight",
        calls=[
            {"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(facts["order_id"])}},
            {"tool": "draft_purchase_order", "arguments": {"line_item_id": str(facts["line_item_id"])}},
        ],
        hint="Cancel the draft and draft a new order.",
    )


# Moves ----------------------------------------------------------------------------------------------------------------


def _order(tool: str, to: PurchaseOrderStatus, *rules: Rule, is_step: bool = True) -> Move:
    return move_to(PURCHASE_ORDER, tool, to, rules=rules, is_step=is_step)


# Ordered, shipped and delivered are moves of the order: the item follows it.
LINE_ITEM_MOVES = Moves(
    LINE_ITEM,
    "line_item_id",
    _of_item,
    [
        Move(
            "specify_line_item",
            LineItemStatus.SPECIFIED.value,
            (LineItemStatus.ESTIMATED.value,),
            rules=(work_goes_on, _order_is_cancelled),
        ),
        move_to(LINE_ITEM, "select_quote", LineItemStatus.QUOTED, rules=(work_goes_on, _quote_is_recorded), takes_id=False),
        move_to(
            LINE_ITEM,
            "respecify_line_item",
            LineItemStatus.SPECIFIED,
            but=[LineItemStatus.ESTIMATED],
            rules=(_order_is_cancelled,),
            is_step=False,
        ),
        move_to(
            LINE_ITEM,
            "draft_purchase_order",
            LineItemStatus.ORDERED,
            rules=(_no_open_order, _ready_to_order),
            rules_first=True,
        ),
        move_to(LINE_ITEM, "install_line_item", LineItemStatus.INSTALLED),
    ],
    way=way_on,
)

PURCHASE_ORDER_MOVES = Moves(
    PURCHASE_ORDER,
    "purchase_order_id",
    _of_order,
    [
        _order(
            "submit_purchase_order",
            PurchaseOrderStatus.SUBMITTED,
            _line_item_follows,
            _orders_follow_the_selection,
            _ready_to_order,
        ),
        _order("acknowledge_purchase_order", PurchaseOrderStatus.ACKNOWLEDGED),
        _order("start_production", PurchaseOrderStatus.IN_PRODUCTION),
        _order("ship_purchase_order", PurchaseOrderStatus.SHIPPED, _line_item_follows),
        _order("deliver_purchase_order", PurchaseOrderStatus.DELIVERED, _line_item_follows),
        _order("cancel_purchase_order", PurchaseOrderStatus.CANCELLED, is_step=False),
    ],
)
