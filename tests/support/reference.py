"""Write docs/reference/: every tool of the library, a page a domain, from the code, with an example that was run.

``uv run python -m tests.support.reference`` writes the pages; ``tests/documentation/test_docs.py`` fails while they are not
what this makes.
"""

import ast
import inspect
import json
import os
import re
import sys
import textwrap
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, TypeAliasType, cast, get_args

from rich.progress import Progress

from studio_data import acting_as, db
from studio_data.config import Settings, settings
from studio_data.contract import schemas
from studio_data.contract.domain import Domain, domains
from studio_data.contract.registry import Tool, all_tools
from studio_data.contract.roles import EVERYBODY, READERS, STAFF, Role
from studio_data.postgres import embedded, migrate
from studio_data.postgres.pool import connect
from tests.conftest import ROOT
from tests.examples import EXAMPLES, Practice
from tests.support.embedded import server_folder, within

FOLDER = ROOT / "docs" / "reference"
COMMAND = "uv run python -m tests.support.reference"
WIDTH = 125
MOST_VALUES = 5

AN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
A_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
A_DATE_IN_A_MAIL = re.compile(r"\b[A-Z][a-z]+day, [A-Z][a-z]+ \d+, \d{4}\b")
A_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
AN_ORDER_NUMBER = re.compile(r"\bPO-\d{4}-")
HOURS_OF_A_DAY = {time(0, 0), time(12, 0), time(23, 59, 59)}
THE_CURSOR = "AaIFsAAAcACAAAAAAAAAAQ"
NOW = datetime(2024, 11, 25, 9, tzinfo=UTC)
"""When the examples of the page take place. What they say of 2025 is to come."""
PAST = date(2026, 1, 1)
"""The days before it are the examples' own: on every clock today is later."""

WORDS = {
    "uuid": "id",
    "email": "e-mail address",
    "date-time": "time",
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "JSON object",
}

INTRODUCTION = f"""\
# Reference

Made from the code by `{COMMAND}`; a test fails while it is out of date.

An entry begins with what a model reads; the sentences after it are for developers. Then come who may call the tool (people,
who act without a role, may call every one), its fingerprint and its arguments. An optional argument may be left out; in
JSON it may also be null. "Python only" arguments are in no exported schema: a model cannot give them. What is not as its
row says is refused with `InvalidInputError`; what to do about each error stands [in the README](../../README.md#errors), how
a call is made in [tool-contract.md](../tool-contract.md).

The examples were run. The call is made by an agent in a role that may, with `run_id="run-42"`. The answer is the one that
`studio_data.call` gives: ids, dollars and times as strings; Python callers get typed values. Ids are replaced and long lists
cut; now is {NOW:%A, %B} {NOW.day}, {NOW:%Y, %H:%M} UTC. Where a tool writes, the lines follow that it leaves in the audit
trail.
"""


def own_tools() -> list[Tool]:
    """Return the library's tools by module and name."""
    own = [tool for tool in all_tools() if tool.module.startswith("studio_data.tools.")]
    return sorted(own, key=lambda tool: (tool.module, tool.name))


def pages(tools: Iterable[Tool] | None = None) -> dict[Path, str]:
    """Return every page: one a domain, and the one that lists them. Each example runs in a transaction that is undone."""
    made: dict[str, list[tuple[Tool, str]]] = {package: [] for package in domains()}
    for tool in own_tools() if tools is None else tools:
        made[tool.module.rpartition(".")[0]].append((tool, entry(tool)))
    parts = [INTRODUCTION, "| tools of | what they keep | described in |\n|---|---|---|"]
    written: dict[Path, str] = {}
    for package, domain in domains().items():
        page = page_of(package)
        about = ", ".join(f"[{name}](../{name})" for name in domain.pages)
        parts[-1] += f"\n| [{domain.name}]({page.name}) | {domain.title} | {about} |"
        written[page] = _page(domain, made[package])
    parts.append(f"\n{_contents([pair for pairs in made.values() for pair in pairs], by_page=True)}")
    return {FOLDER / "README.md": "\n".join(parts), **written}


def page_of(package: str) -> Path:
    """Return the page of a domain's tools."""
    return FOLDER / f"{domains()[package].name.removeprefix('the ').replace(' ', '-')}.md"


def _page(domain: Domain, entries: list[tuple[Tool, str]]) -> str:
    parts = [
        f"# Reference: {domain.name}\n\nThe tools for {domain.title}. [README.md](README.md) says how to read an entry.\n",
        _contents(entries),
    ]
    for module, group in groupby(entries, key=lambda pair: pair[0].module):
        noun = module.rsplit(".", 1)[1].replace("_", " ").capitalize()
        about = (inspect.getdoc(sys.modules[module]) or "").split("\n\n")[0].removeprefix(f"{noun}: ")
        parts += [f"## {noun}\n\n{about[:1].upper()}{about[1:]}\n", *(text for _, text in group)]
    return "\n".join(parts)


