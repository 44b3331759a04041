"""Callers that go on calling whatever happens to the server, and the books that each keeps of what it was told."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from studio_data import raising_call
from studio_data.errors import StudioError, UnavailableError
from studio_data.tools.clients import list_clients
from tests.faults.server import Postgres

PAUSE = 0.005


def first_answer(tool: str, arguments: dict[str, Any], key: str) -> dict[str, Any]:
    """Call with a key; a repetition differs from the first answer only in that it says so."""
    answer = raising_call(tool, arguments, key=key)
    answer.pop("repeated", None)
    return answer


@dataclass
class Books:
    """What one caller was told."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The first answer to each key."""
    repeats: int = 0
    """How many keys were asked again after their answer."""
    errors: Counter[str] = field(default_factory=Counter[str])
    """Errors that reached the caller, by kind of call."""
    acknowledged: list[float] = field(default_factory=list[float])
    """When each write was acknowledged, on the monotonic clock."""
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list[str])


class Load:
    """Several threads that write with keys, ask again for answers they have, and read."""

    def __init__(self, threads: int, seed: int) -> None:
        self.over = threading.Event()
        self.books = [Books() for _ in range(threads)]
        self.threads = [
            threading.Thread(target=self._call, args=(number, books, random.Random(seed + number)), name=f"caller {number}")
            for number, books in enumerate(self.books)
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=60)

    def _call(self, number: int, books: Books, chance: random.Random) -> None:
        step = 0
        while not self.over.is_set():
            step += 1
            key = f"caller {number}, step {step}"
            answer = self._keyed(key, books)
            if answer is None:
                return
            books.answers[key] = answer
            books.acknowledged.append(time.monotonic())
            if chance.random() < 0.2:  # a harness that lost the answer asks again
                asked = chance.choice(list(books.answers))
                books.repeats += 1
                if self._keyed(asked, books) not in (books.answers[asked], None):
                    books.wrong.append(f"{asked} got another answer")
            if chance.random() < 0.3:
                started = time.monotonic()
                try:
                    list_clients(limit=1)
                except UnavailableError:
                    books.errors["read"] += 1
                books.slowest = max(books.slowest, time.monotonic() - started)
            time.sleep(PAUSE)

    def _keyed(self, key: str, books: Books) -> dict[str, Any] | None:
        """Call with a key until there is an answer, as a harness does; None when the load is over before."""
        while True:
            started = time.monotonic()
            try:
                return first_answer("create_client", {"name": key}, key)
            except UnavailableError as error:
                books.errors["keyed"] += 1
                if not error.retryable:
                    books.wrong.append(f"{key}: {error}")
            except StudioError as error:
                books.wrong.append(f"{key}: {error}")
                return None
            finally:
                books.slowest = max(books.slowest, time.monotonic() - started)
            if self.over.is_set() and time.monotonic() - started > 30:
                return None
            time.sleep(0.01)

    @property
    def errors(self) -> Counter[str]:
        """Errors that reached any caller."""
        return sum((books.errors for books in self.books), Counter[str]())

    @property
    def acknowledged(self) -> int:
        return sum(len(books.answers) for books in self.books)

    def first_after(self, moment: float) -> float:
        """Return the seconds from a moment to the first write that was acknowledged after it."""
        return min(when for books in self.books for when in books.acknowledged if when >= moment) - moment

    def check(self, server: Postgres) -> None:
        """Hold what the callers were told against what is there: nothing lost, nothing doubled, one line each."""
        assert [wrong for books in self.books for wrong in books.wrong] == []
        told = {answer["id"]: key for books in self.books for key, answer in books.answers.items()}
        there = {
            str(row[0]): str(row[1]) for row in server.execute("SELECT id, name FROM clients WHERE name LIKE 'caller %'")
        }
        lost = {key for id_, key in told.items() if there.get(id_) != key}
        doubled = [name for name, count in Counter(there.values()).items() if count > 1]
        lines = server.execute(
            "SELECT count(*), count(DISTINCT entity_id) FROM activity_log JOIN clients ON clients.id = entity_id"
            " WHERE name LIKE 'caller %' AND action = 'created'"
        )
        assert (lost, doubled) == (set(), [])
        assert lines == [(len(there), len(there))]
