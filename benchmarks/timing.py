"""How calls are timed: variants take turns, every call counts, medians and 99th percentiles are what is told."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

median = statistics.median


@dataclass
class Timings:
    """How long each call of one variant took, in microseconds."""

    micros: list[float] = field(default_factory=list[float])

    @property
    def median(self) -> float:
        """The median, in microseconds."""
        return statistics.median(self.micros)

    @property
    def p99(self) -> float:
        """What 99 of 100 calls stay under, in microseconds."""
        return statistics.quantiles(self.micros, n=100)[98]


def timed(call: Callable[[], object], calls: int) -> list[float]:
    """Make so many calls and return how long each took, in microseconds."""
    taken: list[float] = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1e6)
    return taken


def interleaved(variants: Mapping[str, Callable[[], object]], *, rounds: int, calls: int) -> dict[str, Timings]:
    """Time every variant in every round; see ``in_turns``."""
    turns = {name: partial(timed, call) for name, call in variants.items()}
    return in_turns(turns, rounds=rounds, calls=calls)


def in_turns(turns: Mapping[str, Callable[[int], list[float]]], *, rounds: int, calls: int) -> dict[str, Timings]:
    """Give every variant a turn of so many calls in every round, after a round that does not count.

    Each round begins with another variant. A turn returns how long each of its calls took, in microseconds.
    """
    names = list(turns)
    timings = {name: Timings() for name in names}
    for number in range(rounds + 1):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            taken = turns[name](calls)
            if number:
                timings[name].micros += taken
    return timings
