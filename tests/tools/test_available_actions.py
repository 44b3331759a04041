from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import acting_as
from studio_data import call as dispatch
from studio_data.contract.domain import domains, moves_of
from studio_data.contract.registry import all_tools
from studio_data.db import one, transaction
from studio_data.errors import NotFoundError
from studio_data.tools.available_actions import available_actions
from studio_data.tools.clients import create_client
from studio_data.tools.practice.fees import create_fee_schedule
from studio_data.tools.practice.rules.lifecycles import FeeStatus
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import PROJECT, ClientStatus, ProjectPhase
from tests.support.rows import row


def available(entity_type: str, entity_id: UUID) -> list[str]:
    return [call["tool"] for call in available_actions(entity_type, entity_id)["available"]]


def refused(entity_type: str, entity_id: UUID, tool: str, **arguments: str) -> dict[str, Any]:
    (found,) = [
        call
        for call in available_actions(entity_type, entity_id)["refused"]
        if call["tool"] == tool and arguments.items() <= call["arguments"].items()
    ]
    return dict(found)


def tools(calls: list[Any]) -> list[str]:
    return [" ".join([call["tool"], *([call["arguments"]["to"]] if "to" in call["arguments"] else [])]) for call in calls]


# The tables -----------------------------------------------------------------------------------------------------------


KINDS = [moves.lifecycle.entity_type for domain in domains().values() for moves in domain.moves]

