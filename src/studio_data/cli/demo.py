"""The demonstration: a client, a furnishings and a renovation project, an agent's entry in the audit trail, as tables."""

from datetime import UTC
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from studio_data import db
from studio_data.cli.show import details
from studio_data.config import settings
from studio_data.tools.activity import log_activity
from studio_data.tools.clients import create_client
from studio_data.tools.projects import CreatedProject, create_project


def run(out: Console) -> None:
    """Play the demonstration on the database in use and print what came of it."""
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=out, transient=True
    ) as progress:
        bar = progress.add_task("Starting the database", total=5)
        db.one("SELECT 1 AS ready")
        progress.update(bar, advance=1, description="Creating the client")
        client = create_client(
            "David & Linh Nguyen",
            email="linh@example.com",
            source="referral",
            screening_data={"style": "modern", "budget_range": "90k-110k"},
        )
        progress.update(bar, advance=1, description="Creating the furnishings project")
        furnishings = create_project(
            client["id"],
            "Nguyen LR/DR/MBED",
            "furnishings",
            address="123 Main St, Olathe, KS",
            investment_estimate=100_000.00,
        )
        progress.update(bar, advance=1, description="Creating the renovation project")
        renovation = create_project(
            client["id"],
            "Nguyen kitchen",
            "renovation",
            address="123 Main St, Olathe, KS",
            investment_estimate="185000.00",
        )
        progress.update(bar, advance=1, description="Logging what an agent did")
        log_activity(
            "project",
            furnishings["project"]["id"],
            "phase_changed",
            actor_type="agent",
            actor_name="lifecycle_agent",
            metadata={
                "changes": {"phase": ["conceptual_design", "detailed_design"]},
                "reason": "Exhibit B signed, first design fee paid",
            },
        )
        progress.update(bar, advance=1)

    projects = [furnishings, renovation]
    out.print(_tasks(projects))
    out.print(_trail([client["id"], *(created["project"]["id"] for created in projects)]))
    _show_next_steps(out)


def _tasks(projects: list[CreatedProject]) -> Table:
    """Show, per phase, how many tasks each project got from the master workflow and how many were left out."""
    phases = db.many("SELECT phase, count(*) AS tasks FROM workflow_templates GROUP BY phase ORDER BY phase")
    every = sum(phase["tasks"] for phase in phases)
    table = Table(title="Tasks from the master workflow", show_footer=True)
    table.add_column("phase", "in all")
    for created in projects:
        project = created["project"]
        table.add_column(f"{project['name']}\n({project['project_type']})", str(created["tasks_created"]), justify="right")
        table.add_column("left out", str(every - created["tasks_created"]), justify="right", style="dim")

    got = [_tasks_per_phase(created["project"]["id"]) for created in projects]
    for phase in phases:
        cells = [(counts.get(phase["phase"], 0), phase["tasks"]) for counts in got]
        table.add_row(
            phase["phase"].replace("_", " "),
            *(str(number) for tasks, of in cells for number in (tasks, of - tasks)),
        )
    return table


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


def _trail(ids: list[UUID]) -> Table:
    """Show the audit trail of these entities, oldest first."""
    rows = db.many(
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
        {"ids": ids},
    )
    table = Table(title="Audit trail")
    for heading in ("time (UTC)", "actor", "action", "entity", "details"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = [
            f"{row['created_at'].astimezone(UTC):%H:%M:%S}",
            f"{row['actor_name']} ({row['actor_type']})",
            row["action"],
            f"{row['entity_type']} {row['entity_name']}",
            details(row["metadata"]),
        ]
        table.add_row(*map(Text, cells))  # as Text, so that no name is read as markup
    return table


def _show_next_steps(out: Console) -> None:
    """Show how to go on: the tools in a REPL, and the connection string for any other program."""
    out.print("[bold]Go on in a REPL[/], uv run studio-data shell:")
    lines = 'create_client("Ann Example", email="ann@example.com")\nlist_clients(limit=5)\n'
    out.print(Syntax(lines, "python", background_color="default"))
    out.print("[bold]or on the command line[/]: uv run studio-data tools, call, activity")
    if settings().database_url is None:
        out.print("Connection string, while a program uses the server or [bold]uv run studio-data serve[/] keeps it up:")
    else:
        out.print("Connection string:")
    out.print(Text(db.printable_connection_string(), style="bold"), soft_wrap=True)
