"""How figures are drawn and saved: SVG, without anything that changes from run to run but the figures."""
# pyright: basic

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {"svg.hashsalt": "studio-data", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}

COLOURS = {
    "library": "tab:blue",
    "psycopg": "tab:orange",
    "by hand": "tab:green",
    "SQLAlchemy Core": "tab:red",
    "SQLAlchemy ORM": "tab:purple",
    "Django ORM": "tab:brown",
}
"""Each way to do the work, and its colour in every figure."""


def legend_above(axes: Any, columns: int) -> None:  # noqa: ANN401 (matplotlib has no types here)
    """Put the legend where no bar and no line is."""
    axes.legend(ncols=columns, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1))


def save(draw: Callable[[Any], None], path: Path) -> None:
    """Let a function draw on matplotlib's axes, and save the figure."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.6), layout="constrained")
        draw(figure.subplots())
        figure.savefig(path, metadata={"Date": None})
