from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from studio_data import acting_as, db
from studio_data.errors import (
    InvalidTransitionError,
    NotFoundError,
    PermissionDeniedError,
    RuleViolationError,
    StudioError,
)
from studio_data.tools.clients import create_client
from studio_data.tools.practice.action_items import add_action_item
from studio_data.tools.practice.phases import advance_project, check_gates, hold_project, resume_project
from studio_data.tools.projects import create_project, get_project
from studio_data.tools.rules.lifecycles import PROJECT, ProjectPhase
from tests.support.lifecycle import every_pair, lines

FORWARD = {
    "furnishings": {
        "conceptual_design": ["detailed_design"],
        "detailed_design": ["purchasing"],
        "purchasing": ["reveal_punch_list", "construction"],
        "construction": ["reveal_punch_list"],
        "reveal_punch_list": ["completed"],
    },
    "renovation": {
        "conceptual_design": ["detailed_design"],
        "detailed_design": ["purchasing"],
        "purchasing": ["construction"],
        "construction": ["reveal_punch_list"],
        "reveal_punch_list": ["completed"],
    },
}


def project_in(phase: str, project_type: str = "furnishings") -> UUID:
    project_id = create_project(create_client("Ann")["id"], "LR", project_type)["project"]["id"]
    db.one("UPDATE projects SET phase = %s::project_phase WHERE id = %s", (phase, project_id))
    if phase == "on_hold":
        db.one(
            """
            INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by)
            VALUES (%s, 'purchasing', 'on_hold', 'Maria')
            """,
            (project_id,),
        )
    return project_id


def phase_of(project_id: UUID) -> str:
    return get_project(project_id)["phase"]


def transitions(project_id: UUID) -> list[tuple[str, str]]:
    rows = db.many("SELECT from_phase, to_phase FROM phase_transitions WHERE project_id = %s ORDER BY id", (project_id,))
    return [(row["from_phase"], row["to_phase"]) for row in rows]


def move(project_id: UUID, target: str) -> None:
    if target == "on_hold":
        hold_project(project_id, reason="The clients travel.")
    elif phase_of(project_id) == "on_hold":
        resume_project(project_id)
    else:
        with acting_as("user", "Maria"):
            advance_project(project_id, to=target, override_reason="A test of moves, not of gates.")


@pytest.mark.parametrize("project_type", ["furnishings", "renovation"])
@every_pair(PROJECT)
def test_every_move_of_a_project(source: str, target: str, project_type: str) -> None:
    project_id = project_in(source, project_type)
    before = len(lines())
    is_allowed = (
        target in FORWARD[project_type].get(source, [])
        or (target == "on_hold" and source not in {"completed", "on_hold"})
        or (source == "on_hold" and target == "purchasing")  # the phase it was held in
    )
    if source == "on_hold" and target not in {"purchasing", "on_hold"}:
        with pytest.raises(InvalidTransitionError, match="From on_hold it may become purchasing"):
            advance_project(project_id, to=target)
        return

    if is_allowed:
        move(project_id, target)
        assert phase_of(project_id) == target
        assert transitions(project_id)[-1] == (source, target)
        (line,) = lines()[before:]
        assert (line["action"], line["project_id"]) == ("phase_changed", project_id)
        assert line["metadata"]["changes"] == {"phase": [source, target]}
        return
    with pytest.raises(InvalidTransitionError) as raised:
        move(project_id, target)
    assert raised.value.details["from"] == source
    assert phase_of(project_id) == source
    assert len(lines()) == before


def test_the_refusal_names_every_gate_and_what_was_found() -> None:
    project_id = project_in("conceptual_design")

    with pytest.raises(RuleViolationError) as raised:
        advance_project(project_id)

    assert raised.value.details["found"] == {
        "exhibit_b_signed": "0 exhibit_b on file",
        "design_fee_paid": "no design fee",
        "cdm_completed": "no cdm",
        "rooms_estimated": "no room",
    }
    assert [call["tool"] for call in raised.value.details["calls"]] == [
        "register_document",
        "create_fee_schedule", "invoice_fee", "pay_fee",
        "schedule_meeting", "confirm_meeting", "complete_meeting",
        "add_room", "update_room",
    ]  # fmt: skip
    assert transitions(project_id) == []


def test_a_check_says_the_same_without_a_refusal() -> None:
    project_id = project_in("conceptual_design")
    db.one("INSERT INTO project_rooms (project_id, name, investment_estimate) VALUES (%s, 'Den', 1)", (project_id,))

    found = check_gates(project_id)

    assert (found["phase"], found["to"], found["passed"]) == ("conceptual_design", "detailed_design", False)
    assert {gate["gate"]: gate["passed"] for gate in found["gates"]} == {
        "exhibit_b_signed": False, "design_fee_paid": False, "cdm_completed": False, "rooms_estimated": True,
    }  # fmt: skip
    assert next(gate for gate in found["gates"] if gate["passed"])["calls"] == []
    with pytest.raises(InvalidTransitionError, match="From conceptual_design it may become detailed_design"):
        check_gates(project_id, to="completed")


