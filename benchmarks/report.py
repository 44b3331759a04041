"""What a run of the benchmarks reports: sections of tables, plots and reaches, and the page they are written into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import plots

BEGIN, END = "<!-- measured: written by uv run --group bench python -m benchmarks -->", "<!-- end of what was measured -->"


@dataclass(frozen=True)
class Table:
    """A table: its columns' names, and its rows as they are printed."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A figure: the name of its file, what it shows in words, and what draws it on matplotlib's axes."""

    name: str
    shows: str
    draw: Callable[[Any], None]


@dataclass(frozen=True)
class Reach:
    """A figure that is to be reached: a ratio within the run, or a count."""

    what: str
    figure: float
    limit: float
    at_least: bool = False
    """Whether the limit is the least that is wanted, rather than the most that is allowed."""

    @property
    def is_reached(self) -> bool:
        """Whether it is."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


@dataclass
class Section:
    """One part of the page."""

    title: str
    text: str
    """What was measured and how, in markdown."""
    tables: list[Table] = field(default_factory=list[Table])
    plots: list[Plot] = field(default_factory=list[Plot])
    reaches: list[Reach] = field(default_factory=list[Reach])


def write(sections: Sequence[Section], page: Path, *, heading: str) -> None:
    """Put the sections between the marks of the page, and their plots into the folder ``figures`` beside it."""
    figures = page.parent / "figures"
    figures.mkdir(exist_ok=True)
    parts = [heading, _reaches(sections)]
    for section in sections:
        parts += [f"## {section.title}", section.text, *map(_markdown, section.tables)]
        for plot in section.plots:
            plots.save(plot.draw, figures / f"{plot.name}.svg")
            parts.append(f"![{plot.shows}](figures/{plot.name}.svg)")
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(filter(None, parts)) + f"\n\n{END}{after}", encoding="utf-8")


def _reaches(sections: Sequence[Section]) -> str:
    rows = [
        (
            reach.what,
            f"{reach.figure:.2f}",
            f"{'≥' if reach.at_least else '≤'} {reach.limit:g}",
            "yes" if reach.is_reached else "**no**",
        )
        for section in sections
        for reach in section.reaches
    ]
    return _markdown(Table(["what", "figure", "wanted", "reached"], rows)) if rows else ""


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---"] + ["---:"] * (len(table.columns) - 1), *table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
