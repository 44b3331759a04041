"""docs/pydantic-ai.md: the toolset in agents of Pydantic AI, run by its function model and its test model."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic_ai import Agent, Tool, capture_run_messages
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from studio_data import acting_as
from studio_data.contract.actor import Actor
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import Role
from studio_data.errors import UnavailableError
from tests.frameworks import EMPTY_LISTS, audit_trail, client_names, created_by, run_page
from tests.support import with_setting

type AgentTools = Callable[[Role], list[Tool[Actor]]]

ANN = ToolCallPart("create_client", {"name": "Ann"}, tool_call_id="call-1")
BOB = ToolCallPart("create_client", {"name": "Bob"}, tool_call_id="call-2")


@pytest.fixture
def agent_tools(committed_db: str) -> AgentTools:
    """The page's way to make a role's tools."""
    page = run_page("pydantic-ai.md", blocks=1)
    return lambda role: [page["agent_tool"](tool) for tool in all_tools(role=role)]


def saying(*turns: list[ToolCallPart]) -> FunctionModel:
    """Make a model that makes these calls, turn by turn, and then is done."""

    def model(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        return ModelResponse(parts=turns[turn] if turn < len(turns) else [TextPart("Done.")])

    return FunctionModel(model)


def run(model: FunctionModel | TestModel, tools: list[Tool[Actor]], *, role: str = "studio_manager") -> list[ToolReturnPart]:
    """Run an agent and return what its model was told of its calls."""
    agent = Agent(model, deps_type=Actor, tools=tools)
    with acting_as("agent", role, role=role, run_id="run-1") as actor:
        return told(asyncio.run(agent.run("Go.", deps=actor)).all_messages())


def told(messages: list[ModelMessage]) -> list[ToolReturnPart]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]


def test_the_page_creates_one_client_and_says_who_did_it(committed_db: str) -> None:
    page = run_page("pydantic-ai.md")

    assert client_names() == ["Rosa Ortiz"]
    assert audit_trail() == [created_by("studio_manager", "inquiry-19")]
    refused, created = told(page["result"].all_messages())
    assert refused.outcome == "retried"
    assert refused.content == "email must be an e-mail address like name@example.com."
    assert created.outcome == "success"
    again = told(page["again"].all_messages())[-1]
    assert again.timestamp > created.timestamp
    first: Any = created.content
    assert again.content == first | {"repeated": True}


@pytest.mark.parametrize("role", Role)
def test_the_model_is_sent_our_schema(role: Role, agent_tools: AgentTools) -> None:
    seen: list[tuple[str, str | None, dict[str, Any]]] = []

    def model(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.extend((tool.name, tool.description, tool.parameters_json_schema) for tool in info.function_tools)
        return ModelResponse(parts=[TextPart("Done.")])

    run(FunctionModel(model), agent_tools(role), role=role.value)

    assert seen == [(tool.name, tool.description, tool.input_schema) for tool in all_tools(role=role)]


def test_a_reader_is_given_readers_and_writes_nothing(agent_tools: AgentTools) -> None:
    tools = agent_tools(Role.READER)
    assert {tool.name for tool in tools} == {tool.name for tool in all_tools() if tool.reads}

    lists = [tool for tool in tools if tool.name in EMPTY_LISTS]
    answers = run(TestModel(), lists, role="reader")

    assert {answer.tool_name: answer.content for answer in answers} == {
        tool.name: {"items": [], "next": None, "left": 0} for tool in lists
    }
    assert audit_trail() == []


def test_a_tool_that_the_role_may_not_call_is_refused_whoever_was_given_it(agent_tools: AgentTools) -> None:
    (answer,) = run(saying([ANN]), agent_tools(Role.STUDIO_MANAGER), role="reader")

    assert answer.outcome == "failed"
    assert answer.content == "create_client is not in the toolset of the role reader. Ask one of these: studio_manager."
    assert client_names() == []


def test_the_model_is_told_the_way_out(agent_tools: AgentTools) -> None:
    client_id = str(uuid4())
    look = ToolCallPart("get_client", {"client_id": client_id})
    (answer,) = run(saying([look]), agent_tools(Role.READER), role="reader")

    assert answer.outcome == "retried"
    assert answer.content == f"There is no client {client_id}. list_clients shows them all."


@pytest.mark.parametrize("arguments", ["{}", "", '{"name": "Ann"', {"name": "", "e_mail": "x"}, None])
def test_arguments_that_are_no_arguments_are_refused_and_can_be_corrected(
    arguments: str | dict[str, Any] | None, agent_tools: AgentTools
) -> None:
    bad = ToolCallPart("create_client", arguments)
    answers = run(saying([bad], [ANN]), agent_tools(Role.STUDIO_MANAGER))

    assert [answer.outcome for answer in answers] == ["retried", "success"]
    assert client_names() == ["Ann"]


def test_calls_of_one_turn_that_write_are_made_in_their_order(agent_tools: AgentTools) -> None:
    names = [f"Client {number}" for number in range(8)]
    calls = [ToolCallPart("create_client", {"name": name}) for name in names]
    run(saying(calls), agent_tools(Role.STUDIO_MANAGER))

    assert client_names() == names
    assert audit_trail() == [created_by("studio_manager", "run-1")] * 8


def test_a_provider_that_counts_from_call_0_again_gets_every_call(agent_tools: AgentTools) -> None:
    lamp = ToolCallPart("create_client", {"name": "Lamp"}, tool_call_id="call_0")
    answers = run(saying([lamp], [lamp], [lamp]), agent_tools(Role.STUDIO_MANAGER))

    assert [answer.outcome for answer in answers] == ["success"] * 3
    assert client_names() == ["Lamp"] * 3


def test_agents_that_run_at_once_are_told_apart(agent_tools: AgentTools) -> None:
    agent = Agent(saying([ANN], [BOB]), deps_type=Actor, tools=agent_tools(Role.STUDIO_MANAGER))

    async def go(run_id: str) -> None:
        with acting_as("agent", "studio_manager", role="studio_manager", run_id=run_id) as actor:
            await agent.run("Go.", deps=actor)

    async def go_at_once() -> None:
        await asyncio.gather(*(go(f"run-{number}") for number in range(5)))

    asyncio.run(go_at_once())

    # Every model gave its calls the same two ids, and every run has clients of its own.
    assert sorted(client_names()) == ["Ann"] * 5 + ["Bob"] * 5
    assert sorted(audit_trail()) == [created_by("studio_manager", f"run-{number // 2}") for number in range(10)]


def test_a_run_that_the_database_ended_goes_on_and_writes_nothing_twice(
    agent_tools: AgentTools, committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent(saying([ANN, ToolCallPart("list_projects", {})]), deps_type=Actor, tools=agent_tools(Role.STUDIO_MANAGER))
    with acting_as("agent", "studio_manager", role="studio_manager", run_id="run-1") as actor:
        with_setting(monkeypatch, "CALL_TIMEOUT", "4")
        with (
            psycopg.connect(committed_db) as other,
            capture_run_messages() as messages,
            pytest.raises(UnavailableError),
        ):
            other.execute("LOCK TABLE projects")
            asyncio.run(agent.run("Go.", deps=actor))
        assert client_names() == ["Ann"]

        while not isinstance(messages[-1], ModelResponse):
            messages.pop()  # the model would be told that its calls were interrupted
        result = asyncio.run(agent.run(message_history=messages, deps=actor))

    assert [(answer.tool_name, answer.outcome) for answer in told(result.all_messages())] == [
        ("create_client", "success"),
        ("list_projects", "success"),
    ]
    assert client_names() == ["Ann"]
    assert audit_trail() == [created_by("studio_manager", "run-1")]