def _contents(entries: list[tuple[Tool, str]], *, by_page: bool = False) -> str:
    rows = [
        f"| [{tool.name}]({page_of(tool.module.rpartition('.')[0]).name if by_page else ''}#{tool.name}) "
        f"| {_summary(tool)} | {'reads' if tool.reads else 'writes'} | {_callers(tool)} |"
        for tool, _ in entries
    ]
    return "\n".join(["| tool | what it does | | who may call it |", "|---|---|---|---|", *rows, ""])


def _summary(tool: Tool) -> str:
    return _in_cell(tool.description.split("\n")[0])


def _callers(tool: Tool) -> str:
    if tool.roles == EVERYBODY:
        return "everybody"
    if tool.roles == READERS:
        return "everybody but the orchestrator"
    if tool.roles == STAFF:
        return "the practice's six roles"
    return ", ".join(role.replace("_", " ") for role in Role if role in tool.roles)


# An entry -------------------------------------------------------------------------------------------------------------


def entry(tool: Tool) -> str:
    """Return what the page says about a tool."""
    paragraphs = [_flowing(part) for part in inspect.cleandoc(tool.function.__doc__ or "").split("\n\n")]
    read_by_models = "\n>\n".join(textwrap.indent(part, "> ") for part in paragraphs[:2])
    parts = [f"### {tool.name}", read_by_models, *paragraphs[2:], _declared(tool), _arguments(tool), _example(tool)]
    return "\n\n".join(parts) + "\n"


def _flowing(paragraph: str) -> str:
    text = " ".join(paragraph.split()).replace("``", "`")
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _declared(tool: Tool) -> str:
    facts = ["Reads only" if tool.reads else "Writes"]
    if tool.idempotent and not tool.reads:
        facts.append("repeating it changes nothing more")
    if tool.destructive:
        facts.append("ends or takes away something")
    facts += [f"for {_callers(tool)}", f"fingerprint `{tool.fingerprint}`"]
    return " · ".join(facts)


def _arguments(tool: Tool) -> str:
    parameters = inspect.signature(tool.function).parameters
    described = schemas.of_arguments(tool.arguments._model)["properties"]
    rows = ["| argument | type | required | meaning |", "|---|---|---|---|"]
    for name, parameter in parameters.items():
        required = "yes"
        if parameter.default is not parameter.empty:
            required = "no" if parameter.default is None else f"no ({parameter.default})"
        if name in tool.arguments.python_only:
            required += ", Python only"
        rows.append(f"| `{name}` | {_in_words(described[name])} | {required} | {_in_cell(_meaning(parameter.annotation))} |")
    return "\n".join(rows) if parameters else "It takes no arguments."


def _in_words(schema: dict[str, Any]) -> str:
    """Say in plain words what a JSON schema takes."""
    match schema:
        case {"enum": values}:
            words = "one of " + ", ".join(f"`{value}`" for value in values)
        case {"description": str(described)}:
            words = _in_cell(described)
        case {"type": "array", "items": items}:
            words = f"list; each {_in_words(items)}"
        case {"type": "object", "properties": _}:
            words = "object: " + ", ".join(f"`{name}` {_in_words(part)}" for name, part in schema["properties"].items())
        case {"type": "integer", "minimum": least, "maximum": most}:
            words = f"whole number, {least} to {most}"
        case {"anyOf": options}:
            words = " or ".join(_in_words(option) for option in options)
        case _:
            kind: str = schema.get("format", schema["type"])
            words = WORDS.get(kind, kind)
    return words


def _meaning(annotation: Any) -> str:
    """Return what stands below the argument's type where that is defined."""
    if isinstance(annotation, TypeAliasType):
        return _docstrings(annotation.__module__ or "").get(annotation.__name__, "")
    return next((meaning for part in get_args(annotation) if (meaning := _meaning(part))), "")


