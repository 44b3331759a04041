"""The answer to ``tools/call``: the tool is called as the client wishes, and what it returns is written once, as bytes.

``_meta`` of a call may hold an idempotency key, a run id and the wish for a preview; ``docs/mcp.md`` describes them. Nothing
here needs the SDK.
"""

import json
import logging
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import psycopg
from pydantic_core import to_json

from studio_data.contract.actor import Actor, being
from studio_data.contract.preview import Plan, preview
from studio_data.contract.registry import get_tool
from studio_data.contract.validators import checked, key_line, line
from studio_data.dispatch import Made, make
from studio_data.errors import InvalidInputError, Outcome, StudioError, did_you_mean
from studio_data.mcp.toolset import Toolset
from studio_data.postgres.failures import refusal
from studio_data.telemetry import report_cancelled

PREFIX = "studio-data/"
CHANGES = PREFIX + "changes"
REPEATED = PREFIX + "repeated"

log = logging.getLogger("studio_data.mcp")


class InternalError(StudioError):
    """The server met something that nobody foresaw: a person must read its log."""

    code = "internal_error"
    outcome = "unknown"


class Request(NamedTuple):
    """The parameters of ``tools/call``, as the client sent them."""

    name: str
    arguments: dict[str, Any] | None
    meta: Mapping[str, Any] | None


class Answered(NamedTuple):
    """A ``CallToolResult`` as JSON. ``refused`` is the outcome of a call that was refused, else None."""

    json: bytes
    refused: Outcome | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client asks for around a call, in the ``_meta`` of its request. The model never sees it."""

    idempotency_key: str | None = None
    run_id: str | None = None
    preview: bool = False

    @classmethod
    def of(cls, meta: Mapping[str, Any] | None) -> "Wishes":
        """Read them; null stands for "not given". Raises ``InvalidInputError`` for a bad or an unknown one of ours."""
        wishes = cls()
        for name, value in (meta or {}).items():
            if not name.startswith(PREFIX):
                continue
            match name.removeprefix(PREFIX):
                case _ if value is None:
                    pass
                case "idempotency-key":
                    wishes = replace(wishes, idempotency_key=checked(name, key_line, value))
                case "run-id":
                    wishes = replace(wishes, run_id=checked(name, line, value))
                case "preview":
                    wishes = replace(wishes, preview=checked(name, _flag, value))
                case _:
                    # A misspelt idempotency key would be no key at all, and nobody would know.
                    known = [PREFIX + field.replace("_", "-") for field in cls.__slots__]
                    raise InvalidInputError(
                        f"_meta takes no {name[:60]}.",
                        hint=did_you_mean(name, known) or f"It takes {', '.join(known)}.",
                        details={"arguments": [name[:60]]},
                    )
        return wishes


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def answer(toolset: Toolset, request: Request) -> Answered:
    """Call a tool and answer what it returned or refused. Blocks, and raises nothing."""
    try:
        request = _meant(toolset, request)
        return _answer(toolset.acting, request)
    except StudioError as error:  # no error is kept in a local: its traceback has this frame, and both would wait for the gc
        told = error.to_dict()
    except psycopg.Error as error:
        told = refusal(error).to_dict()
    except Exception:
        log.exception("%s failed", request.name[:60])
        told = InternalError(
            "The server failed; its log says why.", hint="Look at what was written before you repeat it."
        ).to_dict()
    return refused(told)


def refused(told: dict[str, Any]) -> Answered:
    """Answer a refusal, which may quote what no answer can hold: half a surrogate pair that came in escaped."""
    text = json.dumps(told, ensure_ascii=False, default=str).encode(errors="replace")
    return Answered(_result(text, text, {}, is_error=True), told["outcome"])


def report_of(toolset: Toolset, request: Request, result: Answered | None) -> None:
    """Say in the log what became of a call whose answer goes nowhere; ``result`` is None if it was not begun."""
    acting, tool, wishes = toolset.acting, None, Wishes()
    with suppress(InvalidInputError):  # as the client sent them
        tool, wishes = get_tool(_meant(toolset, request).name).name, Wishes.of(request.meta)
    outcome: Outcome = "not_done" if result is None or wishes.preview else result.refused or "done"
    run = wishes.run_id or acting.run_id
    report_cancelled(tool=tool, outcome=outcome, actor=acting.name, role=acting.role, run=run, key=wishes.idempotency_key)


def _meant(toolset: Toolset, request: Request) -> Request:
    return Request(*toolset.meant(request.name, request.arguments), request.meta)


def _answer(acting: Actor, request: Request) -> Answered:
    wishes = Wishes.of(request.meta)
    actor = acting if wishes.run_id is None else replace(acting, run_id=wishes.run_id)
    with being(actor), preview() if wishes.preview else nullcontext(Plan()) as plan:
        made = make(request.name, request.arguments, key=wishes.idempotency_key)
    written = made.tool.result_type.dump_json(made.result)
    content = b'{"result":%b}' % written if _is_wrapped(made) else written
    meta: dict[str, Any] = {REPEATED: True} if made.repeated else {}
    if not wishes.preview:
        return Answered(_result(content, content, meta), None)
    # Clients hold structured content to the tool's output schema, which knows no changes.
    text = b'{"result":%b,"changes":%b}' % (written, to_json(plan.changes))
    return Answered(_result(text, content, meta | {CHANGES: plan.changes}), None)


def _is_wrapped(made: Made) -> bool:
    """Tell whether the tool's output schema has the result under ``result``: whatever is not always an object."""
    is_wrapped = list(made.tool.output_schema.get("properties", ())) == ["result"]
    return not isinstance(made.result, dict) or (is_wrapped and cast("dict[str, Any]", made.result).keys() != {"result"})


def _result(text: bytes, content: bytes, meta: dict[str, Any], *, is_error: bool = False) -> bytes:
    """Write a ``CallToolResult``, whose text is the same JSON once more: for clients that show the model text alone."""
    return b'{"content":[{"type":"text","text":%b}],"structuredContent":%b,"isError":%b%b}' % (
        json.dumps(text.decode(), ensure_ascii=False).encode(),
        content,
        b"true" if is_error else b"false",
        b',"_meta":%b' % to_json(meta) if meta else b"",
    )
