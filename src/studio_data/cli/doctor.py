"""The command ``doctor``."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from studio_data.cli.app import REFUSED, command, out, print_json
from studio_data.db import printable_connection_string
from studio_data.doctor import examine

LOOKS = {"error": "red", "warning": "yellow"}


@command
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Look the database over and name what mends each finding. Ends with exit code 1 if there is an error."""
    with out.status("Looking the database over"):
        checked = examine()
    if as_json:
        print_json([asdict(check) for check in checked])
    else:
        out.print(printable_connection_string(), soft_wrap=True, highlight=False)
        table = Table("check", "finding", "what mends it", show_lines=True)
        for check in checked:
            if not check.findings:
                table.add_row(check.check, Text("as it should be", style="green"), "")
            for finding in check.findings:
                looks = LOOKS[finding.severity]
                table.add_row(check.check, Text(f"{finding.severity}: {finding.message}", style=looks), Text(finding.fix))
        out.print(table)
    if any(finding.severity == "error" for check in checked for finding in check.findings):
        raise typer.Exit(REFUSED)
