"""Bad files of another orchestrator: every row is new, known or refused, and a refused one takes no other with it."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from studio_data import acting_as
from studio_data.db import many, one
from studio_data.errors import PermissionDeniedError, UnavailableError
from studio_data.imports.accounts import Account
from studio_data.imports.values import NotText
from studio_data.tools.runs.artifacts import list_artifacts
from studio_data.tools.runs.executions import list_executions
from studio_data.tools.runs.sessions import list_sessions, open_session
from tests.support import as_administrator, contents
from tests.support.lifecycle import lines
from tests.support.session_files import DEEP, HUGE, artifact, counted, execution, imported, opened, session, untyped


@pytest.fixture(autouse=True)
def maria() -> Generator[None]:
    with acting_as("user", "Maria"):
        yield


def refused(account: Account) -> list[tuple[str, int, str | None, str]]:
    return [(row.kind, row.row, row.id, row.reason) for row in account.refused]


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", [{}, {"agent_type": "qa"}, {"id": " 11"}, {"started_at": "2026-03-05"}], ids=str)
def test_of_two_executions_with_one_id_the_second_is_named(tmp_path: Path, second: dict[str, Any]) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session()], executions=[execution(), execution() | second, execution("12")])

    account = imported(path)

    assert counted(account, "new") == [1, 2, 0]
    ((kind, row, _, reason),) = refused(account)
    assert (kind, row) == ("executions", 2)
    assert reason.startswith("It is execution 11, and so is row 1.")
    assert [found["agent_type"] for found in list_executions(session_id="a")["items"]] == ["pm", "pm"]


def test_an_id_may_be_there_again_in_another_session(tmp_path: Path) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session(), session("b", id=2)], executions=[execution(), execution(of="b")])

    assert counted(imported(path), "new") == [2, 2, 0]


def test_rows_without_an_id_are_named_by_their_row(tmp_path: Path) -> None:
    executions = [execution(None), execution(""), execution(b"\x07"), execution(4.5), execution("")]
    path = untyped(tmp_path / "f.db", sessions=[session(), session(None, id=2)], executions=executions)

    account = imported(path, prefix="crew-")

    assert counted(account, "new") == [1, 0, 0]
    assert refused(account) == [
        ("executions", 1, None, "id is missing."),
        ("executions", 2, None, "id is missing."),
        ("executions", 3, None, "id must be text or a whole number, not a blob of 1 bytes."),
        ("executions", 4, None, "id must be text or a whole number, not 4.5."),
        ("executions", 5, None, "id is missing."),
        ("sessions", 2, None, "session_id is missing."),
    ]
    assert [found["session_id"] for found in list_sessions()["items"]] == ["crew-a"]


def test_rows_of_no_session_are_named(tmp_path: Path) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session("a")],
        executions=[execution(1, "b"), execution(2, None), execution(3, "a "), execution(4, b"a"), execution(5, 1.0)],
        artifacts=[artifact(of="A")],
    )

    account = imported(path)

    assert counted(account, "new") == [1, 1, 0]
    assert refused(account) == [
        ("executions", 1, "1", "agent_session_id 'b' names no session of the file."),
        ("executions", 2, "2", "agent_session_id is missing."),
        ("executions", 3, "3", "agent_session_id 'a ' names no session of the file."),
        ("executions", 4, "4", "agent_session_id must be text or a whole number, not a blob of 1 bytes."),
        ("artifacts", 1, "21", "agent_session_id 'A' names no session of the file."),
    ]


def test_a_row_that_names_two_sessions_goes_to_neither(tmp_path: Path) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session("2", id=1), session("b", id="2"), session("3", id=3)],
        executions=[execution(1, "2"), execution(2, 2), execution(3, "b"), execution(4, "3")],
    )

    account = imported(path)

    assert counted(account, "new") == [3, 2, 0]
    reason = "agent_session_id '2' names more than one session of the file, by key or id."
    assert refused(account) == [("executions", 1, "1", reason), ("executions", 2, "2", reason)]


@pytest.mark.parametrize("prefix", ["", "crew-"])
@pytest.mark.parametrize(
    ("first", "second"),
    [("mission", "mission"), ("mission", " mission"), ("mission", "mission\u200b"), ("mission\u00a0", "mission"),
     ("caf\u00e9", "cafe\u0301"), (7, "7")],
    ids=ascii,
)  # fmt: skip
def test_sessions_whose_keys_look_alike_are_not_merged(tmp_path: Path, first: Any, second: Any, prefix: str) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session(first, id="x"), session(second, id="y", user_mission="Another")],
        executions=[execution(1, "x"), execution(2, "y")],
    )

    account = imported(path, prefix)

    assert counted(account, "new") == [1, 1, 0]
    session_row, execution_row = account.refused
    assert (session_row.row, session_row.id) == (2, str(second))
    assert session_row.reason.startswith(f"It is session {prefix}")
    assert ", and so is row 1." in session_row.reason
    assert (execution_row.id, execution_row.reason) == ("2", "Its session was refused.")
    assert [found["user_mission"] for found in list_sessions()["items"]] == ["Plan"]
    (line,) = lines()
    assert line["metadata"]["executions"] == 1


def test_a_key_with_an_invisible_character_inside_is_refused(tmp_path: Path) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session("mis\u200bsion"), session("mission", id=2)])

    account = imported(path)

    assert refused(account) == [
        ("sessions", 1, "mis\u200bsion", "session_id must not have invisible characters, such as U+200B.")
    ]
    assert [found["session_id"] for found in list_sessions()["items"]] == ["mission"]


def test_an_artifact_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session()],
        artifacts=[artifact(), artifact(content_hash="b" * 64), artifact(" prd.md"), artifact(version=2), artifact("x.md")],
    )

    account = imported(path)

    assert counted(account, "new") == [1, 0, 3]
    assert [(row, reason.partition(". ")[0]) for _, row, _, reason in refused(account)] == [
        (2, "It is version 1 of prd.md, and so is row 1"),
        (3, "It is version 1 of prd.md, and so is row 1"),
    ]
    assert {found["content_hash"] for found in list_artifacts(session_id="a")["items"]} == {"a" * 64}


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("started_at", b"2026-03-02", "started_at must be a time like 2026-11-23T16:00:00+00:00, not a blob of 10 bytes."),
        ("started_at", "1970-01-01", "started_at must be a time from 1990 to now, and '1970-01-01' is 1970-01-01 00:00:00."),
        ("started_at", None, "started_at is missing."),
        ("started_at", "", "started_at is missing."),
        ("completed_at", "later", "completed_at must be a time like 2026-11-23T16:00:00+00:00, not 'later'."),
        ("metadata", DEEP, "metadata must be a JSON object of at most 32 levels."),
        ("metadata", "[]", 'metadata must be a JSON object, like {"name": "Ann"}.'),
        ("metadata", HUGE, "The database refused a value: "),
        ("output_summary", b"done", "output_summary must be text, not bytes."),
        ("agent_type", 5, "agent_type must be text, not int."),
        ("tokens_used", "many", "tokens_used must be a whole number, not str."),
    ],
)  # fmt: skip
def test_a_bad_value_refuses_its_row_alone(tmp_path: Path, column: str, value: Any, reason: str) -> None:
    executions = [execution(1), execution(2) | {column: value}, execution(3), execution(4)]
    path = untyped(
        tmp_path / "f.db", sessions=[session(), session("b", id=2)], executions=executions, artifacts=[artifact()]
    )

    account = imported(path)

    assert counted(account, "new") == [2, 3, 1]
    ((kind, row, own_id, said),) = refused(account)
    assert (kind, row, own_id) == ("executions", 2, "2")
    assert said.startswith(reason)
    assert sum(line["metadata"]["executions"] for line in lines()) == 3


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("created_at", b"2026-03-02", "created_at must be a time like 2026-11-23T16:00:00+00:00, not a blob of 10 bytes."),
        ("state_json", DEEP, "state_json must be a JSON object of at most 32 levels."),
        ("metadata", HUGE, "The database refused a value: "),
        ("status", "lost", "status must be pending, running, awaiting_approval, completed, failed or expired, not 'lost'."),
        ("qa_passed", 2, "qa_passed must be true or false, not 2."),
    ],
)
def test_a_bad_session_takes_only_its_own_rows_with_it(tmp_path: Path, column: str, value: Any, reason: str) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session(), session("b", id=2) | {column: value}, session("c", id=3)],
        executions=[execution(1, "b"), execution(2, "b", started_at="soon"), execution(3, "c")],
        artifacts=[artifact(of="b")],
    )

    account = imported(path)

    assert counted(account, "new") == [2, 1, 0]
    first, *rows = refused(account)
    assert first[:3] == ("sessions", 2, "b")
    assert first[3].startswith(reason)
    assert [row[0] for row in rows] == ["executions", "executions", "artifacts"]
    assert {row[3] for row in rows} == {"Its session was refused."}
    assert sorted(found["session_id"] for found in list_sessions()["items"]) == ["a", "c"]
    assert sorted(line["metadata"]["session_id"] for line in lines()) == ["a", "c"]


def test_text_that_is_not_utf_8_refuses_its_row_alone(tmp_path: Path) -> None:
    path = untyped(
        tmp_path / "f.db",
        sessions=[session(), session("b", id=2, user_mission=NotText(b"Caf\xe9"))],
        executions=[execution(1), execution(2, output_summary=NotText(b"\xff")), execution(3, NotText(b"a\xff"))],
    )

    account = imported(path)

    assert counted(account, "new") == [1, 1, 0]
    assert refused(account) == [
        ("executions", 3, "3", "agent_session_id must be text in UTF-8, not b'a\\xff'."),
        ("executions", 2, "2", "output_summary must be text in UTF-8, not b'\\xff'."),
        ("sessions", 2, "b", "user_mission must be text in UTF-8, not b'Caf\\xe9'."),
    ]


def test_one_column_may_hold_a_time_in_every_form(tmp_path: Path) -> None:
    forms = [
        1627303906122, 1627303906, 2459422.03595, "2021-07-26 12:51:46", "2021-07-26T14:51:46+02:00", "1627303906",
        20210726125146, "20210726T125146Z",
    ]  # fmt: skip
    path = untyped(
        tmp_path / "f.db",
        sessions=[session(f"s-{number}", id=100 + number, created_at=form) for number, form in enumerate(forms)],
        executions=[execution(number, "s-0", started_at=form, completed_at="") for number, form in enumerate(forms)],
    )

    account = imported(path)

    assert counted(account, "new") == [len(forms), len(forms), 0]
    found = many("SELECT created_at AS at FROM agent_sessions UNION ALL SELECT started_at FROM agent_executions")
    then = datetime(2021, 7, 26, 12, 51, 46, tzinfo=UTC)
    assert all(abs(row["at"] - then) < timedelta(seconds=1) for row in found)


# What is there already ------------------------------------------------------------------------------------------------


def test_a_row_that_was_changed_in_its_source_is_known_and_stays(tmp_path: Path) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session()], executions=[execution()], artifacts=[artifact()])
    imported(path)
    before = contents()
    with opened(path) as file:
        file.execute("UPDATE agent_sessions SET user_mission = 'Other', created_at = '2026-03-04'")
        file.execute("UPDATE agent_executions SET agent_type = 'qa', started_at = '2026-03-04 10:00:00'")
        file.execute("UPDATE agent_artifacts SET content_hash = ?, created_at = '2026-03-04'", ("b" * 64,))

    account = imported(path)

    assert (counted(account, "new"), counted(account, "known"), account.refused) == ([0, 0, 0], [1, 1, 1], [])
    assert contents() == before


def test_a_session_that_was_opened_here_gets_no_rows_of_the_file(tmp_path: Path) -> None:
    open_session("a", "Plan the kitchen")
    path = untyped(tmp_path / "f.db", sessions=[session(), session("b", id=2)], executions=[execution(), execution(of="b")])

    account = imported(path)

    assert counted(account, "new") == [1, 1, 0]
    assert [(kind, row_id, reason.partition(". ")[0]) for kind, _, row_id, reason in refused(account)] == [
        ("sessions", "a", "Session a was opened here and not imported"),
        ("executions", "11", "Its session was refused."),
    ]
    assert list_executions(session_id="a")["items"] == []
    assert counted(imported(path, prefix="crew-"), "new") == [2, 2, 0]


def test_rows_that_were_refused_come_in_once_they_are_corrected(tmp_path: Path) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session()], executions=[execution(1), execution(2, started_at="soon")])
    assert counted(imported(path), "refused") == [0, 1, 0]
    with opened(path) as file:
        file.execute("UPDATE agent_executions SET started_at = '2026-03-02' WHERE id = 2")

    account = imported(path)

    assert (counted(account, "new"), counted(account, "known"), account.refused) == ([0, 1, 0], [1, 1, 0], [])


def test_a_bad_row_is_found_among_more_than_a_call_takes(tmp_path: Path) -> None:
    executions = [execution(number, metadata=HUGE if number in {3, 700, 701} else None) for number in range(1_100)]
    path = untyped(tmp_path / "f.db", sessions=[session()], executions=executions)

    account = imported(path)

    assert counted(account, "new") == [1, 1_097, 0]
    assert [row.id for row in account.refused] == ["3", "700", "701"]
    assert one("SELECT count(*) AS n FROM agent_executions") == {"n": 1_097}


def test_a_database_that_fails_ends_the_import_between_two_sessions(tmp_path: Path) -> None:
    executions = [execution(number, "b") for number in range(600)] + [execution(600, "b", agent_type="full")]
    path = untyped(
        tmp_path / "f.db",
        sessions=[session(), session("b", id=2), session("c", id=3)],
        executions=[execution(1), *executions, execution(1, "c")],
    )
    with as_administrator():
        one(
            """
            CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
            """
        )
        one(
            """
            CREATE TRIGGER disk_is_full BEFORE INSERT ON agent_executions
            FOR EACH ROW WHEN (NEW.agent_type = 'full') EXECUTE FUNCTION disk_is_full()
            """
        )

    with pytest.raises(UnavailableError, match="The database's disk is full"):
        imported(path)

    assert [found["session_id"] for found in list_sessions()["items"]] == ["a"]
    assert one("SELECT count(*) AS n FROM agent_executions") == {"n": 1}
    assert [line["metadata"]["session_id"] for line in lines()] == ["a"]


def test_who_may_not_import_is_told_so_and_nothing_comes_in(tmp_path: Path) -> None:
    path = untyped(tmp_path / "f.db", sessions=[session(), session("b", id=2)])

    with acting_as("agent", "eng"), pytest.raises(PermissionDeniedError, match="Only a person may call import_session"):
        imported(path)
    assert list_sessions()["items"] == []
