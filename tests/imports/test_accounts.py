"""Every row of an import comes to one end, and the refused ones are named."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies

from studio_data.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    PermissionDeniedError,
    StudioError,
    UnavailableError,
)
from studio_data.imports.accounts import Account, Refused, Row, claim, in_halves


def test_rows_are_counted_as_they_are_read_and_as_they_end() -> None:
    account = Account("rooms", "tasks")
    rows = list(account.reading(Row("tasks", number, {}, id=f"t{number}", of="hall") for number in range(5)))

    account.took("tasks", 3, new=1)
    for row in rows[3:]:
        account.refuse(row, "No.")

    counts = account.counts["tasks"]
    assert (counts.read, counts.new, counts.known, counts.refused) == (5, 1, 2, 2)
    assert account.counts["rooms"].read == 0
    assert account.refused == [Refused("tasks", 3, "t3", "hall", "No."), Refused("tasks", 4, "t4", "hall", "No.")]


def test_a_refused_row_is_named_in_a_line_however_long_its_id() -> None:
    account = Account("tasks")

    account.refuse(Row("tasks", 1, {}, id="x" * 1_000_000, of="y" * 1_000_000), "No.")

    assert account.refused == [Refused("tasks", 1, "x" * 200, "y" * 200, "No.")]


def test_the_first_row_with_a_name_has_it() -> None:
    names: dict[str, Row] = {}
    first, second = Row("tasks", 4, {}), Row("tasks", 9, {})

    claim(names, "task 7", first)
    claim(names, "task 8", second)
    with pytest.raises(InvalidInputError, match="It is task 7, and so is row 4"):
        claim(names, "task 7", second)


@given(
    strategies.integers(1, 60).flatmap(
        lambda n: strategies.tuples(strategies.just(n), strategies.sets(strategies.integers(0, n - 1)))
    )
)
def test_only_the_rows_that_are_refused_alone_are_left_out(drawn: tuple[int, set[int]]) -> None:
    count, bad = drawn
    taken: list[int] = []

    def take(rows: Sequence[int]) -> int:
        if bad.intersection(rows):
            raise ConflictError(f"Not {sorted(bad.intersection(rows))}.")
        taken.extend(rows)
        return len(rows)

    answers, refused = in_halves(range(count), take)

    assert taken == [row for row in range(count) if row not in bad]
    assert sum(answers) == len(taken)
    assert [(row, error.message) for row, error in refused] == [(row, f"Not [{row}].") for row in sorted(bad)]


@pytest.mark.parametrize(
    "error", [UnavailableError("Away."), PermissionDeniedError("No."), ConfigurationError("Wrong.")], ids=lambda e: e.code
)
def test_what_is_no_rows_fault_ends_the_import(error: StudioError) -> None:
    calls: list[Sequence[int]] = []

    def take(rows: Sequence[int]) -> None:
        calls.append(rows)
        raise error

    with pytest.raises(type(error)):
        in_halves([1, 2, 3, 4], take)
    assert len(calls) == 1
