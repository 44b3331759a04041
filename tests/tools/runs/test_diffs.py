"""Diffs of prompts: right, and done in time whatever the prompts are."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_data.tools.runs.prompts import diff_prompts, save_prompt
from studio_data.tools.runs.rules import diffs
from studio_data.tools.runs.rules.diffs import unified

LINES = st.lists(st.sampled_from("abc"), max_size=24)


def applied(before: list[str], diff: str) -> list[str]:
    """Apply a unified diff, as patch does."""
    result: list[str] = []
    place = 0
    for line in diff.split("\n")[2:] if diff else []:
        if line.startswith("@@"):
            start, _, length = line.split()[1][1:].partition(",")
            begins = int(start) - (length != "0")
            result += before[place:begins]
            place = begins
        elif line.startswith("+"):
            result.append(line[1:])
        else:
            assert before[place] == line[1:]
            place += 1
            result += [] if line.startswith("-") else [line[1:]]
    return result + before[place:]


@given(before=LINES, after=LINES)
@pytest.mark.parametrize("most", [1_000_000, -1], ids=["by line", "as one change"])
def test_a_diff_leads_from_one_text_to_the_other(most: int, before: list[str], after: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(diffs, "MOST_PAIRS", most)

        if before != after:
            assert applied(before, unified(before, after, "a", "b")) == after


def test_prompts_of_which_a_diff_would_take_minutes_are_compared_in_seconds() -> None:
    chance = random.Random(1)
    for _ in range(2):
        save_prompt("eng", prompt_content="\n".join(str(chance.randrange(150)) for _ in range(50_000)))

    started = time.monotonic()
    diff = diff_prompts("eng", before=1, after=2)["diff"]
    assert time.monotonic() - started < 8
    assert diff.count("@@ -") == 1


def test_a_small_change_of_a_long_prompt_is_shown_alone() -> None:
    lines = [f"{number % 7}" for number in range(60_000)]
    save_prompt("eng", prompt_content="\n".join(lines))
    lines[30_000] = "Be brief."
    save_prompt("eng", prompt_content="\n".join(lines))

    diff = diff_prompts("eng", before=1, after=2)["diff"].split("\n")
    assert len(diff) == 3 + 3 + 2 + 3
    assert [line for line in diff[3:] if line[0] != " "] == ["-5", "+Be brief."]
