"""Every pair of states of a lifecycle, through the tools."""

from collections.abc import Callable
from typing import Any

import pytest

from studio_data import db
from studio_data.contract.lifecycle import Lifecycle
from studio_data.errors import InvalidTransitionError


def every_pair(lifecycle: Lifecycle[Any]) -> pytest.MarkDecorator:
    """Run the test for each state to move from and each to move to: ``source`` and ``target``."""
    pairs = [(source, target) for source in lifecycle.moves for target in lifecycle.moves]
    return pytest.mark.parametrize(("source", "target"), pairs, ids=str)


def assert_move(
    lifecycle: Lifecycle[Any], source: str, target: str, move: Callable[[], Any], status: Callable[[], str]
) -> None:
    """Assert that the move is made and logged if the lifecycle allows it, and else refused without a trace."""
    before = lines()
    allowed = [state.value for state in lifecycle.moves[source]]
    if target in allowed:
        move()
        assert status() == target
        changes = [line["metadata"]["changes"]["status"] for line in lines()[len(before) :] if "changes" in line["metadata"]]
        assert [source, target] in changes
        return
    with pytest.raises(InvalidTransitionError) as raised, db.transaction():
        move()
    assert raised.value.details["from"] == source
    assert raised.value.details["allowed"] == allowed
    assert status() == source
    assert lines() == before


def lines() -> list[dict[str, Any]]:
    """Return the audit trail, the oldest line first."""
    return db.many("SELECT * FROM activity_log ORDER BY id")
