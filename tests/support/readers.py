"""What the registry's readers are called with, so that every argument of each is used."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from studio_data.contract.registry import Tool
from tests.examples import EXAMPLES, Practice

TODAY = datetime.now(UTC).date()

# What readers are called with beside their examples, and beside unknown ids and every word of a list.
VALUES: dict[str, Any] = {
    "action": "created",
    "actor_name": "Agent 1",
    "agent_type": "pricing",
    "assigned_to": "Person 1",
    "category": "Kind 1",
    "due_before": str(TODAY + timedelta(days=50)),
    "entity_type": "project",
    "fields": "*",
    "from_date": str(TODAY),
    "include_retired": True,
    "late_only": True,
    "limit": 10,
    "only_new": True,
    "open_only": True,
    "overdue_only": True,
    "quality_tier": "high",
    "run_id": "run-1",
    "schemas": True,
    "search": "Client 1",
    "specialty": "Kind 1",
    "to_date": str(TODAY + timedelta(days=50)),
}


UNKNOWN = "Nobody of that name"
UNSEARCHABLE = {"after", "cursor", "fields", "search"}


def values(name: str, schema: dict[str, Any], example: dict[str, Any]) -> list[Any]:
    """Return what to call a reader's optional argument with: what there is, and a word that nothing has."""
    if schema.get("format") == "uuid":
        return [example.get(name) or uuid4()]
    given = [value for value in (example.get(name), VALUES.get(name)) if value is not None]
    found = schema.get("enum") or given
    assert found, f"{name} needs a value in VALUES"
    is_a_word = schema.get("type") == "string" and schema.keys().isdisjoint({"enum", "format"})
    return [*found, UNKNOWN] if is_a_word and name not in UNSEARCHABLE else found


def arguments_of_every_filter(tool: Tool, practice: Practice) -> Iterator[dict[str, Any]]:
    """Yield arguments for calls of a reader that together use every one: none, the example's, each alone."""
    example = EXAMPLES[tool.name].arguments(practice)
    schema = tool.input_schema
    required = {name: example[name] for name in schema["required"]}
    yield required
    yield example
    for name in schema["properties"]:
        if name in required:
            continue
        if name in {"after", "cursor"} and "limit" in schema["properties"]:
            first = tool.run((), {**required, "limit": 1})
            yield {**required, name: first.get("next") or first.get("cursor")}
            continue
        with_it = {"entity_type": "project"} if name == "entity_id" else {}
        for value in values(name, schema["properties"][name], example):
            yield {**required, **with_it, name: value}
