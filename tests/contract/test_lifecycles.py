"""The tables of moves: complete, and in step with the database."""

import re
from enum import StrEnum
from typing import Any

import pytest

from studio_data.contract.domain import domains
from studio_data.contract.lifecycle import Lifecycle
from studio_data.errors import InvalidTransitionError
from studio_data.tools.practice.rules.lifecycles import FEE, TASK, TaskStatus
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
    assert CLIENT.sources_of(ClientStatus.LEAD) == ["churned"]
    assert TASK.sources_of(TaskStatus.SKIPPED) == ["not_started", "in_progress", "blocked"]


@each_lifecycle
def test_the_diagram_in_the_docs_is_drawn_from_the_table(lifecycle: Lifecycle[Any]) -> None:
    heading = f"### {lifecycle.entity_type.replace('_', ' ').capitalize()}\n"
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    (diagram,) = [page.split(heading)[1].split("```")[1] for page in pages if heading in page]

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert drawn == {(source.value, target.value) for source, targets in lifecycle.moves.items() for target in targets}
