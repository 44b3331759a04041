"""Which module holds which command: a command loads no other one's, and the help loads none of them."""

from importlib import import_module
from typing import Any, override

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "activity": ("activity", "Show the newest lines of the audit trail, the newest last."),
    "backup": (
        "backup",
        "Write a consistent backup of the practice, with a manifest of its contents. Others can work meanwhile.",
    ),
    "restore": (
        "backup",
        "Restore a backup into an empty schema, and compare every table and the trail with its manifest: all, or nothing.",
    ),
    "demo": ("database", "Create a client and two projects, let an agent check what is missing, and show the result."),
    "migrate": ("database", "Bring the database's schema up to this version of the library."),
    "serve": ("database", "Keep the embedded server up for psql and other programs, until Ctrl-C."),
    "prune": ("database", "Remove old results from the call ledger. A call that is retried later is executed again."),
    "roles": (
        "database",
        "Set up the database roles: their tables, and the rights of an agent's, a reader's and the owner's login.",
    ),
    "time-zone": (
        "database",
        "Show in which time zone the practice's days begin and end, or set it, such as America/Chicago.",
    ),
    "doctor": ("doctor", "Check the database and say how to correct each finding. Exit code 1 if there is an error."),
    "mcp": ("mcp", "Serve the tools to a client of the Model Context Protocol."),
    "session": ("sessions", "Show an agent session: what happened in it, in order, and its cost."),
    "import-sessions": (
        "sessions",
        "Import the sessions, executions and artifacts of another orchestrator. A repeated import adds only what is new.",
    ),
    "rotate-agent-keys": ("sessions", "Encrypt the agents' API keys with the newest of STUDIO_DATA_AGENT_KEYS."),
    "tools": ("tools", "List the tools: what they do, whether they write, and which roles may call them."),
    "call": ("tools", "Call a tool. Its arguments are one JSON object (- reads it from stdin), or --field value pairs."),
    "shell": ("tools", "Open a Python prompt with every tool, and with you as the actor."),
    "audit": ("audit", "Seal the audit trail, and check whether it was changed."),
}
"""Each command's module and the first paragraph of its help."""


class Commands(TyperGroup):
    """The commands, each of which is loaded when it is called."""

    commands: dict[str, Any]

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 (typer's own)
        super().__init__(**given)
        self.commands = {
            name: self.commands.get(name, TyperCommand(name, help=about)) for name, (_, about) in COMMANDS.items()
        }

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = loaded(args[0])
        return super().resolve_command(ctx, args)


def loaded(name: str) -> Any:  # noqa: ANN401 (as above)
    """Import the module of a command, and return the command."""
    import_module(f"studio_data.cli.{COMMANDS[name][0]}")
    return typer.main.get_group(import_module("studio_data.cli.app").app).commands[name]
