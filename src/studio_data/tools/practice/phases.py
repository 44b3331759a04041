"""The phases of a project: the gates before each, and the moves between them."""

from datetime import datetime
from functools import cache
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from studio_data.contract.audit import actor
from studio_data.contract.entities import move_refusal, no_such
from studio_data.contract.fields import EntityId, Text
from studio_data.contract.lifecycle import Facts
from studio_data.contract.registry import say_whose, tool
from studio_data.contract.roles import Role
from studio_data.db import Statement, batch, one, transaction
from studio_data.tools.fields import ProjectPhaseName
from studio_data.tools.practice.rules.gates import Gate, facts_sql, gates_of
from studio_data.tools.practice.rules.projects import (
    PROJECT_MOVES,
    client_has_not_churned,
    facts_of,
    gates_hold,
    next_phases,
)
from studio_data.tools.projects import Project
from studio_data.tools.rules.lifecycles import PROJECT, ProjectPhase


class GateCheck(TypedDict):
    """The gates between a project and a phase. ``to`` is None on hold and at the end."""

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
    """Check what a project still needs for its next phase, and which calls provide it.

    Returns every gate's result; ``to`` is the next phase unless given. Raises ``NotFoundError``,
    ``InvalidTransitionError`` for a phase that cannot follow.
    """
    facts = facts_of(UUID(str(project_id)))
    if facts is None:
        raise no_such("project", project_id)
    return gate_check(facts, to)


def gate_check(facts: Facts, to: ProjectPhaseName | None = None) -> GateCheck:
    """Return what check_gates does, of a project with these facts."""
    if to is None and not next_phases(facts):
        return {"project_id": facts["id"], "phase": facts["status"], "to": None, "passed": False, "gates": []}
    target = _target(facts, to)
    gates = gates_of(facts, target)
    say_whose(call for gate in gates for call in gate["calls"])
    return {
        "project_id": facts["id"],
        "phase": facts["status"],
        "to": target.value,
        "passed": all(gate["passed"] for gate in gates),
        "gates": gates,
    }


@tool(roles=[Role.PROJECT_MANAGER], people_only=["override_reason"])
def advance_project(
    project_id: EntityId, *, to: ProjectPhaseName | None = None, override_reason: Text | None = None
) -> AdvancedProject:
    """Move a project to its next phase if every gate holds.

    A refusal names the gates that fail and the calls that would satisfy them.

    Returns the project and the transition. Raises ``NotFoundError``, ``InvalidTransitionError``, ``RuleViolationError``
    for a gate or a churned client, ``PermissionDeniedError`` for an override by anybody but a person.
    """
    with transaction():
        _, found = batch(_lock_sql(project_id), facts_sql(project_id))
        if not found:
            raise no_such("project", project_id)
        facts = found[0]
        target = _target(facts, to)
        churned = client_has_not_churned(facts)
        if churned is not None:
            raise churned
        gates = gates_of(facts, target)
        broken = gates_hold(facts, target)
        if broken is not None and override_reason is None:
            raise broken
        checks: dict[str, Any] = {
            "gates": [{"gate": gate["gate"], "passed": gate["passed"], "found": gate["found"]} for gate in gates]
        }
        if broken is not None:
            checks["override"] = {"reason": override_reason, "by": actor()["actor_name"]}
        reason = None if broken is None else override_reason
        return _advanced(one(*_move_sql(project_id, target, [facts["status"]], checks, reason)))


@tool(roles=[Role.PROJECT_MANAGER])
def hold_project(project_id: EntityId, *, reason: Text) -> AdvancedProject:
    """Put a project on hold, and say why. resume_project returns it to its phase.

    Returns the project and the transition. On hold its tasks and action items wait. Raises ``NotFoundError``,
    ``InvalidTransitionError`` for a project that is completed or on hold.
    """
    sources = PROJECT.sources_of(ProjectPhase.ON_HOLD)
    _, moved = batch(_lock_sql(project_id), _move_sql(project_id, ProjectPhase.ON_HOLD, sources, {}, reason))
    if not moved:
        raise move_refusal(PROJECT_MOVES, project_id, "hold_project")
    return _advanced(moved[0])


@tool(roles=[Role.PROJECT_MANAGER])
def resume_project(project_id: EntityId) -> AdvancedProject:
    """Return a project on hold to its phase. What is open is due as many working days later.

    Returns the project and the transition. What is open are tasks and action items; one that was added on hold is due later
    by the days since then. Raises ``NotFoundError``, ``InvalidTransitionError`` for a project that is not on hold,
    ``RuleViolationError`` if its client has churned.
    """
    _, moved = batch(_lock_sql(project_id), _move_sql(project_id, None, [ProjectPhase.ON_HOLD.value], {}))
    if not moved:
        raise move_refusal(PROJECT_MOVES, project_id, "resume_project")
    return _advanced(moved[0])


