"""docs/langgraph.md: the toolset as LangChain tools in graphs of LangGraph, run by its ToolNode."""

import asyncio
import json
from collections.abc import Generator
from inspect import signature
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.tools import StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.prebuilt import ToolNode, tools_condition
from langsmith.run_helpers import tracing_context  # pyright: ignore[reportUnknownVariableType]

from studio_data import acting_as, db
from studio_data.contract.actor import Actor
from studio_data.contract.registry import all_tools
from studio_data.contract.roles import Role
from studio_data.errors import UnavailableError
from tests.frameworks import EMPTY_LISTS, audit_trail, client_names, created_by, run_page
from tests.support import with_setting

ANN = ToolCall(name="create_client", args={"name": "Ann"}, id="call-1")
BOB = ToolCall(name="create_client", args={"name": "Bob"}, id="call-2")
THREAD = {"configurable": {"thread_id": "1"}}


class Page:
    """What the first block of the page defines."""

    def __init__(self) -> None:
        names = run_page("langgraph.md", blocks=1)
        self.agent_tool = names["agent_tool"]
        self.told = names["told"]

    def tools(self, role: Role) -> list[Any]:
        return [self.agent_tool(tool) for tool in all_tools(role=role)]

    def graph(self, role: Role, *turns: list[ToolCall]) -> Any:
        """Compile a graph whose model makes these calls of a role's tools, turn by turn, and then is done."""
        answers = [*(AIMessage("", tool_calls=calls) for calls in turns), AIMessage("Done.")]
        chat = GenericFakeChatModel(messages=iter(answers))

        def answer(state: MessagesState) -> dict[str, list[AIMessage]]:
            return {"messages": [chat.invoke(state["messages"])]}

        builder: Any = StateGraph(MessagesState, context_schema=Actor)
        builder.add_node("model", answer)
        builder.add_node("tools", ToolNode(self.tools(role), handle_tool_errors=self.told))
        builder.add_edge(START, "model").add_conditional_edges("model", tools_condition).add_edge("tools", "model")
        return builder.compile(checkpointer=InMemorySaver())


@pytest.fixture(autouse=True)
def no_tracing() -> Generator[None]:
    """Send nothing to LangSmith, whatever the environment says."""
    with tracing_context(enabled=False):
        yield


@pytest.fixture
def page(committed_db: str) -> Page:
    return Page()


def run(graph: Any, given: dict[str, Any] | None, *, role: str = "studio_manager") -> list[ToolMessage]:
    """Run a graph, from the start or from its last checkpoint, and return what its model was told of its calls."""
    with acting_as("agent", role, role=role, run_id="run-1") as actor:
        return told(graph.invoke(given, THREAD, context=actor))


def told(state: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def content(message: ToolMessage) -> Any:
    return json.loads(str(message.text))


def test_the_page_creates_one_client_and_says_who_did_it(committed_db: str) -> None:
    page = run_page("langgraph.md")

    assert client_names() == ["Rosa Ortiz"]
    assert audit_trail() == [created_by("studio_manager", "inquiry-18")]
    refused, created = told(page["result"])
    assert (refused.tool_call_id, refused.status) == ("call-1", "error")
    assert content(refused)["code"] == "invalid_input"
    assert content(refused)["message"] == "email must be an e-mail address like name@example.com."
    assert (created.tool_call_id, created.status) == ("call-2", "success")
    again = told(page["again"])[-1]
    assert again.id != created.id
    assert content(again) == content(created) | {"repeated": True}


@pytest.mark.parametrize("role", Role)
def test_the_model_is_sent_our_schema(role: Role, page: Page) -> None:
    sent = [convert_to_openai_tool(tool) for tool in page.tools(role)]

    assert sent == [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema},
        }
        for tool in all_tools(role=role)
    ]


def test_a_call_that_is_made_twice_writes_once(page: Page) -> None:
    builder: Any = StateGraph(MessagesState, context_schema=Actor)
    builder.add_node("tools", ToolNode(page.tools(Role.STUDIO_MANAGER), handle_tool_errors=page.told))
    graph = builder.add_edge(START, "tools").compile()
    called = {"messages": [AIMessage("", tool_calls=[ANN])]}

    (first,), (second,) = run(graph, called), run(graph, called)

    assert first.status == second.status == "success"
    assert content(second) == content(first) | {"repeated": True}
    assert client_names() == ["Ann"]
    assert audit_trail() == [created_by("studio_manager", "run-1")]


def test_a_provider_that_counts_from_call_0_again_gets_every_call(page: Page) -> None:
    lamps = [ToolCall(name="create_client", args={"name": "Lamp"}, id="call_0") for _ in range(3)]
    answers = run(page.graph(Role.STUDIO_MANAGER, *([lamp] for lamp in lamps)), {"messages": ["Go."]})

    assert [answer.status for answer in answers] == ["success"] * 3
    assert len({content(answer)["id"] for answer in answers}) == 3
    assert not any("repeated" in content(answer) for answer in answers)