@cache
def _docstrings(module: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for node, following in pairwise(ast.parse(inspect.getsource(sys.modules[module])).body):
        match node, following:
            case ast.TypeAlias(name=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split()).replace("``", "`")
            case _:
                pass
    return found


def _in_cell(text: str) -> str:
    return text.replace("|", r"\|")


# Its example ----------------------------------------------------------------------------------------------------------


def _example(tool: Tool) -> str:
    """Run the tool's example as the page shows it, and return both."""
    role = min(tool.roles)
    with db.transaction(rollback=True):
        with acting_as("user", "Maria"):
            arguments = EXAMPLES[tool.name].arguments(Practice())
        call = _as_python(tool, arguments)
        names: dict[str, Any] = {}
        exec(f"from {tool.module} import {tool.name}", names)  # noqa: S102
        before = len(db.many("SELECT id FROM activity_log"))
        person = tool.people_only is True
        with acting_as("user" if person else "agent", "Maria" if person else role, role=role, run_id="run-42"):
            result = eval(call, names)  # noqa: S307
        left = db.many("SELECT * FROM activity_log ORDER BY id")[before:]
        now = db.one("SELECT now() AS now")["now"]
    answer = json.dumps(_shortened(tool.result_type.dump_python(result, mode="json")), indent=2, ensure_ascii=False)
    parts = [f"```python\n{call}\n```", f"```json\n{answer}\n```"]
    if left:
        rows = [
            f"| {line['entity_type']} | {line['action']} | `{_in_cell(json.dumps(line['metadata'], ensure_ascii=False))}` |"
            for line in left
        ]
        parts.append("\n".join(["| line about | action | metadata |", "|---|---|---|", *rows]))
    return _with_stable_values("\n\n".join(parts), now)


def _as_python(tool: Tool, arguments: dict[str, Any]) -> str:
    given = [f"{name}={_literal(value)}" for name, value in arguments.items()]
    call = f"{tool.name}({', '.join(given)})"
    if len(call) <= WIDTH - 25:
        return call
    return f"{tool.name}(\n" + "".join(f"    {argument},\n" for argument in given) + ")"


def _literal(value: Any) -> str:
    match value:
        case dict():
            pairs = cast("dict[Any, Any]", value).items()
            return "{" + ", ".join(f"{_literal(key)}: {_literal(part)}" for key, part in pairs) + "}"
        case list():
            return "[" + ", ".join(_literal(part) for part in cast("list[Any]", value)) + "]"
        case None | bool() | int() | float():
            return repr(value)
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _shortened(value: Any, name: str = "") -> Any:
    """Cut lists of rows after the first and other lists after a few, and replace the cursor of a page."""
    if isinstance(value, dict):
        return {key: _shortened(part, key) for key, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        kept = 1 if parts and isinstance(parts[0], dict) else MOST_VALUES
        more = [f"… and {len(parts) - kept} more"] if len(parts) > kept else []
        return [_shortened(part) for part in parts[:kept]] + more
    if name == "next" and isinstance(value, str):
        return THE_CURSOR
    return value


def _placeholder(number: int) -> str:
    return f"01a205b0-0000-7000-8000-{number:012}"


def _with_stable_values(text: str, now: datetime) -> str:
    """Number ids in the order of their appearance, and move days and times from around now to around the page's own now."""
    ids: dict[str, str] = {}
    text = AN_ID.sub(lambda found: ids.setdefault(found[0], _placeholder(len(ids) + 1)), text)
    text = A_TIME.sub(lambda found: _moved_time(datetime.fromisoformat(found[0]), now), text)
    text = A_DATE.sub(lambda found: str(_moved_day(date.fromisoformat(found[0]), now)), text)
    text = A_DATE_IN_A_MAIL.sub(lambda found: _moved_in_a_mail(found[0], now), text)
    return AN_ORDER_NUMBER.sub(f"PO-{NOW.year}-", text)


def _moved_day(day: date, now: datetime) -> date:
    return day if day < PAST else NOW.date() + (day - now.date())


def _moved_in_a_mail(written: str, now: datetime) -> str:
    day = _moved_day(datetime.strptime(written, "%A, %B %d, %Y").replace(tzinfo=UTC).date(), now)
    return f"{day:%A, %B} {day.day}, {day.year}"


def _moved_time(moment: datetime, now: datetime) -> str:
    """Move a time by days if it is an hour that a tool has set, else to so many whole days from now."""
    if moment.date() >= PAST:
        is_set = moment.astimezone(UTC).time() in HOURS_OF_A_DAY
        days = timedelta(days=round((moment - now) / timedelta(days=1)))
        moment = datetime.combine(_moved_day(moment.date(), now), moment.timetz()) if is_set else NOW + days
    return moment.isoformat().replace("+00:00", "Z")


# The command ----------------------------------------------------------------------------------------------------------


@contextmanager
def _a_database() -> Generator[None]:
    """Use a server of our own in a temporary folder: whatever is in the developer's database would be in the examples."""
    with server_folder() as folder:
        os.environ["DATABASE_URL"] = embedded.start(Settings(embedded_dir=folder))
        with connect(os.environ["DATABASE_URL"], settings()) as connection:
            migrate.migrate(connection)
        try:
            yield
        finally:
            db.close()
            within(10, lambda: not list(folder.rglob("postmaster.pid")))


def main() -> None:
    """Write the pages, and remove those of domains that are gone."""
    with Progress(transient=True) as progress:
        starting = progress.add_task("starting Postgres", total=None)
        with _a_database():
            progress.remove_task(starting)
            made = pages(progress.track(own_tools(), description="calling every tool"))
    FOLDER.mkdir(exist_ok=True)
    for gone in set(FOLDER.glob("*.md")) - set(made):
        gone.unlink()
    for page, text in made.items():
        page.write_text(text, encoding="utf-8")
    print(f"Wrote {len(made)} pages in {FOLDER.relative_to(ROOT)}/.")  # noqa: T201


if __name__ == "__main__":
    main()
