"""Forks, threads and asyncio's threads: everybody gets the rows that it asked for, from connections of its own."""

import asyncio
import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Thread

from studio_data import acting_as, call_key, db
from studio_data.tools.activity import list_activity
from studio_data.tools.clients import create_client, get_client
from tests.faults.conftest import IS_FULL

FORKS = 200 if IS_FULL else 30
SEED = 20261123


def work(mark: str, times: int) -> bool:
    """Write and read, and tell whether every answer was about what was asked."""
    with acting_as("agent", mark, run_id=mark):
        for number in range(times):
            name = f"{mark}, {number}"
            with call_key(name):
                client = create_client(name)
            found = get_client(client["id"])
            lines = list_activity(entity_type="client", entity_id=client["id"])["items"]
            rows = db.many("SELECT %s::text AS mark, n FROM generate_series(1, 50) AS n", (name,))
            if not (
                client["name"] == found["name"] == name
                and [(line["actor_name"], line["context"]["run_id"]) for line in lines] == [(mark, mark)]
                and [(row["mark"], row["n"]) for row in rows] == [(name, n) for n in range(1, 51)]
            ):
                return False
    return True


def test_forked_children_and_their_parent_never_get_each_others_rows(committed_db: str) -> None:
    chance = random.Random(SEED)
    wrong: list[str] = []
    parent = Thread(target=lambda: None if work("parent", 3 * FORKS) else wrong.append("parent"))
    parent.start()
    codes: list[int] = []
    running: list[int] = []
    for number in range(FORKS):
        if chance.random() < 0.5:
            db.one("SELECT 1 AS used")
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if work(f"child {number}", 3) else 1)
            except BaseException:  # noqa: BLE001 (a child must never return into pytest)
                os._exit(2)
        running.append(child)
        if len(running) == 4:
            codes.append(os.waitstatus_to_exitcode(os.waitpid(running.pop(0), 0)[1]))
    codes += [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in running]
    parent.join()

    assert codes == [0] * FORKS
    assert wrong == []
    assert db.one("SELECT count(*) AS n, count(DISTINCT name) AS names FROM clients") == {"n": 6 * FORKS, "names": 6 * FORKS}


def test_threads_and_tasks_never_get_each_others_rows(committed_db: str) -> None:
    async def tasks() -> list[bool]:
        return await asyncio.gather(*(asyncio.to_thread(work, f"task {number}", 5) for number in range(40)))

    with ThreadPoolExecutor(12) as threads:
        from_threads = [threads.submit(copy_context().run, work, f"thread {number}", 5) for number in range(40)]
        from_tasks = asyncio.run(tasks())
        assert all(from_tasks)
        assert all(answer.result() for answer in from_threads)

    assert db.one("SELECT count(*) AS n FROM clients") == {"n": 400}
