"""What all commands share: the application, its console, the actor, and how an error is shown."""

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from studio_data.cli.commands import Commands
from studio_data.contract.roles import Role
from studio_data.errors import ConfigurationError, StudioError, UnavailableError

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

REFUSED, UNAVAILABLE, MISCONFIGURED = 1, 3, 4

app = typer.Typer(
    name="studio-data",
    cls=Commands,
    help="The data layer that AI agents run an interior-design practice on.",
    epilog="Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the database is unavailable (call again), 4 misconfigured, "
    "5 the output could not be written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PLAIN = bool(os.environ.get("NO_COLOR"))
"""Whether the terminal gets plain text: no colour, no bold, no progress bar."""

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but line breaks and tabs, and what turns the direction of text."""

out, err = (Console(stderr=stderr, color_system=None if PLAIN else "auto") for stderr in (False, True))
if PLAIN:
    from typer import rich_utils

    rich_utils.COLOR_SYSTEM = None  # for help and usage errors

ActorName = Annotated[str | None, typer.Option("--actor", help="Who acts; by default your login name.")]
ActorRole = Annotated[Role | None, typer.Option("--role", help="Act in a role: only its toolset may be called.")]
Wide = Annotated[bool, typer.Option("--wide", help="Show every column that has values.")]
RunId = Annotated[str | None, typer.Option("--run-id", help="The agent run, for the audit trail.")]


def command[**P](function: Callable[P, None] | None = None, *, of: typer.Typer | None = None, **options: Any) -> Any:  # noqa: ANN401 (typer's own)
    """Register a command that shows the library's errors as one line on stderr, or with ``--json`` as JSON on stdout.

    ``of`` is the command's group, if it does not belong to the application itself.
    """
    if function is None:
        return lambda function: command(function, of=of, **options)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType, reportUnknownVariableType]

    @(of or app).command(**options)
    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with _driver_errors_as_ours():
                function(*args, **kwargs)
        except StudioError as error:
            if kwargs.get("as_json"):
                print_json(error.to_dict())
            else:
                print(f"studio-data: {error}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(_exit_code(error)) from error

    return wrapped


@contextmanager
def _driver_errors_as_ours() -> Generator[None]:
    try:
        yield
    except Exception as error:
        import psycopg  # noqa: PLC0415 (most of the time that the help would take)

        from studio_data.postgres.failures import refusal  # noqa: PLC0415 (as above)

        if isinstance(error, psycopg.Error):
            raise refusal(error) from error
        raise


def _exit_code(error: StudioError) -> int:
    match error:
        case UnavailableError():
            return UNAVAILABLE
        case ConfigurationError():
            return MISCONFIGURED
        case _:
            return REFUSED


def escaped(text: str) -> str:
    """Write what a terminal would obey instead of showing it, as an escape that JSON has too."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Print one JSON value on one line, for scripts."""
    print_line(escaped(json.dumps(value, ensure_ascii=False)))


def print_line(text: str) -> None:
    """Print a line unchanged, for scripts."""
    print(text.encode(errors="replace").decode())  # noqa: T201


def progress(*columns: "ProgressColumn") -> "Progress":
    """Show progress on stderr. Show nothing if stderr is not a terminal."""
    from rich.progress import Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 (as above)

    columns = columns or (SpinnerColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=err, transient=True, disable=PLAIN or not err.is_terminal)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        raise ConfigurationError("Your account has no name.", hint="Give --actor NAME.") from None


@contextmanager
def a_person(name: str | None, *, role: Role | None = None, run_id: str | None = None) -> Generator[None]:
    """Let the person at the terminal act in the block. With a role, only that role's tools may be called."""
    from studio_data.contract.actor import acting_as  # noqa: PLC0415 (as above)

    with acting_as("user", name or _login(), role=role, run_id=run_id):
        yield


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 (as above)

        out.print(f"studio-data {version('studio-data')}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run the data layer of an interior-design practice."""
