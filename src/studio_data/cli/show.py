"""How answers are shown: rows and pages, lines of the audit trail, and the changes of a preview."""

from datetime import datetime
from typing import Any, cast

from rich.text import Text

from studio_data.cli import tables
from studio_data.cli.app import out
from studio_data.cli.tables import Look, Row, text_of
from studio_data.contract.paging import COUNTED

MOST_ROWS = 3
_OF_THE_TRAIL = {"created_at", "entity_type", "entity_id", "action", "actor_type", "actor_name", "metadata"}


def answer(value: Any, *, wide: bool = False) -> None:  # noqa: ANN401 (any JSON value)
    """Print a tool's answer."""
    if isinstance(value, dict) and isinstance(value.get("items"), list):  # pyright: ignore[reportUnknownMemberType]
        _page(cast("dict[str, Any]", value), wide=wide)
    elif isinstance(value, dict):
        row = cast("Row", value)
        out.print(tables.fields(row, width=out.width, wide=wide)) if out.is_terminal else tables.tabbed([row])
    elif rows := tables.rows_of(value):
        tables.listing(rows, Look(wide=wide))
    else:
        tables.tabbed([{"answer": value}], with_header=False)


def _page(page: dict[str, Any], *, wide: bool) -> None:
    rows: list[Row] = page["items"]
    if not rows:
        tables.note("nothing found")
    elif rows[0].keys() >= _OF_THE_TRAIL:
        activity(rows, wide=wide)
    else:
        tables.listing(rows, Look(wide=wide))
    if page.get("next"):
        left = page.get("left")
        follow = f"{'At least ' * (left == COUNTED)}{left:,} more. " if left else ""
        tables.note(f"{follow}The next page: --after {page['next']}")
    for name, value in page.items():
        if name not in {"items", "next", "left"}:
            tables.note(f"{name}: {text_of(value)}")


def activity(lines: list[Row], *, wide: bool = False, with_header: bool = True, with_hint: bool = True) -> None:
    """Print lines of the audit trail in the given order."""
    if not out.is_terminal:
        tables.tabbed(lines, with_header=with_header)
        return
    order = ("time", "what happened", "id", "actor", "details")
    rows: list[Row] = [dict(zip(order, _in_words(line), strict=True)) for line in lines]
    tables.listing(rows, Look(wide, order, {"time", "id"}, with_header, with_hint and with_header))


def _in_words(line: Row) -> list[str]:
    when = datetime.fromisoformat(line["created_at"]).astimezone()
    what = f"{line['entity_type']} {line['action']}".replace("_", " ") + " (noted)" * line["is_noted"]
    return [
        f"{when:%m-%d %H:%M:%S}",
        what,
        line["entity_id"],
        f"{line['actor_name']} ({line['actor_type']})",
        details(line["metadata"]),
    ]


def details(metadata: dict[str, Any]) -> str:
    """Write a line's metadata for people: each fact, a change as old -> new, no ids."""
    facts = {name: value for name, value in metadata.items() if name != "changes" and not name.endswith("_id")}
    changes = metadata.get("changes")
    if isinstance(changes, dict):
        facts = {**cast("dict[str, Any]", changes), **facts}
    return ", ".join(f"{name}: {_change(value)}" for name, value in facts.items() if value is not None)


def _change(value: Any) -> str:  # noqa: ANN401 (log_activity takes any metadata)
    if isinstance(value, list):
        pair = cast("list[Any]", value)
        return f"{text_of(pair[0])} -> {text_of(pair[1])}" if len(pair) == 2 else str(text_of(pair))  # noqa: PLR2004
    return str(text_of(value))


def plan(changes: list[dict[str, Any]], *, wide: bool = False) -> None:
    """Print the changes of a preview, one row each; an update shows its changes as old -> new.

    On a terminal only the first few rows of a table are shown, without ids, unless it is ``wide``.
    """
    if not out.is_terminal:
        tables.tabbed(
            [
                {
                    "table": change["table"],
                    "operation": change["operation"],
                    "id": (change["after"] or change["before"])["id"],
                    "values": ", ".join(f"{name}: {value}" for name, value in _difference(change).items()),
                }
                for change in changes
            ]
        )
    for name in dict.fromkeys(change["table"] for change in changes) if out.is_terminal else ():
        of_table = [change for change in changes if change["table"] == name]
        out.print(Text(f"{name}: {len(of_table)}", style="bold"))
        for change in of_table if wide else of_table[:MOST_ROWS]:
            said = [f"{name}: {value}" for name, value in _difference(change).items() if wide or not name.endswith("_id")]
            line = Text(f"  {change['operation']} {', '.join(said)}")
            out.print(line, no_wrap=not wide, overflow="fold" if wide else "ellipsis")
        if not wide and len(of_table) > MOST_ROWS:
            out.print(Text(f"  … {len(of_table) - MOST_ROWS} more", style="dim"))
    tables.note("Nothing was written.")


def _difference(change: dict[str, Any]) -> dict[str, str]:
    before: dict[str, Any] = change["before"] or {}
    after: dict[str, Any] = change["after"] or {}
    if change["operation"] == "updated":
        values = {
            name: f"{text_of(before[name])} -> {text_of(after[name])}" for name in after if after[name] != before[name]
        }
    else:
        values = {name: str(text_of(value)) for name, value in (after or before).items() if value not in (None, {})}
    hidden = {"id", "context", "created_at", "updated_at", "transaction_id"}
    return {name: value for name, value in values.items() if name not in hidden}
