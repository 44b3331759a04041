"""The account of an import: every row that is read becomes new, is known already, or is refused and named."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from studio_data.contract.validators import LONGEST_LINE
from studio_data.errors import ConfigurationError, InvalidInputError, PermissionDeniedError, StudioError, UnavailableError

ENDS_THE_IMPORT = (UnavailableError, PermissionDeniedError, ConfigurationError)
"""What is no row's fault, and would refuse the next row as well."""


@dataclass(slots=True)
class Row:
    """A row of a source, and how a person finds it there."""

    kind: str
    number: int
    """Its rowid in an SQLite table, or its place."""
    values: dict[str, Any]
    id: str | None = None
    """Its own id in the source, as text."""
    of: str | None = None
    """The row that it belongs to, as it says itself."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was left out, and why."""

    kind: str
    row: int
    id: str | None
    of: str | None
    reason: str


@dataclass(slots=True)
class Counts:
    """How many rows of a kind were read, and what became of them."""

    read: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0


class Account:
    """What became of every row of a source: of each kind, read = new + known + refused."""

    def __init__(self, *kinds: str) -> None:
        self.counts = {kind: Counts() for kind in kinds}
        self.refused: list[Refused] = []

    def reading(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, and count each as read."""
        for row in rows:
            self.counts[row.kind].read += 1
            yield row

    def took(self, kind: str, rows: int, *, new: int) -> None:
        """Count rows that a tool took; those that are not new were known."""
        self.counts[kind].new += new
        self.counts[kind].known += rows - new

    def refuse(self, row: Row, reason: str) -> None:
        """Count and name a row that is left out. An id longer than a line is cut."""
        self.counts[row.kind].refused += 1
        own_id, of = (name and name[:LONGEST_LINE] for name in (row.id, row.of))
        self.refused.append(Refused(row.kind, row.number, own_id, of, reason))


def claim(names: dict[str, Row], name: str, row: Row) -> None:
    """Give a name to the first row that has it. Raises ``InvalidInputError`` for a later one."""
    first = names.setdefault(name, row)
    if first is not row:
        raise InvalidInputError(
            f"It is {name}, and so is row {first.number}.",
            hint="Blanks and invisible characters around a name do not count.",
        )


def in_halves[R, A](rows: Sequence[R], take: Callable[[Sequence[R]], A]) -> tuple[list[A], list[tuple[R, StudioError]]]:
    """Let ``take`` have the rows, all at once or, where that is refused, in halves, down to the rows that it refuses alone.

    Returns its answers, and each refused row with its error. Raises what ends the import.
    """
    try:
        return [take(rows)], []
    except ENDS_THE_IMPORT:
        raise
    except StudioError as error:
        if len(rows) == 1:
            return [], [(rows[0], error)]
    middle = len(rows) // 2
    answers, refused = in_halves(rows[:middle], take)
    more_answers, more_refused = in_halves(rows[middle:], take)
    return answers + more_answers, refused + more_refused
