"""What every tool promises, proved for every tool of the registry. A new tool only needs its example."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pytest
from psycopg import sql

from studio_data import acting_as, call, call_key, db, preview
from studio_data.contract.actor import current_actor
from studio_data.contract.audit import Action
from studio_data.contract.domain import domains
from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.roles import EVERYBODY, Role
from studio_data.errors import InvalidInputError, PermissionDeniedError, StudioError
from tests.examples import EXAMPLES, Practice, by_whom
from tests.support import as_administrator, contents, state

NOT_OF_PROJECTS = {"available_actions": {Role.ORCHESTRATOR}}  # whose example is a project
WORDS = set(Action) | {word for domain in domains().values() for word in domain.actions}
TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
WRITERS = [tool for tool in TOOLS if not tool.reads]
READERS = [tool for tool in TOOLS if tool.reads]
HIDING = [table for domain in domains().values() for table in domain.tables if table.hidden]


def each(tools: list[Tool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tool", tools, ids=lambda tool: tool.name)


def prepared(tool: Tool, practice: Practice) -> Callable[[], Any]:
    """Make what the tool's example needs, and return its call."""
    example = EXAMPLES[tool.name]
    arguments = example.arguments(practice)

    def call_it() -> Any:
        with by_whom(tool) if current_actor.get() is None else nullcontext():
            return tool.run((), arguments)

    return call_it


def kind_of_actor(tool: Tool) -> str:
    return "user" if tool.people_only is True else "agent"


def lines() -> list[dict[str, Any]]:
    return db.many("SELECT * FROM activity_log ORDER BY id")


# Declared -------------------------------------------------------------------------------------------------------------


def test_every_tool_has_an_example_and_every_example_a_tool() -> None:
    assert set(EXAMPLES) == {tool.name for tool in TOOLS}


@each(TOOLS)
def test_it_is_documented_for_models_and_for_developers(tool: Tool) -> None:
    summary, *more = (tool.function.__doc__ or "").split("\n\n")

    assert summary.endswith(".")
    assert "\n" not in summary
    assert len(tool.description) <= 400
    assert more
    assert "Returns" in more[-1]


@each(TOOLS)
def test_its_schemas_are_small_closed_json(tool: Tool) -> None:
    schema = tool.input_schema

    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(schema["properties"])
    for name, argument in schema["properties"].items():
        assert {"type"} <= argument.keys(), name
    assert "$ref" not in json.dumps([schema, tool.output_schema])
    assert tool.output_schema["type"] == "object"
    assert not {"code", "repeated"} & tool.output_schema["properties"].keys()  # what an answer has of its own


# Validates ------------------------------------------------------------------------------------------------------------


@each(TOOLS)
def test_it_refuses_unknown_and_missing_arguments_and_leaves_nothing(tool: Tool, practice: Practice) -> None:
    arguments = EXAMPLES[tool.name].arguments(practice)
    before = state()

    with pytest.raises(InvalidInputError, match="takes no argument colour"):
        tool.run((), {**arguments, "colour": "red"})
    for name in tool.input_schema["required"]:
        with pytest.raises(InvalidInputError, match=f"{name} is missing"):
            tool.run((), {given: value for given, value in arguments.items() if given != name})
    for name in tool.input_schema["properties"]:
        with pytest.raises(InvalidInputError) as raised:
            tool.run((), {**arguments, name: object()})
        assert raised.value.details == {"tool": tool.name, "arguments": [name]}
    assert state() == before


# Leaves its lines -----------------------------------------------------------------------------------------------------


@each(TOOLS)
def test_it_leaves_exactly_the_lines_it_promises(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)
    before, role = len(lines()), min(tool.roles)

    with acting_as(kind_of_actor(tool), "somebody", role=role, run_id="run-42", on_behalf_of="Maria"):
        call_it()

    left = lines()[before:]
    assert [(line["entity_type"], line["action"]) for line in left] == EXAMPLES[tool.name].logs
    for line in left:
        assert (line["actor_type"], line["actor_name"]) == (kind_of_actor(tool), "somebody")
        assert line["context"] == {
            "tool": tool.name,
            "fingerprint": tool.fingerprint,
            "role": role,
            "run_id": "run-42",
            "on_behalf_of": "Maria",
        }
        assert tool.name == "log_activity" or line["action"] in WORDS


