"""The registry as agent frameworks get it. A change of what they see changes the golden files, and is read in review.

``UPDATE_GOLDEN=1 uv run pytest tests/faces/test_export.py`` writes them anew.
"""

import json
import os
from typing import Any, cast, get_args

import pytest
from jsonschema import Draft202012Validator

from studio_data.contract.registry import all_tools
from studio_data.contract.roles import Role
from studio_data.errors import InvalidInputError
from studio_data.export import Format, export
from tests.conftest import ROOT

FORMS: tuple[Format, ...] = get_args(Format.__value__)
CHARACTERS_PER_TOKEN = 4
MOST_TOKENS = {Role.PROJECT_MANAGER: 8_000}


def exported(form: Format, role: Role | None = None) -> list[dict[str, Any]]:
    """Leave out what other tests have registered."""
    own = {tool.name for tool in all_tools() if tool.module.startswith("studio_data.tools.")}
    return [made for made in export(form, role=role) if made.get("function", made)["name"] in own]


@pytest.mark.parametrize("form", FORMS)
def test_the_export_is_what_it_was(form: Format) -> None:
    golden = ROOT / "tests" / "golden" / f"{form}.json"
    text = json.dumps(exported(form), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8"), "UPDATE_GOLDEN=1 writes the golden files anew"


@pytest.mark.parametrize("form", FORMS)
def test_every_schema_is_valid_json_schema(form: Format) -> None:
    for made in exported(form):
        for name, schema in made.get("function", made).items():
            if name in {"parameters", "input_schema", "inputSchema", "outputSchema"}:
                Draft202012Validator.check_schema(schema)


def test_openai_gets_closed_objects_with_every_property_required() -> None:
    def check(schema: dict[str, Any]) -> None:
        assert not {"default", "$ref", "allOf", "oneOf", "minLength", "maxLength"} & schema.keys()
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
            for part in schema["properties"].values():
                check(part)
        if schema["type"] == "array":
            check(schema["items"])

    for made in exported("openai"):
        assert made["type"] == "function"
        assert made["function"]["strict"] is True
        check(made["function"]["parameters"])


def test_what_is_optional_is_nullable_for_openai() -> None:
    (made,) = (made["function"] for made in exported("openai") if made["function"]["name"] == "list_projects")
    properties: dict[str, Any] = made["parameters"]["properties"]

    assert properties["phase"]["type"] == ["string", "null"]
    assert properties["phase"]["enum"][-1] is None
    assert properties["limit"] == {"type": ["integer", "null"]}


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
    for form in ("openai", "anthropic"):
        made = exported(form, role)
        assert made == [one for one in exported(form) if role in tool_roles(cast("str", one.get("function", one)["name"]))]
        assert len(json.dumps(made, separators=(",", ":"))) / CHARACTERS_PER_TOKEN <= MOST_TOKENS.get(role, 10_000)


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
