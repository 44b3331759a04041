"""StudioData: the data layer that AI agents run an interior-design practice on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio_data.contract.actor import Threads, acting_as, carried
    from studio_data.contract.changeset import changeset
    from studio_data.contract.ledger import call_key, tool_call_key
    from studio_data.contract.preview import preview
    from studio_data.contract.registry import find_tools
    from studio_data.dispatch import call, raising_call
    from studio_data.postgres.deadlines import deadline

__all__ = [
    "Threads",
    "acting_as",
    "call",
    "call_key",
    "carried",
    "changeset",
    "deadline",
    "find_tools",
    "preview",
    "raising_call",
    "tool_call_key",
]

_HOMES = {
    "Threads": "contract.actor",
    "acting_as": "contract.actor",
    "call": "dispatch",
    "call_key": "contract.ledger",
    "carried": "contract.actor",
    "changeset": "contract.changeset",
    "deadline": "postgres.deadlines",
    "find_tools": "contract.registry",
    "preview": "contract.preview",
    "raising_call": "dispatch",
    "tool_call_key": "contract.ledger",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (whatever the name stands for)
    """Import at the first look what the package exports: ``import studio_data`` alone loads nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    exported = getattr(import_module(f"studio_data.{_HOMES[name]}"), name)
    globals()[name] = exported
    return exported