@each(WRITERS)
def test_a_writer_leaves_a_line_and_nothing_at_all_if_the_line_cannot_be_written(tool: Tool, practice: Practice) -> None:
    assert EXAMPLES[tool.name].logs
    call_it = prepared(tool, practice)
    before = state()
    with as_administrator():
        db.one(
            """
            CREATE FUNCTION no_more_lines() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$;
            CREATE TRIGGER no_more_lines BEFORE INSERT ON activity_log FOR EACH ROW EXECUTE FUNCTION no_more_lines()
            """
        )

    with pytest.raises(StudioError, match="the log is full"), db.transaction():
        call_it()

    assert state() == before


# Holds to what it declares --------------------------------------------------------------------------------------------


@each(READERS)
def test_a_reader_writes_nothing_and_works_on_a_read_only_connection(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)
    before = state()

    with db.transaction():
        db.one("SET LOCAL transaction_read_only = on")
        assert call_it() == call_it()
    assert state() == before


@each(WRITERS)
def test_a_writer_is_refused_on_a_read_only_connection(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)

    with pytest.raises(StudioError, match="The database refuses writes"), db.transaction():
        db.one("SET LOCAL transaction_read_only = on")
        call_it()


@each([tool for tool in TOOLS if tool.idempotent])
def test_an_idempotent_tool_changes_nothing_more_when_it_is_repeated(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)

    call_it()
    written = state()
    call_it()
    assert state() == written


@each(TOOLS)
def test_only_the_roles_that_may_call_it_can(tool: Tool, practice: Practice, caplog: pytest.LogCaptureFixture) -> None:
    call_it = prepared(tool, practice)
    before = state()

    for role in sorted(EVERYBODY - tool.roles):
        with pytest.raises(PermissionDeniedError) as raised, acting_as("agent", "somebody", role=role):
            call_it()
        assert raised.value.details["roles"] == sorted(tool.roles)
        assert f"failed: tool={tool.name} code=permission_denied" in caplog.text
        assert f"actor=somebody role={role}" in caplog.text
    assert state() == before
    for role in tool.roles - NOT_OF_PROJECTS.get(tool.name, set()):
        with acting_as(kind_of_actor(tool), "somebody", role=role), db.transaction(rollback=True):
            call_it()


def test_everybody_may_read_and_the_reader_only_reads() -> None:
    assert [tool.name for tool in all_tools(role=Role.READER) if tool in TOOLS] == [tool.name for tool in READERS]


# Retries --------------------------------------------------------------------------------------------------------------


@each(WRITERS)
def test_repeated_with_its_key_it_is_executed_once(tool: Tool, kept_db: str) -> None:
    call_it = prepared(tool, Practice())
    before = len(lines())

    def repeat(_: int) -> Any:
        with call_key(f"run-42/{tool.name}"):
            return call_it()

    with ThreadPoolExecutor(16) as threads:
        at_once = list(threads.map(repeat, range(16)))
    in_series = [repeat(number) for number in range(3)]

    assert all(answer == at_once[0] for answer in at_once + in_series)
    assert typed(in_series[0]) == typed(at_once[0])
    assert [(line["entity_type"], line["action"]) for line in lines()[before:]] == EXAMPLES[tool.name].logs
    assert db.one("SELECT count(*) AS keys FROM call_ledger WHERE tool = %s", (tool.name,)) == {"keys": 1}


@each(READERS)
def test_a_reader_takes_no_notice_of_a_key(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)

    with call_key("run-42/step-7"):
        answers = [call_it() for _ in range(2)]

    assert answers[0] == answers[1] == call_it()
    assert db.one("SELECT count(*) AS keys FROM call_ledger") == {"keys": 0}


