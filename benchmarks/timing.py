"""How calls are timed: variants take turns, every call counts, medians and 99th percentiles are what is told."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
    """Time every variant in every round, after a round that does not count; each round begins with another variant."""
    names = list(variants)
    timings = {name: Timings() for name in names}
    for turn in range(rounds + 1):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            taken = timed(variants[name], calls)
            if turn:
                timings[name].micros += taken
    return timings
