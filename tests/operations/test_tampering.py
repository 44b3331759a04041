"""Whatever a superuser does to a sealed trail afterwards is found, and the commands tell it."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from studio_data import db
from studio_data.operations import seals
from studio_data.tools.clients import create_client
from tests.support import studio_data
from tests.support.sealed import kinds, sealed

SEED = 20261123


@pytest.fixture(autouse=True)
def small_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LINES_IN_SEAL", 5)


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
