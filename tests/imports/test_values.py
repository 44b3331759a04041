"""What a file holds, as the tools take it: never a guess, and never a date that nobody meant."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies

from studio_data.errors import InvalidInputError
from studio_data.imports.values import (
    EARLIEST,
    LATEST_AHEAD,
    NotText,
    converted,
    identifier,
    json_object,
    moment,
    truth,
    unchanged,
)

THEN = datetime(2021, 7, 26, 12, 51, 46, tzinfo=UTC)
A_MILLISECOND = timedelta(milliseconds=1)
MOMENTS = strategies.datetimes(
    EARLIEST.replace(tzinfo=None), datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None), timezones=strategies.just(UTC)
)
ANYTHING = strategies.one_of(
    strategies.none(), strategies.booleans(), strategies.integers(-(2**63), 2**63), strategies.floats(), strategies.binary(),
    strategies.text(), strategies.from_regex(r"\d{1,20}(\.\d{0,8})?"),
    strategies.from_regex(r"\d{4}-?\d\d-?\d\d[T ]?(\d\d:?\d\d:?\d\d)?(Z|[+-]\d\d:?\d\d)?"),
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        1627303906122, 1627303906, 2459422.03595, "2021-07-26 12:51:46", "2021-07-26T14:51:46+02:00", "1627303906",
        1627303906.122, "1627303906122", "1627303906.122", "2459422.03595", "2021-07-26T12:51:46Z", "2021-07-26t12:51:46z",
        "2021-07-26 12:51:46.122", "2021-07-26 12:51:46,122", "2021-07-26T05:51:46-0700", "2021-07-26T14:51:46+02",
        " 2021-07-26 12:51:46\n", 20210726125146, "20210726125146", "20210726T125146", "20210726T125146Z",
        "20210726T145146+0200", 20210726125146.0,
    ],
)  # fmt: skip
def test_every_form_of_a_time_is_the_same_moment(value: Any) -> None:
    found = moment(value)

    assert found is not None
    assert abs(found - THEN) < timedelta(seconds=1)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (20260101, datetime(2026, 1, 1, tzinfo=UTC)), ("20260101", datetime(2026, 1, 1, tzinfo=UTC)),
        (20260101.0, datetime(2026, 1, 1, tzinfo=UTC)), ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        (2459422, datetime(2021, 7, 26, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_compact_date_and_a_julian_day_are_days_and_no_seconds(value: Any, day: datetime) -> None:
    assert moment(value) == day


@pytest.mark.parametrize("value", [None, "", " ", "\t\n"])
def test_nothing_is_no_time(value: Any) -> None:
    assert moment(value) is None


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("soon", "'soon'"), (b"2026-01-01", "a blob of 10 bytes"), (True, "True"), (0, "0"), (86_400, "86400"),
        (-1_627_303_906, "-1627303906"), (1_627_303_906_122_000, "1627303906122000"), (20261301, "20261301"),
        ("20260230", "'20260230'"), ("2026-02-30", "'2026-02-30'"), ("20260101123", "'20260101123'"),
        ("2026-01-01T25:00", "'2026-01-01T25:00'"), ("01/02/2026", "'01/02/2026'"), ("2026", "'2026'"),
        ("2026-W01-1", "'2026-W01-1'"), (float("inf"), "inf"), (20260101.5, "20260101.5"), ("1e9", "'1e9'"),
        ("2026-01-01 " + "x" * 500, "'2026-01-01 " + "x" * 49 + "'"), ({"$date": 1}, "{'$date': 1}"),
    ],
)  # fmt: skip
def test_what_is_no_certain_time_is_refused_by_its_value(value: Any, named: str) -> None:
    with pytest.raises(ValueError, match="must be a time like 2026-11-23T16:00:00") as refused:
        moment(value)
    assert str(refused.value).endswith(f"not {named}")


@pytest.mark.parametrize("value", ["1970-01-01", "1989-12-31 23:59:59", 202601011230, 2_440_588, 150_000_000, "19700101"])
def test_an_implausible_time_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be a time from 1990 to now, and .* is 19"):
        moment(value)


def test_a_time_is_at_most_a_day_ahead() -> None:
    now = datetime.now(UTC)
    soon, later = now + LATEST_AHEAD / 2, now + 2 * LATEST_AHEAD

    assert moment(soon.isoformat()) == soon
    for value in (later.isoformat(), later.timestamp(), int(later.timestamp() * 1000)):
        with pytest.raises(ValueError, match="must be a time from 1990 to now"):
            moment(value)


@given(MOMENTS, strategies.integers(-12, 14))
def test_a_time_is_read_back_from_every_form(then: datetime, zone: int) -> None:
    milliseconds = round(then.timestamp() * 1000)

    assert moment(then.isoformat()) == then
    assert moment(then.astimezone(timezone(timedelta(hours=zone))).isoformat()) == then
    assert moment(f"{then:%Y-%m-%d %H:%M:%S}") == then.replace(microsecond=0)
    for value in (then.timestamp(), milliseconds, str(milliseconds), then.timestamp() / 86_400 + 2_440_587.5):
        found = moment(value)
        assert found is not None
        assert abs(found - then) <= A_MILLISECOND, value
    assert moment(int(f"{then:%Y%m%d%H%M%S}")) == then.replace(microsecond=0)


@given(ANYTHING)
def test_any_value_is_a_plausible_time_or_refused(value: Any) -> None:
    try:
        found = moment(value)
    except ValueError:
        return
    assert found is None or EARLIEST <= found <= datetime.now(UTC) + LATEST_AHEAD


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, False), (1, True), (1.0, True), ("1", True), ("true", True), ("FALSE", False), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_truth_is_a_number_or_a_word(value: Any, expected: bool | None) -> None:  # noqa: FBT001
    assert truth(value) is expected


@pytest.mark.parametrize("value", [2, "yes", b"\x01", 0.5])
def test_other_truths_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be true or false, not "):
        truth(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("{}", {}), (' {"a": [1]}', {"a": [1]}), ("", None), ("null", None), (None, None)]
)
def test_json_is_read_from_its_text(value: Any, expected: Any) -> None:
    assert json_object(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[1]", "must be a JSON object, like"),
        ("{", "must be a JSON object, like"),
        ('{"a": 1, "a": 2}', "must not have the same key twice"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "must be a JSON object of at most 32 levels"),
        (b"\x0cA", "must be a JSON object, not a blob of 2 bytes"),
        (7, "must be a JSON object, not 7"),
    ],
)
def test_other_json_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        json_object(value)


def test_an_id_is_the_same_as_a_number_and_as_text() -> None:
    assert [identifier(value) for value in (7, "7", 7.0, " 7", "", None)] == ["7", "7", "7", " 7", None, None]
    for value in (b"7", 7.5, NotText(b"\xff")):
        with pytest.raises(ValueError, match="must be text or a whole number, not "):
            identifier(value)


def test_every_column_that_cannot_be_read_is_named() -> None:
    values = {"at": "soon", "name": NotText(b"Caf\xe9"), "other": NotText(b"\xff"), "good": 1, "empty": None}

    with pytest.raises(InvalidInputError) as refused:
        converted(values, {"at": moment, "name": unchanged, "good": unchanged})

    assert refused.value.message == (
        "at must be a time like 2026-11-23T16:00:00+00:00, not 'soon'; name must be text in UTF-8, not b'Caf\\xe9'."
    )
    assert converted(values, {"good": unchanged, "empty": unchanged, "absent": moment}) == {"good": 1}
