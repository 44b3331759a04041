"""The tools of a server: who calls them, and which of them a client is shown. Nothing here needs the SDK."""

from dataclasses import dataclass
from typing import Any

from studio_data.contract.actor import Actor
from studio_data.contract.domain import core_of
from studio_data.contract.registry import Tool, all_tools, get_tool
from studio_data.contract.roles import EVERYBODY
from studio_data.dispatch import raising_call
from studio_data.errors import InvalidInputError
from studio_data.export import definition, export

MOST_SHOWN = 40
"""Among more tools models choose worse."""

FIND_TOOLS = "find_tools"


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of an actor. With ``discover`` a client is shown the role's core, and a way to find and call the others."""

    acting: Actor
    discover: bool

    @classmethod
    def of(cls, acting: Actor, *, discover: bool | None = None) -> "Toolset":
        """Return an actor's; by default with ``discover`` if there are many."""
        return cls(acting, len(all_tools(role=acting.role)) > MOST_SHOWN if discover is None else discover)

    def shown(self) -> list[dict[str, Any]]:
        """Return the definitions that a client is shown: all by name, or the core by name and then the way to the others."""
        if not self.discover:
            return export("mcp", role=self.acting.role)
        tools = [*map(get_tool, core_of(self.acting.role)), get_tool(FIND_TOOLS), CALL_TOOL]
        return [definition("mcp", tool) for tool in tools]

    def meant(self, name: str, arguments: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
        """Return the tool and the arguments that a client means. Raises ``InvalidInputError`` for a bad ``call_tool``."""
        if name == CALL_TOOL.name:
            name, arguments = _inside(arguments or {})
        if name == FIND_TOOLS and self.discover and (arguments or {}).get("schemas") is None:
            arguments = {**(arguments or {}), "schemas": True}
        return name, arguments


def call_tool(name: str, *, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call a tool that is not in this list, by its name.

    Give ``arguments`` as its input_schema says, which find_tools shows. It answers as that tool does.
    """
    return raising_call(name, arguments)  # over MCP it is unwrapped before, so that keys and lines are the named tool's


CALL_TOOL = Tool(
    call_tool,
    roles=EVERYBODY,
    reads=False,
    idempotent=False,
    destructive=True,
    people_only=False,
    brief=(),
    brief_limit=0,
)
"""Not in the registry: no tool calls another one by its name."""


def _inside(arguments: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Return the call inside a ``call_tool``."""
    given = CALL_TOOL.arguments.from_json(arguments, CALL_TOOL.input_schema["properties"])
    checked = CALL_TOOL.arguments.validated((), given)
    if checked["name"] == CALL_TOOL.name:
        raise InvalidInputError(
            "call_tool does not call itself.",
            hint="Give the name of the tool that you want, and its arguments.",
            details={"tool": CALL_TOOL.name, "arguments": ["name"]},
        )
    return checked["name"], checked["arguments"]
