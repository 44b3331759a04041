"""No call outlives its deadline by more than 100 ms, whatever it waits for."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from studio_data import call_key, db, deadline
from studio_data.errors import UnavailableError
from studio_data.tools.clients import create_client, list_clients
from tests.faults.proxy import Proxy
from tests.faults.server import Postgres
from tests.support import use, with_setting

DEADLINE = 0.5
GRACE = 0.1


def in_unit(name: str) -> None:
    with db.transaction():
        create_client(name)
        create_client(name)


def keyed(name: str) -> None:
    with call_key(f"key of {name}"):
        create_client(name)


def read(_name: str) -> None:
    list_clients()


CALLS: list[Callable[[str], Any]] = [read, create_client, keyed, in_unit]


@contextmanager
def ends_in_time() -> Generator[None]:
    started = time.monotonic()
    with pytest.raises(UnavailableError), deadline(DEADLINE):
        yield
    took = time.monotonic() - started
    assert took < DEADLINE + GRACE, f"{took:.3f} s"


def each_ends_in_time() -> None:
    for call in CALLS:
        with ends_in_time():
            call(f"in time: {call.__name__}")


def test_with_a_frozen_server(postgres: Postgres) -> None:
    create_client("before")
    with postgres.frozen():
        each_ends_in_time()

    assert create_client("after")["name"] == "after"


def test_with_a_frozen_server_at_the_first_call_of_a_process(postgres: Postgres) -> None:
    with postgres.frozen():
        each_ends_in_time()

    assert create_client("after")["name"] == "after"


def test_with_a_network_that_swallows_everything(proxy: Proxy) -> None:
    create_client("before")
    with proxy.black_hole():
        each_ends_in_time()

    with deadline(5):
        assert create_client("after")["name"] == "after"


def test_with_every_connection_in_use(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    with_setting(monkeypatch, "POOL_MAX_SIZE", "2")
    release = threading.Event()
    taken = threading.Barrier(3)

    def hold() -> None:
        with db.transaction():
            taken.wait()
            while not release.wait(0.5):
                db.one("SELECT 1 AS busy")  # the server ends a unit that is idle

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    taken.wait()
    each_ends_in_time()
    release.set()
    for holder in holders:
        holder.join()

    assert create_client("after")["name"] == "after"


def test_with_a_row_that_another_transaction_holds(postgres: Postgres) -> None:
    create_client("before")
    release = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with db.transaction():
            db.one("INSERT INTO call_ledger (key, tool, arguments_hash) VALUES ('taken', 'create_client', sha256(''))")
            held.set()
            release.wait(0.8)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with ends_in_time(), call_key("taken"):
        create_client("Ann")
    release.set()
    holder.join()


def test_with_a_synchronous_standby_that_is_dead(
    new_server: Callable[..., Postgres], migrated: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = new_server(synchronous_standby_names="nobody")
    primary.copy_of(migrated)
    primary.start()
    use(primary.url, monkeypatch)

    for call in CALLS[1:]:
        with ends_in_time():
            call(f"in time: {call.__name__}")
    assert list_clients()["items"] is not None

    # What was committed on the primary alone is there, once; the key says so to whoever repeats the call.
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    primary.options.pop("synchronous_standby_names")
    db.close()
    primary.stop()
    primary.start()
    keyed("in time: keyed")
    names = primary.execute("SELECT name, count(*) FROM clients GROUP BY name ORDER BY name")
    assert ("in time: keyed", 1) in names
    assert all(count == (2 if name == "in time: in_unit" else 1) for name, count in names)
