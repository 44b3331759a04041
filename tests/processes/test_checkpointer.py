"""The savers of LangGraph on the library's database, for graphs that wait and graphs that do not."""

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph  # pyright: ignore[reportMissingTypeStubs]

from studio_data import db, preview
from studio_data.config import settings
from studio_data.errors import ConfigurationError, StudioError
from studio_data.langgraph import WRITES, async_checkpointer, checkpointer
from tests.support import as_server_administrator

THREAD: RunnableConfig = {"configurable": {"thread_id": "mission-7"}}


class Steps(TypedDict):
    """How far the graph is."""

    done: list[str]


@pytest.fixture(autouse=True)
def may_create_tables(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", as_server_administrator(committed_db))
    settings.cache_clear()
    db.close()


def graph(saver: Any) -> Any:
    def step(state: Steps) -> Steps:
        return {"done": [*state["done"], "step"]}

    builder: Any = StateGraph(Steps)
    return builder.add_node("step", step).add_edge(START, "step").compile(checkpointer=saver)


def test_an_asynchronous_graph_goes_on_from_its_last_checkpoint() -> None:
    async def work(done: list[str]) -> Any:
        async with async_checkpointer() as saver:
            before = (await graph(saver).aget_state(THREAD)).values
            await graph(saver).ainvoke({"done": done}, THREAD)
            return before

    assert asyncio.run(work([])) == {}
    assert asyncio.run(work(["again"])) == {"done": ["step"]}
    with checkpointer() as saver:
        assert graph(saver).get_state(THREAD).values == {"done": ["again", "step"]}


def test_an_asynchronous_graph_is_told_which_saver_it_needs() -> None:
    async def ask(saver: Any) -> None:
        await graph(saver).ainvoke({"done": []}, THREAD)

    async def look(saver: Any) -> list[Any]:
        return [state async for state in graph(saver).aget_state_history(THREAD)]

    with checkpointer() as saver:
        for use in (ask, look):
            with pytest.raises(ConfigurationError, match="is for invoke and stream") as raised:
                asyncio.run(use(saver))
            assert "async_checkpointer" in str(raised.value.hint)


def test_a_graph_in_a_preview_leaves_no_checkpoint() -> None:
    async def work() -> None:
        async with async_checkpointer() as saver:
            with preview(), pytest.raises(StudioError, match="the checkpoints of LangGraph's saver would stay"):
                await graph(saver).ainvoke({"done": []}, THREAD)
            assert (await graph(saver).aget_state(THREAD)).values == {}

    with checkpointer() as saver:
        with preview(), pytest.raises(StudioError, match="the checkpoints of LangGraph's saver would stay"):
            graph(saver).invoke({"done": []}, THREAD)
        assert graph(saver).get_state(THREAD).values == {}
    asyncio.run(work())


def test_every_write_of_the_savers_is_known() -> None:
    """A method that a newer release adds is either one that writes, or said here to read."""
    reading = {
        "config_specs",
        "from_conn_string",
        "get",
        "get_delta_channel_history",
        "get_next_version",
        "get_tuple",
        "list",
    }
    named = {name for name in dir(PostgresSaver) if not name.startswith(("_", "a")) and name.islower()}

    assert named - {"serde", "setup", "with_allowlist"} == reading | set(WRITES)
