"""What an example of a tool is."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from studio_data import acting_as
from tests.examples.studio import Practice


@dataclass(frozen=True)
class Example:
    """A call that succeeds, and the lines that it leaves in the audit trail: (entity type, action), in order."""

    arguments: Callable[[Practice], dict[str, Any]]
    logs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    only_a_person: bool = False

    def by_whom(self) -> AbstractContextManager[object]:
        """Let the call be made by one who may: nobody in particular, or a person."""
        return acting_as("user", "Maria") if self.only_a_person else nullcontext()
