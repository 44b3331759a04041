"""The dispatcher for harnesses: call a tool by its name, with JSON in and out."""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

from studio_data.contract.actor import current_actor
from studio_data.contract.ledger import call_key, current_key
from studio_data.contract.registry import Tool, get_tool
from studio_data.errors import InvalidInputError, StudioError

log = logging.getLogger("studio_data")


def call(name: str, arguments: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:  # noqa: ANN401
    """Call a tool by its name and answer in JSON values: ids, dollars, dates and times as strings.

    A refusal is answered as ``StudioError.to_dict()``; it has a ``code``, which no result has. With a ``key`` the call is
    executed once, as in a ``call_key`` block; the answer of a repetition also has ``repeated``, which is true. In
    ``arguments`` null stands for "not given". An object or a list may also be text that holds JSON, since strict schemas
    cannot describe a free-form object.
    """
    try:
        return raising_call(name, arguments, key=key)
    except StudioError as error:
        return error.to_dict()


def raising_call(name: str, arguments: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:  # noqa: ANN401
    """Do what ``call`` does, but raise refusals: for frameworks, and for units that must be done whole."""
    answer = answer_of(name, arguments, key=key)
    if answer.repeated and isinstance(answer.value, dict):
        return {**cast("dict[str, Any]", answer.value), "repeated": True}
    return answer.value


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call answered, in JSON values, and whether its key says that it was executed before."""

    value: Any
    repeated: bool


def answer_of(name: str, arguments: Mapping[str, Any] | None, *, key: str | None) -> Answer:
    """Do what ``raising_call`` does, for interfaces that have a place of their own for ``repeated``."""
    made = make(name, arguments, key=key)
    return Answer(made.tool.result_type.dump_python(made.result, mode="json"), made.repeated)


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made: the tool, what it returned, and whether its key says that it was executed before."""

    tool: Tool
    result: Any
    repeated: bool


def make(name: str, arguments: Mapping[str, Any] | None, *, key: str | None) -> Made:
    """Call a tool by its name with JSON values, and return its own result, for interfaces that write JSON themselves."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] (the caller's JSON may hold anything)
        raise InvalidInputError(f"The tool's name must be text, not {type(name).__name__}.")
    tool = get_tool(name)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping) or not all(isinstance(argument, str) for argument in arguments):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError("The arguments must be a JSON object.", details={"tool": name})
    wanted = _brief(tool, arguments) | tool.arguments.from_json(arguments, tool.input_schema["properties"])
    with nullcontext() if key is None else call_key(key):
        given = current_key.get()
        result = tool.run((), wanted)
    if not tool.reads and current_actor.get() is None:
        log.warning("nobody acts: tool=%s was called outside acting_as, with every right and as the system", tool.name)
    return Made(tool, result, not tool.reads and given is not None and given.repeated)


def _brief(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a model sees a page if it does not say so: few items, without what its own filters say already."""
    if not tool.brief:
        return {}
    return {"limit": tool.brief_limit, "fields": [name for name in tool.brief if arguments.get(name) is None]}
