"""``studio-data demo --full``: the roles play a small practice with their tools, and its state is shown as tables."""

import shlex
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.text import Text

from studio_data.cli import ids, show, tables
from studio_data.cli.app import out, progress
from studio_data.cli.demo import say, show_table
from studio_data.contract.actor import acting_as
from studio_data.contract.paging import EVERY_FIELD
from studio_data.db import one, transaction
from studio_data.dispatch import raising_call
from studio_data.hints import as_typed

STEPS = ("conceptual_design", "detailed_design", "purchasing", "construction")
CDM_DAY, DDM_DAY = 50, 125  # of a project
DELIVERY_DAYS, SATURDAY = 56, 5
DOES_THE_TASKS = {"conceptual_design": "Maria", "detailed_design": "Maria", "purchasing": "Sofia", "construction": "James"}
NOT_NEEDED = {
    "Revise concept, estimate and Exhibit B after the CDM": "The client approved the concept at the CDM.",
    "Hold the CDM revision meeting": "The client approved the concept at the CDM.",
    "Re-select the items declined at the DDM": "The client declined nothing.",
    "Hold the DDM revision meeting": "The client declined nothing.",
    "Replace discontinued or canceled items": "Nothing was discontinued.",
    "Book inbound freight for antiques, art and oversize pieces": "Nothing of that kind was ordered.",
}


class Piece(NamedTuple):
    """An item to buy: its estimate, cost and price in dollars per unit, and its freight in total."""

    item: str
    quantity: int
    estimate: str
    net: str
    freight: str
    retail: str


SOFA = Piece("sofa, 90 in", 1, "4200.00", "2900.00", "350.00", "4800.00")
RUG = Piece("rug, 9 x 12 ft", 1, "3000.00", "2000.00", "120.00", "3300.00")
CHAIRS = Piece("dining chair", 6, "450.00", "300.00", "180.00", "480.00")
TABLE = Piece("dining table, oak", 1, "5200.00", "3600.00", "420.00", "5900.00")
LAMPS = Piece("pendant lamp", 3, "640.00", "410.00", "60.00", "720.00")


@dataclass
class Commission:
    """A project of the demonstration: its phase, its first day, and the items in its rooms."""

    name: str
    project_type: str
    reaches: str
    days: int
    rooms: dict[str, list[Piece]]
    id: str = ""
    items: list[tuple[Piece, str]] = field(default_factory=list[tuple[Piece, str]])
    orders: list[str] = field(default_factory=list[str])


PRACTICE: dict[str, list[Commission]] = {
    "David & Linh Nguyen": [
        Commission(
            "Nguyen living and dining", "furnishings", "purchasing", 145,
            {"Living room": [SOFA, RUG], "Dining room": [CHAIRS]},
        ),
        Commission("Nguyen kitchen", "renovation", "construction", 255, {"Kitchen": [TABLE, LAMPS]}),
    ],
    "Rosa Ortiz": [Commission("Ortiz den", "furnishings", "detailed_design", 85, {"Den": [SOFA, LAMPS]})],
    "Chen Residence": [Commission("Chen townhouse", "mixed", "conceptual_design", 35, {"Salon": [RUG]})],
}  # fmt: skip


def do(role: str, tool: str, /, **arguments: Any) -> Any:  # noqa: ANN401
    """Call a tool as the agent of a role."""
    with acting_as("agent", role, role=role, run_id="demo"):
        return raising_call(tool, arguments)


def run() -> None:
    """Play the practice on the database in use, and show its projects, a budget and the feed."""
    practice = deepcopy(PRACTICE)  # the play fills in its ids
    commissions = [commission for several in practice.values() for commission in several]
    total = sum(STEPS.index(commission.reaches) + 1 for commission in commissions) + 1
    with progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()) as playing:
        bar = playing.add_task("Starting the database", total=total)
        vendor = do(
            "procurement_coordinator", "create_vendor", name="Hollis Upholstery", category="furniture", discount_tier="A"
        )["id"]
        playing.advance(bar)
        for household, several in practice.items():
            client = _client(household)
            for commission in several:
                commission.id = do(
                    "studio_manager", "create_project",
                    client_id=client, name=commission.name, project_type=commission.project_type,
                )["project"]["id"]  # fmt: skip
                if commission.reaches != "conceptual_design":  # its result decides how long the rest takes
                    start = str(_day(-commission.days))
                    do("project_manager", "schedule_project", project_id=commission.id, start_date=start)
                for step in STEPS[: STEPS.index(commission.reaches) + 1]:
                    playing.update(bar, description=f"{commission.name}: {step.replace('_', ' ')}")
                    with transaction():
                        _play(commission, step, vendor)
                    playing.advance(bar)
    show_table("Projects", _projects(commissions), cut=("project", "missing for the next phase"))
    show_table(f"Budget of {commissions[0].name}, dollars", _budget(commissions[0]))
    out.print(Text(f"Feed of {commissions[0].name}, the newest last", style="bold"))
    feed = do("reader", "project_feed", project_id=commissions[0].id, limit=12, fields=EVERY_FIELD)["items"]
    show.activity(feed[::-1], with_hint=False)
    out.print()
    _show_next_steps(commissions[1])


