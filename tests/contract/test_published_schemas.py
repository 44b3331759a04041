"""What a published schema allows, the tool takes: by every kind of argument, in the tool's own form and in the strict ones.

Text is drawn from visible characters: no pattern of JSON Schema names control characters and half surrogate pairs shortly.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from unicodedata import category

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from studio_data import call, db
from studio_data.config import settings
from studio_data.contract import reports
from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.schemas import strict, strict_for_anthropic
from studio_data.contract.validators import INVISIBLE, NEVER_FIRST
from studio_data.errors import InvalidInputError

TOOLS = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]

UNSEEN = "".join(one for one in INVISIBLE + NEVER_FIRST if not category(one).startswith(("C", "Z", "Mn")))
VISIBLE = st.characters(exclude_categories=["C", "Z", "Mn"], exclude_characters=UNSEEN) | st.just(" ")
STORABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(UTC)
MOMENTS = st.datetimes(datetime(1901, 1, 2), datetime(2199, 12, 30), timezones=ZONES).map(datetime.isoformat)  # noqa: DTZ001
BY_FORMAT = {
    "uuid": st.uuids().map(str) | st.uuids().map(lambda made: str(made).upper()),
    "date": st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(date.isoformat),
    "date-time": MOMENTS | MOMENTS.map(lambda moment: moment.replace("T", "t").replace("+00:00", "z")),
}
FREE_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e300, 1e300) | STORABLE,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(STORABLE, parts, max_size=3),
    max_leaves=5,
)


def texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    drawn = st.from_regex(schema.get("pattern", ""), alphabet=VISIBLE).map(lambda text: text.rstrip("\n"))
    longest = schema.get("maxLength")
    if longest is None:
        return drawn
    shortened = drawn.map(lambda text: text[:longest])
    return shortened if schema.get("format") == "email" else shortened | st.just("x" * longest)


def objects(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" in schema:
        parts = {name: values(part) for name, part in schema["properties"].items()}
        needed = {name: parts.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(needed, optional=parts)
    pattern: str | None = schema.get("propertyNames", {}).get("pattern")
    names = STORABLE if pattern is None else st.from_regex(pattern, fullmatch=True)
    held = schema["additionalProperties"]
    return st.dictionaries(names, FREE_JSON if held is True else STORABLE, max_size=3)


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw what a schema of the registry allows."""
    match schema["type"]:
        case "string":
            return texts(schema)
        case "integer":
            whole = st.integers(schema["minimum"], schema["maximum"])
            return whole | whole.map(float)
        case "number":
            return st.floats(schema["minimum"], schema["maximum"]) | st.integers(-(10**300), 10**300)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=min(schema["maxItems"], 4))
        case _:
            return objects(schema)


def encoded(value: Any, schema: Mapping[str, Any], *, nulls: bool) -> Any:
    """Write a value as a model does in a strict mode: free-form objects as text; with nulls for what is left out."""
    if schema["type"] == "array":
        return [encoded(item, schema["items"], nulls=nulls) for item in value]
    if schema["type"] != "object":
        return value
    if "properties" not in schema:
        return json.dumps(value)
    return {
        name: encoded(value[name], part, nulls=nulls) if name in value else None
        for name, part in schema["properties"].items()
        if nulls or name in value
    }


def allows(schema: Mapping[str, Any], value: Any) -> bool:
    validator: Any = Draft202012Validator(schema)
    return validator.is_valid(value)


def refusal_of(tool: Tool, name: str, given: Any) -> str | None:
    """Return how the tool refuses a value that came as JSON, whatever it says of the other arguments."""
    try:
        read = tool.arguments.from_json({name: json.loads(json.dumps(given))}, tool.input_schema["properties"])
        tool.arguments.validated((), read)
    except InvalidInputError as refused:
        return str(refused) if name in refused.details["arguments"] else None
    return None


