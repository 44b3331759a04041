"""What becomes of calls over MCP when the server ends, the client leaves, or the call is cancelled: the row says it too."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from studio_data import db
from tests.processes.test_mcp_stdio import call_tool, conversation
from tests.support import clients
from tests.support.embedded import within
from tests.support.mcp_client import ours
from tests.support.mcp_server import answered, body, head, served, waiting_for_a_lock

BY_A_MANAGER = ["--role", "studio_manager"]


def names() -> list[str]:
    return [row["name"] for row in db.many("SELECT name FROM clients ORDER BY name")]


def refused(result: dict[str, Any]) -> tuple[str, str, bool]:
    assert result["isError"]
    error = result["structuredContent"]
    return error["message"], error["outcome"], error["retryable"]


def test_at_a_signal_a_call_that_runs_is_answered_and_one_that_waits_is_refused(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path, POOL_MAX_SIZE="1") as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        running = server.sends("create_client", {"name": "Ann"})
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 1)
        waiting = server.sends("create_client", {"name": "Bea"}, **ours(idempotency_key="b"))
        late = server.connect()
        rest = body(name="create_client", arguments={"name": "Cho"})
        late.sendall(head(rest) + rest[:10])
        time.sleep(1)  # until they are there
        server.process.send_signal(signal.SIGTERM)

        assert refused(answered(waiting)) == ("The server is ending.", "not_done", True)
        late.sendall(rest[10:])
        assert refused(answered(late)) == ("The server is ending.", "not_done", True)
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        time.sleep(6)  # longer than a server that cuts its calls off
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert server.process.poll() is None
        locking.execute("COMMIT")
        assert answered(running)["structuredContent"]["name"] == "Ann"
        assert server.process.wait(timeout=20) == 0
        assert [line for line in server.lines() if "tried again" not in line] == []
    assert names() == ["Ann"]


def test_a_call_whose_client_left_before_a_thread_was_free_is_not_begun(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path, POOL_MAX_SIZE="1") as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        running = server.sends("create_client", {"name": "Ann"})
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 1)
        waiting = server.sends("create_client", {"name": "Bea"}, **ours(idempotency_key="b"))
        time.sleep(1)
        waiting.close()
        assert server.says("cancelled: tool=create_client outcome=not_done actor=studio_manager role=studio_manager key=b")
        locking.execute("COMMIT")
        assert answered(running)["structuredContent"]["name"] == "Ann"
        assert not server.calls("list_clients", {}).get("isError")
        assert len(server.lines()) == 1, server.lines()
    assert names() == ["Ann"]


def test_a_call_whose_client_left_while_it_ran_says_in_the_log_what_became_of_it(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path) as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        without_a_key = server.sends("create_client", {"name": "Ann"})
        with_a_key = server.sends("create_client", {"name": "Bea"}, **ours(idempotency_key="b"))
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 2)
        without_a_key.close()
        with_a_key.close()
        time.sleep(1)  # until the server knows
        locking.execute("COMMIT")
        assert server.says("cancelled: tool=create_client outcome=done actor=studio_manager role=studio_manager")
        assert server.says("cancelled: tool=create_client outcome=not_done actor=studio_manager role=studio_manager key=b")
        assert len(server.lines()) == 2, server.lines()
        assert names() == ["Ann"]

        first = server.calls("create_client", {"name": "Bea"}, **ours(idempotency_key="b"))
        again = server.calls("create_client", {"name": "Bea"}, **ours(idempotency_key="b"))
        assert "studio-data/repeated" not in first.get("_meta", {})
        assert again["_meta"]["studio-data/repeated"]
        assert names() == ["Ann", "Bea"]
        log = db.many("SELECT context FROM activity_log")
        assert len(log) == 2


def end_stdin(server: "subprocess.Popen[str]") -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.stdin = None


def answers(server: "subprocess.Popen[str]") -> dict[int, dict[str, Any]]:
    """Read what the server still says until it ends."""
    assert server.stdout is not None
    found = [json.loads(line) for line in server.stdout]
    return {answer["id"]: answer["result"] for answer in found}


@pytest.mark.parametrize("end", ["signal", "stdin"])
def test_over_stdio_the_end_answers_what_was_asked(committed_db: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", "1")
    with conversation(*BY_A_MANAGER) as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        call_tool(server, 1, "create_client", {"name": "Ann"})
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 1)
        call_tool(server, 2, "create_client", {"name": "Bea"})
        time.sleep(1)
        if end == "signal":
            server.send_signal(signal.SIGTERM)
        else:
            end_stdin(server)
        time.sleep(1)
        assert server.poll() is None
        locking.execute("COMMIT")
        answered = answers(server)

        assert server.wait(timeout=20) == 0
        assert answered.keys() == {1, 2}
        assert answered[1]["structuredContent"]["name"] == "Ann"
        if end == "signal":
            assert refused(answered[2]) == ("The server is ending.", "not_done", True)
        else:
            assert answered[2]["structuredContent"]["name"] == "Bea"
        assert server.stderr is not None
        assert server.stderr.read() == ""
    assert names() == (["Ann"] if end == "signal" else ["Ann", "Bea"])


def test_over_stdio_a_cancelled_call_is_stopped_before_its_commit_or_said_to_be_done(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_MAX_SIZE", "2")
    with conversation(*BY_A_MANAGER) as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        call_tool(server, 1, "create_client", {"name": "Ann"})
        call_tool(server, 2, "create_client", {"name": "Bea"}, ours(idempotency_key="b"))
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 2)
        call_tool(server, 3, "create_client", {"name": "Cho"}, ours(idempotency_key="c"))
        time.sleep(1)
        assert server.stdin is not None
        for number in (1, 2, 3):
            cancel = {"method": "notifications/cancelled", "params": {"requestId": number}}
            server.stdin.write(json.dumps({"jsonrpc": "2.0"} | cancel) + "\n")
        time.sleep(1)
        locking.execute("COMMIT")
        assert within(20, lambda: clients() == 1)
        call_tool(server, 4, "list_clients", {})
        end_stdin(server)
        answered = answers(server)

        assert server.wait(timeout=20) == 0
        assert answered.keys() == {4}  # a cancelled request has no answer
        assert server.stderr is not None
        said = server.stderr.read().splitlines()
    assert sorted(line.partition("cancelled: ")[2] for line in said) == [
        "tool=create_client outcome=done actor=studio_manager role=studio_manager",
        "tool=create_client outcome=not_done actor=studio_manager role=studio_manager key=b",
        "tool=create_client outcome=not_done actor=studio_manager role=studio_manager key=c",
    ]
    assert names() == ["Ann"]


def test_over_stdio_a_client_that_no_longer_reads_takes_its_calls_with_it(committed_db: str) -> None:
    with conversation(*BY_A_MANAGER) as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        call_tool(server, 1, "create_client", {"name": "Ann"}, ours(idempotency_key="a"))
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 1)
        assert server.stdout is not None
        server.stdout.close()
        call_tool(server, 2, "list_clients", {})
        time.sleep(1)
        locking.execute("COMMIT")
        assert server.wait(timeout=20) == 0
        assert server.stderr is not None
        gone, became = server.stderr.read().splitlines()

    assert gone.endswith("the client no longer reads: Broken pipe")
    assert became.endswith("cancelled: tool=create_client outcome=not_done actor=studio_manager role=studio_manager key=a")
    assert clients() == 0


def test_over_stdio_a_client_that_leaves_stdout_full_does_not_hold_up_the_end(committed_db: str) -> None:
    with conversation() as server:
        assert server.stdin is not None
        for number in range(20):  # each listing has more than a pipe holds
            server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/list", "params": {}}) + "\n")
        time.sleep(2)
        assert server.poll() is None  # it may read them later
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        assert server.stderr is not None
        assert "the client no longer reads: stdout stays full" in server.stderr.read()
