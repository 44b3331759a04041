"""014_today.sql: one function says what day it is, and nothing asks anything else."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.operations import time_zone
from studio_data.postgres import migrate
from tests.support.time_zone import EAST, WEST, at, practice_in, today

ROOT = Path(__file__).parents[2]
RELEASED = 13
"""The last migration that was written before there was a ``today()``."""

OTHER_DAYS = re.compile(
    r"""
    \bcurrent_date\b | \blocaltimestamp\b
    | \bnow\(\)\s*::\s*date\b | \bcurrent_timestamp\s*::\s*date\b
    | AT\ TIME\ ZONE\ 'UTC'
    | \bdate\.today\( | \bdatetime\.(?:now|utcnow|today)\([^)]*\)\.date\(
    """,
    re.IGNORECASE | re.VERBOSE,
)


def other_days(text: str) -> list[str]:
    return OTHER_DAYS.findall(text)


def test_nothing_asks_for_the_day_but_today() -> None:
    files = [*(ROOT / "src").rglob("*.py")]
    files += [migration.path for migration in migrate.shipped() if migration.version > RELEASED]

    found = [
        f"{file.relative_to(ROOT)}:{number} asks for {' and '.join(asked)}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (asked := other_days(line))
    ]
    assert found == [], "SQL asks today() and start_of_day(), in the practice's time zone; Python asks the database"


@pytest.mark.parametrize(
    "text",
    [
        "due_date < CURRENT_DATE", "now()::date", "(now() AT TIME ZONE 'UTC')::date", "date.today()",
        "datetime.now(UTC).date()", "datetime.now(tz=UTC).date()",
    ],
)  # fmt: skip
def test_the_lint_sees_every_other_way_to_ask(text: str) -> None:
    assert other_days(text)
    assert not other_days("due_date < today() AND made_at < now() -- datetime.now(UTC)")


def test_a_practice_that_says_nothing_is_in_utc() -> None:
    row = db.one("SELECT practice_time_zone() AS zone, today() AS day, now() AS moment")

    assert row["zone"] == "UTC"
    assert row["day"] == row["moment"].astimezone(ZoneInfo("UTC")).date()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Honolulu", "America/Chicago", "Asia/Kathmandu"])
def test_today_is_the_day_of_the_practices_clock(zone: str) -> None:
    practice_in(zone)

    row = db.one("SELECT today() AS day, now() AS moment")
    assert row["day"] == row["moment"].astimezone(ZoneInfo(zone)).date()


def test_two_practices_have_different_days_at_one_moment() -> None:
    moment = db.one("SELECT now() AS moment")["moment"]
    practice_in(EAST)
    east = today()
    practice_in(WEST)
    west = today()

    assert db.one("SELECT now() AS moment")["moment"] == moment
    assert west < east


def test_each_schema_of_a_database_has_a_day_of_its_own(empty_db: str) -> None:
    days: dict[str, date] = {}
    for schema, zone in (("auckland", EAST), ("honolulu", WEST)):
        with psycopg.connect(empty_db, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("DATABASE_URL", make_conninfo(empty_db, options=f"-c search_path={schema}"))
            migrated_in(zone)
        with psycopg.connect(empty_db) as connection:  # psql, whatever its session has set
            connection.execute("SET timezone = 'Asia/Tokyo'")
            row = connection.execute(f"SELECT {schema}.today()".encode()).fetchone()
            assert row is not None
            days[schema] = row[0]

    assert days["honolulu"] < days["auckland"]


def migrated_in(zone: str) -> None:
    from studio_data.config import settings  # noqa: PLC0415
    from studio_data.postgres.pool import connect  # noqa: PLC0415

    settings.cache_clear()
    db.close()
    with connect(db.connection_string(), settings()) as connection:
        migrate.migrate(connection)
    time_zone.change(zone)
    db.close()


def test_a_day_begins_and_ends_at_midnight_there_also_when_clocks_change() -> None:
    practice_in("America/Chicago")

    spring = db.one("SELECT start_of_day('2026-03-08') AS begins, start_of_day('2026-03-09') AS ends")
    assert spring["begins"] == at("America/Chicago", date(2026, 3, 8), time(0))
    assert spring["ends"] - spring["begins"] == timedelta(hours=23)


def test_a_statement_that_was_prepared_follows_a_change(committed_db: str) -> None:
    days: list[date] = []
    with db.transaction(rollback=True):
        for zone in (EAST, WEST):
            practice_in(zone)
            days += [today() for _ in range(7)]

    assert len(set(days)) == 2
    assert days[:7] == [max(days)] * 7


def test_today_is_put_in_line_and_served_by_an_index() -> None:
    with db.get_connection() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        rows = connection.execute("EXPLAIN (VERBOSE) SELECT id FROM activity_log WHERE created_at > start_of_day(today())")
        plan = "\n".join(row["QUERY PLAN"] for row in rows)
        connection.execute("CREATE TEMP TABLE due AS SELECT id, DATE '2026-01-01' AS day FROM workflow_templates")
        connection.execute("CREATE INDEX due_day_idx ON due (day)")
        rows = connection.execute("EXPLAIN SELECT id FROM due WHERE day < today()")
        indexed = "\n".join(row["QUERY PLAN"] for row in rows)

    assert "start_of_day" not in plan
    assert "today" not in plan
    assert "due_day_idx" in indexed
    assert "Index Cond: (day < ((now() AT TIME ZONE 'UTC'::text))::date)" in indexed


def test_a_session_that_sets_another_zone_has_the_same_day() -> None:
    practice_in(EAST)
    day = today()
    with db.get_connection() as connection:
        connection.execute("SET LOCAL timezone = 'Pacific/Pago_Pago'")

    assert today() == day
    assert isinstance(db.one("SELECT start_of_day(today()) AS begins")["begins"], datetime)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Chicago", EAST, WEST])
def test_a_day_begins_and_ends_where_its_moments_lie(zone: str) -> None:
    practice_in(zone)

    row = db.one(
        """
        SELECT day_of(start_of_day('2030-12-31')) AS first, day_of(start_of_day('2031-01-01') - interval '1 second') AS last,
            day_of(now()) = today() AS is_today
        """
    )
    assert row == {"first": date(2030, 12, 31), "last": date(2030, 12, 31), "is_today": True}


def test_only_one_function_turns_a_time_into_a_date() -> None:
    pattern = re.compile(r"AT\s+TIME\s+ZONE\s+practice_time_zone\(\)\s*(?:\)\s*::\s*date|,)|_at\s*::\s*date", re.IGNORECASE)
    found = [
        str(file.relative_to(ROOT))
        for file in [*(ROOT / "src").rglob("*.py"), *(ROOT / "migrations").glob("01[7-9]*.sql")]
        if len(pattern.findall(file.read_text(encoding="utf-8"))) > (1 if file.name.startswith("017") else 0)
    ]
    allowed = ["src/studio_data/operations/time_zone.py"]  # the clock
    assert found == allowed, "ask day_of()"
