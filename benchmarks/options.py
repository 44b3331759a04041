"""What a run of the benchmarks was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    server_url: str
    rounds: int
    """How often the variants take turns."""
    calls: int
    """How many calls a variant makes in its turn."""
    rows: int
    """How many lines the large audit trail of ``growth`` has, and no other section's practice more."""
    repetitions: int
    """How many calls ``memory`` makes."""
