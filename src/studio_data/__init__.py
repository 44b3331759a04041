"""StudioData: the data layer that AI agents run an interior-design practice on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio_data.actor import acting_as

__all__ = ["acting_as"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (whatever the name stands for)
    """Import at the first look what the package exports: ``import studio_data`` alone loads nothing."""
    if name == "acting_as":
        from studio_data.actor import acting_as  # noqa: PLC0415

        return acting_as
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
