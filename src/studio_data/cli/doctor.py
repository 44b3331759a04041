"""The command ``doctor``."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from studio_data.cli import tables
from studio_data.cli.app import REFUSED, command, print_json, progress
from studio_data.db import printable_connection_string
from studio_data.operations.doctor import examine

LOOKS = {"error": "red", "warning": "yellow"}


@command
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check the database and say how to correct each finding. Exit code 1 if there is an error."""
    with progress() as looking:
        looking.add_task("Looking the database over")
        checked = examine()
    if as_json:
        print_json([asdict(check) for check in checked])
    else:
        tables.note(printable_connection_string())
        rows: list[tables.Row] = []
        for check in checked:
            if not check.findings:
                said = Text(check.note or "as it should be", style="green")
                rows.append({"check": check.check, "finding": said, "correction": ""})
            for finding in check.findings:
                found = Text(f"{finding.severity}: {finding.message}", style=LOOKS[finding.severity])
                rows.append({"check": check.check, "finding": found, "correction": finding.fix})
        tables.report(rows)
    if any(finding.severity == "error" for check in checked for finding in check.findings):
        raise typer.Exit(REFUSED)
