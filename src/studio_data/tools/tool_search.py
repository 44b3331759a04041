"""Which tool does what: for models that do not see every tool, or look for one by its purpose."""

from typing import Any, NotRequired, TypedDict

from studio_data.contract.actor import current_actor
from studio_data.contract.fields import Limit, Line
from studio_data.contract.registry import Tool, all_tools, ranked, tool
from studio_data.contract.roles import EVERYBODY

MOST_OF_OTHERS = 5
MOST_SCHEMAS = 5


class FoundTool(TypedDict):
    """A tool, what it does, and the roles that may call it; also its input schema, if it was asked for."""

    tool: str
    description: str
    roles: list[str]
    input_schema: NotRequired[dict[str, Any]]


class FoundTools(TypedDict):
    """The tools that fit a few words, best first: those of the asking role, and some that only other roles have."""

    items: list[FoundTool]
    of_other_roles: list[FoundTool]


@tool(reads=True, roles=EVERYBODY)
def find_tools(query: Line, *, limit: Limit = 10, schemas: bool = False) -> FoundTools:
    """Find tools by what they do, in words like "deposit".

    Returns at most ``limit`` tools of the asking role, best first, and up to five that only other roles may call.
    With ``schemas`` the first five have their whole description and their input schema, which a call needs.
    """
    acting = current_actor.get()
    role = acting.role if acting else None
    every = ranked(query, all_tools())
    mine = [found for found in every if role is None or role in found.roles]
    others = [found for found in every if found not in mine]
    shown, in_full = mine[:limit], MOST_SCHEMAS if schemas else 0
    return {
        "items": [*map(_described_in_full, shown[:in_full]), *map(_described, shown[in_full:])],
        "of_other_roles": [_described(found) for found in others[:MOST_OF_OTHERS]],
    }


def _described(found: Tool) -> FoundTool:
    return {
        "tool": found.name,
        "description": found.description.split("\n")[0],
        "roles": sorted(role.value for role in found.roles),
    }


def _described_in_full(found: Tool) -> FoundTool:
    return {**_described(found), "description": found.description, "input_schema": found.input_schema}