# What the library or another thing's tool moves, or what a tool does that leaves the state as it is.
BY_NO_TOOL_OF_ITS_OWN = {
    ("fee", "invoiced", "overdue"), ("line_item", "ordered", "shipped"), ("line_item", "shipped", "delivered"),
    ("agent_session", "pending", "expired"), ("agent_session", "running", "expired"),
    ("agent_session", "failed", "running"), ("agent_session", "failed", "awaiting_approval"),
    ("agent_session", "expired", "running"),
    *(("project", "on_hold", phase.value) for phase in PROJECT.moves[ProjectPhase.ON_HOLD]),
}  # fmt: skip
WITHIN_A_STATE = {
    ("meeting", "scheduled", "scheduled"), ("meeting", "confirmed", "scheduled"), ("agent_session", "running", "running"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_tools_make_the_moves_of_the_lifecycle_and_no_other(kind: str) -> None:
    moves = moves_of(kind)
    made = {(kind, source, move.to) for move in moves.moves for source in move.sources if not callable(move.to)}
    allowed = {(kind, source.value, to.value) for source, states in moves.lifecycle.moves.items() for to in states}

    assert made - allowed <= WITHIN_A_STATE
    assert allowed - made <= BY_NO_TOOL_OF_ITS_OWN


def test_the_arguments_named_are_those_of_the_tools() -> None:
    known = {tool.name: tool for tool in all_tools()}
    for kind in KINDS:
        for move in moves_of(kind).moves:
            named = {*([moves_of(kind).argument] if move.takes_id else []), *move.arguments}
            assert named <= set(known[move.tool].arguments.names), move.tool


def assert_true(entity_type: str, entity_id: UUID, known: dict[str, dict[str, Any]]) -> None:
    """Make every call that is listed, and assert that it is done or refused as it was said."""
    said = available_actions(entity_type, entity_id)
    for call in said["available"]:
        with transaction(rollback=True):
            assert "code" not in dispatch(call["tool"], {**call["arguments"], **known.get(call["tool"], {})})
    for call in said["refused"]:
        answer = dispatch(call["tool"], {**call["arguments"], **known.get(call["tool"], {})})
        assert answer["message"] == call["reason"]
        assert (answer["details"].get("rule", "lifecycle"), answer["details"]["calls"]) == (call["rule"], call["calls"])


@pytest.mark.parametrize("status", list(ClientStatus))
@pytest.mark.parametrize("is_screened", [False, True])
@pytest.mark.parametrize("has_open_project", [False, True])
def test_a_clients_moves_are_as_they_are_said(status: str, is_screened: bool, has_open_project: bool) -> None:  # noqa: FBT001
    client = create_client("Ann", email="ann@example.com", screening_data={"style": "old"} if is_screened else None)
    if has_open_project:
        create_project(client["id"], "LR", "furnishings")
    one("UPDATE clients SET status = %s::client_status", (status,))

    assert available_actions("client", client["id"])["status"] == status
    assert_true("client", client["id"], {"churn_client": {"reason": "Moved away."}})


@pytest.mark.parametrize("status", list(FeeStatus))
def test_a_fees_moves_are_as_they_are_said(status: str) -> None:
    project_id = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    fee = create_fee_schedule(project_id, total=1, instalments=1)["fees"][0]
    one("UPDATE design_fees SET status = %s::fee_status, due_at = now()", (status,))

    assert_true("fee", fee["id"], {})


def test_a_refusal_names_the_state_and_the_calls_on_the_way() -> None:
    client = create_client("Ann")

    said = available_actions("client", str(client["id"]))
    assert (said["entity_type"], said["entity_id"], said["status"]) == ("client", client["id"], "lead")
    assert said["available"] == [{"tool": "churn_client", "arguments": {"client_id": str(client["id"])}}]
    contracted = refused("client", client["id"], "advance_client", to="contracted")
    assert contracted == {
        "tool": "advance_client",
        "arguments": {"client_id": str(client["id"]), "to": "contracted"},
        "reason": f"Client 'Ann' ({client['id']}) is lead and cannot become contracted.",
        "rule": "lifecycle",
        "calls": [
            {"tool": "advance_client", "arguments": {"client_id": str(client["id"]), "to": "qualified"}},
            {"tool": "advance_client", "arguments": {"client_id": str(client["id"]), "to": "proposal_sent"}},
        ],
    }
    completed = refused("client", client["id"], "advance_client", to="completed")
    assert tools(completed["calls"])[-2:] == ["advance_client contracted", "create_project"]
    assert refused("client", client["id"], "reopen_client")["calls"] == []  # nobody churns to reopen
    assert refused("client", client["id"], "advance_client", to="qualified")["rule"] == "qualified_clients_are_screened"


# The rest, by the lifecycle -------------------------------------------------------------------------------------------


def project(project_type: str = "furnishings", **known: Any) -> UUID:
    return row("projects", client_id=create_client("Ann")["id"], name="LR", project_type=project_type, **known)


def thing(kind: str, status: str) -> UUID:
    project_id = project()
    match kind:
        case "task":
            at = datetime.now(UTC) if status == "completed" else None
            return row(
                "project_tasks", project_id=project_id, name="Measure", phase="construction", status=status, completed_at=at
            )
        case "project_trade":
            trade_id = row("trades", name="Bob")
            return row("project_trades", project_id=project_id, trade_id=trade_id, quote_status=status)
        case "meeting":
            return row("meetings", project_id=project_id, meeting_type="cdm", status=status)
        case _:
            meeting_id = row("meetings", project_id=project_id, meeting_type="cdm")
            return row("meeting_action_items", meeting_id=meeting_id, description="Send samples", status=status)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("task", "not_started", ["start_task", "block_task", "skip_task"]),
        ("task", "in_progress", ["complete_task", "block_task", "skip_task"]),
        ("task", "blocked", ["unblock_task", "skip_task"]),
        ("task", "completed", []),
        ("task", "skipped", []),
        ("meeting", "scheduled", ["confirm_meeting", "reschedule_meeting", "cancel_meeting"]),
        ("meeting", "confirmed", ["reschedule_meeting", "complete_meeting", "cancel_meeting"]),
        ("meeting", "rescheduled", ["reschedule_meeting", "cancel_meeting"]),
        ("meeting", "completed", []),
        ("meeting", "cancelled", []),
        ("action_item", "open", ["start_action_item", "cancel_action_item"]),
        ("action_item", "in_progress", ["complete_action_item", "cancel_action_item"]),
        ("action_item", "completed", []),
        ("action_item", "cancelled", []),
        ("project_trade", "invited", ["record_ballpark"]),
        ("project_trade", "ballpark_received", ["send_final_rfq"]),
        ("project_trade", "final_rfq_sent", ["record_final_quote"]),
        ("project_trade", "final_quote_received", []),
    ],
)
def test_what_is_available_follows_the_lifecycle(kind: str, status: str, expected: list[str]) -> None:
    said = available_actions(kind, thing(kind, status))

    assert tools(list(said["available"])) == expected
    assert said["status"] == status
    assert len(said["available"]) + len(said["refused"]) == sum(move.is_listed for move in moves_of(kind).moves)


@pytest.mark.parametrize(
    ("kind", "status", "tool", "calls"),
    [
        ("task", "not_started", "complete_task", ["start_task"]),
        ("task", "blocked", "complete_task", ["unblock_task in_progress"]),
        ("task", "not_started", "unblock_task", []),
        ("task", "skipped", "complete_task", ["reopen_task", "start_task"]),
        ("meeting", "rescheduled", "complete_meeting", ["reschedule_meeting", "confirm_meeting"]),
        ("meeting", "cancelled", "complete_meeting", []),
        ("action_item", "open", "complete_action_item", ["start_action_item"]),
        ("project_trade", "invited", "record_final_quote", ["record_ballpark", "send_final_rfq"]),
        ("project_trade", "final_quote_received", "record_ballpark", []),
    ],
)
def test_what_is_refused_names_the_way_to_it(kind: str, status: str, tool: str, calls: list[str]) -> None:
    made = thing(kind, status)
    found = refused(kind, made, tool)

    assert (found["rule"], tools(found["calls"])) == ("lifecycle", calls)
    assert all(call["arguments"][f"{kind}_id"] == str(made) for call in found["calls"])


