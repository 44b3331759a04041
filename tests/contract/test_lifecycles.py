"""The tables of moves: complete, and in step with the database."""

import re
from enum import StrEnum
from typing import Any

import pytest

from studio_data.contract import lifecycles
from studio_data.contract.lifecycles import LIFECYCLES, Lifecycle
from studio_data.errors import InvalidTransitionError
from studio_data.tools.runs.rules import lifecycles as agent_lifecycles
from studio_data.tools.runs.rules.lifecycles import AGENT_LIFECYCLES
from tests.conftest import ROOT
from tests.postgres.test_schema import AGENT_ENUMS, ENUMS

each_lifecycle = pytest.mark.parametrize(
    "lifecycle", [*LIFECYCLES, *AGENT_LIFECYCLES], ids=lambda lifecycle: lifecycle.entity_type
)
NAMES = {"PurchaseOrderStatus": "po_status"}


def enums() -> list[type[StrEnum]]:
    members = (*vars(lifecycles).values(), *vars(agent_lifecycles).values())
    return [found for found in members if isinstance(found, type) and issubclass(found, StrEnum) and found is not StrEnum]


@pytest.mark.parametrize("enum", enums(), ids=lambda enum: enum.__name__)
def test_the_librarys_enums_are_the_databases(enum: type[StrEnum]) -> None:
    name = NAMES.get(enum.__name__, re.sub(r"(?<!^)([A-Z])", r"_\1", enum.__name__).lower())

    assert ", ".join(enum) == (ENUMS | AGENT_ENUMS)[name]


def test_every_enum_of_the_database_is_in_the_library() -> None:
    assert len(enums()) == len(ENUMS | AGENT_ENUMS)


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
    error = lifecycles.CLIENT.refusal("x", "lead", "active")

    assert isinstance(error, InvalidTransitionError)
    assert str(error) == "Client x is lead and cannot become active. From lead it may become qualified or churned."
    assert error.details == {
        "entity_type": "client", "id": "x", "from": "lead", "to": "active", "allowed": ["qualified", "churned"],
    }  # fmt: skip
    assert str(lifecycles.FEE.refusal("x", "paid", "overdue")) == "Fee x is paid and cannot become overdue. paid is final."


def test_sources_are_the_states_a_move_may_start_from() -> None:
    assert lifecycles.CLIENT.sources_of(lifecycles.ClientStatus.LEAD) == ["churned"]
    assert lifecycles.TASK.sources_of(lifecycles.TaskStatus.SKIPPED) == ["not_started", "in_progress", "blocked"]


@each_lifecycle
def test_the_diagram_in_the_docs_is_drawn_from_the_table(lifecycle: Lifecycle[Any]) -> None:
    heading = f"### {lifecycle.entity_type.replace('_', ' ').capitalize()}\n"
    page = "practice.md" if lifecycle in LIFECYCLES else "agent-runs.md"
    diagram = (ROOT / "docs" / page).read_text(encoding="utf-8").split(heading)[1].split("```")[1]

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert drawn == {(source.value, target.value) for source, targets in lifecycle.moves.items() for target in targets}
