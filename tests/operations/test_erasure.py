"""What the law demands is erased from the trail: the words are gone, the seals hold, and no other change hides behind it."""

import json

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from studio_data import acting_as, call, db
from studio_data.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError
from studio_data.operations import erasure, seals
from studio_data.tools.activity import get_history, log_activity, project_feed
from studio_data.tools.client_merges import merge_clients
from studio_data.tools.clients import create_client, update_client
from studio_data.tools.projects import create_project
from tests.support import studio_data, use
from tests.support.sealed import kinds, sealed

NAME = "Linh Nguyen"


@pytest.fixture(autouse=True)
def small_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LINES_IN_SEAL", 5)


def a_client() -> str:
    """Make a client whose name stands in rows, lines and a kept result; and forget it in the row."""
    client = call("create_client", {"name": NAME, "email": "linh@example.com"}, key="k-1")
    log_activity("client", client["id"], f"{NAME} called", metadata={"said": f"I am {NAME}"})
    update_client(client["id"], name="Former client", email="former@example.com")
    return client["id"]


def stored(table: str) -> str:
    query = sql.SQL("SELECT {table}::text AS line FROM {table}").format(table=sql.Identifier(table))
    return "\n".join(row["line"] for row in db.many(query))


def erase(kind: str, thing_id: str, **given: bool) -> int:
    with acting_as("user", "Maria"):
        return erasure.erase(erasure.find(kind, thing_id, **given), reason="request 17")


def test_nothing_of_the_words_is_left_and_the_seals_hold(committed_db: str) -> None:
    client_id = a_client()
    newest = sealed(3)
    assert (NAME in stored("activity_log"), NAME in stored("call_ledger")) == (True, True)

    assert erase("client", client_id) == 3

    assert (NAME in stored("activity_log"), "linh@" in stored("activity_log")) == (False, False)
    assert NAME not in stored("call_ledger")
    assert kinds(newest) == set()
    list(seals.seal())
    assert kinds(newest) == set()
    note, *lines = get_history("client", client_id)["items"]
    assert (note["action"], note["actor_name"], note["metadata"]["reason"]) == ("erased", "Maria", "request 17")
    assert [line["action"] for line in lines] == [
        "updated",
        "erased",
        "created",
    ]  # a tool's own word says nothing of a person
    assert all(line["metadata"] == {"erased": str(note["id"])} for line in lines)
    assert [(found["lines"], found["reason"]) for found in erasure.erased()] == [(3, "request 17")]


def test_a_key_whose_result_was_erased_still_writes_no_second_time(committed_db: str) -> None:
    erase("client", a_client())

    again = call("create_client", {"name": NAME, "email": "linh@example.com"}, key="k-1")
    assert again["message"] == "The call of create_client with the key k-1 was executed, and its result was erased."
    assert again["hint"] == "The call is done: read what it wrote."
    assert db.one("SELECT count(*) AS clients FROM clients") == {"clients": 1}


def test_a_second_erasure_takes_only_what_came_after_the_first(committed_db: str) -> None:
    client_id = a_client()
    erase("client", client_id)
    with pytest.raises(NotFoundError, match=r"has nothing about client .* that is not erased"):
        erasure.find("client", client_id)
    log_activity("client", client_id, "called again", metadata={"erased": "not really"})

    assert erase("client", client_id) == 1
    assert "called again" not in stored("activity_log")
    assert kinds() == set()


def test_a_client_goes_with_those_merged_into_it_and_on_request_with_its_projects(committed_db: str) -> None:
    kept, gone = create_client("Linh"), create_client("Linh again")
    merge_clients(kept["id"], from_client_id=gone["id"])
    project = create_project(kept["id"], "Linh's house", "renovation")["project"]
    found = erasure.find("client", str(kept["id"]))
    with_projects = erasure.find("client", str(kept["id"]), with_projects=True)
    feed = {line["id"] for line in project_feed(project["id"])["items"]}

    assert len(found.lines) == 4  # two created, and the merge in both histories
    assert set(with_projects.lines) == set(found.lines) | feed
    assert set(erasure.find("project", str(project["id"])).lines) == feed


