"""015_said_once.sql: what many statements say is said once, and costs what it would cost said in each."""

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import LiteralString

import pytest

from studio_data import db
from studio_data.contract.validators import CENT, LARGEST_AMOUNT
from studio_data.tools.practice.tasks import add_task, get_task
from tests.examples import EXAMPLES, Practice

TOOLS = Path(__file__).parents[2] / "src" / "studio_data" / "tools"
SAID_ELSEWHERE = re.compile(
    r"""
    DATE\ '1900-01-01' | api_key_encrypted\ IS\ NOT\ NULL\ AS | coalesce\(task\.description,
    | feedback,\s+work_dir,\s+metadata | IS\ NULL\ OR\ (?:\w+\.)?id\ [<>]\ %\(after\)s | coalesce\(%\(after\)s
    """,
    re.VERBOSE,
)
ANSWERS: dict[str, tuple[LiteralString, LiteralString]] = {
    "task": (
        "SELECT * FROM task_answers ORDER BY id",
        """
        SELECT answer.*
        FROM project_tasks AS task
        LEFT JOIN workflow_templates AS template ON template.id = task.template_id
        CROSS JOIN task_answer(task, template) AS answer
        ORDER BY answer.id
        """,
    ),
    "session": (
        "SELECT * FROM session_answers ORDER BY id",
        """
        SELECT answer.*
        FROM agent_sessions AS session
        CROSS JOIN session_answer(session) AS answer
        ORDER BY answer.id
        """,
    ),
    "settings": (
        "SELECT * FROM settings_answers ORDER BY id",
        """
        SELECT answer.*
        FROM agent_settings AS settings
        CROSS JOIN settings_answer(settings) AS answer
        ORDER BY answer.id
        """,
    ),
}


def play() -> None:
    """Make tasks with and without a template, a session and a profile, each with as much as an example has."""
    practice = Practice()
    add_task(practice.project["id"], name="Measure", phase="purchasing", description="Twice.")
    for name in ("settle_usage", "record_iteration"):
        EXAMPLES[name].arguments(practice)
    db.one("UPDATE agent_settings SET hard_limit = 10, usage_today = 4")


def plan_of(query: LiteralString) -> str:
    with db.get_connection() as connection:
        return "\n".join(row["QUERY PLAN"] for row in connection.execute("EXPLAIN (VERBOSE) " + query))


@pytest.mark.parametrize("noun", ANSWERS)
def test_a_row_just_written_is_answered_like_one_that_is_read(noun: str) -> None:
    play()
    read, written = (db.many(query) for query in ANSWERS[noun])

    assert read == written
    assert read
    assert list(read[0]) == list(written[0])


@pytest.mark.parametrize("noun", ANSWERS)
def test_an_answer_is_put_in_line(noun: str) -> None:
    _, written = ANSWERS[noun]

    assert f"{noun}_answer(" not in plan_of(written)
    assert "Function Scan" not in plan_of(written)


def test_a_task_of_no_template_does_not_recur() -> None:
    made = add_task(Practice().project["id"], name="Measure", phase="purchasing")

    assert (made["duration_days"], made["is_recurring"], made["template_id"]) == (None, False, None)
    assert get_task(made["id"]) == made


def test_statements_leave_to_the_schema_what_is_said_there() -> None:
    found = [
        f"{file.relative_to(TOOLS)} says {match[0]!r}"
        for file in TOOLS.rglob("*.py")
        for match in SAID_ELSEWHERE.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == [], "say it with the views and functions of 015_said_once.sql, or the idiom of contract/paging.py"


# Working days ---------------------------------------------------------------------------------------------------------


def test_a_working_day_has_a_number_and_a_weekend_its_mondays() -> None:
    rows = db.many(
        """
        SELECT day, working_days_before(day) AS number, working_day(working_days_before(day)) AS working_day
        FROM (SELECT DATE '1900-01-01' + n AS day FROM generate_series(0, 109572) AS n) AS days
        ORDER BY day
        """
    )
    expected = 0
    for row in rows:
        day: date = row["day"]
        to_monday = timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)
        assert (row["number"], row["working_day"]) == (expected, day + to_monday), day
        expected += day.weekday() < 5
    assert rows[-1]["day"] == date(2199, 12, 31)


def test_working_days_are_put_in_line() -> None:
    plan = plan_of("SELECT working_days_before(due_date + 1), working_day(n) FROM project_tasks, generate_series(1, 9) AS n")

    assert "working_day" not in plan


@pytest.mark.parametrize("working_days", [-7, -1, 0, 1, 5, 13])
def test_a_date_moves_by_working_days_from_either_side_of_a_weekend(working_days: int) -> None:
    rows = db.many(
        """
        SELECT day, working_days_later(day, %s) AS later
        FROM (SELECT DATE '2026-02-23' + n AS day FROM generate_series(0, 20) AS n) AS days
        """,
        (working_days,),
    )
    step = timedelta(days=1 if working_days > 0 else -1)
    for row in rows:
        day: date = row["day"]
        while working_days and day.weekday() > 4:
            day -= step
        for _ in range(abs(working_days)):
            day += step
            while day.weekday() > 4:
                day += step
        assert row["later"] == day, row["day"]


# Cents ----------------------------------------------------------------------------------------------------------------


def test_the_database_rounds_to_cents_as_the_tools_do() -> None:
    amounts = [Decimal(n) / 10_000 for n in range(0, 60_000, 5)] + [LARGEST_AMOUNT - CENT / 2, Decimal("0.0050000001")]

    rounded = db.many("SELECT amount, cents(amount) AS cents FROM unnest(%s::numeric[]) AS amount", (amounts,))

    assert [row["cents"] for row in rounded] == [row["amount"].quantize(CENT, ROUND_HALF_EVEN) for row in rounded]
    assert {row["cents"].as_tuple().exponent for row in rounded} == {-2}


def test_no_statement_rounds_money_in_another_way() -> None:
    found = [
        str(file) for file in TOOLS.rglob("*.py") if re.search(r"\bround\([^()]*sum|, 2\) AS \w*amount", file.read_text())
    ]
    assert found == [], "ask cents()"
