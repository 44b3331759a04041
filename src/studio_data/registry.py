"""What makes a function a tool: validated arguments, a name in the audit trail, errors of the library's own."""

import inspect
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, get_type_hints

import psycopg
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from studio_data.audit import current_tool
from studio_data.errors import InvalidInputError, did_you_mean
from studio_data.failures import refusal
from studio_data.fields import LONGEST_QUOTE

_STRICT = ConfigDict(strict=True, extra="forbid")


def tool[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a tool; it stays an ordinary function to its callers.

    A call validates its arguments by their annotations (strictly, unknown ones refused) before the function sees them, sets
    the tool's name for the audit trail, and lets no exception of psycopg or pydantic out: ``InvalidInputError`` for
    arguments, the classes of ``failures.refusal`` for what the database refuses.
    """
    name = function.__name__
    parameters = inspect.signature(function).parameters.values()
    _check_can_be_tool(function, parameters)
    positional = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]

    @cache
    def arguments_model() -> type[BaseModel]:
        # Compiled at the first call: importing a tool module stays cheap.
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {
            parameter.name: (
                hints[parameter.name],
                ... if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in parameters
        }
        return create_model(name, __config__=_STRICT, **fields)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = _named(name, positional, args, kwargs) if args else kwargs
        try:
            arguments = arguments_model().model_validate(given).__dict__
        except ValidationError as error:
            raise _invalid(name, list(arguments_model().model_fields), error) from None
        token = current_tool.set(name)
        try:
            return function(**arguments)  # pyright: ignore[reportCallIssue] (checked by the model)
        except psycopg.Error as error:
            raise refusal(error) from error
        finally:
            current_tool.reset(token)

    return call


def _check_can_be_tool(function: Callable[..., Any], parameters: Iterable[inspect.Parameter]) -> None:
    """Refuse, where it is written, a function whose calls could not be validated."""
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__name__} is async; a tool is a plain function (call it with asyncio.to_thread)")
    for parameter in parameters:
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"{function.__name__}: {parameter} must be an argument with a name")
        if parameter.annotation is parameter.empty:
            raise TypeError(f"{function.__name__}: {parameter.name} needs an annotation from studio_data.fields")
        if hasattr(BaseModel, parameter.name):
            raise TypeError(f"{function.__name__}: {parameter.name} is a name of pydantic's; choose another")


def _named(name: str, positional: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    if len(args) > len(positional):
        raise InvalidInputError(
            f"{name} takes {len(positional)} positional argument{'s' * (len(positional) != 1)}, not {len(args)}.",
            hint="Give the others by name.",
            details={"tool": name},
        )
    given = dict(zip(positional, args, strict=False))
    twice = given.keys() & kwargs.keys()
    if twice:
        raise InvalidInputError(f"{name} got {min(twice)} twice.", hint="Give it once.", details={"tool": name})
    return given | kwargs


def _invalid(name: str, known: list[str], error: ValidationError) -> InvalidInputError:
    problems = [_problem(name, known, found) for found in error.errors(include_url=False)]
    hints = [hint for _, hint in problems if hint]
    return InvalidInputError(
        "; ".join(sentence for sentence, _ in problems) + ".",
        hint=" ".join(hints) or None,
        details={"tool": name, "arguments": [str(found["loc"][0]) for found in error.errors(include_url=False)]},
    )


def _problem(name: str, known: list[str], found: ErrorDetails) -> tuple[str, str | None]:
    """Put one of pydantic's findings into a sentence without a full stop, and a hint where there is a near name."""
    argument = str(found["loc"][0])[:LONGEST_QUOTE]
    match found["type"]:
        case "missing":
            return f"{argument} is missing", f"{name} needs it."
        case "extra_forbidden":
            return f"{name} takes no argument {argument}", did_you_mean(argument, known) or f"It takes {', '.join(known)}."
        case "value_error":
            reason = found.get("ctx", {})["error"]
            return f"{argument} {reason}", getattr(reason, "hint", None)
        case _:
            return f"{argument}: {found['msg']}", None