def test_many_lines_need_several_notes(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "LINES_OF_A_NOTE", 2)
    erase("client", a_client())

    assert [found["lines"] for found in erasure.erased()] == [2, 1]
    assert kinds() == set()


# What may not hide behind a note --------------------------------------------------------------------------------------


TAMPERINGS: dict[str, str] = {
    "an erased line is changed": "UPDATE activity_log SET metadata = '{}' WHERE metadata ? 'erased'",
    "an erased line is removed": "DELETE FROM activity_log WHERE metadata ? 'erased'",
    "another line is changed": "UPDATE activity_log SET actor_name = 'Ann' WHERE NOT metadata ? 'erased'",
    "the note is removed": "DELETE FROM activity_log WHERE context ->> 'tool' = 'audit erase'",
    "the note is changed": "UPDATE activity_log SET actor_name = 'Ann' WHERE context ->> 'tool' = 'audit erase'",
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS)
def test_every_other_change_is_found(committed_db: str, statement: str) -> None:
    erase("client", a_client())
    sealed(3)
    with db.transaction() as connection:
        connection.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
        connection.execute(statement.encode())

    assert kinds() & {"lines changed", "lines missing"}


FORGED = [
    "{}", '{"lines": 7}', '{"lines": [{"line": "x"}]}', '{"lines": [{"line": 1, "before": [], "after": {}}]}',
    '{"lines": [{"line": "00000000-0000-0000-0000-000000000000", "before": "zz", "after": ""}]}',
]  # fmt: skip


@pytest.mark.parametrize("metadata", FORGED)
def test_a_forged_note_changes_nothing(committed_db: str, metadata: str) -> None:
    newest = sealed(3)
    db.one(
        """
        INSERT INTO activity_log (entity_type, entity_id, action, context, metadata)
        VALUES ('client', uuid_v7(), 'erased', '{"tool": "audit erase"}', %(metadata)s)
        """,
        {"metadata": metadata},
    )

    list(seals.seal())
    assert kinds(newest) == set()


# Refusals -------------------------------------------------------------------------------------------------------------


def test_a_line_that_cannot_be_sealed_yet_is_not_erased(elsewhere: psycopg.Connection) -> None:
    client_id = a_client()
    with pytest.raises(ConflictError, match=r"3 of the lines are not sealed yet, so nothing was erased\. End session"):
        erase("client", client_id)

    assert NAME in stored("activity_log")


def test_a_login_of_the_practice_may_not_erase(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = a_client()
    assert studio_data("roles")[0] == 0
    use(make_conninfo(committed_db, options="-c role=studio_owner"), monkeypatch)
    with pytest.raises(PermissionDeniedError, match="This login may not erase from the trail, so nothing was erased"):
        erase("client", client_id)

    assert NAME in stored("activity_log")


def test_what_cannot_be_meant_is_refused(committed_db: str) -> None:
    client_id = a_client()
    with pytest.raises(InvalidInputError, match="'invoice book' is no kind of thing"):
        erasure.find("invoice book", client_id)
    with pytest.raises(InvalidInputError, match="id must"):
        erasure.find("client", "x")
    with pytest.raises(InvalidInputError, match="reason must"):
        erasure.erase(erasure.find("client", client_id), reason=" ")
    assert NAME in stored("activity_log")


# On the command line --------------------------------------------------------------------------------------------------


def test_the_command_asks_erases_and_the_verification_tells_it(committed_db: str) -> None:
    client_id = a_client()
    given = ("audit", "erase", "client", client_id, "--reason", "request 17", "--actor", "Maria")

    code, _, said = studio_data(*given)
    assert (code, "3 lines and 1 kept results about client" in said, "Add --yes" in said) == (1, True, True)
    code, said, _ = studio_data(*given, "--yes")
    assert (code, said.startswith("Erased 3 lines and 1 kept results about client")) == (0, True)
    code, said, _ = studio_data("audit", "verify")
    assert (code, "The trail is as it was sealed" in said, "request 17" in said, "Maria" in said) == (0, True, True, True)
    (note,) = json.loads(studio_data("audit", "verify", "--json")[1])["erased"]
    assert (note["lines"], note["actor_name"]) == (3, "Maria")
