"""The registry as agent frameworks get it: properties of every tool's forms, and three tools' forms to read.

What a tool's callers see is in its fingerprint, and docs/reference/ shows the fingerprint of each. After a change of the
forms themselves ``UPDATE_FORMS=1 uv run pytest tests/faces/test_export.py`` writes the three anew.
"""

import json
import os
import re
from typing import Any, cast, get_args

import pytest
from jsonschema import Draft202012Validator

from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.roles import Role
from studio_data.errors import InvalidInputError
from studio_data.export import Format, export
from tests.conftest import ROOT

FORMS: tuple[Format, ...] = get_args(Format.__value__)
LEFT_OUT = {"minLength", "maxLength", "pattern"}
"""Of text, in the strict forms."""
TO_READ = ["complete_meeting", "create_client", "list_tasks"]
A_NAME = re.compile(r"[a-z][a-z_]{0,63}")
CHARACTERS_PER_TOKEN = 4
READ_BY_MODELS = {"name", "description", "parameters", "input_schema"}
"""The rest, such as ``"type": "function"``, tells a provider what to make of it."""

MOST_TOKENS = {Role.PROJECT_MANAGER: 8_000}
MOST_CHARACTERS = 1_024
"""Of a description: OpenAI refuses a longer one."""


def own() -> dict[str, Tool]:
    """Leave out what other tests have registered."""
    return {tool.name: tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")}


def exported(form: Format, role: Role | None = None) -> list[dict[str, Any]]:
    known = own()
    return [made for made in export(form, role=role) if made.get("function", made)["name"] in known]


@pytest.mark.parametrize("name", TO_READ)
def test_a_tools_forms_are_as_they_can_be_read(name: str) -> None:
    page = ROOT / "tests" / "faces" / "forms" / f"{name}.json"
    forms = {
        form: next(made for made in exported(form) if made.get("function", made)["name"] == name)
        for form in ("openai", "anthropic", "anthropic-strict")
    }
    text = json.dumps(forms, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_FORMS"):
        page.write_text(text, encoding="utf-8")

    assert text == page.read_text(encoding="utf-8"), "UPDATE_FORMS=1 writes the forms anew"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_and_describes_its_tool(form: Format) -> None:
    made = [one.get("function", one) for one in exported(form)]

    assert [one["name"] for one in made] == sorted(own())
    for one in made:
        assert A_NAME.fullmatch(one["name"])
        assert one["description"] == own()[one["name"]].description
        assert 0 < len(one["description"]) <= MOST_CHARACTERS


@pytest.mark.parametrize("form", FORMS)
def test_every_schema_is_valid_json_schema(form: Format) -> None:
    for made in exported(form):
        for name, schema in made.get("function", made).items():
            if name in {"parameters", "input_schema", "inputSchema", "outputSchema"}:
                Draft202012Validator.check_schema(schema)


def test_mcp_and_anthropic_get_the_tools_own_schemas() -> None:
    for made in exported("anthropic"):
        assert made["input_schema"] == own()[made["name"]].input_schema
        assert made.keys() == {"name", "description", "input_schema"}
    for made in exported("mcp"):
        tool = own()[made["name"]]
        assert (made["inputSchema"], made["outputSchema"]) == (tool.input_schema, tool.output_schema)
        for_people = {"studio-data/people-only": True} if tool.people_only is True else {}
        assert made["_meta"] == {"studio-data/fingerprint": tool.fingerprint, **for_people}


def says_the_same(strict: dict[str, Any], plain: dict[str, Any], *, is_optional: bool = False) -> None:
    """Hold a schema in OpenAI's strict form to the tool's own: closed, all properties required, optional ones nullable."""
    assert not {"default", "$ref", "allOf", "oneOf"} & strict.keys()
    if is_optional:
        assert strict["type"][1:] == ["null"]
        strict = strict | {"type": strict["type"][0]}
        if "enum" in strict:
            assert strict["enum"][-1] is None
            strict = strict | {"enum": strict["enum"][:-1]}
    if plain["type"] == "object" and "properties" not in plain:
        assert strict == {"type": "string", "description": "a JSON object, as text"}
    elif plain["type"] == "object":
        assert strict["additionalProperties"] is False
        assert strict["required"] == list(strict["properties"]) == list(plain["properties"])
        for name, part in strict["properties"].items():
            says_the_same(part, plain["properties"][name], is_optional=name not in plain["required"])
    elif plain["type"] == "array":
        assert {**strict, "items": None} == {**plain, "items": None}
        says_the_same(strict["items"], plain["items"])
    else:
        assert strict == {
            name: value for name, value in plain.items() if name not in LEFT_OUT and (name, value) != ("format", "uuid")
        }


def test_openai_gets_closed_objects_with_every_property_required() -> None:
    for made in exported("openai"):
        assert made["type"] == "function"
        assert made["function"]["strict"] is True
        says_the_same(made["function"]["parameters"], own()[made["function"]["name"]].input_schema)


def test_what_is_optional_is_nullable_for_openai() -> None:
    (made,) = (made["function"] for made in exported("openai") if made["function"]["name"] == "list_projects")
    properties: dict[str, Any] = made["parameters"]["properties"]

    assert properties["phase"]["type"] == ["string", "null"]
    assert properties["phase"]["enum"][-1] is None
    assert properties["limit"] == {"description": "page size", "minimum": 1, "maximum": 500, "type": ["integer", "null"]}


def test_anthropics_strict_form_has_no_open_object_and_no_range() -> None:
    free_form = 0
    for made in exported("anthropic-strict"):
        assert made["strict"] is True
        plain = own()[made["name"]].input_schema
        schema = made["input_schema"]
        assert (schema["required"], list(schema["properties"])) == (plain["required"], list(plain["properties"]))
        for name, part in schema["properties"].items():
            is_free = plain["properties"][name]["type"] == "object"
            assert part["type"] == ("string" if is_free else plain["properties"][name]["type"])
        written = json.dumps(schema)
        assert written.count('"type": "object"') == written.count('"additionalProperties": false')
        free_form += written.count("a JSON object, as text")
        assert not re.search(r'"(minimum|maximum|maxItems|minLength|maxLength|pattern)"', written)
    assert free_form >= 20


@pytest.mark.parametrize("form", FORMS)
def test_more_tools_than_clients_take_are_warned_of(form: Format, caplog: pytest.LogCaptureFixture) -> None:
    export(form, role=Role.READER)
    assert caplog.messages == []

    made = export(form)
    assert caplog.messages == [f"{len(made)} tools: many clients take at most 128. Choose a role, which has fewer."]


def test_the_actor_is_in_no_schema_of_a_tool_that_writes() -> None:
    """A reader may ask what somebody did, and names nobody as the one who asks."""
    writers = {tool.name for tool in all_tools() if not tool.reads}
    openai = [made["function"] for made in exported("openai") if made["function"]["name"] in writers]
    assert "actor_name" not in json.dumps([made["parameters"] for made in openai])
    for made in exported("anthropic"):
        if made["name"] in writers:
            assert not {"actor_type", "actor_name", "run_id"} & made["input_schema"]["properties"].keys()


@pytest.mark.parametrize("role", list(Role))
def test_a_toolset_is_what_the_role_may_call_and_fits_into_a_models_context(role: Role) -> None:
    for form in ("openai", "anthropic", "anthropic-strict"):
        made = exported(form, role)
        assert made == [one for one in exported(form) if role in tool_roles(cast("str", one.get("function", one)["name"]))]
        read = [{part: text for part, text in one.get("function", one).items() if part in READ_BY_MODELS} for one in made]
        assert len(json.dumps(read, separators=(",", ":"))) / CHARACTERS_PER_TOKEN <= MOST_TOKENS.get(role, 10_000)


def tool_roles(name: str) -> frozenset[Role]:
    (tool,) = (tool for tool in all_tools() if tool.name == name)
    return tool.roles


def test_annotations_say_what_was_declared() -> None:
    made = {one["name"]: one["annotations"] for one in exported("mcp")}

    assert made["create_client"] == {
        "readOnlyHint": False, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False,
    }  # fmt: skip
    assert made["list_clients"] == {
        "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False,
    }  # fmt: skip


def test_an_unknown_role_has_no_toolset() -> None:
    with pytest.raises(InvalidInputError, match=r"role must be studio_manager, .* Did you mean project_manager\?"):
        export("mcp", role="project_manger")
