"""The savers of LangGraph on the library's database, for graphs that wait and graphs that do not."""

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph  # pyright: ignore[reportMissingTypeStubs]

from studio_data import db
from studio_data.config import settings
from studio_data.errors import ConfigurationError
from studio_data.langgraph import async_checkpointer, checkpointer
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
