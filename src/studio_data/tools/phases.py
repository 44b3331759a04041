"""The phases of a project: what stands before the next one, and the moves."""

from datetime import datetime
from functools import cache
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from studio_data import lifecycles
from studio_data.actor import ActorType, current_actor
from studio_data.audit import actor
from studio_data.db import one, transaction
from studio_data.entities import no_such
from studio_data.errors import NotFoundError, PermissionDeniedError, RuleViolationError
from studio_data.fields import EntityId, ProjectPhaseName, Text
from studio_data.gates import Facts, Gate, facts_of, gates_of
from studio_data.lifecycles import ProjectPhase, ProjectType
from studio_data.registry import tool
from studio_data.roles import Role
from studio_data.tools.projects import Project


class GateCheck(TypedDict):
    """What stands between a project and a phase; ``to`` is None on hold and at the end."""

    project_id: UUID
    phase: str
    to: str | None
    passed: bool
    gates: list[Gate]


class PhaseTransition(TypedDict):
    """One row of ``phase_transitions``."""

    id: UUID
    project_id: UUID
    from_phase: str
    to_phase: str
    triggered_by: str
    gate_checks: dict[str, Any]
    created_at: datetime


class AdvancedProject(TypedDict):
    """A project in its new phase, and the transition with every gate's result."""

    project: Project
    transition: PhaseTransition


@tool(reads=True)
def check_gates(project_id: EntityId, *, to: ProjectPhaseName | None = None) -> GateCheck:
    """Check what a project still needs before its next phase, and which calls would bring it there.

    Returns every gate's result; ``to`` is the next phase unless given. Raises ``NotFoundError``,
    ``InvalidTransitionError`` for a phase that cannot follow.
    """
    facts = _facts(project_id)
    phase = ProjectPhase(facts["phase"])
    if to is None and not next_phases(phase, facts["project_type"]):
        return {"project_id": facts["project_id"], "phase": phase.value, "to": None, "passed": False, "gates": []}
    target = _target(facts, to)
    gates = gates_of(facts, target)
    return {
        "project_id": facts["project_id"],
        "phase": facts["phase"],
        "to": target.value,
        "passed": all(gate["passed"] for gate in gates),
        "gates": gates,
    }


@tool(roles=[Role.PROJECT_MANAGER])
def advance_project(
    project_id: EntityId, *, to: ProjectPhaseName | None = None, override_reason: Text | None = None
) -> AdvancedProject:
    """Move a project to its next phase, if every gate holds.

    A refusal names the gates that fail and the calls that would satisfy them. Only a person may override gates.

    Returns the project and the transition. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError`` for
    a gate, ``PermissionDeniedError`` for an override by anybody but a person.
    """
    acting = current_actor.get()
    if override_reason is not None and (acting is None or acting.type is not ActorType.USER):
        raise PermissionDeniedError(
            "Only a person may override gates.",
            hint="Satisfy them: check_gates lists the calls. Or ask a person to advance the project.",
            details={"tool": "advance_project", "actor_type": "user"},
        )
    with transaction():
        _lock(project_id)
        facts = _facts(project_id)
        target = _target(facts, to)
        gates = gates_of(facts, target)
        failing = [gate for gate in gates if not gate["passed"]]
        if failing and override_reason is None:
            raise RuleViolationError(
                f"Project {project_id} is not ready for {target}: "
                f"{'; '.join(f'{gate["gate"]} ({gate["found"]})' for gate in failing)}.",
                rule="gates",
                found={gate["gate"]: gate["found"] for gate in failing},
                calls=[call for gate in failing for call in gate["calls"]],
                hint="Make the calls in details first.",
                details={"gates": [{**gate} for gate in failing], "to": target.value},
            )
        checks: dict[str, Any] = {
            "gates": [{"gate": gate["gate"], "passed": gate["passed"], "found": gate["found"]} for gate in gates]
        }
        return _move(project_id, target, checks, override_reason if failing else None, is_override=bool(failing))


@tool(roles=[Role.PROJECT_MANAGER])
def hold_project(project_id: EntityId, *, reason: Text) -> AdvancedProject:
    """Put a project on hold, and say why. resume_project brings it back to the phase it was in.

    Returns the project and the transition. Raises ``NotFoundError``, ``InvalidTransitionError`` for a project that is
    completed or on hold.
    """
    with transaction():
        phase = _lock(project_id)
        if ProjectPhase.ON_HOLD not in lifecycles.PROJECT.moves[phase]:
            raise lifecycles.PROJECT.refusal(project_id, phase, ProjectPhase.ON_HOLD)
        return _move(project_id, ProjectPhase.ON_HOLD, {}, reason)


