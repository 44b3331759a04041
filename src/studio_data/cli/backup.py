"""The commands ``backup`` and ``restore``."""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from studio_data.cli import tables
from studio_data.cli.app import REFUSED, command, err, out, print_json, progress
from studio_data.hints import as_typed
from studio_data.operations import backups, restores
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
        raise typer.Exit(REFUSED if manifest.findings else 0)
    rows = sum(table.rows for table in manifest.tables.values())
    out.print(f"Wrote {file}: {manifest.bytes:,} bytes, {rows:,} rows in {len(manifest.tables)} tables.", soft_wrap=True)
    if manifest.head is not None:
        out.print(f"The trail is sealed up to seal {manifest.head['number']}: {manifest.head['hash']}", soft_wrap=True)
    out.print(f"Keep {backups.manifest_of(file)} with it, and a copy of the manifest elsewhere.", soft_wrap=True)
    if manifest.left_out:
        tables.note(f"Without the rows of unlogged tables: {', '.join(manifest.left_out)}.")
    _say_findings(manifest, f"{as_typed('restore --despite-findings')} takes it as it is; without that it is refused.")


@command
def restore(
    file: Annotated[Path, typer.Argument(help="A backup with its FILE.json beside it.")],
    *,
    despite_findings: Annotated[
        bool, typer.Option(help="Take a trail that differs from its seals, if it did so when the backup was made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty schema, and compare every table and the trail with its manifest: all, or nothing."""
    with _steps() as report:
        manifest = restores.restore(file, despite_findings=despite_findings, report=report)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    rows = sum(table.rows for table in manifest.tables.values())
    out.print(f"Restored {rows:,} rows in {len(manifest.tables)} tables, each as the manifest says.")
    if manifest.findings:
        out.print(f"The trail differs from its seals, as it did then: {'; '.join(manifest.findings)}.", soft_wrap=True)
    elif manifest.head is not None:
        out.print(f"The trail is as it was sealed: {manifest.head['lines']:,} lines, up to seal {manifest.head['number']}.")
    if manifest.schema_version < shipped()[-1].version:
        out.print(f"Its schema has an older version: next run {as_typed('migrate')}.")


def _say_findings(manifest: backups.Manifest, way_out: str) -> None:
    """Say how the trail differs from its seals, and end with the exit code of a refusal; say nothing if it does not."""
    if manifest.findings:
        err.print(f"The trail in it differs from its seals: {'; '.join(manifest.findings)}. {way_out}", soft_wrap=True)
        raise typer.Exit(REFUSED)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _steps() -> Generator[backups.Report]:
    """Show the progress of each step on stderr. At SIGTERM what is unfinished is removed, as at Ctrl-C."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with progress(*columns) as steps, _ended_by_sigterm():
        task = steps.add_task("Starting", total=None)

        def report(step: str, done: int, of: int) -> None:
            steps.update(task, description=step, completed=done, total=of)

        yield report
