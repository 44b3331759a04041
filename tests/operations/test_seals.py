"""The trail is sealed in batches, each over the one before it, and goes on after a restore."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from studio_data import db
from studio_data.contract.cursors import TrailPlace, trail_cursor_of
from studio_data.operations import seals, trail_numbers
from studio_data.tools.change_feed import Changes, changes_since
from studio_data.tools.clients import create_client
from tests.support import studio_data
from tests.support.sealed import kinds, sealed


@pytest.fixture(autouse=True)
def small_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LINES_IN_SEAL", 5)


def actions_of(changes: Changes) -> list[str]:
    return [line["action"] for line in changes["items"]]


def test_every_line_is_sealed_once_and_in_order(committed_db: str) -> None:
    newest = sealed()

    assert newest["lines"] == 40
    assert newest["number"] == 8
    assert seals.unsealed() == {"lines": 0, "oldest": None}
    assert list(seals.seal()) == []
    assert kinds(newest) == kinds(newest["hash"]) == set()


def test_an_empty_trail_has_no_seal(committed_db: str) -> None:
    assert list(seals.seal()) == []
    assert seals.head() is None
    assert kinds() == set()


def test_lines_of_an_open_transaction_wait_and_are_sealed_later(committed_db: str) -> None:
    begun, end = threading.Event(), threading.Event()

    def slow() -> None:
        with db.transaction():
            create_client("slow")
            begun.set()
            end.wait(10)

    writer = threading.Thread(target=slow)
    writer.start()
    begun.wait()
    create_client("quick")
    assert list(seals.seal()) == []
    end.set()
    writer.join()

    assert list(seals.seal()) == [2]
    assert kinds() == set()


def test_many_who_seal_while_others_write_make_one_chain(committed_db: str) -> None:
    over = threading.Event()

    def write(number: int) -> None:
        for step in range(40):
            create_client(f"{number}, {step}")

    def keep_sealing() -> None:
        while not over.is_set():
            list(seals.seal())

    with ThreadPoolExecutor(14) as threads:
        sealers = [threads.submit(keep_sealing) for _ in range(10)]
        try:
            for writer in [threads.submit(write, number) for number in range(4)]:
                writer.result()
        finally:
            over.set()
        for sealer in sealers:
            sealer.result()
    list(seals.seal())

    newest = seals.head()
    assert newest is not None
    assert newest["lines"] == 160
    assert kinds(newest) == set()
    assert db.one("SELECT max(number) = count(*) AS whole FROM audit_seals") == {"whole": True}


def test_a_seal_is_the_same_whatever_a_session_has_set(committed_db: str) -> None:
    newest = sealed(3)

    with db.transaction() as connection:
        connection.execute("SET LOCAL timezone = 'Asia/Kathmandu'")
        connection.execute("SET LOCAL bytea_output = 'escape'")
        connection.execute("SET LOCAL extra_float_digits = 0")
        assert kinds(newest) == set()


def test_a_transaction_that_writes_finds_nothing_ahead_of_itself(committed_db: str) -> None:
    with db.transaction():
        create_client("Ann")
        assert kinds() == set()
        assert list(seals.seal()) == []


def test_sealing_ends_though_others_go_on_writing(committed_db: str) -> None:
    for number in range(12):
        create_client(f"Client {number}")
    made: list[int] = []
    for lines in seals.seal():
        made.append(lines)
        create_client("meanwhile")

    assert made == [5, 5, 2]
    assert seals.unsealed()["lines"] == 3


def test_seals_are_made_by_one_who_owns_nothing(committed_db: str) -> None:
    sealed(2)
    create_client("Ann")
    with db.transaction(rollback=True) as connection:
        connection.execute("CREATE ROLE studio_sealer")
        connection.execute("GRANT SELECT ON activity_log, erased_lines TO studio_sealer")
        connection.execute("GRANT SELECT, INSERT ON audit_seals TO studio_sealer")
        connection.execute("SET LOCAL ROLE studio_sealer")
        assert list(seals.seal()) == [1]
        assert kinds(seals.head()) == set()


# After a restore ------------------------------------------------------------------------------------------------------


def test_after_a_restore_into_a_younger_server_the_numbers_go_on(committed_db: str) -> None:
    newest = sealed(4)
    followed = changes_since()
    with db.transaction() as connection:  # as pg_restore leaves it where transactions are numbered lower than here
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
        connection.execute("TRUNCATE audit_seals")
        connection.execute(
            "UPDATE activity_log SET transaction_id = (transaction_id::text::bigint + 1000000000)::text::xid8"
        )
    assert trail_numbers.lines_ahead() == newest["lines"]
    assert kinds() == {"lines ahead"}

    code, said, _ = studio_data("audit", "renumber")
    assert (code, "Done: new lines are numbered above" in said) == (0, True)
    restored = changes_since(limit=500)
    assert len(restored["items"]) == len(followed["items"])
    client = create_client("after")
    assert [line["entity_id"] for line in changes_since(restored["cursor"])["items"]] == [client["id"]]
    # A follower of other lines was led past transactions that wrote none, before or after the backup was made.
    led_ahead = trail_cursor_of(TrailPlace(2_000_000_000, UUID(int=0)))
    assert actions_of(changes_since(led_ahead)) == ["created"]
    assert sum(seals.seal()) == newest["lines"] + 1
    assert kinds() == set()
    assert studio_data("audit", "renumber")[0] == 1


def test_numbering_on_costs_a_reader_no_index(committed_db: str) -> None:
    sealed(2)
    trail_numbers.go_on_numbering()
    with db.transaction(rollback=True) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        rows = connection.execute(
            "EXPLAIN SELECT id FROM activity_log"
            " WHERE transaction_id < trail_number(pg_snapshot_xmin(pg_current_snapshot()))"
        ).fetchall()
    plan = "\n".join(row["QUERY PLAN"] for row in rows)

    assert "activity_log_transaction_id_idx" in plan
    assert "trail_number" not in plan  # put in line, as if it were written there
