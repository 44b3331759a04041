r"""How rows are shown: on a terminal a table of the columns that fit, in a pipe all of it as tab-separated text.

In a pipe stdout has a header and one line per row, and nothing else; notes go to stderr. A newline, a carriage return and
a tab in a value are written as ``\n``, ``\r`` and ``\t``, and JSON as JSON.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import Any, cast
from uuid import UUID

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from studio_data.cli.app import err, escaped, out, print_line
from studio_data.cli.ids import shortened

type Row = dict[str, Any]

GAP, DEEPEST, NARROWEST = 2, 2, 20
TEXT_IS_LONG, TEXT_IS_SHORT = 40, 16
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)$", re.ASCII)
_NUMBER = re.compile(r"\$?-?[\d,]+(\.\d+)?$", re.ASCII)
_NAMES = r"name|title|label|po_number|(meeting|doc|item|artifact|agent)_type|description_generic|session_id|user_mission"
_RANKS = (
    r"id",
    _NAMES,
    r"(.+_)?status",
    r"(.+_)?(date|delivery)|due_at",
    r"(.+_)?phase",
    r"(.+_)?(amount|price|estimate|total|cost|freight|net|quantity)",
    r"assigned_to",
    r"(?!created|updated).+_at",
    r".+_type",
)
_BACKGROUND = {"created_at", "updated_at"}


@dataclass(frozen=True)
class Look:
    """How a list looks on a terminal."""

    wide: bool = False
    """Whether all columns are shown that hold something, in blocks if the terminal is too narrow for a table."""
    order: Sequence[str] = ()
    """The columns to show unless it is to be wide, the first first; without it their names say which."""
    whole: Collection[str] = ()
    """The columns of an order that are never cut."""
    with_header: bool = True
    with_hint: bool = True
    """Whether the hidden columns are named below."""


def listing(rows: list[Row], look: Look | None = None) -> None:
    """Print rows of a kind, one per line: on a terminal, the columns that fit."""
    look = look or Look()
    if not out.is_terminal:
        tabbed(rows, with_header=look.with_header)
    elif rows:
        out.print(listed(rows, look, out.width))


def report(rows: list[Row]) -> None:
    """Print rows completely: every column, and nothing shortened."""
    if not out.is_terminal:
        tabbed(rows)
        return
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for number, name in enumerate(rows[0] if rows else ()):
        is_number = _are_numbers(text_of(row[name]) for row in rows)
        table.add_column(name, overflow="fold", no_wrap=number == 0, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*map(text_of, row.values()))
    out.print(table)


def tabbed(rows: list[Row], *, with_header: bool = True) -> None:
    """Print rows completely, as tab-separated text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if rows and with_header:
        print_line("\t".join(names))
    for row in rows:
        print_line("\t".join(_plain(row.get(name)) for name in names))


def note(text: str, *, style: str = "dim") -> None:
    """Print a note about the rows: under them on a terminal, on stderr in a pipe."""
    if out.is_terminal:
        out.print(Text(text), style=style, soft_wrap=True)
    else:
        err.print(Text(text), soft_wrap=True)


def fields(row: Row, *, width: int, wide: bool = False, depth: int = 0) -> RenderableType:
    """Show one row, one field per line, and its nested rows below their field's name."""
    grid = Table.grid(padding=(0, GAP))
    left = width - max(map(cell_len, row), default=0) - GAP
    short = _short(row.values()) if left < len(str(UUID(int=0))) else {}
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in row.items():
        if isinstance(value, dict) and value and depth < DEEPEST:
            shown = fields(cast("Row", value), width=left, wide=wide, depth=depth + 1)
        elif rows := rows_of(value):
            shown = listed(rows, Look(wide=wide), left)
        else:
            shown = text_of(_short_or_same(value, short))
        grid.add_row(Text(name), shown)
    return grid


