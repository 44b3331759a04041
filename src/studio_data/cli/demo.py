"""The demonstration: a client, a furnishings and a renovation project, and an agent's line in the audit trail, as tables."""

import shlex
from collections.abc import Collection
from datetime import UTC
from uuid import UUID

from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from studio_data import db
from studio_data.cli import ids, tables
from studio_data.cli.app import out, progress
from studio_data.cli.show import details
from studio_data.cli.tables import Look, Row
from studio_data.config import settings
from studio_data.hints import as_typed
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client
from studio_data.tools.practice.phases import check_gates
from studio_data.tools.projects import CreatedProject, Project, create_project


def run() -> None:
    """Play the demonstration on the database in use and print the result."""
    with progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as playing:
        bar = playing.add_task("Starting the database", total=5)
        db.one("SELECT 1 AS ready")
        playing.update(bar, advance=1, description="Creating the client")
        client = create_client(
            "David & Linh Nguyen",
            email="linh@example.com",
            source="referral",
            screening_data={"style": "modern", "budget_range": "90k-110k"},
        )
        playing.update(bar, advance=1, description="Creating the furnishings project")
        furnishings = create_project(
            client["id"],
            "Nguyen LR/DR/MBED",
            "furnishings",
            address="123 Main St, Olathe, KS",
            investment_estimate=100_000.00,
        )
        playing.update(bar, advance=1, description="Creating the renovation project")
        renovation = create_project(
            client["id"],
            "Nguyen kitchen",
            "renovation",
            address="123 Main St, Olathe, KS",
            investment_estimate="185000.00",
        )
        playing.update(bar, advance=1, description="Letting an agent check what is missing")
        check = check_gates(furnishings["project"]["id"])
        log_activity(
            "project",
            furnishings["project"]["id"],
            "gates_checked",
            actor_type="agent",
            actor_name="lifecycle_agent",
            metadata={
                "next_phase": check["to"],
                "missing": ", ".join(gate["gate"] for gate in check["gates"] if not gate["passed"]),
            },
        )
        playing.update(bar, advance=1)

    projects = [furnishings, renovation]
    show_table("Tasks from the master workflow", _tasks(projects))
    trail = _trail([client["id"], *(created["project"]["id"] for created in projects)])
    show_table("Audit trail", trail, cut=("actor", "entity", "details"))
    _show_next_steps(renovation["project"])


def _tasks(projects: list[CreatedProject]) -> list[Row]:
    """Return, per phase, how many tasks each project received from the master workflow and how many it left out."""
    phases = db.many("SELECT phase, count(*) AS tasks FROM workflow_templates GROUP BY phase ORDER BY phase")
    every: dict[str, int] = {phase["phase"]: phase["tasks"] for phase in phases}
    got = [_tasks_per_phase(created["project"]["id"]) for created in projects]
    rows: list[Row] = []
    for name, phases_of_row in [*((phase.replace("_", " "), [phase]) for phase in every), ("in all", list(every))]:
        row: Row = {"phase": name}
        for created, counts in zip(projects, got, strict=True):
            tasks = sum(counts.get(phase, 0) for phase in phases_of_row)
            project = created["project"]
            row[project["name"]] = tasks
            row[f"not in {project['name']}"] = sum(every[phase] for phase in phases_of_row) - tasks
        rows.append(row)
    return rows


def _tasks_per_phase(project_id: UUID) -> dict[str, int]:
    rows = db.many(
        """
        SELECT template.phase, count(*) AS tasks
        FROM project_tasks AS task
        JOIN workflow_templates AS template ON template.id = task.template_id
        WHERE task.project_id = %(project_id)s
        GROUP BY template.phase
        """,
        {"project_id": project_id},
    )
    return {row["phase"]: row["tasks"] for row in rows}


def _trail(entities: list[UUID]) -> list[Row]:
    """Return the audit trail of these entities, oldest first."""
    lines = db.many(
        """
        SELECT
            log.created_at, log.actor_type, log.actor_name, log.action, log.entity_type, log.metadata,
            coalesce(client.name, project.name) AS entity_name
        FROM activity_log AS log
        LEFT JOIN clients AS client ON client.id = log.entity_id
        LEFT JOIN projects AS project ON project.id = log.entity_id
        WHERE log.entity_id = ANY(%(ids)s)
        ORDER BY log.id
        """,
        {"ids": entities},
    )
    return [
        {
            "time (UTC)": f"{line['created_at'].astimezone(UTC):%H:%M:%S}",
            "actor": f"{line['actor_name']} ({line['actor_type']})",
            "action": line["action"],
            "entity": f"{line['entity_type']} {line['entity_name']}",
            "details": details(line["metadata"]),
        }
        for line in lines
    ]


def _show_next_steps(project: Project) -> None:
    """Show the next steps: on the command line, in a REPL, and with the connection string in another program."""
    name = shlex.quote(ids.reference("project", str(project["id"]), project["name"]))
    say(
        as_typed(f"call project_overview --project-id {name}"),
        as_typed(f"call list_tasks --project-id {name}"),
        as_typed("activity"),
        as_typed("tools"),
        as_typed("shell"),
    )
    if settings().database_url is None:
        out.print(f"Connection string, while a program uses the server or [bold]{as_typed('serve')}[/] keeps it up:")
    else:
        out.print("Connection string:")
    out.print(Text(db.printable_connection_string(), style="bold"), soft_wrap=True)


def show_table(title: str, rows: list[Row], *, cut: Collection[str] = ()) -> None:
    """Show rows under a title, one per line; the columns in ``cut`` may be shortened."""
    out.print(Text(title, style="bold"))
    tables.listing(rows, Look(order=list(rows[0]), whole=rows[0].keys() - cut, with_hint=False))
    out.print()


def say(*commands: str) -> None:
    """Print commands that a person may copy."""
    out.print("Go on with:", style="bold")
    for command in commands:
        out.print(Text(f"  {command}"), soft_wrap=True)
