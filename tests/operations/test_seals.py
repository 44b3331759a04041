"""The trail is sealed in batches; whatever a superuser does to it afterwards is found."""

import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from studio_data import db
from studio_data.contract.validators import TrailPlace, trail_cursor_of
from studio_data.operations import seals
from studio_data.tools.activity import Changes, changes_since
from studio_data.tools.clients import create_client, update_client
from tests.support import studio_data

SEED = 20261123


@pytest.fixture(autouse=True)
def small_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LINES_IN_SEAL", 5)


def kinds(kept: seals.Head | str | None = None) -> set[str]:
    return {finding["kind"] for _, found in seals.verify(kept) for finding in found}


def actions_of(changes: Changes) -> list[str]:
    return [line["action"] for line in changes["items"]]


def sealed(clients: int = 20) -> seals.Head:
    for number in range(clients):
        client = create_client(f"Client {number}", source="referral")
        update_client(client["id"], phone=f"+1 913 555 {number:04}")
    list(seals.seal())
    newest = seals.head()
    assert newest is not None
    return newest


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
        connection.execute("GRANT SELECT ON activity_log TO studio_sealer")
        connection.execute("GRANT SELECT, INSERT ON audit_seals TO studio_sealer")
        connection.execute("SET LOCAL ROLE studio_sealer")
        assert list(seals.seal()) == [1]
        assert kinds(seals.head()) == set()


# Tampering ------------------------------------------------------------------------------------------------------------

COLUMNS = {
    "entity_type": "'project'",
    "entity_id": "uuid_v7()",
    "action": "action || ' once'",
    "actor_type": "'user'",
    "actor_name": "'somebody else'",
    "metadata": "metadata || '{\"amount\": 1}'",
    "context": "'{}'",
    "project_id": "uuid_v7()",
    "created_at": "created_at - interval '1 microsecond'",
    "id": "uuid_v7()",
}


def edit_line(chance: random.Random) -> str:
    column = chance.choice(list(COLUMNS))
    value = COLUMNS[column]
    return (
        f"UPDATE activity_log SET {column} = {value}"
        f" WHERE id = (SELECT id FROM activity_log ORDER BY id OFFSET {chance.randrange(40)} LIMIT 1)"
    )


def swap_lines(chance: random.Random) -> str:
    one, other = chance.sample(range(40), 2)
    return (
        "UPDATE activity_log SET transaction_id = other.transaction_id FROM activity_log AS other WHERE"
        f" activity_log.id = (SELECT id FROM activity_log ORDER BY id OFFSET {one} LIMIT 1)"
        f" AND other.id = (SELECT id FROM activity_log ORDER BY id OFFSET {other} LIMIT 1)"
    )


def delete_lines(chance: random.Random) -> str:
    return (
        f"DELETE FROM activity_log WHERE id IN (SELECT id FROM activity_log ORDER BY id OFFSET {chance.randrange(36)}"
        f" LIMIT {chance.randint(1, 4)})"
    )


def insert_line(chance: random.Random) -> str:
    return (
        "INSERT INTO activity_log (entity_type, entity_id, action, transaction_id, created_at)"
        " SELECT entity_type, entity_id, 'approved', transaction_id, created_at"
        f" FROM activity_log ORDER BY id OFFSET {chance.randrange(40)} LIMIT 1"
    )


def insert_ahead(_chance: random.Random) -> str:
    return (
        "INSERT INTO activity_log (entity_type, entity_id, action, transaction_id)"
        " VALUES ('client', uuid_v7(), 'approved', '99999999999')"
    )


def insert_before_all(_chance: random.Random) -> str:
    return (
        "INSERT INTO activity_log (entity_type, entity_id, action, transaction_id)"
        " VALUES ('client', uuid_v7(), 'approved', '0')"
    )


def edit_seal(chance: random.Random) -> str:
    column, value = chance.choice([
        ("lines", "lines + 1"), ("sealed_at", "sealed_at - interval '1 day'"), ("hash", "sha256(hash)"),
        ("lines_hash", "sha256(hash)"), ("previous_hash", "sha256(hash)"),
        ("last_transaction", "(last_transaction::text::bigint - 1)::text::xid8"), ("number", "number + 100"),
    ])  # fmt: skip
    return f"UPDATE audit_seals SET {column} = {value} WHERE number = {chance.randint(1, 8)}"


def delete_seal(chance: random.Random) -> str:
    return f"DELETE FROM audit_seals WHERE number = {chance.randint(1, 8)}"


def cut_tail(chance: random.Random) -> str:
    kept = chance.randint(1, 7)
    return (
        "DELETE FROM activity_log"
        f" WHERE transaction_id > (SELECT last_transaction FROM audit_seals WHERE number = {kept});"
        f"DELETE FROM audit_seals WHERE number > {kept}"
    )


def cut_all(_chance: random.Random) -> str:
    return "TRUNCATE activity_log; TRUNCATE audit_seals"


def seal_anew(chance: random.Random) -> str:
    """Change a line and forge every seal from there on, as the library itself would have made them."""
    return (
        f"{edit_line(chance)};"
        """
        DO $$
        DECLARE
            before bytea = decode(repeat('00', 32), 'hex');
            at xid8 = '0';
            one record;
            hashed bytea;
        BEGIN
            FOR one IN SELECT * FROM audit_seals ORDER BY number LOOP
                SELECT sha256(string_agg(line_hash(line), ''::bytea ORDER BY transaction_id, id)) INTO hashed
                FROM activity_log AS line WHERE transaction_id > at AND transaction_id <= one.last_transaction;
                UPDATE audit_seals SET
                    previous_hash = before, lines_hash = hashed,
                    hash = seal_hash(before, number, last_transaction, lines, sealed_at, hashed)
                WHERE number = one.number RETURNING hash INTO before;
                at = one.last_transaction;
            END LOOP;
        END $$
        """
    )


