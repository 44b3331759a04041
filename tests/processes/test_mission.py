"""A graph of LangGraph on the library's database: interrupted at the human gate, killed, and resumed in a new process."""

import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from studio_data import acting_as, db
from studio_data.config import settings
from studio_data.errors import ConfigurationError
from studio_data.langgraph import checkpointer
from studio_data.tools.runs.executions import list_executions
from studio_data.tools.runs.phases import approve_session
from studio_data.tools.runs.sessions import get_session
from tests.conftest import ROOT
from tests.support import as_server_administrator
from tests.support.lifecycle import lines

KEY = "mission-7"
TIMEOUT = 60


@pytest.fixture
def saver_tables(committed_db: str) -> None:
    """Let the tables be made by who may, and used by whoever the tests act as."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DATABASE_URL", as_server_administrator(committed_db))
        settings.cache_clear()
        db.close()
        with checkpointer():
            pass
    settings.cache_clear()
    db.close()
    with psycopg.connect(as_server_administrator(committed_db), autocommit=True) as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")


@contextmanager
def worker(*arguments: str) -> Generator["subprocess.Popen[str]"]:
    """Run the mission in a process of its own, which is killed in the end if it has not ended."""
    command = [sys.executable, "-m", "tests.frameworks.mission", KEY, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        yield process
        process.kill()


def says(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.readline().strip() or process.stderr.read()


def wait_at_the_gate_and_be_killed() -> None:
    with worker() as process:
        assert says(process) == "waiting"
    assert process.returncode == -signal.SIGKILL
    assert get_session(KEY)["status"] == "awaiting_approval"


def maria_approves() -> None:
    with acting_as("user", "Maria"):
        approve_session(KEY, feedback="Hang the art first")


def end_in_a_new_process() -> None:
    with worker() as process:
        assert says(process) == "done"
        assert process.wait(TIMEOUT) == 0


def assert_the_mission_was_done_once() -> None:
    session = get_session(KEY)
    assert (session["status"], session["current_phase"], session["iteration_count"]) == ("completed", "complete", 2)
    executions = list_executions(session_id=KEY)["items"]
    assert [(execution["agent_type"], execution["status"]) for execution in reversed(executions)] == [
        ("pm", "completed"), ("arch", "completed"), ("eng", "completed"), ("qa", "completed"), ("eng", "completed"),
        ("qa", "completed"),
    ]  # fmt: skip
    moves = [line["metadata"].get("changes", {}).get("current_phase") for line in lines()]
    assert [after for _, after in filter(None, moves)] == ["arch", "human_gate", "eng", "qa", "eng", "qa", "complete"]


def test_a_mission_that_is_killed_at_the_human_gate_goes_on_in_a_new_process(saver_tables: None) -> None:
    wait_at_the_gate_and_be_killed()
    maria_approves()
    end_in_a_new_process()

    assert_the_mission_was_done_once()


def test_a_mission_that_is_killed_in_the_middle_of_a_node_runs_it_again_and_writes_nothing_twice(saver_tables: None) -> None:
    wait_at_the_gate_and_be_killed()
    maria_approves()
    with worker("die") as process:
        assert process.wait(TIMEOUT) == -signal.SIGKILL
    assert [execution["status"] for execution in list_executions(session_id=KEY, agent_type="eng")["items"]] == ["running"]
    end_in_a_new_process()

    assert_the_mission_was_done_once()


def test_the_savers_tables_are_made_once_by_however_many_at_once(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", as_server_administrator(committed_db))
    settings.cache_clear()
    db.close()

    def open_one(_: int) -> int:
        with checkpointer() as saver:
            return len(saver.MIGRATIONS)

    with ThreadPoolExecutor(6) as threads:
        (migrations,) = set(threads.map(open_one, range(6)))
    rows = db.many("SELECT v FROM checkpoint_migrations ORDER BY v")
    assert [row["v"] for row in rows] == list(range(migrations))


def test_a_login_that_may_not_make_the_tables_is_told_the_way_out(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(as_server_administrator(committed_db), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS studio_data_test_nobody")
        connection.execute("CREATE ROLE studio_data_test_nobody")
        connection.execute("GRANT studio_data_test_nobody TO CURRENT_USER")
    url = make_conninfo(as_server_administrator(committed_db), options="-c role=studio_data_test_nobody")
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()

    with pytest.raises(ConfigurationError, match="GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints"), checkpointer():
        pass
