"""A worker that runs one mission as a graph of LangGraph, until a person is needed or it is done: mission KEY [die]."""

import os
import signal
import sys
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.types import Command, interrupt  # pyright: ignore[reportMissingTypeStubs]

from studio_data import acting_as, call
from studio_data.langgraph import checkpointer

KEY = sys.argv[1]
DIES_IN_ENG = "die" in sys.argv


class Mission(TypedDict):
    """What the graph goes on from."""

    turn: int
    passed: bool


def done(tool: str, step: str, **arguments: Any) -> Any:
    """Call a tool with a key of the step: a node that is run again writes nothing twice."""
    answer = call(tool, arguments, key=f"{KEY}/{step}")
    if "code" in answer:
        raise RuntimeError(answer["message"])
    return answer


def work(agent_type: str, turn: int) -> None:
    step = f"{agent_type}-{turn}"
    execution = done("start_execution", f"{step}/start", session_id=KEY, agent_type=agent_type)
    if DIES_IN_ENG and agent_type == "eng":
        os.kill(os.getpid(), signal.SIGKILL)
    done("finish_execution", f"{step}/finish", execution_id=execution["id"], tokens_used=100, cost="0.01")


def pm(state: Mission) -> Mission:
    work("pm", 1)
    done("advance_phase", "to-arch", session_id=KEY, to="arch")
    return state


def arch(state: Mission) -> Mission:
    work("arch", 1)
    done("await_approval", "to-gate", session_id=KEY)
    return state


def human_gate(state: Mission) -> Mission:
    interrupt("Is the design all right?")
    return state


def eng(state: Mission) -> Mission:
    turn = state["turn"] + 1
    work("eng", turn)
    done("advance_phase", f"to-qa-{turn}", session_id=KEY, to="qa")
    return {**state, "turn": turn}


def qa(state: Mission) -> Mission:
    passed = state["turn"] == 2
    work("qa", state["turn"])
    done("record_iteration", f"verdict-{state['turn']}", session_id=KEY, qa_passed=passed)
    if passed:
        done("complete_session", "complete", session_id=KEY)
    else:
        done("advance_phase", f"to-eng-{state['turn']}", session_id=KEY, to="eng")
    return {**state, "passed": passed}


def graph() -> Any:
    builder: Any = StateGraph(Mission)
    for node in (pm, arch, human_gate, eng, qa):
        builder.add_node(node.__name__, node)
    for source, target in ((START, "pm"), ("pm", "arch"), ("arch", "human_gate"), ("human_gate", "eng"), ("eng", "qa")):
        builder.add_edge(source, target)
    builder.add_conditional_edges("qa", lambda state: END if state["passed"] else "eng", [END, "eng"])
    return builder


def main() -> None:
    thread: RunnableConfig = {"configurable": {"thread_id": KEY}}
    with acting_as("agent", "orchestrator", role="orchestrator", run_id=KEY), checkpointer() as saver:
        mission = graph().compile(checkpointer=saver)
        standing = mission.get_state(thread)
        if not standing.values:
            done("open_session", "open", session_id=KEY, user_mission="Plan the Nguyen reveal")
            done("start_session", "start", session_id=KEY)
            given: Any = {"turn": 0, "passed": False}
        else:
            resumed = call("resume_session", {"session_id": KEY})
            waits = any(task.interrupts for task in standing.tasks)
            given = Command(resume=resumed["session"]["feedback"]) if waits else None
        mission.invoke(given, thread)
        waiting = bool(mission.get_state(thread).next)
    sys.stdout.write("waiting\n" if waiting else "done\n")
    sys.stdout.flush()
    if waiting:
        sys.stdin.read()  # until it is killed


main()
