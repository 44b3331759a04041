"""Measure what the tool decorator adds to a call with six arguments: role, validation, audit, errors. No database.

``uv run python -m benchmarks.wrapper [ROUNDS]``. The variants take turns; the promise is at most 25 µs.
"""

import statistics
import sys
import timeit
from decimal import Decimal
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table

from studio_data import acting_as
from studio_data.fields import Email, EntityId, JsonObject, Line, Money, Name
from studio_data.registry import tool
from studio_data.roles import Role

CALLS = 2_000


def bare(
    client_id: EntityId,
    name: Name,
    *,
    email: Email | None = None,
    address: Line | None = None,
    amount: Money | None = None,
    data: JsonObject | None = None,
) -> dict[str, Any]:
    """Take six arguments and return them."""
    return {"id": client_id, "name": name, "email": email, "address": address, "amount": amount, "data": data}


wrapped = tool(roles=[Role.CONTROLLER])(bare)


def main() -> None:
    """Call both in turn and print medians and their difference."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    arguments: dict[str, Any] = {
        "name": "David & Linh Nguyen",
        "email": "linh@example.com",
        "address": "123 Main St, Olathe, KS",
        "amount": Decimal("1250.00"),
        "data": {"style": "modern", "budget_range": "90k-110k"},
    }
    client_id = uuid4()
    wrapped(client_id, **arguments)
    taken: dict[str, list[float]] = {"bare": [], "tool": []}
    with acting_as("agent", "controller", role="controller", run_id="run-42"):
        for _ in track(range(rounds), description="calling"):
            for name, function in (("bare", bare), ("tool", wrapped)):
                seconds = timeit.timeit(lambda call=function: call(client_id, **arguments), number=CALLS)
                taken[name].append(seconds / CALLS * 1e6)
    table = Table("variant", "median, µs", "worst round, µs")
    for name, micros in taken.items():
        table.add_row(name, f"{statistics.median(micros):.1f}", f"{max(micros):.1f}")
    difference = statistics.median(taken["tool"]) - statistics.median(taken["bare"])
    table.add_row("the wrapper", f"{difference:.1f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
