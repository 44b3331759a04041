"""A key is executed once: what the contract's tests do not show of every tool."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from studio_data import call_key, changeset, db, preview
from studio_data.contract import ledger
from studio_data.contract.fields import Name
from studio_data.contract.registry import tool
from studio_data.contract.roles import STAFF
from studio_data.errors import ConflictError, InvalidInputError, RuleViolationError, StudioError, UnavailableError
from studio_data.tools.clients import Client, create_client
from studio_data.tools.projects import create_project
from tests.support import as_administrator, clients, end_every_connection, with_setting


def keys() -> list[str]:
    return [row["key"] for row in db.many("SELECT key FROM call_ledger ORDER BY key")]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "key must not be empty or blank."),
        ("x" * 256, "key must have at most 255 characters, not 256."),
        ("a\nb", "key must be one line without control characters."),
        (5, "key must be text, not int."),
        (" k", "key must not begin or end with blanks."),
    ],
)
def test_a_bad_key_is_one_clear_error(key: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message), call_key(key):
        create_client("Ann")

    assert clients() == 0


def test_the_longest_key_is_stored() -> None:
    with call_key("ü" * 255):
        create_client("Ann")

    assert keys() == ["ü" * 255]


def test_the_same_key_with_other_arguments_is_a_conflict_and_writes_nothing() -> None:
    with call_key("k"):
        create_client("Ann")
        with pytest.raises(ConflictError, match="belongs to a call of create_client with other arguments") as raised:
            create_client("Ben")

    assert raised.value.details == {"key": "k", "tool": "create_client"}
    assert clients() == 1


def test_the_key_of_another_tool_is_a_conflict() -> None:
    with call_key("k"):
        client = create_client("Ann")
        with pytest.raises(ConflictError, match="The key k belongs to a call of create_client"):
            create_project(client["id"], "LR", "mixed")

    assert db.one("SELECT count(*) AS projects FROM projects") == {"projects": 0}


def test_another_spelling_of_the_same_arguments_is_the_same_call() -> None:
    client = create_client("Ann")

    with call_key("k"):
        first = create_project(client["id"], "LR", "mixed", investment_estimate=1250.0)
        again = create_project(str(client["id"]).upper(), " LR ", "mixed", address=None, investment_estimate=Decimal(1250))

    assert again == first


def test_an_error_leaves_the_key_unused() -> None:
    client = create_client("Ann")
    db.one("UPDATE clients SET status = 'churned'")
    with call_key("k"), pytest.raises(RuleViolationError):
        create_project(client["id"], "LR", "mixed")
    assert keys() == []

    db.one("UPDATE clients SET status = 'lead'")
    with call_key("k"):
        assert create_project(client["id"], "LR", "mixed")["tasks_created"] == 160


def test_a_tool_that_a_tool_calls_does_not_take_the_key() -> None:
    @tool(roles=STAFF)
    def create_two_clients(name: Name) -> dict[str, Any]:
        """Create two clients."""
        return {"items": [create_client(f"{name} 1"), create_client(f"{name} 2")]}

    with call_key("k"):
        first = create_two_clients("Ann")
        assert str(create_two_clients("Ann")["items"][0]["id"]) == str(first["items"][0]["id"])

    assert clients() == 2
    assert keys() == ["k"]


def test_in_a_unit_that_fails_the_key_is_undone_with_the_write() -> None:
    with pytest.raises(ZeroDivisionError), changeset("a try"), call_key("k"):
        create_client("Ann")
        _ = 1 / 0

    assert (keys(), clients()) == ([], 0)


def test_in_a_preview_the_key_is_not_used_up() -> None:
    with preview() as plan, call_key("k"):
        create_client("Ann")

    assert {change["table"] for change in plan.changes} == {"clients", "activity_log"}
    assert (keys(), clients()) == ([], 0)


def test_a_result_of_another_version_is_a_conflict_that_says_it_is_done() -> None:
    with call_key("k"):
        create_client("Ann")
        db.one("""UPDATE call_ledger SET result = '{"id": "gone"}'""")
        done = r"another version of the library\. The call is done: read what it wrote\."
        with pytest.raises(ConflictError, match=done) as raised:
            create_client("Ann")

    assert raised.value.outcome == "done"
    assert clients() == 1


# Outside a unit the key is claimed with the call's first statement: whichever way a tool begins, it is claimed once.


def _look_then_write(name: str) -> Client:
    assert clients() >= 0
    return create_client(name)


def _write_in_a_unit(name: str) -> Client:
    with db.transaction():
        return create_client(name)


def _write_on_the_connection(name: str) -> Client:
    with db.get_connection() as connection:
        connection.execute("UPDATE clients SET phone = '1'")
    return create_client(name)


def _write_several(name: str) -> Client:
    db.batch(("UPDATE clients SET phone = '1'", None), ("UPDATE clients SET phone = '2'", None))
    return create_client(name)


@pytest.mark.parametrize("begin", [_look_then_write, _write_in_a_unit, _write_on_the_connection, _write_several])
def test_however_a_tool_begins_its_key_is_claimed(begin: Callable[[str], Client], committed_db: str) -> None:
    @tool(roles=STAFF)
    def begin_somehow(name: Name) -> Client:
        """Begin, and create a client."""
        return begin(name)

    with call_key("k"):
        first = begin_somehow("Ann")
        assert begin_somehow("Ann") == first
        with pytest.raises(ConflictError, match="with other arguments"):
            begin_somehow("Ben")

    assert (keys(), clients()) == (["k"], 1)


def test_a_repetition_leaves_nothing_in_the_drivers_log(committed_db: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        with call_key("k"):
            create_client("Ann")

    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []
    assert clients() == 1


def test_a_tool_without_a_statement_claims_its_key_too(committed_db: str) -> None:
    @tool(roles=STAFF)
    def do_without(name: Name) -> dict[str, Any]:
        """Write nothing."""
        return {"name": name}

    with call_key("k"):
        assert [do_without("Ann"), do_without("Ann")] == [{"name": "Ann"}] * 2
        with pytest.raises(ConflictError, match="with other arguments"):
            do_without("Ben")

    assert keys() == ["k"]


@pytest.mark.parametrize(
    ("params", "error"), [({"name": object()}, StudioError), ({"name": " "}, InvalidInputError), ({}, StudioError)]
)
def test_a_first_statement_that_fails_leaves_the_key_unused(
    params: dict[str, Any], error: type[StudioError], committed_db: str
) -> None:
    @tool(roles=STAFF)
    def fail_first() -> dict[str, Any]:
        """Fail."""
        return db.one("INSERT INTO clients (name) VALUES (%(name)s) RETURNING *", params)

    with call_key("k"), pytest.raises(error):
        fail_first()
    assert (keys(), clients()) == ([], 0)

    with call_key("k"):
        create_client("Ann")
    assert (keys(), clients()) == (["k"], 1)


# Without an answer ----------------------------------------------------------------------------------------------------


def test_a_connection_that_dies_between_calls_of_a_key_is_not_noticed(committed_db: str) -> None:
    def create() -> Client:
        with call_key("k"):
            return create_client("Ann")

    first = create()
    end_every_connection(committed_db)
    assert create() == first
    assert clients() == 1


def test_a_keyed_call_whose_connections_are_ended_again_and_again_is_executed_once(committed_db: str) -> None:
    stop = threading.Event()
    unanswered: list[UnavailableError] = []

    def end() -> None:
        while not stop.is_set():
            end_every_connection(committed_db)
            time.sleep(0.01)

    def create(number: int) -> Client:
        deadline = time.monotonic() + 30
        while True:
            try:
                with call_key(f"k{number % 20}"):
                    return create_client(f"Client {number % 20}")
            except UnavailableError as error:
                unanswered.append(error)
                if time.monotonic() > deadline:
                    raise

    with ThreadPoolExecutor(5) as threads:
        killer = threads.submit(end)
        try:
            made = list(threads.map(create, range(80)))
        finally:
            stop.set()
        killer.result()

    assert {(error.retryable, error.hint) for error in unanswered} <= {
        (True, "Call again with the same key: nothing is written twice.")
    }
    assert clients() == 20
    for number in range(20):
        assert len({client["id"] for client in made[number::20]}) == 1


def test_a_process_that_is_killed_during_the_call_leaves_the_key_to_the_next(committed_db: str) -> None:
    script = (
        "import os, signal\n"
        "from studio_data import call_key, db\n"
        "from studio_data.contract.fields import Name\n"
        "from studio_data.contract.registry import tool\n"
        "from studio_data.contract.roles import STAFF\n"
        "from studio_data.tools import clients\n"
        "@tool(roles=STAFF)\n"
        "def create_and_die(name: Name) -> clients.Client:\n"
        "    'Create a client and die.'\n"
        "    client = clients.create_client(name)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return client\n"
        "with call_key('k'):\n"
        "    create_and_die('Ann')\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False, timeout=30)
    assert killed.returncode == -9

    with call_key("k"):
        create_client("Ann")
    assert clients() == 1


def test_a_second_caller_waits_for_the_first_and_gets_its_result(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()

    @tool(roles=STAFF)
    def create_slowly(name: Name) -> Client:
        """Create a client when the test says so."""
        client = create_client(name)
        entered.set()
        leave.wait(10)
        return client

    def create() -> Client:
        with call_key("k"):
            return create_slowly("Ann")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(create)
        entered.wait(10)
        second = threads.submit(create)
        time.sleep(0.2)
        assert not second.done()
        leave.set()
        assert second.result() == first.result()
    assert clients() == 1


def test_a_call_that_waits_for_its_key_ends_at_its_deadline(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "CALL_TIMEOUT", "1")
    with psycopg.connect(committed_db) as other:
        other.execute("INSERT INTO call_ledger (key, tool, arguments_hash) VALUES ('k', 'create_client', sha256('x'))")

        with pytest.raises(UnavailableError) as raised, call_key("k"):  # the other one never ends
            create_client("Ann")

    assert raised.value.retryable


# Pruning --------------------------------------------------------------------------------------------------------------


def test_prune_removes_what_is_older_and_keeps_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "PRUNED_AT_ONCE", 10)
    with as_administrator():  # it is studio_owner who prunes
        db.one(
            """
            INSERT INTO call_ledger (key, tool, arguments_hash, result, created_at)
            SELECT 'key ' || days, 'create_client', sha256('x'), '{}', now() - make_interval(days => days)
            FROM generate_series(1, 60) AS days
            """
        )

        assert list(ledger.prune()) == [10, 10, 10, 0]
        assert len(keys()) == 30
        assert list(ledger.prune(days=1)) == [
            10,
            10,
            9,
        ]  # the key of one day ago is not older than a day in this transaction


@pytest.mark.parametrize("days", [0, -1])
def test_prune_keeps_at_least_a_day(days: int) -> None:
    with pytest.raises(InvalidInputError, match=f"days must be at least 1, not {days}"):
        list(ledger.prune(days=days))


@pytest.mark.parametrize(
    ("key", "digest"), [("", bytes(32)), ("a\nb", bytes(32)), ("x" * 256, bytes(32)), ("k", bytes(31)), ("k", None)]
)
def test_the_database_refuses_a_ledger_row_that_is_none(key: str, digest: bytes | None) -> None:
    with pytest.raises(psycopg.errors.IntegrityError), db.transaction():
        db.one("INSERT INTO call_ledger (key, tool, arguments_hash) VALUES (%s, 'create_client', %s)", (key, digest))
