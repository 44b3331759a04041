from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call as dispatch
from studio_data.contract.registry import get_tool
from studio_data.db import many, one, transaction
from studio_data.errors import InvalidInputError, InvalidTransitionError, RuleViolationError
from studio_data.tools.clients import create_client, get_client, list_clients, record_screening, update_client
from studio_data.tools.pipeline import advance_client, churn_client, reopen_client
from studio_data.tools.projects import create_project
from studio_data.tools.rules.lifecycles import CLIENT
from tests.support.lifecycle import assert_move, every_pair


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def test_a_new_client_is_a_lead_with_everything_that_was_given() -> None:
    client = create_client(
        "David & Linh Nguyen",
        email="linh@example.com",
        phone="+1 913 555 0134",
        address="123 Main St, Olathe, KS",
        source="referral",
        screening_data={"style": "modern", "rooms": ["LR", "DR"], "budget": {"from": 90_000, "to": 110_000}},
    )

    assert client == one("SELECT * FROM clients WHERE id = %s", (client["id"],))
    assert isinstance(client["id"], UUID)
    assert client["id"].version == 7
    assert client["status"] == "lead"
    assert client["screening_data"] == {
        "style": "modern", "rooms": ["LR", "DR"], "budget": {"from": 90_000, "to": 110_000},
    }  # fmt: skip
    assert abs(client["created_at"] - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_is_not_given_is_empty() -> None:
    client = create_client("Ann")

    assert client["screening_data"] == {}
    assert {client["email"], client["phone"], client["address"], client["source"]} == {None}


def test_creating_a_client_leaves_one_line_in_the_log() -> None:
    client = create_client("Ann", source="web")

    (line,) = log_of(client["id"])
    assert (line["entity_type"], line["action"]) == ("client", "created")
    assert (line["actor_type"], line["actor_name"]) == ("system", "create_client")
    assert line["metadata"] == {"source": "web"}
    assert line["context"] == {"tool": "create_client", "fingerprint": get_tool("create_client").fingerprint}


@pytest.mark.parametrize("source", ['he said "hi"', '", "admin": true, "x": "', 'it\'s {"a": 1}', "%s %(name)s", "\\"])
def test_a_source_is_stored_as_it_is_and_adds_no_keys_to_the_log(source: str) -> None:
    client = create_client("Ann", source=source)

    assert client["source"] == source
    assert log_of(client["id"])[0]["metadata"] == {"source": source}


def test_surrounding_blanks_are_dropped() -> None:
    assert create_client(" \tAnn \u200b")["name"] == "Ann"


def deep(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name must not be empty or blank."),
        ({"name": " \u200b\u3164"}, "name must not be empty or blank."),
        ({"name": "a\x00b"}, "name must not contain NUL or half a surrogate pair."),
        ({"name": "a\ud800b"}, "name must not contain NUL or half a surrogate pair."),
        ({"name": "a\nb"}, "name must be one line without control characters."),
        ({"name": "a" * 201}, "name must have at most 200 characters, not 201."),
        ({"name": 5}, "name must be text, not int."),
        ({"name": b"abc"}, "name must be text, not bytes."),
        ({"name": ["a"]}, "name must be text, not list."),
        ({"name": None}, "name must be text, not nothing."),
        ({}, "name is missing. create_client needs it."),
        ({"name": "A", "email": "a@b"}, "email must be an e-mail address like name@example.com."),
        ({"name": "A", "emial": "a@b.c"}, "create_client takes no argument emial. Did you mean email?"),
        ({"name": "A", "screening_data": []}, "screening_data must be a JSON object, not list."),
        ({"name": "A", "screening_data": deep(5_000)}, "screening_data must be nested at most 32 levels deep."),
        ({"name": "A", "screening_data": {"a": float("nan")}}, "screening_data must not contain NaN or infinity."),
        ({"name": "A", "screening_data": {"a": 10**400}}, "screening_data must not contain numbers beyond 1e300."),
        ({"name": "A", "screening_data": {"a": {1, 2}}}, "screening_data must contain JSON values only, not set."),
        ({"name": "A", "screening_data": {1: "a"}}, "screening_data must have text as every key, not int."),
        ({"name": "A", "screening_data": {"a\x00": 1}}, "screening_data must not contain NUL or half a surrogate pair."),
        ({"name": "A", "screening_data": {"a": "x" * 70_000}}, "screening_data must have at most 65,536 bytes"),
        (
            {"name": "A", "screening_data": {"a": [1e299] * 1_000}},
            "The database refused a value: JSON must be an object of at most 64 kB",
        ),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_nothing(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as raised, transaction():
        create_client(**arguments)

    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(message)
    assert one("SELECT (SELECT count(*) FROM clients) + (SELECT count(*) FROM activity_log) AS rows") == {"rows": 0}


def test_every_bad_argument_is_named_at_once() -> None:
    with pytest.raises(InvalidInputError) as raised:
        create_client("", email="nobody")

    assert raised.value.details["arguments"] == ["name", "email"]


def test_optional_arguments_are_keyword_only() -> None:
    with pytest.raises(InvalidInputError, match="create_client takes 1 positional argument"):
        create_client("Ann", "ann@example.com")  # pyright: ignore[reportCallIssue]


# Moves ----------------------------------------------------------------------------------------------------------------


def client_in(status: str) -> UUID:
    client = create_client("Ann", email="ann@example.com", screening_data={"style": "modern"})
    one("UPDATE clients SET status = %s::client_status WHERE id = %s", (status, client["id"]))
    return client["id"]


def status_of(client_id: UUID) -> str:
    return get_client(client_id)["status"]


def move(client_id: UUID, target: str) -> None:
    match target:
        case "churned":
            churn_client(client_id, reason="Moved away.")
        case "lead":
            reopen_client(client_id)
        case _:
            advance_client(client_id, to=target)


@every_pair(CLIENT)
def test_every_move_of_a_client(source: str, target: str) -> None:
    client_id = client_in(source)
    if target == "active":  # follows from the first project, and cannot be asked for
        with pytest.raises(InvalidInputError, match="to must be qualified, proposal_sent, contracted or completed"):
            move(client_id, target)
        return

    assert_move(CLIENT, source, target, lambda: move(client_id, target), lambda: status_of(client_id))


@pytest.mark.parametrize(
    ("known", "calls"),
    [
        ({}, ["update_client", "record_screening"]),
        ({"email": "ann@example.com"}, ["record_screening"]),
        ({"screening_data": {"style": "modern"}}, ["update_client"]),
    ],
)
def test_a_qualified_client_can_be_reached_and_is_screened(known: dict[str, Any], calls: list[str]) -> None:
    client = create_client("Ann", **known)

    with pytest.raises(RuleViolationError) as raised:
        advance_client(client["id"], to="qualified")
    assert raised.value.details["rule"] == "qualified_clients_are_screened"
    assert [call["tool"] for call in raised.value.details["calls"]] == calls

    for call in raised.value.details["calls"]:
        known = {"phone": "+1 913 555 0134"} if call["tool"] == "update_client" else {"screening_data": {"style": "old"}}
        answer = dispatch(call["tool"], call["arguments"] | known)
        assert "code" not in answer
    assert advance_client(client["id"], to="qualified")["status"] == "qualified"


def test_a_completed_client_has_only_completed_projects() -> None:
    client_id = client_in("active")
    project = create_project(client_id, "LR", "furnishings")["project"]

    with pytest.raises(RuleViolationError, match="has 1 projects that are not completed") as raised:
        advance_client(client_id, to="completed")
    assert raised.value.details["calls"] == [
        {"tool": "advance_project", "arguments": {"project_id": str(project["id"]), "to": "completed"}}
    ]

    one("UPDATE projects SET phase = 'completed'")
    assert advance_client(client_id, to="completed")["status"] == "completed"


def test_the_reason_of_a_loss_is_in_the_log() -> None:
    client_id = client_in("proposal_sent")
    churn_client(client_id, reason="Chose another designer.")

    assert log_of(client_id)[-1]["metadata"] == {
        "changes": {"status": ["proposal_sent", "churned"]}, "reason": "Chose another designer.",
    }  # fmt: skip


# Changes --------------------------------------------------------------------------------------------------------------


def test_only_what_is_given_changes_and_the_log_says_from_what_to_what() -> None:
    client = create_client("Ann", email="ann@example.com", phone="1", source="web")

    changed = update_client(client["id"], email="ann@example.org", clear=["source"])

    assert changed == {**client, "email": "ann@example.org", "source": None, "updated_at": changed["updated_at"]}
    assert log_of(client["id"])[-1]["metadata"] == {
        "changes": {"email": ["ann@example.com", "ann@example.org"], "source": ["web", None]}
    }


def test_a_change_that_changes_nothing_leaves_no_line() -> None:
    client = create_client("Ann", email="ann@example.com")

    assert update_client(client["id"], email="ann@example.com") == client
    assert update_client(client["id"]) == client
    assert record_screening(client["id"], {}) == client
    assert len(log_of(client["id"])) == 1


def test_screening_answers_are_added_and_replaced() -> None:
    client = create_client("Ann", screening_data={"style": "modern", "rooms": ["LR"]})

    changed = record_screening(client["id"], {"rooms": ["LR", "DR"], "pets": 1})

    assert changed["screening_data"] == {"style": "modern", "rooms": ["LR", "DR"], "pets": 1}
    assert log_of(client["id"])[-1]["metadata"] == {
        "changes": {"screening_data": {"rooms": [["LR"], ["LR", "DR"]], "pets": [None, 1]}}
    }


def test_a_second_client_with_the_same_e_mail_or_phone_is_reported() -> None:
    first = create_client("Ann", email="Ann@example.com")
    second = create_client("Bob", phone="1")
    assert "likely_duplicates" not in first

    third = create_client("Ann E.", email="ann@Example.com", phone="1")

    assert third.get("likely_duplicates") == [
        {"id": first["id"], "name": "Ann", "status": "lead"}, {"id": second["id"], "name": "Bob", "status": "lead"},
    ]  # fmt: skip


def test_clients_are_listed_by_status_text_and_page() -> None:
    made = [create_client(f"Client {number}", email=f"c{number}@example.com", phone=f"55{number}") for number in range(5)]
    one("UPDATE clients SET status = 'churned' WHERE name = 'Client 3'")

    def names(**filters: Any) -> list[str]:
        return [client["name"] for client in list_clients(**filters)["items"]]

    assert names() == [client["name"] for client in reversed(made)]
    assert names(status="churned") == ["Client 3"]
    assert names(search="CLIENT 2") == names(search="C2@") == names(search="552") == ["Client 2"]
    assert names(search="%") == []
    first = list_clients(limit=3)
    assert len(first["items"]) == 3
    last = list_clients(limit=3, after=first["next"])
    assert [client["name"] for client in last["items"]] == ["Client 1", "Client 0"]
    assert (first["left"], last["left"], last["next"]) == (2, 0, None)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_client", {}),
        ("update_client", {"name": "A"}),
        ("record_screening", {"screening_data": {"a": 1}}),
        ("advance_client", {"to": "qualified"}),
        ("churn_client", {"reason": "a"}),
        ("reopen_client", {}),
    ],
)
def test_an_unknown_client_is_not_found(name: str, arguments: dict[str, Any]) -> None:
    refused = dispatch(name, {"client_id": str(uuid4()), **arguments})

    assert (refused["code"], refused["hint"]) == ("not_found", "list_clients shows them all.")


def test_one_of_twelve_who_move_a_client_at_once_moves_it(committed_db: str) -> None:
    client_id = client_in("lead")

    def advance(_: int) -> bool:
        try:
            advance_client(client_id, to="qualified")
        except InvalidTransitionError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(advance, range(12))) == 1
    assert [line["action"] for line in log_of(client_id)] == ["created", "status_changed"]


def test_a_crowd_of_likely_duplicates_is_cut_short() -> None:
    many("INSERT INTO clients (name, phone) SELECT 'Client ' || n, '+1 913 1' FROM generate_series(1, 100) AS n")

    assert len(create_client("Ann", phone="+1 913 1").get("likely_duplicates", [])) == 20
