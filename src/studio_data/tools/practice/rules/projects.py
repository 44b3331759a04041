"""The phases of a project: which tool leads to which phase, and the gates before it."""

from uuid import UUID

from studio_data.contract.lifecycle import Facts, Move, Moves, move_to
from studio_data.db import one
from studio_data.errors import RuleViolationError
from studio_data.tools.practice.rules.gates import facts_sql, gates_of, has_construction, is_for_furnishings
from studio_data.tools.rules.lifecycles import PROJECT, ClientStatus, ProjectPhase


def facts_of(project_id: UUID) -> Facts | None:
    """Return what the rules of a project's phases look at; None if there is no such project."""
    return one(*facts_sql(project_id), reads=True)


def gates_hold(facts: Facts, to: str) -> RuleViolationError | None:
    """Refuse a phase while one of its gates fails."""
    failing = [gate for gate in gates_of(facts, ProjectPhase(to)) if not gate["passed"]]
    if not failing:
        return None
    return RuleViolationError(
        f"Project {facts['id']} is not ready for {to}: "
        f"{'; '.join(f'{gate["gate"]} ({gate["found"]})' for gate in failing)}.",
        rule="gates",
        found={gate["gate"]: gate["found"] for gate in failing},
        calls=[call for gate in failing for call in gate["calls"]],
        hint="First make the calls listed in details.",
        details={"gates": [{**gate} for gate in failing], "to": to},
    )


def client_has_not_churned(facts: Facts, _to: str = "") -> RuleViolationError | None:
    """Refuse to go on with a project whose client has churned."""
    if facts["client_status"] != ClientStatus.CHURNED:
        return None
    return RuleViolationError(
        f"Project {facts['id']} waits: its client has churned.",
        rule="work_goes_on_in_live_projects",
        found="the client has churned",
        calls=[{"tool": "reopen_client", "arguments": {"client_id": str(facts["client_id"])}}],
        hint="First call reopen_client.",
    )


def _was_held_by_a_transition(facts: Facts, _to: str) -> RuleViolationError | None:
    if facts["held_in"] is not None:
        return None
    return RuleViolationError(
        f"Project {facts['id']} is on hold, and no transition says in which phase it was held.",
        rule="held_projects_have_a_transition",
        found="no transition to on_hold",
        hint="Correct the project's phase with SQL: it was written past the tools.",
    )


def _phase_held_in(facts: Facts) -> str | None:
    return facts["held_in"]


def _advance(to: ProjectPhase, *but: ProjectPhase, **more: object) -> Move:
    held = (ProjectPhase.ON_HOLD, *but)
    rules = (client_has_not_churned, gates_hold)
    return move_to(PROJECT, "advance_project", to, but=held, rules=rules, arguments={"to": to.value}, **more)


PROJECT_MOVES = Moves(
    PROJECT,
    "project_id",
    facts_of,
    [
        _advance(ProjectPhase.DETAILED_DESIGN),
        _advance(ProjectPhase.PURCHASING),
        # Furnishings go on to the reveal, and may pass through construction where soft trades work on site.
        _advance(ProjectPhase.REVEAL_PUNCH_LIST, is_for=is_for_furnishings),
        _advance(ProjectPhase.CONSTRUCTION),
        _advance(ProjectPhase.REVEAL_PUNCH_LIST, ProjectPhase.PURCHASING, is_for=has_construction),
        _advance(ProjectPhase.COMPLETED),
        move_to(PROJECT, "hold_project", ProjectPhase.ON_HOLD, is_step=False),
        Move(
            "resume_project",
            _phase_held_in,
            (ProjectPhase.ON_HOLD.value,),
            rules=(client_has_not_churned, _was_held_by_a_transition),
        ),
    ],
)


def next_phases(facts: Facts) -> list[ProjectPhase]:
    """Return the phases that advance_project may bring a project to, the usual one first."""
    return [
        ProjectPhase(str(move.to))
        for move in PROJECT_MOVES.moves
        if move.tool == "advance_project" and facts["status"] in move.sources and move.is_for(facts)
    ]