KINDS = {
    f"{tool.arguments._types[name]} {json.dumps(schema, sort_keys=True)}": (tool, name)
    for tool in TOOLS
    for name, schema in tool.input_schema["properties"].items()
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: f"{kind[0].name}.{kind[1]}")
drawn = hypothesis_settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@each_kind
@given(data=st.data())
@drawn
def test_what_a_schema_allows_the_tool_takes(kind: tuple[Tool, str], data: st.DataObject) -> None:
    tool, name = kind
    schema = tool.input_schema["properties"][name]
    value = data.draw(values(schema))

    if allows(schema, value):
        assert refusal_of(tool, name, value) is None


@each_kind
@given(data=st.data())
@drawn
def test_what_a_strict_form_writes_the_tool_takes(kind: tuple[Tool, str], data: st.DataObject) -> None:
    tool, name = kind
    schema = tool.input_schema["properties"][name]
    value = data.draw(values(schema).filter(lambda value: allows(schema, value)))

    for nulls, form in ((True, strict), (False, strict_for_anthropic)):
        written = encoded(value, schema, nulls=nulls)
        assert allows(form(tool.input_schema)["properties"][name], written)
        assert refusal_of(tool, name, written) is None
    if schema["type"] in {"array", "object"}:
        assert refusal_of(tool, name, json.dumps(value)) is None


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_nothing_but_visible_characters_is_left_unsaid(tool: Tool) -> None:
    def said(schema: Mapping[str, Any]) -> None:
        match schema["type"]:
            case "string" if schema == {"type": "string"}:
                assert reports.text("\x1b[31m\0") == reports.EMPTY  # a report may be any text
            case "string":
                assert schema.keys() & {"enum", "pattern", "format"}
            case "integer" | "number":
                assert schema.keys() >= {"minimum", "maximum"}
            case "array":
                assert "maxItems" in schema
                said(schema["items"])
            case _:
                for part in schema.get("properties", {}).values():
                    said(part)

    said(tool.input_schema)


# Instances ------------------------------------------------------------------------------------------------------------


def test_a_whole_number_may_be_written_with_a_point() -> None:
    call("create_client", {"name": "Ann"})

    assert len(call("list_clients", {"limit": 2.0})["items"]) == 1
    assert call("list_clients", {"limit": 2.5})["message"] == "limit must be a whole number, not float."
    assert call("list_clients", {"limit": True})["message"] == "limit must be a whole number, not bool."


def test_a_list_may_come_as_text() -> None:
    client = call("create_client", {"name": "Ann", "phone": "+1 913 555 0142", "source": "fair"})
    answer = call("update_client", {"client_id": client["id"], "clear": '["phone", "source"]'})

    assert (answer["phone"], answer["source"]) == (None, None)
    assert db.one("SELECT phone, source FROM clients") == {"phone": None, "source": None}
    for wrong in ("phone", '"phone"', "{}", "[" * 100_000):
        refused = call("update_client", {"client_id": client["id"], "clear": wrong})
        assert refused["message"] == 'clear must be a JSON list, like ["phone"].'


def test_objects_in_a_list_may_come_as_text_and_with_nulls() -> None:
    (tool,) = (tool for tool in TOOLS if tool.name == "complete_meeting")
    agreed = ['{"description": "Send the samples", "due_date": null}', {"description": "Call", "assigned_to": None}]

    read = tool.arguments.from_json({"action_items": json.dumps(agreed)}, tool.input_schema["properties"])
    assert read == {"action_items": [{"description": "Send the samples"}, {"description": "Call"}]}


def test_names_that_a_harness_adds_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {"name": "Ann", "tool_call_id": "call_1", "source": "fair"}
    assert call("create_client", added)["message"] == "create_client takes no argument tool_call_id."

    monkeypatch.setenv("STUDIO_DATA_IGNORED_ARGUMENTS", "tool_call_id, security_risk, source")
    settings.cache_clear()
    first = call("create_client", added, key="a")
    again = call("create_client", added | {"tool_call_id": "call_2"}, key="a")

    assert (first["name"], first["source"]) == ("Ann", "fair")
    assert again == {**first, "repeated": True}
    assert db.one("SELECT count(*) AS clients FROM clients") == {"clients": 1}
    assert call("create_client", {"name": "Ann", "other": 1})["message"] == "create_client takes no argument other."