@tool(roles=[Role.PROJECT_MANAGER])
def resume_project(project_id: EntityId) -> AdvancedProject:
    """Bring a project on hold back to the phase it was held in.

    Returns the project and the transition. Raises ``NotFoundError``, ``InvalidTransitionError`` for a project that is not
    on hold.
    """
    with transaction():
        phase = _lock(project_id)
        held_in = _held_in(project_id)
        if phase is not ProjectPhase.ON_HOLD or held_in is None:
            raise lifecycles.PROJECT.refusal(project_id, phase, "active again")
        return _move(project_id, held_in, {})


def next_phases(phase: ProjectPhase, project_type: str) -> list[ProjectPhase]:
    """Return the phases that advance_project may move a project to, the usual one first."""
    allowed = [target for target in lifecycles.PROJECT.moves[phase] if target is not ProjectPhase.ON_HOLD]
    if phase is ProjectPhase.ON_HOLD:
        return []
    if phase is ProjectPhase.PURCHASING:
        # Furnishings may pass through construction when soft trades work on site; the others have to.
        return allowed[::-1] if project_type == ProjectType.FURNISHINGS else allowed[:1]
    return allowed


def _target(facts: Facts, to: ProjectPhaseName | None) -> ProjectPhase:
    phase = ProjectPhase(facts["phase"])
    allowed = next_phases(phase, facts["project_type"])
    if to is None and allowed:
        return allowed[0]
    if to not in allowed:
        refusal = lifecycles.PROJECT.refusal(facts["project_id"], phase, str(to or "anything else"))
        refusal.details["allowed"] = [target.value for target in allowed]
        refusal.hint = (
            "resume_project brings it back to its phase."
            if phase is ProjectPhase.ON_HOLD
            else f"From {phase} it may become {' or '.join(allowed)}."
            if allowed
            else f"{phase} is final."
        )
        raise refusal
    return ProjectPhase(to)


def _facts(project_id: EntityId) -> Facts:
    facts = facts_of(UUID(str(project_id)))
    if facts is None:
        raise _no_such_project(project_id)
    return facts


def _lock(project_id: EntityId) -> ProjectPhase:
    row = one(
        """
        SELECT phase
        FROM projects
        WHERE id = %(project_id)s
        FOR NO KEY UPDATE
        """,
        {"project_id": project_id},
    )
    if row is None:
        raise _no_such_project(project_id)
    return ProjectPhase(row["phase"])


def _held_in(project_id: EntityId) -> ProjectPhase | None:
    row = one(
        """
        SELECT from_phase
        FROM phase_transitions
        WHERE project_id = %(project_id)s AND to_phase = 'on_hold'
        ORDER BY id DESC
        LIMIT 1
        """,
        {"project_id": project_id},
    )
    return ProjectPhase(row["from_phase"]) if row else None


def _move(
    project_id: EntityId,
    to: ProjectPhase,
    gate_checks: dict[str, Any],
    reason: str | None = None,
    *,
    is_override: bool = False,
) -> AdvancedProject:
    """Move a locked project: the phase, the transition with its gates, the line in the trail."""
    acting = actor()
    override = {"override": {"reason": reason, "by": acting["actor_name"]}} if is_override else {}
    row = one(
        """
        WITH before AS (
            SELECT id, phase
            FROM projects
            WHERE id = %(project_id)s
            FOR NO KEY UPDATE
        ), project AS (
            UPDATE projects
            SET phase = %(to)s::project_phase
            FROM before
            WHERE projects.id = before.id
            RETURNING projects.*
        ), transition AS (
            INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by, gate_checks)
            SELECT project.id, before.phase, project.phase, %(actor_name)s, %(gate_checks)s
            FROM before, project
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', project.id, project.id, 'phase_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('phase', jsonb_build_array(before.phase, project.phase)),
                    'reason', %(reason)s::text
                ))
            FROM before, project
        )
        SELECT to_jsonb(transition) AS transition, project.*
        FROM project, transition
        """,
        {
            "project_id": project_id,
            "to": to,
            "gate_checks": Jsonb(gate_checks | override),
            "reason": reason,
            **acting,
        },
    )
    return {"transition": _transition_type().validate_python(row.pop("transition")), "project": row}


@cache
def _transition_type() -> TypeAdapter[PhaseTransition]:
    """Return what reads a transition back from the JSON that it is selected as."""
    return TypeAdapter(PhaseTransition)


def _no_such_project(project_id: EntityId) -> NotFoundError:
    return no_such("project", project_id, hint="list_projects shows them all.")
