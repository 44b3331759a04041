"""The network fails at every message of every kind of call: nothing is lost, nothing doubled, nobody waits too long."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from studio_data import call_key, db, deadline, preview, raising_call
from studio_data.errors import NotFoundError, StudioError, UnavailableError
from studio_data.tools.clients import create_client, list_clients
from studio_data.tools.projects import create_project
from tests.faults.conftest import IS_FULL, measured
from tests.faults.load import first_answer
from tests.faults.proxy import FAULTS, Fault, Proxy

DEADLINE = 0.6
GRACE = 0.1
NOBODY = "019ab000-0000-7000-8000-000000000000"

type Observer = psycopg.Connection[dict[str, Any]]


def read(mark: str) -> Any:
    return list_clients(limit=1)


def write(mark: str) -> Any:
    return create_client(mark)


def unit(mark: str) -> Any:
    with db.transaction():
        client = create_client(mark)
        create_client(f"{mark} too")
    return client


def raw(mark: str) -> Any:
    with db.get_connection() as connection:
        return connection.execute("INSERT INTO clients (name) VALUES (%s) RETURNING *", (mark,)).fetchone()


CREATE = """
    WITH client AS (
        INSERT INTO clients (name)
        VALUES (%s)
        RETURNING *
    ), logged AS (
        INSERT INTO activity_log (entity_type, entity_id, action)
        SELECT 'client', id, 'created'
        FROM client
    )
    SELECT * FROM client
    """


def batched(mark: str) -> Any:
    return db.batch((CREATE, (mark,)), (CREATE, (f"{mark} too",)))


def previewed(mark: str) -> Any:
    with preview() as plan:
        create_client(mark)
    return len(plan.changes)


def keyed(mark: str) -> Any:
    return first_answer("create_client", {"name": mark}, mark)


def keyed_with_tasks(mark: str) -> Any:
    with call_key(f"{mark} client"):
        client = create_client(mark)
    with call_key(f"{mark} project"):
        return create_project(client["id"], mark, "furnishings")["tasks_created"]


def keyed_refused(mark: str) -> Any:
    try:
        return raising_call("create_project", {"client_id": NOBODY, "name": mark, "project_type": "mixed"}, key=mark)
    except NotFoundError as refusal:
        return refusal.to_dict()


@dataclass(frozen=True)
class Kind:
    """A kind of call: how many clients it leaves, whether its harness repeats it, whether a lost answer is no loss."""

    function: Callable[[str], Any]
    clients: int
    is_keyed: bool = False
    only_reads: bool = False
    every_message: bool = True


KINDS = [
    Kind(read, 0, only_reads=True),
    Kind(write, 1),
    Kind(unit, 2),
    Kind(raw, 1),
    Kind(batched, 2),
    Kind(previewed, 0),
    Kind(keyed, 1, is_keyed=True),
    Kind(keyed_with_tasks, 1, is_keyed=True),
    Kind(keyed_refused, 0, is_keyed=True),
]


def written(observer: Observer, mark: str) -> tuple[int, int, int]:
    """Count the clients of a call, the projects, and the lines that the trail has about them."""
    found = observer.execute(
        """
        WITH found AS (SELECT id FROM clients WHERE name LIKE %(mark)s || '%%')
        SELECT
            (SELECT count(*) FROM found) AS clients,
            (SELECT count(*) FROM projects WHERE name = %(mark)s) AS projects,
            (SELECT count(*) FROM activity_log WHERE entity_type = 'client' AND entity_id IN (SELECT id FROM found)
                AND action = 'created') AS lines
        """,
        {"mark": mark},
    ).fetchone()
    assert found is not None
    return found["clients"], found["projects"], found["lines"]


def in_time(function: Callable[[str], Any], mark: str) -> Any:
    """Call under the deadline and see that it was kept. An error is returned."""
    started = time.monotonic()
    try:
        with deadline(DEADLINE):
            return function(mark)
    except StudioError as error:
        return error
    finally:
        took = time.monotonic() - started
        assert took < DEADLINE + GRACE, f"{mark} took {took:.3f} s"


def settled(observer: Observer) -> None:
    """Wait until the server has ended what the network left behind."""
    ends = time.monotonic() + 10
    open_: list[dict[str, Any]] = []
    while time.monotonic() < ends:
        open_ = observer.execute(
            "SELECT state, wait_event, query FROM pg_stat_activity"
            " WHERE application_name = 'studio-data' AND (state <> 'idle' OR xact_start IS NOT NULL)"
        ).fetchall()
        if not open_:
            return
        time.sleep(0.02)
    raise AssertionError(f"what a lost connection left is still open: {open_}")


def check(kind: Kind, fault: Fault, mark: str, answer: Any, observer: Observer) -> None:
    """Hold what the caller was told against what is in the database."""
    if kind.is_keyed:
        attempts = 1
        while isinstance(answer, UnavailableError):
            assert fault == "black hole", f"{mark}: {answer} reached the caller"
            assert answer.retryable
            attempts += 1
            assert attempts < 30
            answer = in_time(kind.function, mark)
        assert not isinstance(answer, StudioError), f"{mark}: {answer}"
        assert kind.function(mark) == answer, f"{mark}: a repetition got another answer"
    settled(observer)
    clients, projects, lines = written(observer, mark)
    if isinstance(answer, UnavailableError):
        assert clients in {0, kind.clients}, mark
        if answer.outcome == "not_done":
            assert clients == 0, f"{mark}: {answer}"
        if kind.only_reads:
            assert answer.outcome == "not_done"
            assert fault == "black hole", f"{mark}: {answer} reached a reader"
    else:
        assert not isinstance(answer, StudioError), f"{mark}: {answer}"
        assert clients == kind.clients, mark
    assert projects == (1 if kind.function is keyed_with_tasks else 0), mark
    assert lines == (0 if kind.function is raw else clients), mark


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.function.__name__)
def test_a_call_survives_a_fault_at_any_of_its_messages(kind: Kind, proxy: Proxy, observer: Observer) -> None:
    for number in range(6):
        kind.function(f"prepared {number}")  # from now on the statements are prepared, as in a process that has run a while
    with proxy.recording() as messages:
        kind.function("recorded")
    assert {message.sender for message in messages} == {"client", "server"}

    for fault in FAULTS:
        step = 1 if IS_FULL else 2 if fault != "black hole" else 6
        for number in range(0, len(messages), step):
            mark = f"{fault} at {number}"
            with proxy.failing(number, fault):
                answer = in_time(kind.function, mark)
            check(kind, fault, mark, answer, observer)
    some = "each" if IS_FULL else "some"
    measured(f"{kind.function.__name__}: {len(messages)} messages, {some} cut before, cut after and swallowed")


def test_a_first_call_survives_a_fault_at_any_message_of_its_connection(proxy: Proxy, observer: Observer) -> None:
    with proxy.recording() as messages:
        keyed("recorded")
    kind = Kind(keyed, 1, is_keyed=True)

    for fault in FAULTS:
        for number in range(0, len(messages), 1 if IS_FULL else 6):
            mark = f"first, {fault} at {number}"
            db.close()
            with proxy.failing(number, fault):
                answer = in_time(kind.function, mark)
                while isinstance(answer, UnavailableError):  # nothing is known of this database yet: the caller hears it
                    assert answer.retryable
                    answer = in_time(kind.function, mark)
            check(kind, fault, mark, answer, observer)
