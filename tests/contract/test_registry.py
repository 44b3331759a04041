"""What the decorator makes of a function: arguments, names and errors."""

import inspect
import json
import pickle
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import uuid4

import psycopg
import pytest
from annotated_types import Len
from pydantic import ConfigDict

from studio_data import call, db
from studio_data.contract.audit import actor
from studio_data.contract.domain import refusals
from studio_data.contract.fields import Day, Line, Name
from studio_data.contract.registry import get_tool, tool
from studio_data.contract.roles import STAFF
from studio_data.contract.schemas import strict
from studio_data.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RuleViolationError,
    StudioError,
)
from studio_data.tools.clients import Client, create_client
from tests.support import tools_of_the_test

with tools_of_the_test():

    @tool(reads=True)
    def greet(name: Line, *, greeting: Line = "Hello") -> dict[str, Any]:
        """Greet somebody."""
        return {"said": f"{greeting}, {name}", **actor()}


def test_a_tool_stays_an_ordinary_function() -> None:
    assert greet.__name__ == "greet"
    assert greet.__doc__ == "Greet somebody."
    assert list(inspect.signature(greet).parameters) == ["name", "greeting"]
    assert greet("Ann", greeting=" Hi ")["said"] == "Hi, Ann"


def test_a_tool_acts_under_its_own_name() -> None:
    assert greet("Ann")["actor_name"] == "greet"
    assert actor()["actor_name"] == "unknown"


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        (("Ann", "Hi"), {}, "greet takes 1 positional argument, not 2. Give the others by name."),
        (("Ann",), {"name": "Ben"}, "greet got name twice. Give it once."),
        ((), {}, "name is missing. greet needs it."),
        (("Ann",), {"greting": "Hi"}, "greet takes no argument greting. Did you mean greeting?"),
        (("Ann",), {"x" * 100_000: 1}, "greet takes no argument xxx"),
        (("Ann",), {"\ud800": 1}, "greet takes no argument '\\ud800'."),
    ],
)
def test_a_wrong_call_is_an_error_of_the_library(arguments: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        greet(*arguments, **named)

    assert str(raised.value).startswith(message)
    assert len(str(raised.value)) < 300
    assert raised.value.details["tool"] == "greet"


class Guest(TypedDict):
    """Somebody to greet."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportGeneralTypeIssues]

    name: Name
    since: NotRequired[Day | None]


with tools_of_the_test():

    @tool(reads=True)
    def greet_all(guests: Annotated[list[Guest], Len(1, 3)]) -> dict[str, Any]:
        """Greet several people."""
        return {"greeted": guests}

    GREET_ALL = get_tool("greet_all")


def test_a_list_of_objects_is_validated_to_the_last_field() -> None:
    assert greet_all([{"name": " Ann "}, {"name": "Ben", "since": "2026-11-23"}]) == {
        "greeted": [{"name": "Ann"}, {"name": "Ben", "since": date(2026, 11, 23)}]
    }


BAD_GUESTS: list[tuple[Any, str]] = [
    ("Ann", "guests must be a list, not str."),
    (("Ann",), "guests must be a list, not tuple."),
    ([], "guests must have at least 1 items."),
    ([{"name": "Ann"}] * 4, "guests must have at most 3 items."),
    (["Ann"], "guests[0] must be an object, not str."),
    ([{}], "guests[0].name is missing."),
    ([{"name": "Ann"}, {"name": ""}], "guests[1].name must not be empty or blank."),
    ([{"name": "Ann", "since": "tomorrow"}], "guests[0].since must be a date like 2026-11-23."),
    ([{"name": "Ann", "colour": "red"}], "guests[0].colour is unknown."),
    ([{"name": "Ann", "since": None, 5: 6}], "guests[0]"),
    (["Ann"] * 10_000, "guests must have at most 3 items"),
]


@pytest.mark.parametrize(("guests", "message"), BAD_GUESTS)
def test_a_bad_list_is_one_clear_error(guests: Any, message: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        greet_all(guests)

    assert str(raised.value).startswith(message)
    assert len(str(raised.value)) < 300
    assert raised.value.details == {"tool": "greet_all", "arguments": ["guests"]}


def test_strict_schemas_close_the_objects_in_lists_too() -> None:
    schema = strict(GREET_ALL.input_schema)

    assert schema["properties"]["guests"]["items"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "since": {"type": ["string", "null"], "format": "date"}},
        "required": ["name", "since"],
        "additionalProperties": False,
    }


def test_what_cannot_be_a_tool_is_refused_where_it_is_written() -> None:
    async def asynchronous(name: Line) -> None: ...
    def unannotated(name) -> None: ...  # noqa: ANN001 # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
    def positional(name: Line, /) -> None: ...
    def variadic(*names: Line) -> None: ...
    def shadowing(model_dump: Line) -> None: ...

    functions: list[Callable[..., Any]] = [asynchronous, unannotated, positional, variadic, shadowing]
    for function in functions:
        with pytest.raises(TypeError, match=function.__name__):
            tool(roles=STAFF)(function)


def test_a_tool_defined_again_in_its_module_replaces_the_first() -> None:
    for answer in ("first", "second"):

        @tool(reads=True)
        def said_last() -> dict[str, str]:
            """Say which definition this is."""
            return {"said": answer}  # noqa: B023 (each definition is called while it is the last)

        assert call("said_last", {}) == said_last() == {"said": answer}


def test_another_module_cannot_take_a_tools_name() -> None:
    def create_client() -> dict[str, str]:
        """Create something else."""
        return {}

    with pytest.raises(TypeError, match=r"create_client is a tool of studio_data\.tools\.clients already"):
        tool(reads=True)(create_client)
    assert get_tool("create_client").module == "studio_data.tools.clients"


def run(query: str) -> None:
    @tool(roles=STAFF)
    def run_sql() -> None:
        """Run the statement."""
        with db.transaction() as connection:
            connection.execute(query.encode())

    run_sql()


A_PROJECT = "INSERT INTO projects (client_id, name, project_type) VALUES"


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("INSERT INTO email_templates (name, subject_template, body_template) VALUES ('A', 'a', 'a'), ('A', 'b', 'b')",
         ConflictError, "already exists (email_templates_name_key)"),
        (f"{A_PROJECT} ('{uuid4()}', 'LR', 'mixed')", NotFoundError, "does not exist (projects_client_id_fkey)"),
        ("INSERT INTO clients (name) VALUES (' ')", InvalidInputError, "text must not be empty, blank or padded"),
        ("INSERT INTO clients (name) VALUES (NULL)", InvalidInputError, "null value in column"),
        ("INSERT INTO clients (id, name) VALUES ('x', 'A')", InvalidInputError, "invalid input syntax for type uuid"),
        ("DELETE FROM activity_log; TRUNCATE activity_log", PermissionDeniedError, "activity_log is append-only"),
        ("SELECT * FROM no_such_table", ConfigurationError, "Run studio-data migrate"),
        ("SELECT 1 / 0", InvalidInputError, "division by zero"),
        ("DO $$ BEGIN RAISE EXCEPTION 'no reason'; END $$", StudioError, "The database refused the call: no reason"),
    ],
)  # fmt: skip
def test_what_the_database_refuses_is_an_error_of_the_library(query: str, error: type[StudioError], message: str) -> None:
    with pytest.raises(StudioError) as raised:
        run(query)

    assert type(raised.value) is error
    assert message in str(raised.value)
    assert isinstance(raised.value.__cause__, psycopg.Error)


def test_an_error_as_a_dict_is_plain_json() -> None:
    with pytest.raises(InvalidInputError) as raised:
        create_client("")

    assert raised.value.to_dict() == {
        "code": "invalid_input",
        "message": "name must not be empty or blank.",
        "hint": None,
        "details": {"tool": "create_client", "arguments": ["name"]},
        "retryable": False,
        "outcome": "not_done",
    }


def test_every_rule_of_the_databases_value_types_has_a_sentence() -> None:
    rows = db.many("SELECT conname FROM pg_constraint WHERE contypid <> 0 AND connamespace = current_schema()::regnamespace")
    assert {row["conname"] for row in rows} <= set(refusals())


def test_an_error_crosses_to_another_process_whole() -> None:
    error = RuleViolationError("A fact.", rule="a_rule", found=3, hint="A way out.")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (type(again), str(again), again.to_dict()) == (RuleViolationError, str(error), error.to_dict())


def test_however_much_is_wrong_the_error_is_short() -> None:
    with pytest.raises(InvalidInputError, match="and 2990 more") as raised:
        greet("Ann", **dict.fromkeys((f"unknown_{number}_{'x' * 1_000}" for number in range(3_000)), "x"))

    assert len(json.dumps(raised.value.to_dict())) < 3_000


def test_a_tool_that_reads_may_not_call_one_that_writes() -> None:
    @tool(reads=True)
    def look_and_write() -> Client:
        """Look, and write all the same."""
        return create_client("Ann")

    with pytest.raises(PermissionDeniedError, match="create_client writes, and a tool that reads may not call it"):
        look_and_write()
