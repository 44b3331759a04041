"""Change sets: several calls that belong together, and why they were made."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID, uuid4

from studio_data.contract.validators import checked, line
from studio_data.db import transaction
from studio_data.errors import StudioError


@dataclass(frozen=True, slots=True)
class Changeset:
    """Several calls that belong together, and why they were made."""

    id: UUID
    reason: str


current_changeset: ContextVar[Changeset | None] = ContextVar("current change set", default=None)


@contextmanager
def changeset(reason: str) -> Generator[Changeset]:
    """Make the calls in the block one unit, all or nothing, bound by one id and one reason in the audit trail.

    Raises ``InvalidInputError`` for a bad reason, ``StudioError`` inside another change set, and what ``db.transaction``
    raises.
    """
    if current_changeset.get() is not None:
        raise StudioError("A change set is open already.", hint="Make the calls in it, or end it first.")
    together = Changeset(uuid4(), checked("reason", line, reason))
    with transaction():
        token = current_changeset.set(together)
        try:
            yield together
        finally:
            current_changeset.reset(token)