def test_a_person_may_reopen_a_task_and_an_agent_may_not() -> None:
    task = thing("task", "completed")

    with acting_as("agent", "planner"):
        assert refused("task", task, "reopen_task")["rule"] == "people_only"
    with acting_as("user", "maria"):
        assert available("task", task) == ["reopen_task"]


def test_what_the_asking_role_may_not_do_is_refused_with_who_may() -> None:
    client = create_client("Ann", email="ann@example.com", screening_data={"style": "old"})

    with acting_as("agent", "money", role="controller"):
        said = available_actions("client", client["id"])
        assert said["available"] == []
        for one_call in said["refused"]:
            answer = dispatch(one_call["tool"], {**one_call["arguments"], "reason": "Moved away."})
            assert (answer["code"], answer["message"]) == ("permission_denied", one_call["reason"])
            assert (one_call["rule"], one_call.get("roles")) == ("role", answer["details"]["roles"])
    with acting_as("agent", "manager", role="studio_manager"):
        assert "advance_client" in available("client", client["id"])


# Projects -------------------------------------------------------------------------------------------------------------


def test_a_project_is_told_which_gates_it_lacks() -> None:
    project_id = project()
    row("documents", project_id=project_id, doc_type="exhibit_b", s3_key="b.pdf")
    row("project_rooms", project_id=project_id, name="Living", investment_estimate=1)

    found = refused("project", project_id, "advance_project", to="detailed_design")

    assert found["rule"] == "gates"
    assert found["reason"] == (
        f"Project 'LR' ({project_id}) is not ready for detailed_design: "
        "design_fee_paid (no design fee); cdm_completed (no cdm)."
    )
    assert tools(found["calls"])[:3] == ["create_fee_schedule", "invoice_fee", "pay_fee"]
    assert available("project", project_id) == ["hold_project"]

    row("design_fees", project_id=project_id, label="A", amount=1, payment_number=1, status="paid")
    row("meetings", project_id=project_id, meeting_type="cdm", status="completed")
    assert available("project", project_id) == ["advance_project", "hold_project"]
    to_purchasing = refused("project", project_id, "advance_project", to="purchasing")
    assert (to_purchasing["rule"], tools(to_purchasing["calls"])) == ("lifecycle", ["advance_project detailed_design"])


def test_only_furnishings_go_from_purchasing_to_the_reveal() -> None:
    furnishings, renovation = (project(kind, phase="purchasing") for kind in ("furnishings", "renovation"))

    said = available_actions("project", furnishings)["available"]
    assert tools(list(said)) == ["advance_project reveal_punch_list", "advance_project construction", "hold_project"]
    found = refused("project", renovation, "advance_project", to="reveal_punch_list")
    assert (found["rule"], tools(found["calls"])) == ("lifecycle", ["advance_project construction"])
    to_construction = refused("project", renovation, "advance_project", to="construction")
    assert to_construction["rule"] == "gates"
    assert "gc_quoted (no general contractor); scope_delineation_on_file (0" in to_construction["reason"]


def test_a_project_on_hold_is_resumed_first() -> None:
    project_id = project(phase="on_hold")
    row("phase_transitions", project_id=project_id, from_phase="purchasing", to_phase="on_hold", triggered_by="maria")

    assert available("project", project_id) == ["resume_project"]
    for to, calls in {
        "construction": ["resume_project"],
        "completed": ["resume_project", "advance_project reveal_punch_list"],
        "detailed_design": [],
    }.items():
        assert tools(refused("project", project_id, "advance_project", to=to)["calls"]) == calls
    assert available("project", project(phase="completed")) == []


# Line items and their orders ------------------------------------------------------------------------------------------


class Commission:
    """A project with one line item, and perhaps its order."""

    def __init__(self, phase: str, status: str, order: str | None = None, *, signed: bool = True) -> None:
        self.project_id = project(phase=phase)
        if signed:
            row("documents", project_id=self.project_id, doc_type="exhibit_b", s3_key="b.pdf")
        room_id = row("project_rooms", project_id=self.project_id, name="Living")
        self.vendor_id = row("vendors", name="Fine Sofas")
        selected = {} if status in {"estimated", "specified"} else {"selected_vendor_id": self.vendor_id, "designer_net": 1}
        self.item_id = row("line_items", room_id=room_id, description_generic="sofa", status=status, **selected)
        self.order_id = None if order is None else self.order(order)

    def order(self, status: str) -> UUID:
        return row(
            "purchase_orders",
            line_item_id=self.item_id,
            vendor_id=self.vendor_id,
            po_number=f"PO-{uuid4()}",
            amount=1,
            status=status,
        )


