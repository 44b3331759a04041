"""A session's own key: never taken for an id, never for another key, and what a person alone may bring in under one."""

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest

from studio_data import acting_as, call_key
from studio_data.db import many, one, transaction
from studio_data.errors import InvalidInputError, PermissionDeniedError
from studio_data.tools.runs.executions import list_executions, start_execution
from studio_data.tools.runs.imports import import_session
from studio_data.tools.runs.sessions import list_sessions, open_session, start_session
from studio_data.tools.runs.timeline import session_timeline
from tests.support import as_administrator


@pytest.mark.parametrize("form", [str.lower, str.upper], ids=["lower case", "upper case"])
def test_a_key_in_the_form_of_an_id_is_refused(form: Callable[[str], str]) -> None:
    first = open_session("a", "Plan.")

    for key in (form(str(first["id"])), form(str(uuid4()))):
        with pytest.raises(InvalidInputError, match="session_id must not have the form of an id"):
            open_session(key, "Order.")
        with acting_as("user", "Maria"), pytest.raises(InvalidInputError, match="must not have the form of an id"):
            import_session(key, "Order.", status="pending", current_phase="pm", created_at="2026-03-02T09:00:00Z")
        with pytest.raises(psycopg.errors.CheckViolation, match="session_id_is_no_id"), transaction():
            one("INSERT INTO agent_sessions (session_id, user_mission) VALUES (%s, 'Order.')", (key,))
    assert [session["id"] for session in list_sessions()["items"]] == [first["id"]]


def test_sessions_of_an_older_database_are_moved_one_at_a_time() -> None:
    first, second = open_session("a", "Plan.")["id"], open_session("b", "Order.")["id"]
    with as_administrator():
        one("ALTER TABLE agent_sessions DROP CONSTRAINT agent_sessions_session_id_is_no_id")
    one("UPDATE agent_sessions SET session_id = %s WHERE id = %s", (str(first), second))

    assert start_session(str(first))["id"] == first
    assert [session["status"] for session in many("SELECT status FROM agent_sessions ORDER BY id")] == ["running", "pending"]
    assert session_timeline(str(first))["session"]["id"] == first
    assert start_execution(str(first), agent_type="pm")["agent_session_id"] == first
    assert {execution["agent_session_id"] for execution in list_executions(session_id=str(first))["items"]} == {first}
    assert list_executions(session_id=str(second))["items"] == []
    assert one("SELECT count(*) AS n FROM activity_log WHERE action = 'status_changed'")["n"] == 1


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u00a0", "\u3000", "\ufe0f", "\U000e0041"])
def test_a_key_shows_all_its_characters(unseen: str) -> None:
    key = f"mission{unseen}1"

    with pytest.raises(
        InvalidInputError, match=rf"session_id must not have invisible characters, such as U\+{ord(unseen):04X}"
    ):
        open_session(key, "Plan.")
    with pytest.raises(psycopg.errors.CheckViolation, match="session_id_is_seen"), transaction():
        one("INSERT INTO agent_sessions (session_id, user_mission) VALUES (%s, 'Plan.')", (key,))
    with pytest.raises(InvalidInputError, match="key must not have invisible characters"), call_key(f"run{unseen}1"):
        pass


def test_only_a_person_imports_what_may_have_passed_the_gate() -> None:
    with (
        acting_as("agent", "eng", role="orchestrator"),
        pytest.raises(PermissionDeniedError, match="Only a person may call import_session"),
    ):
        import_session("a", "Plan.", status="running", current_phase="eng", created_at="2026-03-02T09:00:00Z")
    assert list_sessions()["items"] == []
