"""What an example of a tool is."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from studio_data import acting_as
from studio_data.contract.registry import Tool
from tests.examples.studio import Practice


@dataclass(frozen=True)
class Example:
    """A call that succeeds, and the lines that it leaves in the audit trail: (entity type, action), in order."""

    arguments: Callable[[Practice], dict[str, Any]]
    logs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def by_whom(tool: Tool) -> AbstractContextManager[object]:
    """Let a tool's example be called by one who may: nobody in particular, or a person."""
    return acting_as("user", "Maria") if tool.people_only is True else nullcontext()
