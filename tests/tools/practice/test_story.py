"""Two commissions from the first inquiry to the last payment, with tools only, each call by the role whose work it is.

The figures were worked out by hand, on paper, before the test was run.
"""

from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from studio_data import acting_as, raising_call
from studio_data.errors import RuleViolationError
from tests.examples.days import in_days

TODAY = in_days(0)


class Piece(NamedTuple):
    """What is bought: estimated, bought and sold at so many dollars a unit, with freight for all of it."""

    item: str
    quantity: int
    estimate: str
    net: str
    freight: str
    retail: str


ROOMS = {
    "Living room": [
        Piece("sofa, 90 in", 1, "4200.00", "2900.00", "350.00", "4800.00"),
        Piece("rug, 9 x 12 ft", 1, "3000.00", "2000.00", "120.00", "3300.00"),
    ],
    "Dining room": [Piece("dining chair", 6, "450.00", "300.00", "180.00", "480.00")],
}
EXHIBIT_B = {"Living room": "9000.00", "Dining room": "3500.00"}
ACTUAL = {"Living room": "8300.00", "Dining room": "3100.00"}


class Commission:
    """One commission, told call by call."""

    def __init__(self, project_type: str) -> None:
        self.type = project_type
        self.rooms: dict[str, str] = {}
        self.items: list[tuple[Piece, str]] = []

    def do(self, actor: str, tool: str, /, **arguments: Any) -> Any:
        with acting_as("agent", actor, role=actor, run_id=f"{self.type}-1", on_behalf_of="Maria"):
            return raising_call(tool, arguments)

    def inquiry(self) -> None:
        household = {"name": "David & Linh Nguyen", "email": "linh@example.com"}
        self.client = self.do("studio_manager", "create_client", **household)["id"]
        self.do("studio_manager", "record_screening", client_id=self.client, screening_data={"style": "modern"})
        for status in ("qualified", "proposal_sent", "contracted"):
            self.do("studio_manager", "advance_client", client_id=self.client, to=status)
        created = self.do(
            "studio_manager", "create_project", client_id=self.client, name="Nguyen LR/DR", project_type=self.type
        )
        self.project = created["project"]["id"]
        assert self.do("reader", "get_client", client_id=self.client)["status"] == "active"
        self.do("project_manager", "schedule_project", project_id=self.project, start_date="2026-11-30")

    def advance(self, phase: str) -> None:
        assert self.do("project_manager", "advance_project", project_id=self.project, to=phase)["project"]["phase"] == phase

    def is_not_ready(self) -> list[str]:
        with pytest.raises(RuleViolationError) as raised:
            self.do("project_manager", "advance_project", project_id=self.project)
        return list(raised.value.details["found"])

    def meeting(self, meeting_type: str, *, action_items: list[dict[str, Any]] | None = None) -> None:
        meeting = self.do(
            "studio_manager", "schedule_meeting", project_id=self.project, meeting_type=meeting_type, scheduled_date=TODAY
        )["id"]
        self.do("studio_manager", "confirm_meeting", meeting_id=meeting)
        self.do(
            "transcriptionist", "complete_meeting", meeting_id=meeting, notes_s3_key="notes.md", action_items=action_items
        )

    def fee(self, number: int) -> None:
        fees = self.do("controller", "list_fees", project_id=self.project)["items"]
        (fee,) = (fee["id"] for fee in fees if fee["payment_number"] == number)
        self.do("controller", "invoice_fee", fee_id=fee)
        self.do("controller", "pay_fee", fee_id=fee)

    def document(self, doc_type: str) -> None:
        key = f"nguyen/{doc_type}.pdf"
        self.do("project_manager", "register_document", project_id=self.project, doc_type=doc_type, s3_key=key)

    def conceptual_design(self) -> None:
        assert self.is_not_ready() == ["exhibit_b_signed", "design_fee_paid", "cdm_completed", "rooms_estimated"]
        self.do("controller", "create_fee_schedule", project_id=self.project, total="12000.00", instalments=2)
        self.fee(1)
        for name, pieces in ROOMS.items():
            room = self.do("project_manager", "add_room", project_id=self.project, name=name)["id"]
            self.rooms[name] = room
            benchmarks = [
                self.do(
                    "sourcing_specialist", "set_benchmark",
                    category="furniture", item_type=piece.item, unit_price_estimate=piece.estimate,
                )["id"]
                for piece in pieces
            ]  # fmt: skip
            wanted = [
                {"benchmark_id": benchmark, "quantity": piece.quantity}
                for benchmark, piece in zip(benchmarks, pieces, strict=True)
            ]
            estimate = self.do("sourcing_specialist", "estimate_room", room_id=room, items=wanted)
            self.items += [(piece, item["id"]) for piece, item in zip(pieces, estimate["line_items"], strict=True)]
        self.meeting("cdm", action_items=[{"description": "Send fabric samples."}, {"description": "Ask about the pets."}])
        for name, room in self.rooms.items():
            self.do("controller", "update_room", room_id=room, exhibit_b_amount=EXHIBIT_B[name])
        self.document("exhibit_b")
        self.advance("detailed_design")

    def detailed_design(self) -> None:
        for piece, item in self.items:
            self.do(
                "sourcing_specialist", "specify_line_item",
                line_item_id=item, product_name=f"The {piece.item}", unit_retail_price=piece.retail,
            )  # fmt: skip
        self.meeting("ddm")
        self.document("presentation")
        assert self.is_not_ready() == ["second_fee_paid"]
        self.fee(2)
        self.advance("purchasing")

    def purchasing(self) -> None:
        vendor = self.do("procurement_coordinator", "create_vendor", name="Hollis", category="furniture")["id"]
        self.orders: list[str] = []
        for piece, item in self.items:
            quote = self.do(
                "sourcing_specialist", "record_quote",
                line_item_id=item, vendor_id=vendor, unit_cost=piece.net, freight=piece.freight, lead_time_weeks=8,
            )["id"]  # fmt: skip
            self.do("sourcing_specialist", "select_quote", vendor_quote_id=quote)
            answer = self.do("procurement_coordinator", "draft_purchase_order", line_item_id=item)
            order = answer.get("purchase_order", answer)["id"]
            self.do("procurement_coordinator", "submit_purchase_order", purchase_order_id=order)
            self.orders.append(order)

    def construction(self) -> None:
        assert self.is_not_ready() == ["gc_quoted", "scope_delineation_on_file"]
        trade = self.do("procurement_coordinator", "create_trade", name="Bell Builders", specialty="general contractor")[
            "id"
        ]
        gc = self.do(
            "procurement_coordinator", "assign_trade", project_id=self.project, trade_id=trade, role="gc"
        )["id"]  # fmt: skip
        self.do("procurement_coordinator", "record_ballpark", project_trade_id=gc, ballpark_amount="40000.00")
        self.do("procurement_coordinator", "send_final_rfq", project_trade_id=gc)
        self.do("procurement_coordinator", "record_final_quote", project_trade_id=gc, final_amount="42000.00")
        self.document("scope_delineation")
        self.advance("construction")
        self.close_tasks("construction")

    def reveal(self) -> None:
        for order in self.orders:
            for step in ("acknowledge_purchase_order", "start_production", "ship_purchase_order", "deliver_purchase_order"):
                self.do("procurement_coordinator", step, purchase_order_id=order)
        self.advance("reveal_punch_list")
        for _, item in self.items:
            self.do("procurement_coordinator", "install_line_item", line_item_id=item)
        for name, room in self.rooms.items():
            self.do("controller", "update_room", room_id=room, actual_amount=ACTUAL[name])

    def close_tasks(self, phase: str | None = None) -> None:
        page = self.do("project_manager", "list_tasks", project_id=self.project, phase=phase, open_only=True, limit=500)
        for task in page["items"]:
            self.do("project_manager", "start_task", task_id=task["id"])
            self.do("project_manager", "complete_task", task_id=task["id"])

    def feed(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.do("reader", "project_feed", project_id=self.project, limit=500, after=after, fields="*")
            lines += page["items"]
            after = page["next"]
            if after is None:
                return lines

    def completion(self) -> None:
        assert self.is_not_ready() == ["action_items_closed", "tasks_closed"]
        self.close_tasks()
        for item in self.do("reader", "list_action_items", project_id=self.project)["items"]:
            self.do("transcriptionist", "start_action_item", action_item_id=item["id"])
            self.do("transcriptionist", "complete_action_item", action_item_id=item["id"])
        self.advance("completed")
        self.do("studio_manager", "advance_client", client_id=self.client, to="completed")


@pytest.mark.parametrize(("project_type", "tasks"), [("furnishings", 135), ("renovation", 160)])
def test_a_commission_from_first_inquiry_to_completed(project_type: str, tasks: int) -> None:
    story = Commission(project_type)
    story.inquiry()
    story.conceptual_design()
    story.detailed_design()
    story.purchasing()
    if project_type == "renovation":
        story.construction()
    story.reveal()
    story.completion()

    overview = story.do("reader", "project_overview", project_id=story.project)
    assert (overview["project"]["phase"], overview["next_phase"], overview["next_task"]) == ("completed", None, None)
    assert sum(phase["tasks"] for phase in overview["progress"]) == tasks
    assert all(phase["closed"] == phase["tasks"] for phase in overview["progress"])
    assert overview["overdue"] == {"tasks": 0, "action_items": 0, "fees": 0, "orders": 0}
    assert story.do("reader", "get_client", client_id=story.client)["status"] == "completed"

    # Living room: (4,200 + 3,000) x 1.18 = 8,496; dining room: 6 x 450 x 1.18 = 3,186.
    # Ordered: 2,900 + 350 + 2,000 + 120 = 5,370, and 6 x 300 + 180 = 1,980.
    # Variance: 9,000 - 8,300 = 700, and 3,500 - 3,100 = 400.
    budget = story.do("controller", "project_budget", project_id=story.project)
    rooms = {
        room["name"]: [room[name] for name in ("estimate", "exhibit_b", "committed", "actual", "variance")]
        for room in budget["rooms"]
    }
    assert rooms == {
        "Living room": ["8496.00", "9000.00", "5370.00", "8300.00", "700.00"],
        "Dining room": ["3186.00", "3500.00", "1980.00", "3100.00", "400.00"],
    }
    assert [budget[name] for name in ("estimate", "exhibit_b", "committed", "actual", "variance")] == [
        "11682.00", "12500.00", "7350.00", "11400.00", "1100.00",
    ]  # fmt: skip
    assert Decimal(budget["trades_total"]) == (42_000 if project_type == "renovation" else 0)
    # 4,800 + 3,300 + 6 x 480 = 10,980.
    client_budget = story.do("reader", "project_budget_for_client", project_id=story.project)
    assert client_budget["retail_total"] == "10980.00"
    assert not {"committed", "actual", "variance"} & client_budget.keys()

    # Margin: 1,900 - 350 + 1,300 - 120 + 6 x 180 - 180 = 3,630. Nothing is left out.
    report = story.do("controller", "practice_report", from_date="2026-01-01", to_date="2199-12-31")
    assert report["totals"] == {
        "fees_invoiced": "12000.00",
        "fees_paid": "12000.00",
        "fees_outstanding": "0.00",
        "fees_overdue": "0.00",
        "committed": "7350.00",
        "margin": "3630.00",
        "fees_undated": 0,
        "fees_undated_amount": "0.00",
        "committed_without_freight": 0,
        "margin_items": 3,
        "margin_without_freight": 0,
        "margin_left_out": 0,
        "margin_left_out_cost": "0.00",
    }

    feed = story.feed()
    assert {line["actor_type"] for line in feed} == {"agent"}
    assert {line["context"]["run_id"] for line in feed} == {f"{project_type}-1"}
    counted = Counter((line["entity_type"], line["action"]) for line in feed)
    renovation = int(project_type == "renovation")
    assert counted == {
        ("project", "created"): 1,
        ("project", "phase_changed"): 4 + renovation,
        ("project", "updated"): 1 + 2 + 2,  # scheduled; the estimate and the Exhibit B total follow each of two rooms
        ("room", "created"): 2,
        ("room", "updated"): 2 + 2 + 2,  # estimate, Exhibit B, actual
        ("fee", "created"): 2,
        ("fee", "status_changed"): 4,
        ("line_item", "created"): 3,
        ("line_item", "status_changed"): 3 * 6,
        ("vendor_quote", "created"): 3,
        ("purchase_order", "created"): 3,
        ("purchase_order", "status_changed"): 3 * 5,
        ("meeting", "created"): 2,
        ("meeting", "status_changed"): 4,
        ("action_item", "created"): 2,
        ("action_item", "status_changed"): 4,
        ("document", "created"): 2 + renovation,
        ("task", "status_changed"): 2 * tasks,
    } | ({("project_trade", "created"): 1, ("project_trade", "status_changed"): 3} if renovation else {})
