"""The tables of moves: complete, and in step with the database."""

import re
from enum import StrEnum
from typing import Any

import pytest

from studio_data import acting_as, db
from studio_data.contract.domain import domains
from studio_data.contract.fields import Name
from studio_data.contract.lifecycle import Lifecycle
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.errors import InvalidTransitionError, RuleViolationError
from studio_data.tools.available_actions import available_actions
from studio_data.tools.clients import Client, create_client
from studio_data.tools.pipeline import churn_client
from studio_data.tools.practice.phases import advance_project, resume_project
from studio_data.tools.practice.rules.lifecycles import FEE, TASK, TaskStatus
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import CLIENT, ClientStatus
from tests.conftest import ROOT

each_lifecycle = pytest.mark.parametrize(
    "lifecycle",
    [lifecycle for domain in domains().values() for lifecycle in domain.lifecycles],
    ids=lambda lifecycle: lifecycle.entity_type,
)


@each_lifecycle
def test_every_state_has_its_moves_and_can_be_reached(lifecycle: Lifecycle[Any]) -> None:
    start: StrEnum = next(iter(lifecycle.moves))
    assert set(lifecycle.moves) == set(type(start))
    reached = {start}
    for _ in lifecycle.moves:
        reached |= {target for source in reached for target in lifecycle.moves[source]}
    assert reached == set(lifecycle.moves)


@each_lifecycle
def test_no_state_moves_to_itself(lifecycle: Lifecycle[Any]) -> None:
    assert [state for state, allowed in lifecycle.moves.items() if state in allowed] == []


def test_a_refusal_names_the_moves_that_are_allowed() -> None:
    error = CLIENT.refusal("x", "lead", "active")

    assert isinstance(error, InvalidTransitionError)
    assert str(error) == "Client x is lead and cannot become active. From lead it may become qualified or churned."
    assert error.details == {
        "entity_type": "client", "id": "x", "from": "lead", "to": "active", "allowed": ["qualified", "churned"], "calls": [],
    }  # fmt: skip
    assert str(FEE.refusal("x", "paid", "overdue")) == "Fee x is paid and cannot become overdue. paid is final."


def test_sources_are_the_states_a_move_may_start_from() -> None:
    assert CLIENT.sources_of(ClientStatus.LEAD) == ["completed", "churned"]
    assert TASK.sources_of(TaskStatus.SKIPPED) == ["not_started", "in_progress", "blocked"]


@each_lifecycle
def test_the_diagram_in_the_docs_is_drawn_from_the_table(lifecycle: Lifecycle[Any]) -> None:
    heading = f"### {lifecycle.entity_type.replace('_', ' ').capitalize()}\n"
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    (diagram,) = [page.split(heading)[1].split("```")[1] for page in pages if heading in page]

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert drawn == {(source.value, target.value) for source, targets in lifecycle.moves.items() for target in targets}


# Refusals that help -----------------------------------------------------------------------------------------------------


def test_a_call_made_twice_is_told_so_and_not_led_back() -> None:
    client = create_client("Ann")
    churn_client(client["id"], reason="Moved away.")

    with pytest.raises(InvalidTransitionError, match=rf"Client 'Ann' \({client['id']}\) is already churned") as raised:
        churn_client(client["id"], reason="Moved away.")
    assert raised.value.details["calls"] == []


def test_what_another_tool_makes_names_that_tool() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]

    with pytest.raises(InvalidTransitionError) as raised, acting_as("user", "Maria"):
        advance_project(project["id"], to="on_hold")
    assert raised.value.message == (
        f"Project 'LR' ({project['id']}) is conceptual_design. hold_project, not advance_project, makes it on_hold."
    )
    assert raised.value.hint == "Call hold_project."


def test_a_project_held_past_the_tools_says_what_is_missing() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "furnishings")["project"]
    db.one("UPDATE projects SET phase = 'on_hold'")

    with pytest.raises(RuleViolationError) as raised:
        resume_project(project["id"])
    assert raised.value.details["rule"] == "held_projects_have_a_transition"
    assert available_actions("project", project["id"])["available"] == []


def test_people_only_names_arguments_that_the_tool_has() -> None:
    for names, message in (("reason", "in a list"), (["reason"], "takes no argument reason")):
        with pytest.raises(TypeError, match=message):

            @tool(roles=[Role.STUDIO_MANAGER], people_only=names)
            def greet(name: Name) -> Client:  # pyright: ignore[reportUnusedFunction]
                """Greet a client."""
                return create_client(name)
