"""Agent prompts: numbered versions, one of them active."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from studio_data import db
from studio_data.errors import InvalidInputError, NotFoundError, RuleViolationError
from studio_data.tools.runs import prompts
from studio_data.tools.runs.prompts import (
    activate_prompt,
    diff_prompts,
    get_prompt,
    list_prompts,
    roll_back_prompt,
    save_prompt,
)
from tests.support.lifecycle import lines


def three_versions() -> None:
    for number in (1, 2, 3):
        save_prompt("eng", f"You write plans.\nRule {number}.", note=f"The {number}.")


def active() -> list[int]:
    rows = db.many("SELECT version_number FROM agent_prompt_versions WHERE is_active")
    return [row["version_number"] for row in rows]


def test_versions_are_numbered_by_profile_and_inactive_until_they_are_activated() -> None:
    three_versions()

    assert save_prompt("qa", "You look for mistakes.")["version_number"] == 1
    assert active() == []
    with pytest.raises(NotFoundError, match="The profile eng has no active prompt"):
        get_prompt("eng")
    assert get_prompt("eng", version_number=2)["prompt_content"] == "You write plans.\nRule 2."
    assert [prompt["version_number"] for prompt in list_prompts(profile_name="eng")["items"]] == [3, 2, 1]


def test_one_version_is_active_and_the_trail_says_what_it_was_before() -> None:
    three_versions()

    activate_prompt("eng", 1)
    assert activate_prompt("eng", 3)["is_active"]

    assert active() == [3]
    assert get_prompt("eng")["version_number"] == 3
    assert lines()[-1]["metadata"] == {
        "user_action": "prompt_updated",
        "profile_name": "eng",
        "version_number": 3,
        "active_before": 1,
    }


def test_activating_what_is_not_there_leaves_the_active_one() -> None:
    three_versions()
    activate_prompt("eng", 2)
    before = lines()

    with pytest.raises(NotFoundError, match="has no version 4 of its prompt"):
        activate_prompt("eng", 4)
    assert (active(), lines()) == ([2], before)


def test_a_profile_is_rolled_back_to_what_it_has_worked_with() -> None:
    three_versions()
    activate_prompt("eng", 1)
    activate_prompt("eng", 3)

    assert roll_back_prompt("eng")["version_number"] == 1  # 2 was never active
    assert active() == [1]
    with pytest.raises(RuleViolationError, match="The prompt of eng has no version before 1 that was active") as raised:
        roll_back_prompt("eng")
    assert raised.value.details["rule"] == "older_prompt_was_active"
    with pytest.raises(NotFoundError, match="The profile qa has no active prompt"):
        roll_back_prompt("qa")


def roll_back(times: int) -> list[int]:
    return [roll_back_prompt("eng")["version_number"] for _ in range(times)]


def activate(*numbers: int) -> None:
    for number in numbers:
        activate_prompt("eng", number)


def test_a_rollback_goes_by_history_and_not_by_numbers() -> None:
    three_versions()

    activate(1, 2)
    assert roll_back(1) == [1]
    activate(3)
    assert roll_back(1) == [1]
    with pytest.raises(RuleViolationError, match="no version before 1"):
        roll_back_prompt("eng")
    activate(2)
    assert roll_back(1) == [1]


def test_a_rollback_may_lead_to_a_newer_version() -> None:
    three_versions()
    activate(3, 1, 2, 2, 1)

    assert get_prompt("eng")["rolls_back_to"] == [3, 1, 2]
    assert roll_back(3) == [2, 1, 3]
    assert lines()[-1]["metadata"]["active_before"] == 1


def test_only_the_active_version_has_a_history() -> None:
    three_versions()
    activate(1, 2, 3)

    assert [get_prompt("eng", version_number=number)["rolls_back_to"] for number in (1, 2, 3)] == [[], [], [1, 2]]


def test_a_long_history_forgets_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "LONGEST_HISTORY", 2)
    three_versions()
    activate(1, 2, 3, 1)

    assert roll_back(2) == [3, 2]
    with pytest.raises(RuleViolationError):
        roll_back_prompt("eng")


def test_two_versions_are_compared_line_by_line() -> None:
    three_versions()

    found = diff_prompts("eng", before=1, after=3)
    assert found["diff"].splitlines()[-3:] == [" You write plans.", "-Rule 1.", "+Rule 3."]
    assert diff_prompts("eng", before=2, after=2)["diff"] == ""
    with pytest.raises(NotFoundError, match="no version 9"):
        diff_prompts("eng", before=1, after=9)


def test_a_prompt_may_be_long_but_not_endless() -> None:
    assert len(save_prompt("eng", "x" * 200_000)["prompt_content"]) == 200_000
    with pytest.raises(InvalidInputError, match="at most 200,000 characters"):
        save_prompt("eng", "x" * 200_001)


def test_versions_that_are_saved_and_activated_at_once_stay_in_order(committed_db: str) -> None:
    def work(_: int) -> int:
        saved = save_prompt("eng", "You write plans.")
        activate_prompt("eng", saved["version_number"])
        return saved["version_number"]

    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(work, range(24)))

    assert sorted(numbers) == list(range(1, 25))
    assert len(active()) == 1
    activations = [line["metadata"] for line in lines() if line["action"] == "updated"]
    chain = [(line["active_before"], line["version_number"]) for line in activations]
    assert sorted(after for _, after in chain) == list(range(1, 25))
    assert sorted(before for before, _ in chain if before) == sorted({after for _, after in chain} - set(active()))
