"""How answers look in a terminal: rows as tables, pages as lists, times and changes as people write them."""

import json
import re
from datetime import datetime
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

MOST_COLUMNS = 7
MOST_ROWS = 3
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)$", re.ASCII)


def answer(value: Any) -> RenderableType:  # noqa: ANN401 (any JSON value)
    """Show what a tool answered."""
    if isinstance(value, dict) and isinstance(value.get("items"), list):  # pyright: ignore[reportUnknownMemberType]
        page = cast("dict[str, Any]", value)
        more = [Text(f"more after {page['next']}", style="dim")] if page.get("next") else []
        return Group(rows(page["items"]), *more)
    if isinstance(value, dict):
        return row(cast("dict[str, Any]", value))
    return Text(_cell(value))


def row(fields: dict[str, Any]) -> Table:
    """Show one row, a field a line."""
    table = Table(show_header=False)
    for name, value in fields.items():
        is_row = isinstance(value, dict) and "id" in value
        table.add_row(Text(name, style="bold"), row(cast("dict[str, Any]", value)) if is_row else Text(_cell(value)))
    return table


def rows(found: list[dict[str, Any]]) -> RenderableType:
    """Show rows under each other: their ids and what is said of them, times and JSON last, no ids of other things."""
    if not found:
        return Text("nothing found", style="dim")
    said = [
        name
        for name in found[0]
        if name != "updated_at"
        and (name == "id" or not name.endswith("_id"))
        and any(line.get(name) not in (None, {}, []) for line in found)
    ]
    said = sorted(said, key=lambda name: (name.endswith("_at"), isinstance(found[0][name], dict)))[:MOST_COLUMNS]
    table = Table(*(Column(name.replace("_", " "), no_wrap=name == "id", overflow="fold") for name in said))
    for line in found:
        table.add_row(*(Text(_cell(line.get(name))) for name in said))
    return table


def _cell(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, str) and _TIME.match(value):
        return f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def activity(lines: list[dict[str, Any]], *, with_header: bool = True) -> Table:
    """Show lines of the audit trail in the order given."""
    table = Table(show_header=with_header, box=None, padding=(0, 2, 0, 0))
    for heading in ("time", "actor", "what happened", "details"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "time")
    for line in lines:
        when = datetime.fromisoformat(line["created_at"]).astimezone()
        cells = [
            f"{when:%m-%d %H:%M:%S}",
            f"{line['actor_name']} ({line['actor_type']})",
            f"{line['entity_type']} {line['action']}",
            f"{line['entity_id']}\n{details(line['metadata'])}".rstrip(),
        ]
        table.add_row(*map(Text, cells))  # as Text, so that no name is read as markup
    return table


def details(metadata: dict[str, Any]) -> str:
    """Write an audit row's metadata for people: a fact a line, a change as old -> new, no ids."""
    facts = {name: value for name, value in metadata.items() if name != "changes" and not name.endswith("_id")}
    changes = metadata.get("changes")
    if isinstance(changes, dict):
        facts = {**cast("dict[str, Any]", changes), **facts}
    return "\n".join(f"{name}: {_change(value)}" for name, value in facts.items() if value is not None)


def _change(value: Any) -> str:  # noqa: ANN401 (log_activity takes any metadata)
    if isinstance(value, list):
        pair = cast("list[Any]", value)
        return f"{_cell(pair[0])} -> {_cell(pair[1])}" if len(pair) == 2 else _cell(pair)  # noqa: PLR2004
    return _cell(value)


def plan(changes: list[dict[str, Any]]) -> RenderableType:
    """Show what a preview found: a table a database table, a row a change; what an update changes as old -> new."""
    parts: list[RenderableType] = []
    for name in dict.fromkeys(change["table"] for change in changes):
        of_table = [change for change in changes if change["table"] == name]
        table = Table("", Column("row", no_wrap=True), "values", title=f"{name}: {len(of_table)}", title_justify="left")
        for change in of_table[:MOST_ROWS]:
            row_id = (change["after"] or change["before"])["id"]
            table.add_row(change["operation"], row_id, Text(_difference(change)))
        if len(of_table) > MOST_ROWS:
            table.add_row("…", f"{len(of_table) - MOST_ROWS} more", "")
        parts.append(table)
    return Group(*parts, Text("Nothing was written.", style="bold"))


def _difference(change: dict[str, Any]) -> str:
    before: dict[str, Any] = change["before"] or {}
    after: dict[str, Any] = change["after"] or {}
    if change["operation"] == "updated":
        values = {name: f"{_cell(before[name])} -> {_cell(after[name])}" for name in after if after[name] != before[name]}
    else:
        values = {name: _cell(value) for name, value in (after or before).items() if value not in (None, {})}
    hidden = {"id", "context", "created_at", "updated_at"}
    return "\n".join(f"{name}: {value}" for name, value in values.items() if name not in hidden)
