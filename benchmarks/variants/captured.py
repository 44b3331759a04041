"""The library's own statements, caught as its tools run them, for those who run the same with less around it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from psycopg.sql import Composed

from benchmarks.operations import OPERATIONS, Data
from benchmarks.variants.library import Library
from studio_data import db

VARYING = {
    "create_client": "email",
    "advance_client": "client_id",
    "complete_task": "task_id",
    "list_tasks": "project_id",
    "project_budget": "project_id",
    "project_overview": "project_id",
}
"""Which parameter differs from call to call."""


@dataclass(frozen=True)
class Captured:
    """What one operation sends: one statement, or several in one round trip."""

    statements: list[tuple[str, dict[str, Any]]]
    varying: str | None

    def with_value(self, value: object) -> list[tuple[str, dict[str, Any]]]:
        """Return the statements with another value for what varies."""
        if self.varying is None:
            return self.statements
        return [(query, {**params, self.varying: value}) for query, params in self.statements]


def _text(query: str | Composed) -> str:
    return query.as_string() if isinstance(query, Composed) else query


def sent(call: Callable[[], object]) -> list[tuple[str, dict[str, Any]]]:
    """Make a call and return the statements that the library sent, with their parameters."""
    statements: list[tuple[str, dict[str, Any]]] = []
    run = db._run  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def recorded(given: Any, **more: Any) -> Any:
        statements.extend((_text(query), params) for query, params in given)
        return run(given, **more)

    with patch.object(db, "_run", recorded):
        call()
    return statements


def captured(data: Data) -> dict[str, Captured]:
    """Call every tool once, with the library pointed at the data's database, and return what it sent."""
    return {
        operation: Captured(sent(lambda call=call: call(Library(), data)), VARYING.get(operation))
        for operation, call in OPERATIONS.items()
    }
