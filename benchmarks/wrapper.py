"""What the tool decorator adds to a call with six arguments: role, validation, audit, errors. No database."""

import timeit
from decimal import Decimal
from typing import Any
from uuid import uuid4

from rich.progress import track

from benchmarks.options import Options
from benchmarks.report import Reach, Section, Table
from benchmarks.timing import median
from studio_data import acting_as
from studio_data.contract.fields import Email, EntityId, JsonObject, Line, Money, Name
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role

CALLS = 2_000
TEXT = f"""A function that returns its six arguments (an id, two lines, an e-mail address, an amount, a JSON object), and the
same function as a tool, called by an agent in a role. Rounds of {CALLS:,} calls."""


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


def measure(options: Options) -> Section:
    """Call both in turns and tell the difference."""
    rounds = options.rounds * 2
    arguments: dict[str, Any] = {
        "name": "David & Linh Nguyen",
        "email": "linh@example.com",
        "address": "123 Main St, Olathe, KS",
        "amount": Decimal("1250.00"),
        "data": {"style": "modern", "budget_range": "90k-110k"},
    }
    client_id = uuid4()
    wrapped(client_id, **arguments)
    taken: dict[str, list[float]] = {"the function": [], "the tool": []}
    with acting_as("agent", "controller", role="controller", run_id="run-42"):
        for _ in track(range(rounds), description="calling without a database"):
            for name, function in (("the function", bare), ("the tool", wrapped)):
                seconds = timeit.timeit(lambda call=function: call(client_id, **arguments), number=CALLS)
                taken[name].append(seconds / CALLS * 1e6)
    difference = median(taken["the tool"]) - median(taken["the function"])
    rows = [[name, f"{median(micros):.1f}", f"{max(micros):.1f}"] for name, micros in taken.items()]
    return Section(
        "The wrapper",
        TEXT,
        [Table(["µs a call", "median", "worst round"], [*rows, ["the wrapper", f"{difference:.1f}", ""]])],
        reaches=[Reach("the wrapper, µs a call", difference, 25)],
    )