def _target(facts: Facts, to: ProjectPhaseName | None) -> ProjectPhase:
    allowed = next_phases(facts)
    target = allowed[0] if to is None and allowed else to
    if target not in allowed:
        raise PROJECT_MOVES.refusal_of("advance_project", facts, target)
    return ProjectPhase(str(target))


def _lock_sql(project_id: EntityId) -> Statement:
    """Return the statement that locks a project and reads its phase. Later statements see the state after the wait."""
    return (
        """
        SELECT phase
        FROM projects
        WHERE id = %(project_id)s
        FOR NO KEY UPDATE
        """,
        {"project_id": project_id},
    )


def _move_sql(
    project_id: EntityId, to: ProjectPhase | None, sources: list[str], gate_checks: dict[str, Any], reason: str | None = None
) -> Statement:
    """Return the statement that moves a locked project and writes its transition with the gates, and its line.

    Without ``to`` the project returns to the phase in which it was last put on hold, and what waited is due later.
    """
    return (
        """
        WITH before AS (
            SELECT project.id, project.phase, coalesce(%(to)s::project_phase, phase_held_in(project.id)) AS target
            FROM projects AS project
            JOIN clients AS client ON client.id = project.client_id
            WHERE project.id = %(project_id)s
                AND project.phase = ANY(%(sources)s::project_phase[])
                AND (project.phase <> 'on_hold' OR client.status <> 'churned')
        ), project AS (
            UPDATE projects
            SET phase = before.target
            FROM before
            WHERE projects.id = before.id AND before.target IS NOT NULL
            RETURNING projects.*
        ), transition AS (
            INSERT INTO phase_transitions (project_id, from_phase, to_phase, triggered_by, gate_checks)
            SELECT project.id, before.phase, project.phase, %(actor_name)s, %(gate_checks)s
            FROM before, project
            RETURNING *
        ), held AS (
            SELECT phase_transitions.project_id, day_of(phase_transitions.created_at) AS since
            FROM project
            JOIN phase_transitions ON phase_transitions.project_id = project.id AND to_phase = 'on_hold'
            WHERE (SELECT phase FROM before) = 'on_hold'
            ORDER BY phase_transitions.id DESC
            LIMIT 1
        ), waited AS (
            SELECT task.id, due_date, working_days_before(greatest(held.since, day_of(task.created_at))) AS since
            FROM held
            JOIN project_tasks AS task ON task.project_id = held.project_id
            WHERE task.status NOT IN ('completed', 'skipped')
            UNION ALL
            SELECT item.id, due_date, working_days_before(greatest(held.since, day_of(item.created_at)))
            FROM held
            JOIN meetings AS meeting ON meeting.project_id = held.project_id
            JOIN meeting_action_items AS item ON item.meeting_id = meeting.id
            WHERE item.status IN ('open', 'in_progress')
        ), due AS MATERIALIZED (
            SELECT id, least(
                working_days_later(due_date, working_days_before(today()) - since), '2199-12-31'
            ) AS due_date
            FROM waited
            WHERE since < working_days_before(today())
        ), moved_tasks AS (
            UPDATE project_tasks
            SET due_date = due.due_date
            FROM due
            WHERE project_tasks.id = due.id AND project_tasks.due_date IS NOT NULL
            RETURNING project_tasks.id
        ), moved_action_items AS (
            UPDATE meeting_action_items
            SET due_date = due.due_date
            FROM due
            WHERE meeting_action_items.id = due.id AND meeting_action_items.due_date IS NOT NULL
            RETURNING meeting_action_items.id
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'project', project.id, project.id, 'phase_changed', %(actor_type)s, %(actor_name)s, %(context)s,
                jsonb_strip_nulls(jsonb_build_object(
                    'changes', jsonb_build_object('phase', jsonb_build_array(before.phase, project.phase)),
                    'tasks_moved', (SELECT nullif(count(*), 0) FROM moved_tasks),
                    'action_items_moved', (SELECT nullif(count(*), 0) FROM moved_action_items),
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
            "sources": sources,
            "gate_checks": Jsonb(gate_checks),
            "reason": reason,
            **actor(),
        },
    )


def _advanced(row: dict[str, Any]) -> AdvancedProject:
    return {"transition": _transition_type().validate_python(row.pop("transition")), "project": row}  # pyright: ignore[reportReturnType]


@cache
def _transition_type() -> TypeAdapter[PhaseTransition]:
    """Return the adapter that reads a transition from its JSON."""
    return TypeAdapter(PhaseTransition)
