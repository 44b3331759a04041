"""Every gate: a project that fails it, and the calls that its refusal names, made one after the other until it holds."""

from typing import Any, cast
from uuid import UUID

import pytest

from studio_data import acting_as, db, raising_call
from studio_data.contract.registry import get_tool
from studio_data.errors import RuleViolationError, SatisfyingCall
from studio_data.tools.clients import create_client
from studio_data.tools.practice.phases import advance_project, check_gates
from studio_data.tools.practice.rooms import add_room
from studio_data.tools.practice.rules.gates import GATES
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import ProjectPhase
from tests.examples.days import in_days

BEFORE = {
    "detailed_design": "conceptual_design",
    "purchasing": "detailed_design",
    "construction": "purchasing",
    "reveal_punch_list": "construction",
    "completed": "reveal_punch_list",
}
ALL = [(phase.value, check.name) for phase, checks in GATES.items() for check in checks]


def project_before(phase: str) -> UUID:
    """Return a renovation project in the phase before, with an Exhibit B, a room with a quoted item, and two fees."""
    project_id = create_project(create_client("Ann")["id"], "Kitchen", "renovation")["project"]["id"]
    db.one("UPDATE projects SET phase = %s::project_phase WHERE id = %s", (BEFORE[phase], project_id))
    return project_id


def prepare(project_id: UUID, phase: str, gate: str) -> None:
    """Make the data in which the gate fails in the way that is hardest to mend."""
    match gate:
        case "second_fee_paid" | "all_fees_paid":
            db.one(
                """
                INSERT INTO design_fees (project_id, label, amount, payment_number, status, paid_at)
                VALUES (%(id)s, 'First', 5000, 1, 'paid', now()), (%(id)s, 'Second', 5000, 2, 'pending', NULL)
                """,
                {"id": project_id},
            )
        case "items_ordered" | "items_delivered" | "items_installed":
            item(project_id)
        case "action_items_closed":
            db.one(
                """
                WITH meeting AS (
                    INSERT INTO meetings (project_id, meeting_type, status) VALUES (%s, 'ddm', 'completed') RETURNING id
                )
                INSERT INTO meeting_action_items (meeting_id, description, status)
                SELECT id, status, status::action_item_status
                FROM meeting, (VALUES ('open'), ('in_progress')) AS items (status)
                """,
                (project_id,),
            )
        case _:
            pass
    if gate in {"tasks_closed", "construction_tasks_closed"}:
        # Three open tasks, each in another state; the rest is done.
        db.one(
            """
            WITH kept AS (
                SELECT task.id, row_number() OVER (ORDER BY task.id) AS number
                FROM project_tasks AS task
                JOIN workflow_templates AS template ON template.id = task.template_id
                WHERE task.project_id = %(id)s AND template.phase = 'construction'
                LIMIT 3
            )
            UPDATE project_tasks AS task
            SET status = CASE
                    WHEN kept.number = 2 THEN 'in_progress'::task_status
                    WHEN kept.number = 3 THEN 'blocked'
                    WHEN kept.number = 1 THEN 'not_started'
                    ELSE 'skipped'
                END
            FROM project_tasks AS every
            LEFT JOIN kept ON kept.id = every.id
            WHERE task.id = every.id AND task.project_id = %(id)s
            """,
            {"id": project_id},
        )


def item(project_id: UUID) -> None:
    db.one("INSERT INTO documents (project_id, doc_type, s3_key) VALUES (%s, 'exhibit_b', 'b.pdf')", (project_id,))
    db.one(
        """
        WITH room AS (
            INSERT INTO project_rooms (project_id, name, investment_estimate) VALUES (%s, 'Den', 1000) RETURNING id
        )
        INSERT INTO line_items (room_id, description_generic) SELECT id, 'sofa, 90 in' FROM room
        """,
        (project_id,),
    )


@pytest.fixture
def known() -> dict[str, dict[str, Any]]:
    """What only the caller of each tool can know."""
    vendor = db.one("INSERT INTO vendors (name) VALUES ('Sofa maker') RETURNING id::text")["id"]
    trade = db.one("INSERT INTO trades (name) VALUES ('Builder') RETURNING id::text")["id"]
    return {
        "register_document": {"s3_key": "files/document.pdf"},
        "create_fee_schedule": {"amounts": [{"label": "First instalment", "amount": "5000.00"}]},
        "schedule_meeting": {"scheduled_date": in_days(0)},
        "reschedule_meeting": {"scheduled_date": in_days(0)},
        "add_room": {"name": "Den"},
        "update_room": {"investment_estimate": "20000.00"},
        "add_line_item": {"description_generic": "sofa, 90 in", "estimated_unit_price": "1200.00"},
        "specify_line_item": {"product_name": "Sofa Anna"},
        "record_quote": {"vendor_id": vendor, "unit_cost": "800.00"},
        "assign_trade": {"trade_id": trade},
        "record_ballpark": {"ballpark_amount": "40000.00"},
        "record_final_quote": {"final_amount": "42000.00"},
    }