def _show_next_steps(commission: Commission) -> None:
    name = shlex.quote(ids.reference("project", commission.id, commission.name))
    say(
        as_typed(f"call project_overview --project-id {name}"),
        as_typed(f"call list_tasks --project-id {name} --phase {commission.reaches}"),
        as_typed(f"activity --entity-type project --entity-id {name}"),
    )


def today() -> date:
    """Return the practice's day."""
    return one("SELECT today() AS day", reads=True)["day"]


def _day(days: int) -> date:
    """Return the day that many days from today, or the next working day after it."""
    day = today() + timedelta(days=days)
    return day + timedelta(days=7 - day.weekday() if day.weekday() >= SATURDAY else 0)


def _client(name: str) -> str:
    client = do("studio_manager", "create_client", name=name, phone="+1 913 555 0134", source="referral")["id"]
    do("studio_manager", "record_screening", client_id=client, screening_data={"style": "modern", "budget": "90k-110k"})
    for status in ("qualified", "proposal_sent", "contracted"):
        do("studio_manager", "advance_client", client_id=client, to=status)
    return client


def _play(commission: Commission, phase: str, vendor: str) -> None:
    """Do the work of a phase. Each phase but the first begins by moving the project into it."""
    match phase:
        case "conceptual_design":
            _schedule_meeting(commission, "cdm", CDM_DAY)
            _do_tasks(commission, phase)
            _estimate(commission)
        case "detailed_design":
            _sign(commission)
            do("project_manager", "advance_project", project_id=commission.id)
            _schedule_meeting(commission, "ddm", DDM_DAY)
            _do_tasks(commission, phase)
            _specify(commission, vendor)
        case "purchasing":
            _present(commission)
            do("project_manager", "advance_project", project_id=commission.id)
            _do_tasks(commission, phase)
            _order(commission)
        case _:
            _engage_builder(commission)
            do("project_manager", "advance_project", project_id=commission.id, to="construction")
            _do_tasks(commission, phase)


def _do_tasks(commission: Commission, phase: str) -> None:
    """Close the tasks of an earlier phase. Of the present phase close half, and start the next and the recurring."""
    tasks = do("reader", "list_tasks", project_id=commission.id, phase=phase, limit=100, fields=EVERY_FIELD)["items"]
    is_over = phase != commission.reaches
    closed = len(tasks) if is_over else len(tasks) // 2
    for number, task in enumerate(tasks):
        reason = NOT_NEEDED.get(task["name"])
        do("project_manager", "assign_task", task_id=task["id"], assigned_to=DOES_THE_TASKS[phase])
        if number > closed:
            continue
        if reason is not None:
            do("project_manager", "skip_task", task_id=task["id"], reason=reason)
            continue
        do("project_manager", "start_task", task_id=task["id"])
        if is_over or (number < closed and not task["is_recurring"]):
            do("project_manager", "complete_task", task_id=task["id"])


def _estimate(commission: Commission) -> None:
    do("controller", "create_fee_schedule", project_id=commission.id, total="12500.00", instalments=2)
    for name, pieces in commission.rooms.items():
        room = do("project_manager", "add_room", project_id=commission.id, name=name)["id"]
        wanted = [{"benchmark_id": _benchmark(piece), "quantity": piece.quantity} for piece in pieces]
        estimate = do("sourcing_specialist", "estimate_room", room_id=room, items=wanted)
        commission.items += [(piece, item["id"]) for piece, item in zip(pieces, estimate["line_items"], strict=True)]
        agreed = Decimal(estimate["room"]["investment_estimate"]) * Decimal("1.05")
        do("controller", "update_room", room_id=room, exhibit_b_amount=str(agreed.quantize(Decimal("0.01"))))


def _benchmark(piece: Piece) -> str:
    return do(
        "sourcing_specialist", "set_benchmark",
        category="furniture", item_type=piece.item, unit_price_estimate=piece.estimate,
    )["id"]  # fmt: skip


def _sign(commission: Commission) -> None:
    _hold_meeting(commission, "cdm", [{"description": "Send fabric samples.", "assigned_to": "Maria"}])
    _pay(commission, 1)
    do("project_manager", "register_document", project_id=commission.id, doc_type="exhibit_b", s3_key="exhibit_b.pdf")