ATTACKS: list[Callable[[random.Random], str]] = [
    edit_line, edit_line, edit_line, swap_lines, delete_lines, insert_line, insert_ahead, insert_before_all, edit_seal,
    edit_seal, delete_seal, cut_tail, cut_all, seal_anew,
]  # fmt: skip


def test_whatever_a_superuser_does_to_a_sealed_trail_is_found(committed_db: str) -> None:
    newest = sealed()
    chance = random.Random(SEED)
    unnoticed: list[str] = []
    for number in range(112):
        attack = ATTACKS[number % len(ATTACKS)](chance)
        with db.transaction(rollback=True) as connection:
            connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
            connection.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
            connection.execute(attack.encode())
            if not kinds(newest):
                unnoticed.append(attack)

    assert unnoticed == []
    assert kinds(newest) == set()


def test_a_cut_tail_is_found_only_with_a_head_that_was_kept_outside(committed_db: str) -> None:
    newest = sealed()
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
        connection.execute(cut_tail(random.Random(SEED)).encode())

    assert kinds() == set()
    assert kinds(newest) == {"head missing"}
    assert kinds(newest["hash"]) == {"head missing"}


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_seals SET lines = 1", "DELETE FROM audit_seals", "TRUNCATE audit_seals"]
)
def test_seals_are_append_only(committed_db: str, statement: str) -> None:
    sealed(2)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="audit_seals is append-only"):
        db.one(statement)  # pyright: ignore[reportArgumentType]


# On the command line --------------------------------------------------------------------------------------------------


def test_the_commands_seal_verify_and_export(committed_db: str, tmp_path: Path) -> None:
    create_client("Ann")
    kept = tmp_path / "head.json"

    assert "There is no seal yet: studio-data audit seal makes the first." in studio_data("audit", "verify")[1]
    code, said, _ = studio_data("audit", "seal", "--head", str(kept))
    assert (code, "Sealed 1 lines. Seal 1 covers all 1:" in said) == (0, True)
    assert json.loads(kept.read_text()) == json.loads(studio_data("audit", "head")[1])
    code, said, _ = studio_data("audit", "verify", "--head", str(kept))
    assert (code, "The trail is as it was sealed: 1 lines under 1 seals." in said) == (0, True)


def test_what_was_changed_is_told_with_its_seal_and_ends_with_an_exit_code(committed_db: str, tmp_path: Path) -> None:
    create_client("Ann")
    studio_data("audit", "seal")
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("UPDATE activity_log SET actor_name = 'somebody else'")

    code, said, _ = studio_data("audit", "verify")
    assert (code, "at least one of the 1 lines under seal 1 was changed" in said) == (1, True)
    code, said, _ = studio_data("audit", "verify", "--json")
    assert (code, [finding["kind"] for finding in json.loads(said)["findings"]]) == (1, ["lines changed"])


def test_the_seal_that_was_kept_may_be_given_as_its_hash(committed_db: str) -> None:
    newest = sealed(2)

    assert studio_data("audit", "verify", "--head", newest["hash"].upper())[0] == 0
    assert studio_data("audit", "verify", "--head", "0" * 64)[0] == 1


def test_a_finding_says_which_lines_the_seal_covers(committed_db: str) -> None:
    newest = sealed(2)
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("DELETE FROM activity_log WHERE id = (SELECT id FROM activity_log ORDER BY id LIMIT 1)")

    [finding] = json.loads(studio_data("audit", "verify", "--json")[1])["findings"]
    assert {name: finding[name] for name in ("kind", "seal", "above", "up_to", "sealed", "found")} == {
        "kind": "lines missing", "seal": 1, "above": 0, "up_to": newest["last_transaction"], "sealed": 4, "found": 3,
    }  # fmt: skip


def test_a_kept_seal_is_not_replaced_once_the_trail_was_cut(committed_db: str, tmp_path: Path) -> None:
    kept = tmp_path / "head.json"
    sealed(8)
    studio_data("audit", "seal", "--head", str(kept))
    proof = kept.read_text()
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
        connection.execute("DELETE FROM audit_seals WHERE number > 1")
    create_client("afterwards")

    code, _, error = studio_data("audit", "seal", "--head", str(kept))
    assert (code, "is not replaced: seal 4, which was kept outside, is missing" in error) == (1, True)
    assert kept.read_text() == proof
    assert [path.name for path in tmp_path.iterdir()] == ["head.json"]


def test_a_file_that_holds_no_seal_is_refused(committed_db: str, tmp_path: Path) -> None:
    (tmp_path / "head.json").write_text("{}")

    code, _, said = studio_data("audit", "verify", "--head", str(tmp_path / "head.json"))
    assert (code, "does not hold a seal" in said) == (1, True)


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
    assert seals.lines_ahead() == newest["lines"]
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
    seals.go_on_numbering()
    with db.transaction(rollback=True) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        rows = connection.execute(
            "EXPLAIN SELECT id FROM activity_log"
            " WHERE transaction_id < trail_number(pg_snapshot_xmin(pg_current_snapshot()))"
        ).fetchall()
    plan = "\n".join(row["QUERY PLAN"] for row in rows)

    assert "activity_log_transaction_id_idx" in plan
    assert "trail_number" not in plan  # put in line, as if it were written there
