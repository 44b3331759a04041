"""JSON that a model or a person wrote: objects and lists, also as text, read by the schema that describes them."""

import json
from collections.abc import Mapping
from typing import Any, cast

from studio_data.contract.validators import DEEPEST_JSON

MOST_DIGITS = 400


def json_object_from(text: str) -> dict[str, Any]:
    """Parse a JSON object without duplicate keys. Raises ``ValueError`` like the validators."""
    try:
        document = _loaded(text)
    except RecursionError:
        raise ValueError(f"must be a JSON object of at most {DEEPEST_JSON} levels") from None
    except json.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ValueError('must be a JSON object, like {"name": "Ann"}')
    return cast("dict[str, Any]", document)


def _loaded(text: str) -> Any:  # noqa: ANN401 (JSON may hold anything)
    return json.loads(text, object_pairs_hook=_without_repeats, parse_int=_integer)


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        return _loaded(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def from_json(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return what a model gave, by its JSON schema: objects and lists also out of text, and without optional nulls.

    What does not fit the schema is returned as it is, for the validators to refuse.
    """
    match schema["type"]:
        case "object":
            document = json_object_from(value) if isinstance(value, str) else value
            properties: Mapping[str, Any] | None = schema.get("properties")
            if properties is None or not isinstance(document, dict):
                return document
            return {
                name: from_json(part, properties[name]) if name in properties else part
                for name, part in cast("dict[str, Any]", document).items()
                if part is not None or name not in properties or name in schema["required"]
            }
        case "array":
            items = _parsed(value) if isinstance(value, str) else value
            if isinstance(value, str) and not isinstance(items, list):
                raise ValueError('must be a JSON list, like ["phone"]')
            return (
                [from_json(item, schema["items"]) for item in cast("list[Any]", items)] if isinstance(items, list) else items
            )
        case _:
            return value


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError("must not contain numbers beyond 1e300")
    return int(digits)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("must not have the same key twice")
    return document
