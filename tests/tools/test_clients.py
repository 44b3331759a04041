from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from studio_data.db import many, one, transaction
from studio_data.errors import InvalidInputError
from studio_data.registry import get_tool
from studio_data.tools.clients import create_client


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
