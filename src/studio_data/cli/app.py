"""What every command shares: the application, its console, and how an error looks."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from studio_data.errors import StudioError
from studio_data.failures import refusal

app = typer.Typer(
    name="studio-data",
    help="The data layer that AI agents run an interior-design practice on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()


def command[**P](function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors of the library are one line on stderr and exit code 1."""

    @app.command()
    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                function(*args, **kwargs)
            except psycopg.Error as error:
                raise refusal(error) from error
        except StudioError as error:
            print(f"studio-data: {error}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(1) from error

    return wrapped


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        out.print(f"studio-data {version('studio-data')}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Run the data layer of an interior-design practice."""