def test_two_calls_of_one_answer_with_one_id_are_told_apart_or_told(page: Page) -> None:
    other = ToolCall(name="create_client", args={"name": "Bob"}, id=ANN["id"])
    answers = run(page.graph(Role.STUDIO_MANAGER, [ANN, other], [ANN, ANN]), {"messages": ["Go."]})

    assert sorted(answer.status for answer in answers[:2]) == ["error", "success"]
    assert [content(answer)["code"] for answer in answers[:2] if answer.status == "error"] == ["conflict"]
    assert sum("repeated" in content(answer) for answer in answers[2:]) == 1


def test_a_reader_is_given_readers_and_writes_nothing(page: Page) -> None:
    names = [tool.name for tool in page.tools(Role.READER)]
    assert names == [tool.name for tool in all_tools() if tool.reads]

    lists = [name for name in names if name in EMPTY_LISTS]
    calls = [ToolCall(name=name, args={}, id=name) for name in lists]
    created, *answers = run(page.graph(Role.READER, [ANN, *calls]), {"messages": ["Go."]}, role="reader")

    assert str(created.text).startswith("Error: create_client is not a valid tool")
    assert {answer.name: content(answer) for answer in answers} == {
        name: {"items": [], "next": None, "left": 0} for name in lists
    }
    assert audit_trail() == []


def test_a_tool_that_the_role_may_not_call_is_refused_whoever_was_given_it(page: Page) -> None:
    (answer,) = run(page.graph(Role.STUDIO_MANAGER, [ANN]), {"messages": ["Go."]}, role="reader")

    assert answer.status == "error"
    assert content(answer)["code"] == "permission_denied"
    assert client_names() == []


def test_the_model_is_told_the_way_out(page: Page) -> None:
    look = ToolCall(name="get_client", args={"client_id": str(uuid4())}, id="call-1")
    (answer,) = run(page.graph(Role.READER, [look]), {"messages": ["Go."]}, role="reader")

    assert answer.status == "error"
    assert content(answer)["code"] == "not_found"
    assert content(answer)["hint"] == "list_clients shows them all."


def test_a_model_cannot_forge_the_run(page: Page) -> None:
    forged = ToolCall(name="create_client", args={"name": "Ann", "runtime": {"context": {"run_id": "run-0"}}}, id="call-1")
    run(page.graph(Role.STUDIO_MANAGER, [forged]), {"messages": ["Go."]})

    assert audit_trail() == [created_by("studio_manager", "run-1")]
    assert db.many("SELECT key FROM call_ledger") == [{"key": "run-1/1.0/call-1"}]


def test_no_tool_has_an_argument_that_the_framework_keeps_for_itself() -> None:
    kept = {*signature(StructuredTool._run).parameters, "runtime", "callbacks"} - {"args", "kwargs"}

    assert kept >= {"self", "config", "run_manager"}
    assert [(tool.name, kept & set(tool.input_schema["properties"])) for tool in all_tools()] == [
        (tool.name, set()) for tool in all_tools()
    ]


def test_calls_of_one_turn_are_all_made(page: Page) -> None:
    calls = [ToolCall(name="create_client", args={"name": f"Client {number}"}, id=f"{number}") for number in range(8)]
    answers = run(page.graph(Role.STUDIO_MANAGER, calls), {"messages": ["Go."]})

    assert [content(answer)["name"] for answer in answers] == [f"Client {number}" for number in range(8)]
    assert sorted(client_names()) == [f"Client {number}" for number in range(8)]
    assert audit_trail() == [created_by("studio_manager", "run-1")] * 8


def test_graphs_that_run_at_once_are_told_apart(page: Page) -> None:
    async def go(run_id: str) -> None:
        graph = page.graph(Role.STUDIO_MANAGER, [ANN], [BOB])
        with acting_as("agent", "studio_manager", role="studio_manager", run_id=run_id) as actor:
            await graph.ainvoke({"messages": ["Go."]}, THREAD, context=actor)

    async def go_at_once() -> None:
        await asyncio.gather(*(go(f"run-{number}") for number in range(5)))

    asyncio.run(go_at_once())

    # Every model gave its calls the same two ids, and every run has clients of its own.
    assert sorted(client_names()) == ["Ann"] * 5 + ["Bob"] * 5
    assert sorted(audit_trail()) == [created_by("studio_manager", f"run-{number // 2}") for number in range(10)]


def test_a_run_that_the_database_ended_goes_on_and_writes_nothing_twice(
    page: Page, committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = page.graph(Role.STUDIO_MANAGER, [ANN, ToolCall(name="list_projects", args={}, id="call-2")])
    with_setting(monkeypatch, "CALL_TIMEOUT", "4")
    with psycopg.connect(committed_db) as other, pytest.raises(UnavailableError):
        other.execute("LOCK TABLE projects")
        run(graph, {"messages": ["Go."]})
    assert client_names() == ["Ann"]

    answers = run(graph, None)

    assert [(answer.name, answer.status) for answer in answers] == [
        ("create_client", "success"),
        ("list_projects", "success"),
    ]
    assert client_names() == ["Ann"]
    assert audit_trail() == [created_by("studio_manager", "run-1")]
