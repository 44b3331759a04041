"""What an example of a tool is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.examples.practice import Practice


@dataclass(frozen=True)
class Example:
    """A call that succeeds, and the lines that it leaves in the audit trail: (entity type, action), in order."""

    arguments: Callable[[Practice], dict[str, Any]]
    logs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
