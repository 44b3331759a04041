"""Gates: what a project needs before it moves to a phase, computed from the data and never taken on anybody's word.

A gate that fails says what was found, and lists the calls that would satisfy it, in order. An argument that is missing in
such a call is one that only the caller can know (an amount, a storage key), or the id that the call before it returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from studio_data.contract.lifecycle import Facts, always
from studio_data.db import Statement
from studio_data.errors import SatisfyingCall
from studio_data.tools.practice.rules.exhibit_b import not_signed
from studio_data.tools.practice.rules.line_items import is_behind, item_calls
from studio_data.tools.practice.rules.moves import ACTION_ITEM_MOVES, FEE_MOVES, MEETING_MOVES, TASK_MOVES, TRADE_QUOTE_MOVES
from studio_data.tools.rules.lifecycles import ProjectPhase, ProjectType

MOST_CALLS = 20
MOST_NAMES = 5
LONGEST_NAME = 40


class Gate(TypedDict):
    """One condition of a phase: whether it holds, what was found, and the calls that would satisfy it."""

    gate: str
    passed: bool
    found: str
    calls: list[SatisfyingCall]
    more_calls: int
    """How many calls were left out after the first 20."""


@dataclass(frozen=True)
class _Check:
    name: str
    look: Callable[[Facts], tuple[bool, str, list[SatisfyingCall]]]
    is_for: Callable[[Facts], bool] = always


def is_for_furnishings(facts: Facts) -> bool:
    """Tell whether a project is furniture only, without construction work."""
    return facts["project_type"] == ProjectType.FURNISHINGS


def has_construction(facts: Facts) -> bool:
    """Tell whether a project has construction work."""
    return not is_for_furnishings(facts)


def gates_of(facts: Facts, phase: ProjectPhase) -> list[Gate]:
    """Return every gate that stands before a phase, for a project with these facts."""
    gates: list[Gate] = []
    names = _names(facts)
    for check in GATES.get(phase, ()):
        if check.is_for(facts):
            passed, found, calls = check.look(facts)
            gates.append(
                {
                    "gate": check.name,
                    "passed": passed,
                    "found": found,
                    "calls": [] if passed else [_about(call, names) for call in calls[:MOST_CALLS]],
                    "more_calls": 0 if passed else max(0, len(calls) - MOST_CALLS),
                }
            )
    return gates


def _names(facts: Facts) -> dict[str, str]:
    """Return what people call the things of a project that calls are about, by their ids."""
    things = [*facts["fees"], *facts["rooms"], *facts["items"], *facts["open_tasks"], *facts["open_action_items"]]
    things += [facts["gc"]] if facts["gc"] else []
    names = {str(thing["id"]): thing["name"] for thing in things}
    return names | {str(item["order_id"]): item["name"] for item in facts["items"] if item["order_id"]}


def _about(call: SatisfyingCall, names: dict[str, str]) -> SatisfyingCall:
    about = [names[value] for value in call["arguments"].values() if value in names]
    return {**call, "about": about[0]} if about else call


def facts_sql(project_id: UUID | str) -> Statement:
    """Return the query of what the gates look at, for one project."""
    return (
        """
        WITH items AS (
            SELECT
                item.id, coalesce(item.product_name, item.description_generic) AS name, item.status,
                item.selected_vendor_id IS NOT NULL AS has_vendor,
                purchase.id AS order_id, purchase.status AS order_status
            FROM project_rooms AS room
            JOIN line_items AS item ON item.room_id = room.id
            LEFT JOIN purchase_orders AS purchase ON purchase.line_item_id = item.id AND purchase.status <> 'cancelled'
            WHERE room.project_id = %(project_id)s
        ), tasks AS (
            SELECT
                task.id, coalesce(task.name, template.name) AS name, task.status,
                coalesce(task.phase, template.phase) AS phase
            FROM project_tasks AS task
            LEFT JOIN workflow_templates AS template ON template.id = task.template_id
            WHERE task.project_id = %(project_id)s AND task.status NOT IN ('completed', 'skipped')
        )
        SELECT
            project.id,
            project.phase AS status,
            project.project_type,
            client.id AS client_id,
            client.status AS client_status,
            CASE WHEN project.phase = 'on_hold' THEN phase_held_in(project.id) END AS held_in,
            (
                SELECT coalesce(jsonb_object_agg(doc_type, documents), '{}')
                FROM (
                    SELECT doc_type, count(*) AS documents
                    FROM documents
                    WHERE project_id = project.id
                    GROUP BY doc_type
                ) AS by_type
            ) AS documents,
            EXISTS (SELECT FROM documents WHERE project_id = project.id AND doc_type = 'exhibit_b') AS has_exhibit_b,
            exhibit_b_covers(project.id) AS exhibit_b_covers,
            exhibit_b_amounts(project.id) AS exhibit_b_amounts,
            (
                SELECT coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'id', id, 'name', label, 'number', payment_number, 'status', status, 'due_at', due_at
                        )
                        ORDER BY payment_number
                    ), '[]'
                )
                FROM design_fees
                WHERE project_id = project.id
            ) AS fees,
            (
                SELECT coalesce(
                    jsonb_agg(jsonb_build_object('id', id, 'type', meeting_type, 'status', status) ORDER BY id), '[]'
                )
                FROM meetings
                WHERE project_id = project.id AND meeting_type IN ('cdm', 'ddm') AND status <> 'cancelled'
            ) AS meetings,
            (
                SELECT coalesce(
                    jsonb_agg(
                        jsonb_build_object('id', id, 'name', name, 'is_estimated', investment_estimate IS NOT NULL)
                        ORDER BY id
                    ), '[]'
                )
                FROM project_rooms
                WHERE project_id = project.id
            ) AS rooms,
            (SELECT coalesce(jsonb_agg(to_jsonb(items) ORDER BY id), '[]') FROM items) AS items,
            (
                SELECT jsonb_build_object('id', hired.id, 'name', trade.name, 'status', hired.quote_status)
                FROM project_trades AS hired
                JOIN trades AS trade ON trade.id = hired.trade_id
                WHERE hired.project_id = project.id AND hired.role = 'gc'
                ORDER BY hired.is_chosen DESC, hired.quote_status DESC, hired.id
                LIMIT 1
            ) AS gc,
            (SELECT coalesce(jsonb_agg(to_jsonb(tasks) ORDER BY id), '[]') FROM tasks) AS open_tasks,
            (
                SELECT coalesce(
                    jsonb_agg(
                        jsonb_build_object('id', item.id, 'name', item.description, 'status', item.status) ORDER BY item.id
                    ), '[]'
                )
                FROM meetings AS meeting
                JOIN meeting_action_items AS item ON item.meeting_id = meeting.id
                WHERE meeting.project_id = project.id AND item.status IN ('open', 'in_progress')
            ) AS open_action_items
        FROM projects AS project
        JOIN clients AS client ON client.id = project.client_id
        WHERE project.id = %(project_id)s
        """,
        {"project_id": project_id},
    )


# The checks -----------------------------------------------------------------------------------------------------------


def _call(tool: str, **arguments: str) -> SatisfyingCall:
    return {"tool": tool, "arguments": arguments}


def _named(things: list[Facts]) -> str:
    """Name the first few things, after a colon, and say how many more there are."""
    if not things:
        return ""
    names = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in (one["name"] for one in things)]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f": {', '.join(names[:MOST_NAMES])}{more}"


def _document(doc_type: str, **more: str) -> Callable[[Facts], tuple[bool, str, list[SatisfyingCall]]]:
    def look(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
        found = facts["documents"].get(doc_type, 0)
        call = _call("register_document", project_id=str(facts["id"]), doc_type=doc_type, **more)
        return found > 0, f"{found} {doc_type} on file", [call]

    return look


def _exhibit_b(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    passed, found, calls = _document("exhibit_b")(facts)
    missing = not_signed(facts) if passed else None
    return passed and missing is None, missing or found, calls


def _meeting(meeting_type: str) -> Callable[[Facts], tuple[bool, str, list[SatisfyingCall]]]:
    def look(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
        held = [meeting for meeting in facts["meetings"] if meeting["type"] == meeting_type]
        if any(meeting["status"] == "completed" for meeting in held):
            return True, f"a completed {meeting_type}", []
        if not held:
            schedule = _call("schedule_meeting", project_id=str(facts["id"]), meeting_type=meeting_type)
            return False, f"no {meeting_type}", [schedule, _call("confirm_meeting"), _call("complete_meeting")]
        meeting = held[-1]
        return False, f"a {meeting_type} that is {meeting['status']}", MEETING_MOVES.calls_to(meeting, ["completed"])

    return look


def _first_fee(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    first = next((fee for fee in facts["fees"] if fee["number"] == 1), None)
    if first is None:
        create = _call("create_fee_schedule", project_id=str(facts["id"]))
        return False, "no design fee", [create, _call("invoice_fee"), _call("pay_fee")]
    return (
        first["status"] == "paid",
        f"payment 1, {first['name']}, is {first['status']}",
        FEE_MOVES.calls_to(first, ["paid"]),
    )


def _second_fee(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    second = next((fee for fee in facts["fees"] if fee["number"] == 2), None)  # noqa: PLR2004 (payment 2)
    if second is None:
        return True, "no second instalment", []
    return (
        second["status"] == "paid",
        f"payment 2, {second['name']}, is {second['status']}",
        FEE_MOVES.calls_to(second, ["paid"]),
    )


def _all_fees(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    unpaid = [fee for fee in facts["fees"] if fee["status"] != "paid"]
    calls = [call for fee in unpaid for call in FEE_MOVES.calls_to(fee, ["paid"])]
    return not unpaid, f"{len(unpaid)} of {len(facts['fees'])} instalments not paid{_named(unpaid)}", calls


def _rooms_estimated(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    if not facts["rooms"]:
        return False, "no room", [_call("add_room", project_id=str(facts["id"])), _call("update_room")]
    without = [room for room in facts["rooms"] if not room["is_estimated"]]
    calls = [_call("update_room", room_id=room["id"]) for room in without]
    return not without, f"{len(without)} of {len(facts['rooms'])} rooms without an estimate{_named(without)}", calls


def _items(target: str) -> Callable[[Facts], tuple[bool, str, list[SatisfyingCall]]]:
    def look(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
        behind = [item for item in facts["items"] if is_behind(item["status"], target)]
        calls = [call for item in behind for call in item_calls(item, target)]
        return not behind, f"{len(behind)} of {len(facts['items'])} line items not yet {target}{_named(behind)}", calls

    return look


def _items_specified(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    if facts["items"]:
        return _items("specified")(facts)
    room = {"room_id": facts["rooms"][0]["id"]} if facts["rooms"] else {}
    calls = [_call("add_line_item", **room), _call("specify_line_item")]
    return False, "no line item", calls if room else [_call("add_room", project_id=str(facts["id"])), *calls]


def _gc_quoted(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    gc = facts["gc"]  # the chosen one, else the one whose quote is furthest
    if gc is None:
        assign = _call("assign_trade", project_id=str(facts["id"]), role="gc")
        to_come = [_call("record_ballpark"), _call("send_final_rfq"), _call("record_final_quote")]
        return False, "no general contractor", [assign, *to_come]
    calls = TRADE_QUOTE_MOVES.calls_to(gc, ["final_quote_received"])
    return not calls, f"the quote of {gc['name']}, the general contractor, is {gc['status']}", calls


def _task_calls(tasks: list[Facts]) -> list[SatisfyingCall]:
    return [call for task in tasks for call in TASK_MOVES.calls_to(task, ["completed"])]


def _construction_tasks(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    still_open = [task for task in facts["open_tasks"] if task["phase"] == "construction"]
    return not still_open, f"{len(still_open)} construction tasks open{_named(still_open)}", _task_calls(still_open)


def _all_tasks(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    still_open = facts["open_tasks"]
    return not still_open, f"{len(still_open)} tasks open{_named(still_open)}", _task_calls(still_open)


def _action_items(facts: Facts) -> tuple[bool, str, list[SatisfyingCall]]:
    calls = [call for item in facts["open_action_items"] for call in ACTION_ITEM_MOVES.calls_to(item, ["completed"])]
    found = f"{len(facts['open_action_items'])} action items open{_named(facts['open_action_items'])}"
    return not calls, found, calls


GATES: dict[ProjectPhase, tuple[_Check, ...]] = {
    ProjectPhase.DETAILED_DESIGN: (
        _Check("exhibit_b_signed", _exhibit_b),
        _Check("design_fee_paid", _first_fee),
        _Check("cdm_completed", _meeting("cdm")),
        _Check("rooms_estimated", _rooms_estimated),
    ),
    ProjectPhase.PURCHASING: (
        _Check("ddm_completed", _meeting("ddm")),
        _Check("items_specified", _items_specified),
        _Check("presentation_on_file", _document("presentation")),
        _Check("second_fee_paid", _second_fee),
    ),
    ProjectPhase.CONSTRUCTION: (
        _Check("items_ordered", _items("ordered")),
        _Check("gc_quoted", _gc_quoted, has_construction),
        _Check("scope_delineation_on_file", _document("scope_delineation"), has_construction),
    ),
    ProjectPhase.REVEAL_PUNCH_LIST: (
        _Check("items_delivered", _items("delivered")),
        _Check("construction_tasks_closed", _construction_tasks, has_construction),
    ),
    ProjectPhase.COMPLETED: (
        _Check("items_installed", _items("installed")),
        _Check("action_items_closed", _action_items),
        _Check("tasks_closed", _all_tasks),
        _Check("all_fees_paid", _all_fees),
    ),
}