@pytest.mark.parametrize("project_type", ["furnishings", "renovation", "mixed"])
def test_furnishings_skip_construction_and_its_gates(project_type: str) -> None:
    found = check_gates(project_in("purchasing", project_type))

    if project_type == "furnishings":
        assert (found["to"], [gate["gate"] for gate in found["gates"]]) == ("reveal_punch_list", ["items_delivered"])
    else:
        assert found["to"] == "construction"
        assert [gate["gate"] for gate in found["gates"]] == ["items_ordered", "gc_quoted", "scope_delineation_on_file"]


# Overrides ------------------------------------------------------------------------------------------------------------


def test_a_person_overrides_gates_with_a_reason_that_is_recorded() -> None:
    project_id = project_in("conceptual_design")

    with acting_as("user", "Maria"):
        advanced = advance_project(project_id, override_reason="Exhibit B comes on Monday.")

    checks = advanced["transition"]["gate_checks"]
    assert checks["override"] == {"reason": "Exhibit B comes on Monday.", "by": "Maria"}
    assert checks["gates"][0] == {"gate": "exhibit_b_signed", "passed": False, "found": "0 exhibit_b on file"}
    assert advanced["transition"]["triggered_by"] == "Maria"
    assert advanced["transition"] == db.one("SELECT * FROM phase_transitions")
    assert lines()[-1]["metadata"]["reason"] == "Exhibit B comes on Monday."


@pytest.mark.parametrize("actor_type", ["agent", "system", None])
def test_nobody_else_overrides(actor_type: str | None) -> None:
    project_id = project_in("conceptual_design")

    def override() -> Any:
        return advance_project(project_id, override_reason="It will be fine.")

    with pytest.raises(PermissionDeniedError, match="Only a person may give override_reason"):
        if actor_type is None:
            override()
        else:
            with acting_as(actor_type, "project_manager"):
                override()
    assert phase_of(project_id) == "conceptual_design"


# Hold -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [phase.value for phase in ProjectPhase if phase not in {"completed", "on_hold"}])
def test_a_held_project_goes_back_to_its_phase(phase: str) -> None:
    project_id = project_in(phase)

    held = hold_project(project_id, reason="The house is being sold.")
    assert held["project"]["phase"] == "on_hold"
    assert lines()[-1]["metadata"] == {"changes": {"phase": [phase, "on_hold"]}, "reason": "The house is being sold."}
    resumed = resume_project(project_id)

    assert resumed["project"]["phase"] == phase
    assert transitions(project_id) == [(phase, "on_hold"), ("on_hold", phase)]


def test_an_unknown_project_is_not_found() -> None:
    nobody = UUID("01a205b0-e064-7e8f-94d7-fa46af6bafca")
    for call in (check_gates, advance_project, resume_project):
        with pytest.raises(NotFoundError, match="There is no project"):
            call(nobody)
    with pytest.raises(NotFoundError, match="There is no project"):
        hold_project(nobody, reason="Nobody.")


def test_twelve_who_advance_a_project_at_once_advance_it_once(committed_db: str) -> None:
    project_id = project_in("detailed_design")

    def advance(_: int) -> bool:
        try:
            with acting_as("user", "Maria"):
                advance_project(project_id, to="purchasing", override_reason="Go.")
        except StudioError as error:
            assert isinstance(error, InvalidTransitionError)  # noqa: PT017
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(advance, range(12))) == 1
    assert transitions(project_id) == [("detailed_design", "purchasing")]


def test_no_project_is_completed_with_an_open_action_item_however_many_try(committed_db: str) -> None:
    for _ in range(6):
        project_id = project_in("reveal_punch_list")
        db.one("UPDATE project_tasks SET status = 'skipped' WHERE project_id = %s", (project_id,))
        meeting_id = db.one(
            "INSERT INTO meetings (project_id, meeting_type) VALUES (%s, 'other') RETURNING id", (project_id,)
        )["id"]

        def attempt(number: int, project_id: UUID = project_id, meeting_id: UUID = meeting_id) -> str:
            try:
                if number % 4 == 0:
                    return advance_project(project_id)["project"]["phase"]
                return add_action_item(meeting_id, description="Touch up the paint.")["status"]
            except (RuleViolationError, InvalidTransitionError) as error:
                return error.code

        with ThreadPoolExecutor(12) as threads:
            list(threads.map(attempt, range(12)))

        items = db.one("SELECT count(*) AS items FROM meeting_action_items WHERE meeting_id = %s", (meeting_id,))["items"]
        assert (phase_of(project_id) == "completed") == (items == 0)
    assert db.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == {"deadlocks": 0}
