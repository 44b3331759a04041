"""Keys that hold where a provider's own ids repeat, and repetitions that are told."""

from typing import Any

import pytest

from studio_data import call, call_key, db, tool_call_key
from studio_data.contract import ledger
from studio_data.errors import CallCancelledError, ConfigurationError, InvalidInputError, StudioError, UnavailableError
from studio_data.tools.clients import create_client
from tests.support import clients


def keys() -> list[str]:
    return [row["key"] for row in db.many("SELECT key FROM call_ledger ORDER BY key")]


# A model's call -------------------------------------------------------------------------------------------------------


def test_two_lamps_whose_calls_have_one_id_are_two_lamps() -> None:
    lamp = {"name": "Ann"}  # a provider that begins each answer with call_0
    answers = [
        call("create_client", lamp, key=tool_call_key("run-1", turn=turn, position=position, tool_call_id="call_0"))
        for turn, position in [(1, 0), (2, 0), (2, 1), (2, 1)]
    ]

    assert len({answer["id"] for answer in answers}) == clients() == 3
    assert [answer.get("repeated", False) for answer in answers] == [False, False, False, True]
    assert keys() == ["run-1/1.0/call_0", "run-1/2.0/call_0", "run-1/2.1/call_0"]


def test_no_two_calls_have_one_key() -> None:
    of_calls = [
        ("run", 1, 0, "call_0"), ("run", 10, 0, "call_0"), ("run", 1, 10, "call_0"), ("run/1.0", 1, 0, "call_0"),
        ("run", 1, 0, "1.0/call_0"), ("run", 1, 0, None), ("run", 1, 0, "call 0"), ("run", 1, 0, "call%200"),
        ("run", 1, 0, "x" * 300), ("run", 1, 0, "x" * 301), ("run", 1, 0, "call\n0"), ("run", 1, 0, "\ud800"),
    ]  # fmt: skip
    made = [
        tool_call_key(run, turn=turn, position=position, tool_call_id=call_id) for run, turn, position, call_id in of_calls
    ]

    assert len(set(made)) == len(of_calls)
    for number, key in enumerate(made, start=1):
        with call_key(key):
            create_client("Ann")
        assert clients() == number


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run_id": ""}, "run_id must not be empty or blank."),
        ({"run_id": None}, "run_id must be text, not nothing."),
        ({"turn": -1}, "turn must be between 0 and 1,000,000."),
        ({"position": "0"}, "position must be a whole number, not str."),
    ],
)
def test_what_names_no_call_makes_no_key(given: dict[str, Any], message: str) -> None:
    def make() -> str:
        whole: dict[str, Any] = {"run_id": "run-1", "turn": 1, "position": 0} | given
        return tool_call_key(**whole)

    with pytest.raises(InvalidInputError, match=message):
        make()


def test_the_block_of_a_key_tells_a_repetition() -> None:
    with call_key("k") as key:
        first = create_client("Ann")
        assert not key.repeated
        assert create_client("Ann") == first
        assert key.repeated


def test_a_commit_whose_answer_was_lost_is_no_repetition(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = ledger._once
    lost: list[Any] = []

    def lose_the_first_answer(*given: Any) -> Any:
        answer = execute(*given)
        if not lost:
            lost.append(answer)
            raise UnavailableError("The connection broke.", outcome="unknown")
        return answer

    monkeypatch.setattr(ledger, "_once", lose_the_first_answer)
    with call_key("k") as key:
        assert create_client("Ann") == lost[0]
    assert (key.repeated, clients()) == (False, 1)


@pytest.mark.parametrize(
    "later",
    [
        UnavailableError("The database cannot be reached."),
        ConfigurationError("The database refused the connection."),
        CallCancelledError(),
    ],
)
def test_an_attempt_that_may_have_written_stays_unknown_whatever_ends_the_call(
    monkeypatch: pytest.MonkeyPatch, later: StudioError
) -> None:
    errors = iter([UnavailableError("The connection broke.", outcome="unknown")])

    def fail(*_: Any) -> Any:
        raise next(errors, later)

    monkeypatch.setattr(ledger, "_once", fail)
    monkeypatch.setattr(ledger, "in_transaction", lambda: False)
    answer = call("create_client", {"name": "Ann"}, key="k")

    assert answer["message"] == later.message
    assert (answer["outcome"], answer["details"]["outcome"]) == ("unknown", "unknown")
    may_be_called_again = not isinstance(later, ConfigurationError)
    assert answer["retryable"] == may_be_called_again
    assert (answer["hint"] == "Call again with the same key: nothing is written twice.") == may_be_called_again


def test_attempts_that_wrote_nothing_stay_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise UnavailableError("The database cannot be reached.")

    monkeypatch.setattr(ledger, "_once", fail)
    monkeypatch.setattr(ledger, "in_transaction", lambda: False)

    assert call("create_client", {"name": "Ann"}, key="k")["outcome"] == "not_done"
