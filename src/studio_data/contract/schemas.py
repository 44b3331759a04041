"""JSON schemas of tools, small and closed, in the forms that MCP, OpenAI (strict) and Anthropic take."""

from typing import Any, cast

from pydantic import BaseModel, TypeAdapter


def of_arguments(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a tool's arguments: closed, without titles, defaults and references."""
    schema = model.model_json_schema()
    schema = _plain(schema, schema.get("$defs", {}))
    properties = {name: _argument(value) for name, value in schema.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def of_page(result_type: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the schema of a page in JSON, whose items have the fields that the caller asked for."""
    found = of_result(result_type)
    found["properties"]["items"]["items"]["required"] = ["id"]
    return found


def of_result(result_type: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the schema of a tool's result in JSON. A result that is not an object is put under ``result``."""
    schema = result_type.json_schema(mode="serialization")
    found = _plain(schema, schema.get("$defs", {}))
    return (
        found
        if found.get("type") == "object"
        else {"type": "object", "properties": {"result": found}, "required": ["result"]}
    )


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of arguments as OpenAI's strict mode wants it.

    Every object is closed and every property required: an optional one is nullable instead. An object without fixed keys is
    text that holds JSON. Lengths and patterns of text are left out, and the format of ids: a model that only knows a name
    would be forced to invent one.
    """
    return _closed(schema, _OPENAI_REFUSES, nullable=True)


def strict_for_anthropic(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of arguments as Anthropic's strict mode wants it.

    There an object without fixed keys would become a closed empty one: it is text that holds JSON. Optional properties stay
    optional. Ranges, lengths and patterns are left out.
    """
    return _closed(schema, _ANTHROPIC_REFUSES, nullable=False)


_OPENAI_REFUSES = {"minLength", "maxLength", "pattern"}
_ANTHROPIC_REFUSES = _OPENAI_REFUSES | {"minimum", "maximum", "maxItems"}


def _closed(schema: dict[str, Any], refused: set[str], *, nullable: bool) -> dict[str, Any]:
    """Leave out refused keywords and free-form objects. With ``nullable`` all is required: what was optional may be null."""
    schema = {name: value for name, value in schema.items() if name not in refused and (name, value) != ("format", "uuid")}
    if schema["type"] == "array":
        return {**schema, "items": _closed(schema["items"], refused, nullable=nullable)}
    if schema["type"] != "object":
        return schema
    if "properties" not in schema:
        return {"type": "string", "description": "a JSON object, as text"}
    required = schema["required"]
    properties = {name: _closed(value, refused, nullable=nullable) for name, value in schema["properties"].items()}
    if nullable:
        properties = {name: value if name in required else _or_null(value) for name, value in properties.items()}
        required = list(properties)
    return {**schema, "properties": properties, "required": required}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    schema = {**schema, "type": [schema["type"], "null"]}
    return {**schema, "enum": [*schema["enum"], None]} if "enum" in schema else schema


def _argument(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an argument. It does not say that an optional argument may be null."""
    schema = {name: value for name, value in schema.items() if name != "default"}
    others = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(others) == 1:
        schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **others[0]}
    if "items" in schema:
        schema["items"] = _argument(schema["items"])
    if "properties" in schema:
        schema["properties"] = {name: _argument(value) for name, value in schema["properties"].items()}
        schema.setdefault("required", [])
    return schema


def _plain(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 (a schema's parts are of any kind)
    """Replace references by their definitions. Drop titles, and what our docstrings say to developers."""
    if isinstance(schema, list):
        return [_plain(part, definitions) for part in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    known = cast("dict[str, Any]", schema)
    if "$ref" in known:
        return _plain(
            {**definitions[known["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in known.items() if k != "$ref"}}, definitions
        )
    plain = {
        name: _plain(value, definitions)
        for name, value in known.items()
        if name not in {"$defs", "properties"} and not (name == "title" and isinstance(value, str))
    }
    if "properties" in known:
        plain["properties"] = {name: _plain(value, definitions) for name, value in known["properties"].items()}
        plain.pop("description", None)
    return plain
