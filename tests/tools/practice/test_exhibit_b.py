"""A signature covers what it covered: an Exhibit B that changed since does not count as signed."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from studio_data import acting_as, db
from studio_data.errors import RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.documents import get_document, register_document
from studio_data.tools.practice.finance import project_budget, project_budget_for_client
from studio_data.tools.practice.order_progress import submit_purchase_order
from studio_data.tools.practice.overview import project_overview, project_overview_for_client
from studio_data.tools.practice.phases import advance_project, check_gates
from studio_data.tools.practice.purchase_orders import draft_purchase_order
from studio_data.tools.practice.rooms import add_room, update_room
from studio_data.tools.projects import create_project
from tests.examples.practice.purchase_orders import quoted_item
from tests.support.lifecycle import lines

CHANGED = "Exhibit B was signed at 12,000.00 and is now 21,500.00: 2 rooms changed since"


def sign(project_id: UUID) -> dict[str, Any]:
    return dict(register_document(project_id, doc_type="exhibit_b", s3_key="exhibit-b.pdf"))


@pytest.fixture
def room() -> dict[str, Any]:
    """A room of 12,000.00, for which Exhibit B is signed."""
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]["id"]
    made = dict(add_room(project, name="Living", exhibit_b_amount="12000.00"))
    sign(project)
    return made


def change(room: dict[str, Any]) -> UUID:
    update_room(room["id"], exhibit_b_amount="19000.00")
    add_room(room["project_id"], name="Den", exhibit_b_amount="2500.00")
    return room["project_id"]


def gate(project_id: UUID) -> dict[str, Any]:
    return dict(next(gate for gate in check_gates(project_id)["gates"] if gate["gate"] == "exhibit_b_signed"))


def test_a_signature_keeps_the_amounts_that_it_covers(room: dict[str, Any]) -> None:
    project_id = change(room)
    first, second = db.many("SELECT * FROM documents")[0], sign(project_id)

    assert get_document(first["id"])["covers"] == {str(room["id"]): "12000.00"}
    assert second == db.one("SELECT * FROM documents WHERE version = 2")
    assert sorted(second["covers"].values()) == ["19000.00", "2500.00"]
    assert register_document(project_id, doc_type="presentation", s3_key="ddm.pdf")["covers"] is None


def test_the_gate_fails_until_the_change_is_signed(room: dict[str, Any]) -> None:
    assert gate(room["project_id"])["passed"]

    project_id = change(room)

    failing = gate(project_id)
    again = {"tool": "register_document", "arguments": {"project_id": str(project_id), "doc_type": "exhibit_b"}}
    assert (failing["passed"], failing["found"], failing["calls"]) == (False, CHANGED, [again])
    before = lines()
    with pytest.raises(RuleViolationError) as refused:
        advance_project(project_id)
    assert refused.value.details["found"]["exhibit_b_signed"] == CHANGED
    assert lines() == before
    sign(project_id)
    assert gate(project_id)["passed"]


def test_an_amount_that_moves_between_rooms_must_be_signed(room: dict[str, Any]) -> None:
    update_room(room["id"], exhibit_b_amount="10000.00")
    add_room(room["project_id"], name="Den", exhibit_b_amount="2000.00")

    assert not gate(room["project_id"])["passed"]


def test_an_amount_that_goes_back_is_signed_again(room: dict[str, Any]) -> None:
    update_room(room["id"], exhibit_b_amount="10000.00", investment_estimate="1.00", actual_amount="5.00")
    assert not gate(room["project_id"])["passed"]

    update_room(room["id"], exhibit_b_amount="12000.00")

    assert gate(room["project_id"])["passed"]


def test_the_client_is_told_signed_and_present_amounts_apart(room: dict[str, Any]) -> None:
    project_id = change(room)

    for budget in (project_budget(project_id), project_budget_for_client(project_id)):
        assert (budget["exhibit_b"], budget["exhibit_b_signed"]) == (Decimal("21500.00"), Decimal("12000.00"))
        assert [(of_room["exhibit_b"], of_room["exhibit_b_signed"]) for of_room in budget["rooms"]] == [
            (Decimal("19000.00"), Decimal("12000.00")), (Decimal("2500.00"), None),
        ]  # fmt: skip
    for overview in (project_overview(project_id), project_overview_for_client(project_id)):
        assert overview["budget"]["exhibit_b_signed"] == Decimal("12000.00")


def test_nothing_is_ordered_under_a_changed_exhibit_b(room: dict[str, Any]) -> None:
    project_id = room["project_id"]
    db.one("UPDATE projects SET phase = 'purchasing'")
    item, another = quoted_item(project_id), quoted_item(project_id)
    order = draft_purchase_order(item)
    change(room)
    before = lines()

    for refused_call in (lambda: submit_purchase_order(order["id"]), lambda: draft_purchase_order(another)):
        with pytest.raises(RuleViolationError) as refused:
            refused_call()
        assert refused.value.details["rule"] == "ready_to_order"
        assert refused.value.details["found"] == {"exhibit_b_signed": CHANGED}
    assert lines() == before

    sign(project_id)
    assert submit_purchase_order(order["id"])["status"] == "submitted"
    assert draft_purchase_order(another)["status"] == "draft"


def test_a_person_may_override_and_the_transition_says_what_was_signed(room: dict[str, Any]) -> None:
    project_id = change(room)

    with acting_as("user", "Maria"):
        moved = advance_project(project_id, override_reason="The client has agreed by phone.")

    checked = {found["gate"]: found["found"] for found in moved["transition"]["gate_checks"]["gates"]}
    assert checked["exhibit_b_signed"] == CHANGED
