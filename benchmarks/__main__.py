"""``uv run --group bench python -m benchmarks``: measure everything in one run, and write docs/benchmarks.md."""

import os
import platform
import time
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import psycopg
import typer
from rich.console import Console

from benchmarks import report
from benchmarks.options import Options
from benchmarks.server import server

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
SECTIONS = ["wrapper", "calls", "threads", "network", "mcp", "growth", "space", "memory", "tokens"]


def main(
    only: Annotated[list[str] | None, typer.Argument(help="Sections to measure, all without any.")] = None,
    *,
    rounds: Annotated[int, typer.Option(help="How often the variants take turns.")] = 15,
    calls: Annotated[int, typer.Option(help="How many calls a variant makes in its turn.")] = 40,
    rows: Annotated[int, typer.Option(help="How many lines the large audit trail has.")] = 5_000_000,
    repetitions: Annotated[int, typer.Option(help="How many calls one process makes for its memory.")] = 200_000,
    server_url: Annotated[str | None, typer.Option("--server", help="Connection string of a server to measure on.")] = None,
    version: Annotated[str, typer.Option(help="Version of the embedded Postgres: 16 or 18.")] = "16",
    page: Annotated[Path, typer.Option(help="The page to write the report into.")] = PAGE,
) -> None:
    """Measure, print what was reached, and write the report."""
    console = Console()
    embedded_version: Literal["16", "18"] = "18" if version == "18" else "16"
    sections: list[report.Section] = []
    with server(server_url, embedded_version) as url:
        options = Options(url, rounds, calls, rows, repetitions)
        with psycopg.connect(url) as connection:
            heading = (
                f"Measured on {platform.system()} with {os.cpu_count()} cores, Python {platform.python_version()}, Postgres "
                f"{connection.info.parameter_status('server_version')}, psycopg {psycopg.__version__}; {rounds} rounds of "
                f"{calls} calls. Times are medians (99th percentiles in brackets) in µs unless a column says otherwise."
            )
        for name in only or SECTIONS:
            began = time.monotonic()
            console.rule(name)
            section: report.Section = import_module(f"benchmarks.{name}").measure(options)
            sections.append(section)
            for reach in section.reaches:
                mark = "[green]reached[/]" if reach.is_reached else "[red]missed[/]"
                console.print(f"{mark} {reach.what}: {reach.figure:.2f} (wanted {reach.limit:g})")
            console.print(f"{time.monotonic() - began:.0f} s")
    report.write(sections, page, heading=heading)


typer.run(main)
