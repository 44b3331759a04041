"""The practice's time zone is set once, for everybody, and stays what it is."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.errors import InvalidInputError, PermissionDeniedError
from studio_data.operations import backups, restores, time_zone
from studio_data.operations.doctor import examine
from tests.conftest import new_database
from tests.support import pgbouncer, studio_data, use
from tests.support.time_zone import EAST, WEST, practice_in


def zone() -> str:
    return db.one("SELECT practice_time_zone() AS zone")["zone"]


def test_the_command_sets_the_zone_and_shows_what_it_means(committed_db: str) -> None:
    code, said, _ = studio_data("time-zone", "Pacific/Auckland")
    assert code == 0
    assert " in Pacific/Auckland, where it is " in said
    assert studio_data("time-zone")[1].startswith("Today is ")

    shown = json.loads(studio_data("time-zone", "--json")[1])
    day = db.one("SELECT now() AS now, today() AS today")
    assert day["today"] == day["now"].astimezone(ZoneInfo("Pacific/Auckland")).date()
    assert shown["time_zone"] == "Pacific/Auckland"
    datetime.strptime(f"{shown['today']} {shown['clock']}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 (a form)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Pacific/Aukland", "Pacific/Auckland"), ("Mars", "pg_timezone_names"), ("'; DROP TABLE x", "pg_timezone_names")],
)
def test_a_zone_that_the_server_does_not_know_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InvalidInputError, match="The server knows no time zone") as refused:
        time_zone.change(name)
    assert hint in str(refused.value.hint)
    assert zone() == "UTC"


def test_another_process_and_another_program_follow_at_once(committed_db: str) -> None:
    asks = "from studio_data import db; print(db.one('SELECT today() AS day')['day'])"
    days: list[str] = []
    for name in (EAST, WEST):
        assert studio_data("time-zone", name)[0] == 0
        told = subprocess.run([sys.executable, "-c", asks], check=True, capture_output=True, text=True).stdout.strip()
        with psycopg.connect(committed_db) as connection:
            row = connection.execute("SELECT today()::text").fetchone()
        assert row == (told,)
        days.append(told)

    assert days[0] > days[1]


def test_two_who_set_it_at_once_both_end_well(committed_db: str) -> None:
    command = [sys.executable, "-m", "studio_data", "time-zone"]
    both = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in (EAST, WEST)]

    assert [process.wait(60) for process in both] == [0, 0]
    assert zone() in {EAST, WEST}


def test_the_agents_login_reads_the_day_and_cannot_change_it(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    practice_in(EAST)
    assert studio_data("roles")[0] == 0
    for login in ("studio_agent", "studio_reader", "studio_owner"):
        use(make_conninfo(committed_db, options=f"-c role={login}"), monkeypatch)
        assert db.one("SELECT today() IS NOT NULL AND start_of_day(today()) <= now() AS knows")["knows"]
        with pytest.raises(PermissionDeniedError, match="may not change the practice's time zone"):
            time_zone.change(WEST)
        code, _, said = studio_data("time-zone", WEST)
        assert (code, "administrator" in said) == (1, True)
    use(committed_db, monkeypatch)
    assert zone() == EAST


@pytest.mark.skipif(pgbouncer.IS_WANTED, reason="a backup is refused behind a pooler")
def test_a_restore_keeps_the_zone(
    committed_db: str, server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice_in("America/Chicago")
    backups.backup(tmp_path / "practice.dump")

    with new_database(server_url) as url:
        use(url, monkeypatch)
        restores.restore(tmp_path / "practice.dump")
        assert zone() == "America/Chicago"
        db.close()


# The doctor -----------------------------------------------------------------------------------------------------------


def test_the_doctor_says_what_day_it_is(committed_db: str) -> None:
    practice_in(EAST)

    said = studio_data("doctor")[1]
    day = db.one("SELECT today() AS day")["day"]
    assert f"today is {day:%A, %Y-%m-%d}, in {EAST}, where it is " in said
    check = next(check for check in examine() if check.check == "today")
    assert (check.findings, EAST in check.note) == ([], True)
    assert next(check for check in examine() if check.check == "schema").findings == []


def test_the_doctor_finds_a_zone_that_the_server_does_not_know(committed_db: str) -> None:
    with db.get_connection() as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION practice_time_zone() RETURNS text LANGUAGE sql STABLE RETURN 'Mars/Base'"
        )

    (found,) = next(check for check in examine() if check.check == "today").findings
    assert found.severity == "error"
    assert found.message.startswith("the server does not know the practice's time zone Mars/Base")
    assert studio_data("doctor")[0] == 1
    assert studio_data("time-zone", "America/Chicago")[0] == 0
    assert next(check for check in examine() if check.check == "today").findings == []
