"""A diff of two texts in bounded time: a call must not hold the interpreter for the others."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import unified_diff

CONTEXT = 3
_PLACE = re.compile(r"([-+])([0-9]+)")

MOST_PAIRS = 1_000_000
"""How many pairs of equal lines are compared at most: difflib's time grows with them."""


def unified(before: Sequence[str], after: Sequence[str], before_name: str, after_name: str) -> str:
    """Return a unified diff; between texts with too many equal lines, all lines that differ as one change.

    The lines that both texts begin and end with are never part of that change.
    """
    first = _common(before, after)
    last = _common(before[first:][::-1], after[first:][::-1])
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    in_new = Counter(new)
    if sum(count * in_new[line] for line, count in Counter(old).items()) > MOST_PAIRS:
        header = f"@@ -{first + bool(old)},{len(old)} +{first + bool(new)},{len(new)} @@"
        changed = [header, *(f"-{line}" for line in old), *(f"+{line}" for line in new)]
        return "\n".join([f"--- {before_name}", f"+++ {after_name}", *changed])
    start = max(0, first - CONTEXT)
    old, new = before[start : len(before) - last + CONTEXT], after[start : len(after) - last + CONTEXT]
    diff = unified_diff(old, new, before_name, after_name, n=CONTEXT, lineterm="")
    return "\n".join(_moved(line, start) if line.startswith("@@") else line for line in diff)


def _moved(header: str, lines: int) -> str:
    """Return the header of a hunk that begins so many lines further on."""
    return _PLACE.sub(lambda place: f"{place[1]}{int(place[2]) + lines}", header)


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """Return with how many equal lines both begin."""
    count = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        count += 1
    return count
