"""The arguments of a tool: one compiled validator made from its signature, and one clear error for a refused call."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import psycopg
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import ErrorDetails

from studio_data.config import settings
from studio_data.contract.fields import PythonOnly
from studio_data.contract.json_values import from_json
from studio_data.contract.validators import LONGEST_QUOTE, NotADayError
from studio_data.db import one
from studio_data.errors import InvalidInputError, StudioError, did_you_mean
from studio_data.postgres.deadlines import deadline

MOST_PROBLEMS = 10
SECONDS_FOR_TODAY = 1.0

_STRICT = ConfigDict(strict=True, extra="forbid")


class Arguments:
    """The arguments that a tool takes. Compiled at the first call, so that the import of a tool module stays cheap."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.tool = function.__name__
        self._function = function
        self._parameters = inspect.signature(function).parameters
        self._positional = [
            parameter.name for parameter in self._parameters.values() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        _check_can_be_tool(function, self._parameters)

    @property
    def names(self) -> list[str]:
        """Every argument, also those for Python only, in the order of the signature."""
        return list(self._parameters)

    @cached_property
    def _types(self) -> dict[str, Any]:
        return get_type_hints(self._function, include_extras=True)

    @cached_property
    def _model(self) -> type[BaseModel]:
        return self._model_of(self.names)

    @cached_property
    def _validate(self) -> Callable[[Mapping[str, Any]], BaseModel]:
        return self._model.__pydantic_validator__.validate_python  # model_validate, without its options

    @cached_property
    def python_only(self) -> frozenset[str]:
        """The arguments that no exported schema has."""
        return frozenset(name for name in self._parameters if _is_python_only(self._types[name]))

    @cached_property
    def exported_model(self) -> type[BaseModel]:
        """The model of the arguments that an agent may give, for their JSON schema."""
        return self._model_of([name for name in self.names if name not in self.python_only])

    def _model_of(self, names: list[str]) -> type[BaseModel]:
        fields: dict[str, Any] = {}
        for name in names:
            default = self._parameters[name].default
            fields[name] = (self._types[name], ... if default is inspect.Parameter.empty else default)
        return create_model(self.tool, __config__=_STRICT, **fields)

    def validated(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return every argument by name, checked and in the library's types. Raises ``InvalidInputError``."""
        given = self._named(args, kwargs) if args else kwargs
        if not kwargs.keys() <= self._parameters.keys():
            self._refuse_unwritable(kwargs)
        try:
            return vars(self._validate(given))
        except ValidationError as error:
            raise self._invalid(error) from None

    def without_defaults(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out arguments that have their default, so that a new optional argument changes no stored call."""
        return {name: value for name, value in arguments.items() if value != self._parameters[name].default}

    def from_json(self, arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
        """Return a model's arguments as keyword arguments for Python, by the JSON schemas of their properties.

        null means "not given", since strict schemas demand every argument. An object or a list may be text that holds JSON,
        since strict schemas cannot describe a free-form object and some harnesses write every value as text. Names that
        ``STUDIO_DATA_IGNORED_ARGUMENTS`` lists are dropped, unless the tool takes them. Raises ``InvalidInputError``.
        """
        given: dict[str, Any] = {}
        for name, value in arguments.items():
            known = self._parameters.get(name)
            if name in self.python_only:
                raise InvalidInputError(
                    f"{self.tool} takes no argument {name}.",
                    hint="The harness says who acts, around the call.",
                    details={"tool": self.tool, "arguments": [name]},
                )
            if known is None and name in settings().ignored_arguments:
                continue
            if value is None and known is not None and known.default is not known.empty:
                continue
            try:
                given[name] = from_json(value, properties[name]) if known is not None else value
            except ValueError as error:
                raise InvalidInputError(f"{name} {error}.", details={"tool": self.tool, "arguments": [name]}) from None
        return given

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        places = len(self._positional)
        if len(args) > places:
            raise InvalidInputError(
                f"{self.tool} takes {places} positional argument{'s' * (places != 1)}, not {len(args)}.",
                hint="Give the others by name.",
                details={"tool": self.tool},
            )
        given = dict(zip(self._positional, args, strict=False))
        twice = given.keys() & kwargs.keys()
        if twice:
            raise InvalidInputError(
                f"{self.tool} got {min(twice)} twice.", hint="Give it once.", details={"tool": self.tool}
            )
        return given | kwargs

    def _refuse_unwritable(self, names: Iterable[str]) -> None:
        """Refuse a name that is not valid text before pydantic sees it, since pydantic's report would lose the name."""
        for name in names:
            try:
                name.encode()
            except UnicodeEncodeError:
                raise InvalidInputError(
                    f"{self.tool} takes no argument {ascii(name)[:LONGEST_QUOTE]}.", details={"tool": self.tool}
                ) from None

    def _invalid(self, error: ValidationError) -> InvalidInputError:
        found = error.errors(include_url=False)
        invalid = _invalid(found, self._problem)
        if any(isinstance(problem.get("ctx", {}).get("error"), NotADayError) for problem in found[:MOST_PROBLEMS]):
            invalid.hint = " ".join(filter(None, [invalid.hint, *_todays_date()])) or None
        invalid.details = {"tool": self.tool, **invalid.details}
        return invalid

    def _problem(self, found: ErrorDetails) -> tuple[str, str | None]:
        """Say what only a tool can say of its own arguments; for the rest see ``_problem``."""
        argument = _path(found["loc"])
        match found["type"]:
            case "missing" if len(found["loc"]) == 1:
                return f"{argument} is missing", f"{self.tool} needs it."
            case "extra_forbidden" if len(found["loc"]) == 1:
                hint = did_you_mean(argument, self.names) or f"It takes {', '.join(self.names) or 'none'}."
                return f"{self.tool} takes no argument {argument}", hint
            case _:
                return _problem(found)


def checked_row[R](kind: type[R], row: Mapping[str, Any]) -> R:
    """Return one row of a list that a tool takes, checked as the tool checks it. Raises ``InvalidInputError``.

    ``kind`` is the ``TypedDict`` of the list's items. An import checks each row by itself, to leave out the refused ones.
    """
    try:
        return _adapter(kind).validate_python(row)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False), _problem) from None


@cache
def _adapter[R](kind: type[R]) -> TypeAdapter[R]:
    return TypeAdapter(kind)


def _invalid(every: list[ErrorDetails], sentence_of: Callable[[ErrorDetails], tuple[str, str | None]]) -> InvalidInputError:
    found = every[:MOST_PROBLEMS]
    problems = [sentence_of(problem) for problem in found]
    if len(every) > MOST_PROBLEMS:
        problems.append((f"and {len(every) - MOST_PROBLEMS} more", None))
    hints = dict.fromkeys(hint for _, hint in problems if hint)
    arguments = dict.fromkeys(str(problem["loc"][0])[:LONGEST_QUOTE] for problem in found)
    return InvalidInputError(
        "; ".join(sentence for sentence, _ in problems) + ".",
        hint=" ".join(hints) or None,
        details={"arguments": list(arguments)},
    )


def _problem(found: ErrorDetails) -> tuple[str, str | None]:
    """Turn one of pydantic's findings into a sentence without a full stop, and a hint if there is a similar name."""
    argument = _path(found["loc"])
    given = type(found["input"]).__name__
    context = found.get("ctx", {})
    hint = None
    match found["type"]:
        case "missing":
            sentence = f"{argument} is missing"
        case "extra_forbidden":
            sentence = f"{argument} is unknown"
        case "value_error":
            sentence = f"{argument} {context['error']}"
            hint = getattr(context["error"], "hint", None)
        case "list_type":
            sentence = f"{argument} must be a list, not {given}"
        case "dict_type":
            sentence = f"{argument} must be an object, not {given}"
        case "too_short":
            sentence = f"{argument} must have at least {context['min_length']} items"
        case "too_long":
            sentence = f"{argument} must have at most {context['max_length']} items"
        case _:
            sentence = f"{argument}: {found['msg']}"
    return sentence, hint


def _todays_date() -> list[str]:
    """Say what day it is to a model, which has no clock. Without a database it hears nothing of it."""
    try:
        with deadline(SECONDS_FOR_TODAY):
            day = one("SELECT today() AS day", reads=True)["day"]
    except (StudioError, psycopg.Error):
        return []
    return [f"Today is {day:%A}, {day}."]


def _path(location: tuple[int | str, ...]) -> str:
    """Write the place of a value in the arguments: ``items[0].name``."""
    argument = str(location[0])
    for part in location[1:]:
        argument += f"[{part}]" if isinstance(part, int) else f".{part}"
    return argument[:LONGEST_QUOTE]


def _check_can_be_tool(function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    """Refuse, at its definition, a function whose calls could not be validated or described."""
    name = function.__name__
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} is async; a tool is a plain function (call it with asyncio.to_thread)")
    if not function.__doc__ and sys.flags.optimize < 2:  # noqa: PLR2004 (-OO drops docstrings)
        raise TypeError(f"{name} needs a docstring: a model reads its first two paragraphs")
    if inspect.signature(function).return_annotation is inspect.Signature.empty:
        raise TypeError(f"{name} needs a return annotation: a TypedDict")
    for parameter in parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"{name}: {parameter} must be a named argument")
        if parameter.annotation is parameter.empty:
            raise TypeError(f"{name}: {parameter.name} needs an annotation from studio_data.contract.fields")
        if hasattr(BaseModel, parameter.name) or parameter.name.startswith("_"):
            raise TypeError(f"{name}: {parameter.name} is a name that pydantic uses; choose another")


def _is_python_only(hint: Any) -> bool:  # noqa: ANN401 (a type hint may be anything)
    return get_origin(hint) is Annotated and any(isinstance(mark, PythonOnly) for mark in get_args(hint))