@pytest.mark.parametrize(
    ("status", "order", "expected"),
    [
        ("estimated", None, ["specify_line_item"]),
        ("specified", None, []),
        ("quoted", None, ["respecify_line_item", "draft_purchase_order"]),
        ("quoted", "cancelled", ["respecify_line_item", "draft_purchase_order"]),
        ("quoted", "draft", []),
        ("ordered", "submitted", []),
        ("ordered", "cancelled", ["respecify_line_item"]),
        ("shipped", "shipped", []),
        ("delivered", "delivered", ["install_line_item"]),
        ("installed", "delivered", []),
    ],
)
def test_what_may_be_done_with_a_line_item(status: str, order: str | None, expected: list[str]) -> None:
    assert available("line_item", Commission("purchasing", status, order).item_id) == expected


def test_a_quote_is_recorded_before_it_is_selected() -> None:
    made = Commission("detailed_design", "specified")

    found = refused("line_item", made.item_id, "select_quote")
    assert (found["rule"], found["arguments"]) == ("quote_is_recorded", {})
    assert found["calls"] == [{"tool": "record_quote", "arguments": {"line_item_id": str(made.item_id)}}]
    row("vendor_quotes", line_item_id=made.item_id, vendor_id=made.vendor_id, unit_cost=1)
    assert available("line_item", made.item_id) == ["select_quote"]


def test_an_order_wants_exhibit_b_and_a_project_that_purchases() -> None:
    unsigned = Commission("purchasing", "quoted", signed=False)
    found = refused("line_item", unsigned.item_id, "draft_purchase_order")
    arguments = {"project_id": str(unsigned.project_id), "doc_type": "exhibit_b"}
    assert (found["rule"], found["calls"]) == ("ready_to_order", [{"tool": "register_document", "arguments": arguments}])
    assert found["reason"] == f"Line item 'sofa' ({unsigned.item_id}) cannot be ordered yet: no exhibit_b on file."

    early = Commission("conceptual_design", "quoted", "draft")
    assert early.order_id is not None
    found = refused("purchase_order", early.order_id, "submit_purchase_order")
    assert (found["rule"], tools(found["calls"])) == (
        "ready_to_order", ["advance_project detailed_design", "advance_project purchasing"],
    )  # fmt: skip
    assert all(call["arguments"]["project_id"] == str(early.project_id) for call in found["calls"])

    held = Commission("on_hold", "quoted", "draft")
    assert held.order_id is not None
    row("phase_transitions", project_id=held.project_id, from_phase="construction", to_phase="on_hold", triggered_by="maria")
    assert tools(refused("purchase_order", held.order_id, "submit_purchase_order")["calls"]) == ["resume_project"]


def test_an_open_order_stands_against_another_one_and_against_another_product() -> None:
    made = Commission("purchasing", "ordered", "submitted")

    found = refused("line_item", made.item_id, "respecify_line_item")
    assert found["rule"] == "order_is_cancelled"
    assert "which is submitted, and cannot become specified" in found["reason"]
    assert found["calls"] == [{"tool": "cancel_purchase_order", "arguments": {"purchase_order_id": str(made.order_id)}}]
    assert tools(refused("line_item", made.item_id, "install_line_item")["calls"]) == [
        "acknowledge_purchase_order", "start_production", "ship_purchase_order", "deliver_purchase_order",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "item", "expected"),
    [
        ("draft", "quoted", ["submit_purchase_order", "cancel_purchase_order"]),
        ("draft", "specified", ["cancel_purchase_order"]),
        ("submitted", "ordered", ["acknowledge_purchase_order", "cancel_purchase_order"]),
        ("acknowledged", "ordered", ["start_production", "cancel_purchase_order"]),
        ("in_production", "ordered", ["ship_purchase_order", "cancel_purchase_order"]),
        ("shipped", "shipped", ["deliver_purchase_order"]),
        ("delivered", "delivered", []),
        ("cancelled", "quoted", []),
    ],
)
def test_what_may_be_done_with_an_order(status: str, item: str, expected: list[str]) -> None:
    made = Commission("purchasing", item, status)
    assert made.order_id is not None

    assert available("purchase_order", made.order_id) == expected
    if item == "specified":
        found = refused("purchase_order", made.order_id, "submit_purchase_order")
        assert (found["rule"], tools(found["calls"])) == ("lifecycle", ["record_quote", "select_quote"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_id_is_not_found(kind: str) -> None:
    with pytest.raises(NotFoundError, match=f"There is no {kind.replace('_', ' ')}"):
        available_actions(kind, uuid4())


def test_an_id_of_something_else_is_named() -> None:
    with pytest.raises(NotFoundError, match="That is the id of a client"):
        available_actions("project", create_client("Ann")["id"])
