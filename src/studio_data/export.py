"""The registry in the forms of agent frameworks: MCP, OpenAI (strict mode), Anthropic (also in its strict mode)."""

import logging
from collections.abc import Callable
from typing import Any, Literal

from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.roles import Role
from studio_data.contract.schemas import strict, strict_for_anthropic

type Format = Literal["mcp", "openai", "anthropic", "anthropic-strict"]

MOST_TOOLS = 128
"""OpenAI and several clients of MCP take no more, and some leave out the others without a word."""

log = logging.getLogger("studio_data.export")


def export(form: Format, *, role: Role | str | None = None) -> list[dict[str, Any]]:
    """Return the definitions of all tools, or of a role's toolset, as JSON values, ordered by name.

    The process log warns of more tools than clients take. Raises ``InvalidInputError`` for an unknown role.
    """
    tools = all_tools(role=role)
    if len(tools) > MOST_TOOLS:
        log.warning("%d tools: many clients take at most %d. Choose a role, which has fewer.", len(tools), MOST_TOOLS)
    return [definition(form, tool) for tool in tools]


def definition(form: Format, tool: Tool) -> dict[str, Any]:
    """Return the definition of one tool."""
    return _FORMS[form](tool)


def _mcp(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.name.replace("_", " ").capitalize(),
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


def _anthropic_strict(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": strict_for_anthropic(tool.input_schema),
        "strict": True,
    }


_FORMS: dict[Format, Callable[[Tool], dict[str, Any]]] = {
    "mcp": _mcp,
    "openai": _openai,
    "anthropic": _anthropic,
    "anthropic-strict": _anthropic_strict,
}
