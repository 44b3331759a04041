"""Vendors and trades that may be there already: the same name, e-mail address or phone number in any spelling."""

from typing import Any, TypedDict
from uuid import UUID


class LikelyDuplicate(TypedDict):
    """Another one with the same name, e-mail address or phone number."""

    id: UUID
    name: str


def with_duplicates(row: dict[str, Any]) -> Any:  # noqa: ANN401 (a row of either table)
    """Return a new row whose ``likely_duplicates``, pairs of id and name, are left out where there are none."""
    alike = row.pop("likely_duplicates")
    if alike:
        row["likely_duplicates"] = [{"id": UUID(found), "name": name} for found, name in sorted(alike)]
    return row
