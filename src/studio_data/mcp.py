"""The MCP server: the registry's tools for any client of the Model Context Protocol, over ``mcp_stdio`` or ``mcp_http``.

``_meta`` of a call may hold an idempotency key, a run id and the wish for a preview; ``docs/mcp.md`` describes them.
"""

import json
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from types import FrameType
from typing import Any, cast

import psycopg
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool
from pydantic_core import to_jsonable_python

from studio_data.contract.actor import Actor, acting_as
from studio_data.contract.domain import domains
from studio_data.contract.preview import Plan, preview
from studio_data.contract.registry import all_tools, get_tool
from studio_data.contract.roles import EVERYBODY
from studio_data.contract.validators import checked, key_line, line
from studio_data.dispatch import answer_of
from studio_data.errors import InvalidInputError, Outcome, StudioError, did_you_mean
from studio_data.export import export
from studio_data.mcp_calls import Calls
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


# A call ---------------------------------------------------------------------------------------------------------------


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


def answer(acting: Actor, request: CallToolRequestParams) -> CallToolResult:
    """Call a tool and answer what it returned or refused. Blocks, and raises nothing."""
    try:
        return _answer(acting, request)
    except StudioError as error:  # no error is kept in a local: its traceback has this frame, and both would wait for the gc
        told = error.to_dict()
    except psycopg.Error as error:
        told = refusal(error).to_dict()
    except Exception:
        log.exception("%s failed", request.name[:60])
        told = InternalError(
            "The server failed; its log says why.", hint="Look at what was written before you repeat it."
        ).to_dict()
    return _told(told)


def _told(refusal: dict[str, Any]) -> CallToolResult:
    """Answer a refusal, which may quote what no answer can hold: half a surrogate pair that came in escaped."""
    text = json.dumps(refusal, ensure_ascii=False, default=str).encode(errors="replace").decode()
    return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text), is_error=True)


def _report_cancelled(acting: Actor, request: CallToolRequestParams, result: CallToolResult | None) -> None:
    """Say in the log what became of a call whose answer goes nowhere; ``result`` is None if it was not begun."""
    tool, wishes = None, Wishes()
    with suppress(InvalidInputError):  # as the client sent them
        tool, wishes = get_tool(request.name).name, Wishes.of(cast("Mapping[str, Any] | None", request.meta))
    outcome: Outcome = "not_done" if result is None or wishes.preview else "done"
    if result is not None and result.is_error:
        outcome = cast("dict[str, Any]", result.structured_content)["outcome"]
    run = wishes.run_id or acting.run_id
    report_cancelled(tool=tool, outcome=outcome, actor=acting.name, role=acting.role, run=run, key=wishes.idempotency_key)


def _answer(acting: Actor, request: CallToolRequestParams) -> CallToolResult:
    wishes = Wishes.of(cast("Mapping[str, Any] | None", request.meta))
    actor = acting_as(
        acting.type,
        acting.name,
        role=acting.role,
        run_id=wishes.run_id or acting.run_id,
        on_behalf_of=acting.on_behalf_of,
    )
    with actor, preview() if wishes.preview else nullcontext(Plan()) as plan:
        made = answer_of(request.name, request.arguments, key=wishes.idempotency_key)
    result = _as_object(made.value, get_tool(request.name).output_schema)
    meta: dict[str, Any] = {REPEATED: True} if made.repeated else {}
    if not wishes.preview:
        return CallToolResult(content=[_text(result)], structured_content=result, _meta=meta or None)
    # Clients hold structured content to the tool's output schema, which knows no changes.
    changes = cast("list[dict[str, Any]]", to_jsonable_python(plan.changes))
    text = _text({"result": made.value, "changes": changes})
    return CallToolResult(content=[text], structured_content=result, _meta=meta | {CHANGES: changes})


def _as_object(value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 (what a tool returned)
    """Put under ``result`` what the tool's output schema has there: whatever is not always an object."""
    is_wrapped = list(schema.get("properties", ())) == ["result"]
    if isinstance(value, dict) and (not is_wrapped or cast("dict[str, Any]", value).keys() == {"result"}):
        return cast("dict[str, Any]", value)
    return {"result": value}


def _text(value: dict[str, Any]) -> TextContent:
    return TextContent(text=json.dumps(value, ensure_ascii=False))


# The server -----------------------------------------------------------------------------------------------------------


def server_for(acting: Actor, calls: Calls | None = None) -> Server[Any]:
    """Return the server whose calls are made by this actor, with the toolset of its role."""
    tools = [Tool.model_validate(definition) for definition in export("mcp", role=acting.role)]
    running = calls or Calls()

    async def list_tools(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: ServerRequestContext[Any, Any], request: CallToolRequestParams) -> CallToolResult:
        try:
            return await running.run(partial(answer, acting, request), cancelled=partial(_report_cancelled, acting, request))
        except StudioError as error:
            return _told(error.to_dict())

    return Server(
        "studio-data",
        version=version("studio-data"),
        instructions=_instructions(acting),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=_no_header_holds_an_argument,
    )


def _instructions(acting: Actor) -> str:
    role = f" in the role {acting.role}" if acting.role else ""
    person = f", on behalf of {acting.on_behalf_of}" if acting.on_behalf_of else ""
    return (
        f"StudioData keeps the records of an interior-design practice: {'; '.join(_what_is_kept(acting))}.\n"
        f"You act as {acting.name}{role}{person}; every change is recorded so. The tools you see are yours to call.\n"
        "A refused call answers with code, message, hint and details: the hint names the way out.\n"
        "After an error with retryable true, make the same call again; after any other one, correct the call first.\n"
        "After an error that is not retryable and says outcome unknown, look at what was written before you repeat the call."
    )


def _what_is_kept(acting: Actor) -> list[str]:
    """Return what the domains keep that the actor's role has tools of."""
    packages = {tool.module.rpartition(".")[0] for tool in all_tools(role=acting.role) if tool.roles != EVERYBODY}
    return [domain.title for package, domain in domains().items() if package in packages]


def _no_header_holds_an_argument(_: str) -> None:
    """Spare every call over HTTP a listing of the tools, in which the SDK would look for arguments sent as headers."""


def on_signals(stop: Callable[[], None]) -> None:
    """Stop at SIGINT and SIGTERM."""

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
