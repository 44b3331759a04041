"""Commands for the tools: ``tools``, ``call``, ``shell``."""

import code
import json
import sys
from typing import Annotated, Any, cast, get_args

import typer
from pydantic_core import to_jsonable_python
from rich import pretty

from studio_data import acting_as, call_key, changeset, db, preview
from studio_data import call as dispatch
from studio_data.cli import show, tables
from studio_data.cli.app import ActorName, ActorRole, RunId, Wide, a_person, command, out, print_json
from studio_data.cli.ids import kind_of, resolved, resolved_prefix
from studio_data.contract.json_values import json_object_from
from studio_data.contract.paging import EVERY_FIELD
from studio_data.contract.registry import Tool, all_tools, get_tool
from studio_data.contract.roles import READERS, STAFF, Role
from studio_data.dispatch import raising_call
from studio_data.errors import InvalidInputError
from studio_data.export import Format, export


@command
def tools(
    *,
    role: Annotated[Role | None, typer.Option("--role", help="Only the toolset of this role.")] = None,
    form: Annotated[
        str | None, typer.Option("--json", metavar="|".join(get_args(Format.__value__)), help="Print the definitions.")
    ] = None,
    wide: Wide = False,
) -> None:
    """List the tools: what they do, whether they write, and which roles may call them."""
    if form is not None:
        if form not in get_args(Format.__value__):
            raise typer.BadParameter(f"--json is {', '.join(get_args(Format.__value__))}, not {form}.")
        print_json(export(cast("Format", form), role=role))
        return
    rows = [
        {
            "tool": tool.name,
            "what it does": tool.description.split("\n")[0],
            "writes": "" if tool.reads else "yes",
            "roles": _roles(tool),
        }
        for tool in all_tools(role=role)
    ]
    tables.listing(rows, tables.Look(wide, ("tool", "what it does", "writes"), {"tool", "writes"}))


def _roles(tool: Tool) -> str:
    if tool.roles == READERS:
        return "everybody"
    return "all but the reader" if tool.roles == STAFF else ", ".join(role for role in Role if role in tool.roles)


OWN_OPTIONS = ("json", "key", "preview", "wide", "actor", "role", "run-id")
NAMED_BY_ITSELF = {"email_template_id", "session_id"}  # tools that take an id or a name, or a key
PAGE_FOR_PEOPLE = {"fields": EVERY_FIELD, "limit": 50}
BEGIN_A_SESSION = {"import_session", "open_session"}  # under a new key


@command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False})
def call(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME [ARGUMENTS]", help="The tool; NAME --help lists its arguments.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer, or the error, as JSON.")] = False,
    key: Annotated[str | None, typer.Option(help="Execute once: a retry with this key returns the first answer.")] = None,
    is_preview: Annotated[bool, typer.Option("--preview", help="Show what it would write, and write nothing.")] = False,
    wide: Wide = False,
    actor: ActorName = None,
    role: ActorRole = None,
    run_id: RunId = None,
) -> None:
    """Call a tool. Its arguments are one JSON object (- reads it from stdin), or --field value pairs.

    As --field value, an id may be its first 8 or more characters, or the row's name.
    """
    tool = get_tool(name)
    if "--help" in context.args:
        _show_help(tool)
        return
    arguments = _arguments(tool, context.args)
    if tool.brief:
        arguments = PAGE_FOR_PEOPLE | arguments
    with a_person(actor, role=role, run_id=run_id):
        if not is_preview:
            answer = raising_call(name, arguments, key=key)
            print_json(answer) if as_json else show.answer(answer, wide=wide)
            return
        with preview() as plan:
            answer = raising_call(name, arguments, key=key)
        changes = to_jsonable_python(plan.changes)
        print_json({"result": answer, "changes": changes}) if as_json else show.plan(changes, wide=wide)


def _show_help(tool: Tool) -> None:
    out.print(f"[bold]{tool.name}[/]: {tool.description}", soft_wrap=True, highlight=False)
    rows = [
        {
            "argument": f"--{name.replace('_', '-')}",
            "type": schema.get("description") or schema.get("format") or schema["type"],
            "needed": "needed" if name in tool.input_schema["required"] else "",
            "one of": ", ".join(schema.get("enum", [])),
        }
        for name, schema in tool.input_schema["properties"].items()
    ]
    tables.report(rows)
    out.print(f"For {_roles(tool)}.", highlight=False)


def _arguments(tool: Tool, given: list[str]) -> dict[str, Any]:
    """Read what follows the tool's name: one JSON object, or fields."""
    if len(given) == 1 and not given[0].startswith("--"):
        try:
            return json_object_from(sys.stdin.read() if given[0] == "-" else given[0])
        except UnicodeDecodeError:
            raise InvalidInputError("The arguments must be UTF-8.") from None
        except ValueError as error:
            raise InvalidInputError(f"The arguments {error}.", hint="Or give them as --field value.") from None
    arguments: dict[str, Any] = {}
    waiting = list(given)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            raise InvalidInputError(f"{word[:60]!r} has no field before it.", hint="Write --field value, or a JSON object.")
        field, is_joined, value = word[2:].partition("=")
        if field in OWN_OPTIONS and field.replace("-", "_") not in tool.arguments.names:
            raise InvalidInputError(f"{tool.name} has no field --{field}.", hint="Options go before the tool's name.")
        if not is_joined:
            if not waiting:
                raise InvalidInputError(f"--{field} has no value.", hint="Write --field value.")
            value = waiting.pop(0)
        name = field.replace("-", "_")
        if name in arguments:
            raise InvalidInputError(f"--{field} is given twice.", hint="Give it once, or write a JSON object.")
        arguments[name] = _typed(value, tool.input_schema["properties"].get(name, {}))
    return _with_whole_ids(tool, arguments)


def _with_whole_ids(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """Replace short ids and names by whole ids."""
    whole = dict(arguments)
    for name in arguments.keys() & tool.input_schema["properties"].keys():
        kind = arguments.get("entity_type") if name == "entity_id" else kind_of(name)
        if tool.input_schema["properties"][name].get("format") == "uuid" and kind is not None:
            whole[name] = resolved(kind, arguments[name])
        elif name in NAMED_BY_ITSELF and tool.name not in BEGIN_A_SESSION:
            whole[name] = resolved_prefix(kind_of(name), arguments[name])
    return whole


def _typed(value: str, schema: dict[str, Any]) -> Any:  # noqa: ANN401 (the tool checks it)
    """Read a number, a list or a boolean from the command line if the tool's schema has one. Everything else is text."""
    if schema.get("type") in {"integer", "number", "boolean", "array"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


@command
def shell(*, actor: ActorName = None, role: ActorRole = None, run_id: RunId = None) -> None:
    """Open a Python prompt with every tool, and with you as the actor."""
    names: dict[str, Any] = {tool.name: getattr(sys.modules[tool.module], tool.name) for tool in all_tools(role=role)}
    helpers = {"acting_as": acting_as, "call": dispatch, "call_key": call_key, "changeset": changeset, "preview": preview}
    names |= helpers | {"one": db.one, "many": db.many, "transaction": db.transaction}
    pretty.install(out)
    try:
        import readline  # noqa: PLC0415 (not on every system)
        import rlcompleter  # noqa: PLC0415

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    except ImportError:
        pass
    with a_person(actor, role=role, run_id=run_id):
        banner = (
            f"StudioData on {db.printable_connection_string()}\n"
            f"{len(names) - len(helpers) - 3} tools are here (Tab lists them, help(create_client) explains one), and "
            f"{', '.join(helpers)}, one, many, transaction."
        )
        code.interact(banner=banner, local=names, exitmsg="")