def _specify(commission: Commission, vendor: str) -> None:
    for piece, item in commission.items:
        do(
            "sourcing_specialist", "specify_line_item",
            line_item_id=item, product_name=f"Hollis {piece.item}", unit_retail_price=piece.retail,
        )  # fmt: skip
        do(
            "sourcing_specialist", "record_quote",
            line_item_id=item, vendor_id=vendor, unit_cost=piece.net, freight=piece.freight, lead_time_weeks=8,
        )  # fmt: skip


def _present(commission: Commission) -> None:
    _hold_meeting(commission, "ddm", [])
    do("project_manager", "register_document", project_id=commission.id, doc_type="presentation", s3_key="ddm.pdf")
    _pay(commission, 2)


def _order(commission: Commission) -> None:
    for _, item in commission.items:
        quote = do("reader", "compare_quotes", line_item_id=item)["quotes"][0]["vendor_quote_id"]
        do("sourcing_specialist", "select_quote", vendor_quote_id=quote)
        answer = do("procurement_coordinator", "draft_purchase_order", line_item_id=item)
        order = answer.get("purchase_order", answer)["id"]
        do("procurement_coordinator", "submit_purchase_order", purchase_order_id=order)
        commission.orders.append(order)
    do(
        "procurement_coordinator", "acknowledge_purchase_order",
        purchase_order_id=commission.orders[0],
        estimated_delivery=str(_day(DELIVERY_DAYS)),
    )  # fmt: skip


def _engage_builder(commission: Commission) -> None:
    trade = do("procurement_coordinator", "create_trade", name="Bell Builders", specialty="building")["id"]
    gc = do("procurement_coordinator", "assign_trade", project_id=commission.id, trade_id=trade, role="gc")["id"]
    do("procurement_coordinator", "record_ballpark", project_trade_id=gc, ballpark_amount="40000.00")
    do("procurement_coordinator", "send_final_rfq", project_trade_id=gc)
    do("procurement_coordinator", "record_final_quote", project_trade_id=gc, final_amount="42000.00")
    do("project_manager", "register_document", project_id=commission.id, doc_type="scope_delineation", s3_key="scope.pdf")


def _schedule_meeting(commission: Commission, meeting_type: str, day_of_project: int) -> None:
    on = _day(day_of_project - commission.days)
    arguments = {"project_id": commission.id, "meeting_type": meeting_type, "scheduled_date": str(on)}
    if on >= today():
        do("studio_manager", "schedule_meeting", **arguments)
        return
    with acting_as("user", "Maria", run_id="demo"):
        raising_call("schedule_meeting", {**arguments, "override_reason": "It was held before this practice was set up."})


def _hold_meeting(commission: Commission, meeting_type: str, action_items: list[dict[str, str]]) -> None:
    planned = do("reader", "list_meetings", project_id=commission.id, meeting_type=meeting_type, fields=EVERY_FIELD)["items"]
    meeting = planned[0]["id"]
    do("studio_manager", "confirm_meeting", meeting_id=meeting)
    agreed = {"action_items": action_items} if action_items else {}
    do("transcriptionist", "complete_meeting", meeting_id=meeting, notes_s3_key="notes.md", **agreed)


def _pay(commission: Commission, number: int) -> None:
    fees = do("controller", "list_fees", project_id=commission.id, fields=EVERY_FIELD)["items"]
    fee = next(fee["id"] for fee in fees if fee["payment_number"] == number)
    do("controller", "invoice_fee", fee_id=fee)
    do("controller", "pay_fee", fee_id=fee)


def _projects(commissions: list[Commission]) -> list[tables.Row]:
    short = ids.shortened(commission.id for commission in commissions)
    rows: list[tables.Row] = []
    for commission in commissions:
        found = do("reader", "project_overview", project_id=commission.id)
        closed, tasks = (sum(phase[name] for phase in found["progress"]) for name in ("closed", "tasks"))
        rows.append(
            {
                "id": short[commission.id],
                "project": commission.name,
                "phase": found["project"]["phase"].replace("_", " "),
                "tasks closed": f"{closed} of {tasks}",
                "missing for the next phase": ", ".join(gate["gate"] for gate in found["gates"] if not gate["passed"]),
            }
        )
    return rows


def _budget(commission: Commission) -> list[tables.Row]:
    budget = do("controller", "project_budget", project_id=commission.id)
    columns = ("estimate", "exhibit_b", "committed", "actual", "variance")
    return [
        {"room": of["name"], **{name.replace("_", " "): _dollars(of[name]) for name in columns}}
        for of in [*budget["rooms"], {**budget, "name": "in all"}]
    ]


def _dollars(amount: str | None) -> str:
    return "" if amount is None else f"{Decimal(amount):,.2f}"
