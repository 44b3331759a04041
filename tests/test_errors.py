"""Every error says what became of the call's write."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

import studio_data.mcp.answers  # it has an error of its own
from studio_data.errors import (
    CallCancelledError,
    Outcome,
    RuleViolationError,
    StudioError,
    UnavailableError,
)

UNKNOWN_AT_FIRST = {studio_data.mcp.answers.InternalError}


def classes(root: type[StudioError] = StudioError) -> Iterator[type[StudioError]]:
    yield root
    for kind in root.__subclasses__():
        yield from classes(kind)


def made(kind: type[StudioError]) -> StudioError:
    match kind:
        case _ if kind is CallCancelledError:
            return CallCancelledError()
        case _ if issubclass(kind, RuleViolationError):
            return kind("A fact.", rule="a_rule", found=1)
        case _:
            return kind("A fact.")


@pytest.mark.parametrize("kind", list(classes()))
def test_every_error_says_what_became_of_the_write(kind: type[StudioError]) -> None:
    told = made(kind).to_dict()

    assert told.keys() == {"code", "message", "hint", "details", "retryable", "outcome"}
    assert told["outcome"] == ("unknown" if kind in UNKNOWN_AT_FIRST else "not_done")
    assert told["retryable"] == issubclass(kind, (UnavailableError, CallCancelledError))


@pytest.mark.parametrize("outcome", get_args(Outcome.__value__))
def test_only_what_was_not_done_may_be_retried_without_a_key(outcome: Any) -> None:
    told = UnavailableError("A fact.", outcome=outcome).to_dict()

    assert (told["outcome"], told["details"]["outcome"], told["retryable"]) == (outcome, outcome, outcome == "not_done")
