"""The registry in the forms of agent frameworks: MCP, OpenAI (strict mode), Anthropic."""

from collections.abc import Callable
from typing import Any, Literal

from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.roles import Role
from studio_data.contract.schemas import strict

type Format = Literal["mcp", "openai", "anthropic"]


def export(form: Format, *, role: Role | str | None = None) -> list[dict[str, Any]]:
    """Return the definitions of all tools, or of a role's toolset, as JSON values, ordered by name.

    Raises ``InvalidInputError`` for an unknown role.
    """
    return [_FORMS[form](tool) for tool in all_tools(role=role)]


def _mcp(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": {
            "readOnlyHint": tool.reads,
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": False,
        },
        "_meta": {
            "studio-data/fingerprint": tool.fingerprint,
            **({"studio-data/people-only": True} if tool.people_only is True else {}),
        },
    }


def _openai(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": strict(tool.input_schema),
        "strict": True,
    }
    return {"type": "function", "function": function}


def _anthropic(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}


_FORMS: dict[Format, Callable[[Tool], dict[str, Any]]] = {"mcp": _mcp, "openai": _openai, "anthropic": _anthropic}