def listed(rows: list[Row], look: Look, width: int) -> RenderableType:
    """Return rows as a table of at most this width, except on a terminal too narrow for any table."""
    columns = _columns(rows, look)
    width = max(width, NARROWEST)
    if look.wide and sum(column.natural + GAP for column in columns) - GAP > width:
        return Group(*(_block(columns, number) for number in range(len(rows))))
    widths = _that_fit([column for column in columns if look.wide or not column.is_background], width)
    table = Table(box=None, show_header=look.with_header, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    chosen = [column for column in columns if column.name in widths]
    for column in chosen:
        size = widths[column.name]
        heading = "\n".join(wrap(column.heading, size))
        table.add_column(
            heading, width=size, no_wrap=True, overflow="ellipsis", justify="right" if column.is_number else "left"
        )
    for number in range(len(rows)):
        table.add_row(*(column.cells[number] for column in chosen))
    hidden = [column.heading for column in columns if column.name not in widths]
    if not hidden or not look.with_hint:
        return table
    more = "1 more column" if len(hidden) == 1 else f"{len(hidden)} more columns"
    return Group(table, Text(f"--wide shows {more}: {', '.join(hidden)}", style="dim"))


@dataclass
class _Column:
    name: str
    rank: int
    cells: list[Text]
    is_whole: bool
    is_background: bool

    @property
    def heading(self) -> str:
        return self.name.replace("_", " ")

    @property
    def natural(self) -> int:
        """The width at which nothing in the column is shortened."""
        return max([1, *(cell_len(word) for word in self.heading.split()), *(cell.cell_len for cell in self.cells)])

    def least(self, width: int) -> int:
        """Return the width below which the column is not readable, in a table of this width."""
        if self.is_whole:
            return self.natural
        return min(self.natural, width * 2 // 5 if self.rank <= 1 else TEXT_IS_SHORT)

    @property
    def is_number(self) -> bool:
        return _are_numbers(self.cells)


def _columns(rows: list[Row], look: Look) -> list[_Column]:
    """Return the columns that have values, with those that people look for first in front."""
    names = list(dict.fromkeys([*look.order, *(name for row in rows for name in row)]))
    own = _own_id(names, rows)
    short = _short(row.get(name) for row in rows for name in names if look.wide or name == own)
    columns: list[_Column] = []
    for number, name in enumerate(names):
        values = [row.get(name) for row in rows]
        if all(value in (None, "", {}, []) or value is False for value in values):
            continue
        cells = [text_of(_short_or_same(value, short), in_line=True) for value in values]
        rank = number if look.order else _rank("id" if name == own else name, cells)
        columns.append(
            _Column(
                name,
                rank,
                cells,
                is_whole=name in look.whole if look.order else rank not in {1, len(_RANKS), len(_RANKS) + 1},
                is_background=name not in look.order if look.order else name != own and _is_background(name, rows),
            )
        )
    return sorted(columns, key=lambda column: column.rank)


def _own_id(names: Sequence[str], rows: list[Row]) -> str | None:
    """Return the column that identifies the row: id, else the first that holds ids."""
    return "id" if "id" in names else next((name for name in names if _holds_ids(name, rows)), None)


def _holds_ids(name: str, rows: list[Row]) -> bool:
    return name.endswith("_id") and all(row.get(name) is None or _UUID.match(str(row[name])) for row in rows)


def _short(values: Iterable[Any]) -> dict[str, str]:
    """Return the short ids of the values that are ids."""
    wanted = {value for value in values if isinstance(value, str) and _UUID.match(value)}
    return shortened(wanted) if wanted else {}


def _short_or_same(value: Any, short: dict[str, str]) -> Any:  # noqa: ANN401
    return short.get(value, value) if isinstance(value, str) else value


def _rank(name: str, cells: list[Text]) -> int:
    for rank, pattern in enumerate(_RANKS):
        if re.fullmatch(pattern, name):
            return rank
    return len(_RANKS) + any(cell.cell_len > TEXT_IS_LONG for cell in cells)


def _is_background(name: str, rows: list[Row]) -> bool:
    has_parts = any(isinstance(row.get(name), dict | list) for row in rows)
    return name in _BACKGROUND or has_parts or _holds_ids(name, rows)


def _that_fit(columns: list[_Column], width: int) -> dict[str, int]:
    """Choose columns, always the first two. The remaining width goes first to the columns that lack the least."""
    widths: dict[str, int] = {}
    left = width + GAP
    for column in columns:
        size = column.least(width) if len(widths) != 1 else min(column.least(width), max(left - GAP, TEXT_IS_SHORT))
        if size + GAP <= left or len(widths) < 2:  # noqa: PLR2004
            widths[column.name] = size
            left -= size + GAP
    chosen = [column for column in columns if column.name in widths]
    for column in sorted(chosen, key=lambda column: column.natural - widths[column.name]):
        more = min(column.natural - widths[column.name], max(left, 0))
        widths[column.name] += more
        left -= more
    return widths


def _block(columns: list[_Column], number: int) -> RenderableType:
    grid = Table.grid(padding=(0, GAP))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for column in columns:
        if column.cells[number].plain:
            grid.add_row(column.heading, column.cells[number])
    grid.add_row("", "")
    return grid


def _are_numbers(cells: Iterable[Text]) -> bool:
    return all(_NUMBER.match(cell.plain) for cell in cells if cell.plain)


def rows_of(value: Any) -> list[Row]:  # noqa: ANN401
    """Return the value if it is a list of rows, else an empty list."""
    several = cast("list[Any]", value) if isinstance(value, list) else []
    return several if all(isinstance(row, dict) for row in several) else []


def text_of(value: Any, *, in_line: bool = False) -> Text:  # noqa: ANN401
    """Write a value for people, as Text, so that no name is read as markup."""
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, str) and _TIME.match(value):
        return Text(f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M}")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text(escaped(" ".join(text.split()) if in_line else text))


def _plain(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return ""
    text = str(value) if isinstance(value, str | Text) else json.dumps(value, ensure_ascii=False)
    return escaped(text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t"))
