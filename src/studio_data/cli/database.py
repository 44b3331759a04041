"""Commands for the database: ``demo``, ``migrate``, ``roles``, ``time-zone``, ``serve``, ``prune``."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.text import Text

from studio_data.cli import practice, tables
from studio_data.cli.app import command, out, print_json, progress
from studio_data.cli.demo import run
from studio_data.config import settings
from studio_data.contract import ledger
from studio_data.db import connection_string, printable_connection_string
from studio_data.errors import ConfigurationError
from studio_data.hints import as_typed
from studio_data.operations import database_roles, time_zone
from studio_data.operations.database_rights import what_each_may_do
from studio_data.postgres import migrate as migrations
from studio_data.postgres.pool import StudioConnection, connect


@command
def demo(
    *,
    full: Annotated[bool, typer.Option("--full", help="Play a small practice: three clients, four projects.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write into the database that DATABASE_URL names.")] = False,
) -> None:
    """Create a client and two projects, let an agent check what is missing, and show the result."""
    if settings().database_url is not None and not yes:
        raise ConfigurationError(
            "The demo would write an invented client into the database that DATABASE_URL names. It cannot be removed.",
            hint=f"Run {as_typed('demo --yes')} to do so, or unset DATABASE_URL to use the embedded database.",
        )
    if full:
        practice.run()
    else:
        run()


@command
def migrate(
    *,
    status: Annotated[bool, typer.Option("--status", help="Show every migration and when it was applied.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be applied, and apply nothing.")] = False,
) -> None:
    """Bring the database's schema up to this version of the library."""
    if status and dry_run:
        raise typer.BadParameter("--status and --dry-run cannot be given together.")
    with _connection() as connection:
        if status:
            _show_status(connection)
            return
        if dry_run:
            missing = migrations.pending(connection)
            for migration in missing:
                out.print(f"would apply [bold]{migration.name}[/], {migration.reason}")
        else:
            missing = migrations.migrate(
                connection, before_each=lambda migration: out.print(f"applying [bold]{migration.name}[/]")
            )
        if not missing:
            out.print(f"Nothing to do: the database is at version {migrations.shipped()[-1].version}.")
        elif dry_run:
            out.print(f"{len(missing)} to apply; nothing was changed.")
        else:
            out.print(f"Done: the database is at version {migrations.shipped()[-1].version}.")


@command
def serve() -> None:
    """Keep the embedded server up for psql and other programs, until Ctrl-C."""
    if settings().database_url is not None:
        raise typer.BadParameter("DATABASE_URL is set, so the embedded server is not used.")
    with _connection() as connection:
        migrations.migrate(connection)
    ending = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # sigwait below receives them
    out.print("The embedded server is up. Ctrl-C ends this command; the server stops when nobody else uses it.")
    out.print(printable_connection_string(), soft_wrap=True, highlight=False)
    signal.sigwait(ending)


@command
def prune(
    *,
    days: Annotated[int, typer.Option(min=1, help="Keep results for this many days.")] = ledger.KEPT_DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the number as JSON.")] = False,
) -> None:
    """Remove old results from the call ledger. A call that is retried later is executed again."""
    removed = 0
    with progress() as removing:
        task = removing.add_task("Removing old results")
        for batch in ledger.prune(days=days):
            removed += batch
            removing.update(task, description=f"Removed {removed:,} results")
    if as_json:
        print_json({"removed": removed})
    else:
        out.print(f"Removed {removed:,} results older than {days} days.")


@command
def roles(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print what was changed, and the rights, as JSON.")] = False
) -> None:
    """Set up the database roles: their tables, and the rights of an agent's, a reader's and the owner's login."""
    with _connection() as connection:
        changes = database_roles.set_up(connection)
        may = what_each_may_do(connection)
    if as_json:
        print_json({"changed": changes, "roles": may})
        return
    for statement in changes:
        tables.note(f"{statement};")
    doing = ("owns", "select", "insert", "update", "delete")
    tables.report(
        [{"role": role["role"], "logs in": role["login"], **{what: _tables(role[what]) for what in doing}} for role in may]
    )
    if out.is_terminal:
        tables.note("The numbers count tables; --json names them.")
    tables.note(f"Done: {len(changes)} statements." if changes else "Nothing to do: every role has its rights.")
    tables.note("No password was set or changed. Set them yourself, in psql: \\password studio_agent")


@command(name="time-zone")
def set_time_zone(
    name: Annotated[str | None, typer.Argument(help="The zone that the practice has from now on.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the zone and its day as JSON.")] = False,
) -> None:
    """Show in which time zone the practice's days begin and end, or set it, such as America/Chicago."""
    if name is not None:
        time_zone.change(name)
    now = time_zone.now()
    if as_json:
        print_json({"time_zone": now["name"], "today": str(now["today"]), "clock": now["clock"]})
    else:
        out.print(f"Today is {now['today']:%A, %Y-%m-%d}, in {now['name']}, where it is {now['clock']}.", highlight=False)


def _tables(names: list[str]) -> str:
    return str(len(names)) if out.is_terminal else ", ".join(names)


@contextmanager
def _connection() -> Generator[StudioConnection]:
    with connect(connection_string(), settings()) as connection:
        yield connection


def _show_status(connection: StudioConnection) -> None:
    applied = migrations.applied(connection)
    rows: list[tables.Row] = []
    for migration in migrations.shipped():
        when = applied.get(migration.version)
        said = f"{when:%Y-%m-%d %H:%M:%S}" if when else Text("missing", style="yellow")
        rows.append({"version": str(migration.version), "migration": migration.path.stem, "applied (UTC)": said})
    tables.note(printable_connection_string())
    tables.report(rows)