def satisfy(calls: list[SatisfyingCall], known: dict[str, dict[str, Any]]) -> None:
    """Make the calls as they are named, with what the caller knows and the ids that earlier answers gave."""
    answer: dict[str, Any] = {}
    for call in calls:
        arguments: dict[str, Any] = {**call["arguments"], **known.get(call["tool"], {})}
        for name in required(call["tool"]):
            if name not in arguments:
                arguments[name] = id_in(answer, name.removesuffix("_id"))
        answer = raising_call(call["tool"], arguments)


def required(tool: str) -> list[str]:
    return [name for name in get_tool(tool).input_schema["required"] if name.endswith("_id")]


def id_in(answer: dict[str, Any], noun: str) -> str:
    """Find the id of a noun in the answer of the call before: a row of its own, one under the noun, or a list's first."""
    if noun in answer:
        return answer[noun]["id"]
    if "id" in answer:
        return answer["id"]
    (rows,) = (cast("list[dict[str, Any]]", rows) for rows in answer.values() if isinstance(rows, list))
    return rows[0]["id"]


@pytest.mark.parametrize(("phase", "gate"), ALL)
def test_a_gate_fails_and_holds_after_exactly_the_calls_that_it_names(
    phase: str, gate: str, known: dict[str, dict[str, Any]]
) -> None:
    project_id = project_before(phase)
    prepare(project_id, phase, gate)
    if gate in {"items_ordered", "items_delivered", "items_installed"}:
        db.one("UPDATE projects SET phase = 'purchasing' WHERE id = %s AND phase = 'detailed_design'", (project_id,))
    (failing,) = (found for found in check_gates(project_id, to=phase)["gates"] if found["gate"] == gate)
    assert not failing["passed"]
    with pytest.raises(RuleViolationError) as raised:
        advance_project(project_id, to=phase)
    assert gate in raised.value.details["found"]

    while not failing["passed"]:
        with acting_as("agent", "project_manager"):
            satisfy(failing["calls"], known)
        (after,) = (found for found in check_gates(project_id, to=phase)["gates"] if found["gate"] == gate)
        assert len(after["calls"]) < len(failing["calls"])
        failing = after

    assert failing["calls"] == []


@pytest.mark.parametrize("phase", [ProjectPhase(phase) for phase in BEFORE])
def test_every_phase_of_the_work_has_gates(phase: ProjectPhase) -> None:
    assert GATES[phase]


def test_a_project_without_a_second_instalment_needs_no_second_payment() -> None:
    (gate,) = (found for found in check_gates(project_before("purchasing"))["gates"] if found["gate"] == "second_fee_paid")

    assert (gate["passed"], gate["found"]) == (True, "no second instalment")


def test_a_gate_names_what_it_found_and_says_what_was_cut() -> None:
    project_id = create_project(create_client("Ann")["id"], "Kitchen", "renovation")["project"]["id"]
    for number in range(25):
        add_room(project_id, name=f"Room {number} {'x' * 50}" if number == 0 else f"Room {number}")

    gate = next(found for found in check_gates(project_id)["gates"] if found["gate"] == "rooms_estimated")

    first = f"Room 0 {'x' * 33}…"
    assert gate["found"] == f"25 of 25 rooms without an estimate: {first}, Room 1, Room 2, Room 3, Room 4 and 20 more"
    assert (len(gate["calls"]), gate["more_calls"]) == (20, 5)
    with acting_as("agent", "plan", role="project_manager"), pytest.raises(RuleViolationError) as raised:
        advance_project(project_id)
    whose = {call["tool"]: call.get("roles") for call in raised.value.details["calls"]}
    assert (whose["create_fee_schedule"], whose["register_document"]) == (["controller"], None)
    with acting_as("agent", "plan", role="project_manager"):
        fee = next(found for found in check_gates(project_id)["gates"] if found["gate"] == "design_fee_paid")
    assert [call.get("roles") for call in fee["calls"]] == [["controller"]] * 3
