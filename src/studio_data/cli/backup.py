"""The commands ``backup`` and ``restore``."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from studio_data.cli.app import command, out, print_json, progress
from studio_data.hints import as_typed
from studio_data.operations import backups
from studio_data.postgres.migrate import shipped

AsJson = Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")]


@command
def backup(
    file: Annotated[Path, typer.Argument(help="A new file. Its manifest is written beside it as FILE.json.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write a consistent backup of the practice, with a manifest of its contents. Others can work meanwhile."""
    with _steps() as report:
        manifest = backups.backup(file, report=report)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    rows = sum(table.rows for table in manifest.tables.values())
    out.print(f"Wrote {file}: {manifest.bytes:,} bytes, {rows:,} rows in {len(manifest.tables)} tables.", soft_wrap=True)
    if manifest.head is not None:
        out.print(f"The trail is sealed up to seal {manifest.head['number']}: {manifest.head['hash']}", soft_wrap=True)
    out.print(f"Keep {backups.manifest_of(file)} with it, and a copy of the manifest elsewhere.", soft_wrap=True)


@command
def restore(
    file: Annotated[Path, typer.Argument(help="A backup with its FILE.json beside it.")], *, as_json: AsJson = False
) -> None:
    """Restore a backup into an empty schema, and compare every table and the trail with its manifest: all, or nothing."""
    with _steps() as report:
        manifest = backups.restore(file, report=report)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    rows = sum(table.rows for table in manifest.tables.values())
    out.print(f"Restored {rows:,} rows in {len(manifest.tables)} tables, each as the manifest says.")
    if manifest.head is not None:
        out.print(f"The trail is as it was sealed: {manifest.head['lines']:,} lines, up to seal {manifest.head['number']}.")
    if manifest.schema_version < shipped()[-1].version:
        out.print(f"Its schema has an older version: next run {as_typed('migrate')}.")


@contextmanager
def _steps() -> Generator[backups.Report]:
    """Show the progress of each step on stderr."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with progress(*columns) as steps:
        task = steps.add_task("Starting", total=None)

        def report(step: str, done: int, of: int) -> None:
            steps.update(task, description=step, completed=done, total=of)

        yield report
