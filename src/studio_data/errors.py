"""Every error that a caller can meet: one root, and one class for each way to react.

The message states the fact; the hint names the way out. Every interface of the library (CLI, MCP, a harness) answers with
``to_dict()``. No exception of psycopg or pydantic leaves a tool.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, NotRequired, TypedDict

type Outcome = Literal["done", "not_done", "unknown"]


class StudioError(Exception):
    """The library could not do what it was asked."""

    code: ClassVar[str] = "studio_error"
    retryable: bool = False
    outcome: Outcome = "not_done"
    """What became of the call's write: nothing was written, all of it was, or nobody can say."""

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Let an error pass to another process by pickle, whatever arguments its class takes."""
        return _rebuilt, (type(self), self.args, self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as plain JSON: ``code``, ``message``, ``hint``, ``details``, ``retryable`` and ``outcome``."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
            "retryable": self.retryable,
            "outcome": self.outcome,
        }


def _rebuilt(kind: type[StudioError], args: tuple[Any, ...], state: dict[str, Any]) -> StudioError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidInputError(StudioError, ValueError):
    """The tool refuses an argument: correct the arguments and call again."""

    code = "invalid_input"


class NotFoundError(StudioError):
    """No row has that id: look it up and call again."""

    code = "not_found"


class InvalidTransitionError(StudioError):
    """The move is not allowed from the present state: choose one of the moves in ``details``."""

    code = "invalid_transition"


class SatisfyingCall(TypedDict):
    """A call that would satisfy a rule, with the arguments that are known."""

    tool: str
    arguments: dict[str, Any]
    roles: NotRequired[list[str]]
    """Who may make it, where the role that asked may not."""
    about: NotRequired[str]
    """What people call the thing that it moves, where there may be many."""


class RuleViolationError(StudioError):
    """A rule of the practice forbids the call: do what the hint names first.

    ``details`` has the ``rule``, what was ``found``, and the ``calls`` that would satisfy it.
    """

    code = "rule_violation"

    def __init__(
        self,
        message: str,
        *,
        rule: str,
        found: object,
        calls: Sequence[SatisfyingCall] = (),
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details={**(details or {}), "rule": rule, "found": found, "calls": list(calls)})


class ConflictError(StudioError):
    """Another row or another call already has what this call needs."""

    code = "conflict"


class PermissionDeniedError(StudioError):
    """The database or the role does not allow this."""

    code = "permission_denied"


class UnavailableError(StudioError):
    """The database did not answer in time, or the connection broke.

    ``outcome`` is ``not_done`` if nothing was written; then the same call may be retried. It is ``unknown`` if the
    connection broke after a write was sent; then the caller must look before a retry.
    """

    code = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome = "not_done",
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details={**(details or {}), "outcome": outcome})
        self.outcome = outcome
        self.retryable = outcome == "not_done"


class CallCancelledError(StudioError):
    """Whoever made the call no longer wants it, and it was stopped before its commit: the same call may be made again."""

    code = "cancelled"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The call was cancelled.", hint="Nothing was written: call again if it is still wanted.")


class ConfigurationError(StudioError):
    """A setting is missing or wrong, or the database is not ready for this library: a person must change it."""

    code = "configuration"


def did_you_mean(given: object, known: list[str]) -> str | None:
    """Return ``Did you mean …?`` with the nearest of the known names, or None if no name is near.

    A name is also meant by the words that it abbreviates: gc by general contractor.
    """
    text = str(given).strip("'\" ").lower()
    initials = "".join(word[:1] for word in re.findall(r"\w+", text.replace("_", " ")))
    meant = [name for name in known if name.lower() == text or (len(initials) > 1 and name.lower() == initials)]
    by_text = {name.lower(): name for name in known}
    near = meant or [by_text[name] for name in get_close_matches(text, list(by_text), n=1, cutoff=0.6)]
    return f"Did you mean {near[0]}?" if near else None