def typed(value: Any) -> Any:
    """Write a result with the type of everything in it: 5 and Decimal(5) are equal and not the same."""
    if isinstance(value, dict):
        return {key: typed(part) for key, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [typed(part) for part in cast("list[Any]", value)]
    return type(value).__name__


@each(TOOLS)
def test_the_dispatcher_gives_the_same_in_json(tool: Tool, practice: Practice) -> None:
    arguments = EXAMPLES[tool.name].arguments(practice)
    whole = {"fields": "*", "limit": 50} if tool.brief else {}
    in_json = whole | json.loads(json.dumps(arguments, default=str))
    in_strict_json = {
        name: json.dumps(value) if isinstance(value := in_json.get(name), dict) else value
        for name in tool.input_schema["properties"]
    }

    with by_whom(tool):
        with call_key("run-42/step-7"):
            python = tool.run((), arguments)
        answers = [call(tool.name, given, key="run-42/step-7") for given in (in_json, in_strict_json)]

    repeated = {} if tool.reads else {"repeated": True}
    assert answers[0] == answers[1] == json.loads(tool.result_type.dump_json(python)) | repeated
    assert json.loads(json.dumps(answers)) == answers


# Previews -------------------------------------------------------------------------------------------------------------


@each(WRITERS)
def test_a_preview_changes_nothing_and_lists_the_rows_that_the_call_then_writes(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)
    before = contents()

    with preview() as plan:
        call_it()
    assert contents() == before
    call_it()

    after = contents()
    known = {key for rows in before.values() for key in rows}
    written = [
        (table, _operation(old, new), lasting(old, known), lasting(new, known))
        for table, rows in after.items()
        for old, new in ((before[table].get(key), rows.get(key)) for key in before[table].keys() | rows.keys())
        if old != new
    ]
    foreseen = [
        (change["table"], change["operation"], lasting(change["before"], known), lasting(change["after"], known))
        for change in plan.changes
    ]
    assert sorted(map(repr, foreseen)) == sorted(map(repr, written))
    assert [(line["entity_type"], line["action"]) for line in plan.audit] == EXAMPLES[tool.name].logs


@each(TOOLS)
def test_what_no_answer_may_show_is_in_no_answer_plan_or_line(tool: Tool, practice: Practice) -> None:
    call_it = prepared(tool, practice)
    with preview() as plan:
        answers = [call_it()]
        secrets = [
            str(value)
            for table in HIDING
            for row in db.many(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table.name)))
            for name, value in row.items()
            if name in table.hidden and value is not None
        ]
    if not tool.reads:
        answers.append(call_it())

    for secret in secrets:
        assert secret not in f"{answers}{plan.changes}{lines()}"
    for change in plan.changes:
        hidden = [name for table in HIDING if table.name == change["table"] for name in table.hidden]
        for side in (change["before"], change["after"]):
            assert {(side or {}).get(name) for name in hidden} <= {None, "(hidden)"}


def _operation(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    return "inserted" if old is None else "deleted" if new is None else "updated"


def lasting(row: dict[str, Any] | None, known: set[Any]) -> dict[str, Any] | None:
    """Leave out of a row what is made anew by each call: ids that were not known before it, times, and ciphertext."""
    if row is None:
        return None
    return {
        name: "new"
        if (isinstance(value, UUID) and value not in known)
        or isinstance(value, datetime)
        or (name == "api_key_encrypted" and value is not None)
        else value
        for name, value in row.items()
    }


def test_the_contract_follows_into_threads_that_copy_the_context() -> None:
    with acting_as("agent", "somebody", role="reader"), ThreadPoolExecutor(1) as thread:
        refused = thread.submit(copy_context().run, call, "create_client", {"name": "Ann"}).result()

    assert refused["code"] == "permission_denied"
