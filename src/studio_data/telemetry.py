"""What an operator sees of calls: a line for each failed or retried call, and spans where OpenTelemetry is set up.

Neither holds an argument, a row, an error's message (it may quote them), or a connection string.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

import psycopg

from studio_data.errors import (
    CallCancelledError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    RuleViolationError,
    StudioError,
    UnavailableError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span

log = logging.getLogger("studio_data")

EXPECTED = (InvalidInputError, NotFoundError, InvalidTransitionError, RuleViolationError)
"""Errors that agents meet daily and correct themselves: logged as information. All others are logged as warnings."""


class Watched:
    """A tool's call while it runs. ``facts`` returns who makes it, and is called only when a line or span needs it."""

    __slots__ = ("_facts", "_span", "_started", "_token", "attempts", "tool")

    def __init__(self, tool: str, facts: Callable[[], dict[str, Any]]) -> None:
        self.tool = tool
        self.attempts = 1
        self._facts = facts
        self._span: Span | None = None
        self._started = 0.0
        self._token: Token[Watched | None] | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._span = _begun_span(self.tool, self._facts)
        self._token = _watched.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: "TracebackType | None"
    ) -> None:
        if self._token is not None:
            _watched.reset(self._token)
        if isinstance(error, Exception) and not isinstance(error, CallCancelledError):  # whoever cancels reports it
            self._report("failed", logging.INFO if isinstance(error, EXPECTED) else logging.WARNING, _meaning(error))
        if self._span is not None:
            _end(self._span, self.attempts, _meaning(error) if isinstance(error, Exception) else None)

    def tried_again(self, error: Exception) -> None:
        """Report that the call, or one of its statements, failed temporarily and is retried."""
        self.attempts += 1
        meaning = _meaning(error)
        self._report("tried again", logging.INFO, meaning)
        if self._span is not None:
            self._span.add_event("retry", {name: str(value) for name, value in meaning.items()})

    def _report(self, what: str, level: int, meaning: dict[str, Any]) -> None:
        if not log.isEnabledFor(level):
            return
        milliseconds = round((time.monotonic() - self._started) * 1000)
        fields = {"tool": self.tool, **meaning, "attempts": self.attempts, "ms": milliseconds, **self._facts()}
        _say(level, what, fields)


_watched: ContextVar[Watched | None] = ContextVar("watched call", default=None)


def tried_again(error: Exception) -> None:
    """Report a temporary failure that is retried. Outside a tool's call the log line names no tool."""
    running = _watched.get()
    if running is not None:
        running.tried_again(error)
    else:
        log.info("tried again: %s", " ".join(f"{name}={value}" for name, value in _meaning(error).items() if value))


def report_cancelled(**fields: Any) -> None:  # noqa: ANN401 (any field)
    """Report what became of a call whose answer goes nowhere: its client cancelled it, or left."""
    _say(logging.WARNING, "cancelled", fields)


def _say(level: int, what: str, fields: dict[str, Any]) -> None:
    said = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items() if value is not None)
    log.log(level, "%s: %s", what, said, extra={"studio_data": fields})


def _meaning(error: Exception) -> dict[str, Any]:
    """Describe an error by names and codes only."""
    if isinstance(error, psycopg.Error):
        return {"code": "database", "sqlstate": error.sqlstate, "constraint": error.diag.constraint_name}
    if not isinstance(error, StudioError):
        return {"code": type(error).__name__}
    outcome = error.outcome if isinstance(error, UnavailableError) else None
    known = {name: error.details.get(name) for name in ("sqlstate", "constraint", "rule")}
    return {"code": error.code, **known, "outcome": outcome}


def _quoted(value: Any) -> str:  # noqa: ANN401 (any field)
    said = str(value)
    return f'"{said}"' if " " in said else said


# OpenTelemetry --------------------------------------------------------------------------------------------------------


@cache
def _tracing() -> Any:  # noqa: ANN401 (its module trace, or None where it is not installed)
    try:
        if find_spec("opentelemetry.trace") is None:
            return None
    except ModuleNotFoundError:
        return None
    from opentelemetry import trace  # noqa: PLC0415 (optional)

    return trace


def _begun_span(tool: str, facts: Callable[[], dict[str, Any]]) -> "Span | None":
    """Begin a span as a child of the caller's, if somebody collects spans."""
    trace = _tracing()
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):  # nobody has set one up
        return None
    known = {f"studio_data.{name}": str(value) for name, value in facts().items() if value is not None}
    attributes = {"db.system.name": "postgresql", "studio_data.tool": tool, **known}
    return _tracer(provider).start_span(tool, attributes=attributes)


@cache
def _tracer(provider: Any) -> Any:  # noqa: ANN401 (of a package that may not be there)
    """Return the provider's tracer, asked for only once: each time, the SDK changes the process's warning filters."""
    return provider.get_tracer("studio_data")


def _end(span: "Span", attempts: int, meaning: dict[str, Any] | None) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    span.set_attribute("studio_data.attempts", attempts)
    if meaning is not None:
        span.set_attribute("error.type", str(meaning["code"]))
        named = {"sqlstate": "db.response.status_code", "outcome": "studio_data.outcome", "rule": "studio_data.rule"}
        for name, attribute in named.items():
            if meaning.get(name) is not None:
                span.set_attribute(attribute, str(meaning[name]))
        span.set_status(Status(StatusCode.ERROR, str(meaning["code"])))
    span.end()
