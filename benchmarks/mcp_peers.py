"""Who takes part in the section ``mcp``: the library's server and its peers, with the same statements for all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from benchmarks.operations import ADDRESS, SOURCE, Data
from benchmarks.variants.captured import sent
from studio_data.contract.actor import acting_as
from studio_data.contract.roles import Role
from studio_data.tools.clients import create_client
from studio_data.tools.practice.tasks import list_tasks

OURS, TOOLBOX, FASTMCP = "studio-data", "MCP Toolbox", "FastMCP"
PAGE = 50
POOL = 10
ROLE = Role.STUDIO_MANAGER
INSTALL_SECONDS = 120

TEXTS = ("name", "email", "phone", "digits", "address", "source")
"""The parameters of create_client that a caller may give, or that follow from what it gave."""


@dataclass(frozen=True)
class Statements:
    """What both tools of the library send, with parameters for what a caller gives and literals for the rest."""

    create_client: str
    list_tasks: str

    @classmethod
    def of(cls, data: Data) -> "Statements":
        """Catch them as the tools send them, with the library pointed at the data's database.

        A list asks for one row more than a page has, to know whether there is another. A peer has no use for that row.
        """
        with acting_as("agent", ROLE, role=ROLE), psycopg.connect(data.url) as connection:
            ((inserting, row),) = sent(lambda: create_client("Rosa Ortiz", email="rosa@example.com"))
            ((listing, page),) = sent(lambda: list_tasks(project_id=data.projects[0], limit=PAGE))
            listing = listing.replace(" LIMIT %(limit)s + 1", " LIMIT %(limit)s")
            return cls(
                inserting % _parameters(row, dict.fromkeys(TEXTS, "text"), connection),
                listing % _parameters(page, {"project_id": "uuid", "limit": "bigint"}, connection),
            )

    def by_position(self, name: str, parameters: Sequence[str]) -> str:
        """Return a statement with ``$1``, ``$2`` and so on for these parameters."""
        return getattr(self, name) % {parameter: f"${place}" for place, parameter in enumerate(parameters, 1)}


def _parameters(params: Mapping[str, Any], given: Mapping[str, str], connection: psycopg.Connection) -> dict[str, str]:
    return {
        name: f"%({name})s::{given[name]}" if name in given else _literal(value, connection)
        for name, value in params.items()
    }


def _literal(value: object, connection: psycopg.Connection) -> str:
    text = sql.Literal(value).as_string(connection).replace("%", "%%")
    return text if not isinstance(value, Jsonb) or "::" in text else f"{text}::jsonb"


# The servers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """A server that takes part: how it is started, and how its tools are called."""

    name: str
    version: str
    over_http: Callable[[int], Sequence[str | Path]]
    """The command that serves HTTP on a port."""
    over_stdio: Sequence[str | Path]
    helping: Sequence[str | Path]
    """The command that prints its help."""
    environment: Mapping[str, str]
    tasks_of: Callable[[dict[str, Any]], list[dict[str, Any]]]
    """Finds the tasks in the result of list_tasks."""
    more: Mapping[str, Any]
    """What list_tasks needs besides its project to answer with 50 whole tasks."""

    def list_tasks(self, project_id: UUID) -> tuple[str, dict[str, Any]]:
        """Return tool and arguments that ask for a project's first 50 tasks, with all their fields."""
        return "list_tasks", {"project_id": str(project_id), **self.more}

    def create_client(self, number: int) -> tuple[str, dict[str, Any]]:
        """Return tool and arguments that create a client with an e-mail address of its own."""
        email = f"wire{number:010d}@example.com"
        return "create_client", {"name": "David & Linh Nguyen", "email": email, "address": ADDRESS, "source": SOURCE}


def peers(data: Data, folder: Path) -> tuple[list[Peer], dict[str, str]]:
    """Return who takes part, and for each that cannot why not. What has to be installed goes into the folder."""
    statements = Statements.of(data)
    found, missing = [_ours(data.url)], dict[str, str]()
    for name, install in ((TOOLBOX, _toolbox), (FASTMCP, _fastmcp)):
        own = folder / name.replace(" ", "")
        own.mkdir()
        try:
            found.append(install(data.url, statements, own))
        except (OSError, subprocess.SubprocessError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            missing[name] = said.strip().splitlines()[-1] if said and said.strip() else type(error).__name__
    return found, missing


def _environment(url: str) -> dict[str, str]:
    """Return the environment without what would change how Python starts, and with the database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STUDIO_DATA_"))}
    return kept | {"DATABASE_URL": url}


def _ours(url: str) -> Peer:
    program = Path(sys.executable).with_name("studio-data")
    command = [program, "mcp", "--role", ROLE]
    return Peer(
        OURS,
        version("studio-data"),
        over_http=lambda port: [*command, "--http", "--port", str(port)],
        over_stdio=command,
        helping=[program, "--help"],
        environment=_environment(url),
        tasks_of=lambda result: result["structuredContent"]["items"],
        more={"limit": PAGE, "fields": "*"},
    )


def _toolbox(url: str, statements: Statements, folder: Path) -> Peer:
    patience = ("--fetch-retries", "1", "--fetch-timeout", "30000")  # without a network npm goes on trying for minutes
    _run(_program("npm"), "install", "--no-audit", "--no-fund", *patience, "--prefix", folder, "@toolbox-sdk/server")
    programs = [path for path in folder.glob("node_modules/@toolbox-sdk/server-*/bin/toolbox*") if path.is_file()]
    if not programs:
        raise FileNotFoundError("npm installed no program for this platform")
    tools = folder / "tools.yaml"
    tools.write_text("---\n".join(f"{json.dumps(part)}\n" for part in _toolbox_tools(url, statements)), encoding="utf-8")
    # What is no part of a call is left out: the look for a newer version, and for changes of the file.
    command = [programs[0], "--config", tools, "--disable-version-check", "--disable-reload", "--log-level", "ERROR"]
    return Peer(
        TOOLBOX,
        _run(programs[0], "--version").split()[2].partition("+")[0],
        over_http=lambda port: [*command, "--port", str(port)],
        over_stdio=[*command, "--stdio"],
        helping=[programs[0], "--help"],
        environment=_environment(url),
        tasks_of=_toolbox_rows,
        more={"limit": PAGE},
    )


def _toolbox_tools(url: str, statements: Statements) -> list[dict[str, Any]]:
    known = conninfo_to_dict(url)
    source = {
        "kind": "source",
        "name": "practice",
        "type": "postgres",
        "host": str(known["host"]),
        "port": str(known.get("port", 5432)),
        "database": str(known["dbname"]),
        "user": str(known["user"]),
        "password": str(known.get("password") or "unused"),
        "queryParams": {"pool_max_conns": str(POOL)},
    }
    texts = [
        {"name": name, "type": "string", "description": f"The client's {name}.", "required": name == "name"}
        for name in TEXTS
    ]
    page = [
        {"name": "project_id", "type": "string", "description": "The project's id."},
        {"name": "limit", "type": "integer", "description": "How many tasks at most.", "default": PAGE},
    ]
    described = {
        "create_client": ("Create a client at the start of the sales pipeline, as a lead.", texts),
        "list_tasks": ("List a project's tasks in workflow order.", page),
    }
    return [source] + [
        {
            "kind": "tool",
            "name": name,
            "type": "postgres-sql",
            "source": "practice",
            "description": description,
            "statement": statements.by_position(name, [str(parameter["name"]) for parameter in parameters]),
            "parameters": parameters,
        }
        for name, (description, parameters) in described.items()
    ]


def _toolbox_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer: it has them as text, a block for each row or one for all."""
    rows: list[Any] = [json.loads(block["text"]) for block in result["content"]]
    return cast("list[dict[str, Any]]", rows[0]) if len(rows) == 1 and isinstance(rows[0], list) else rows


def _fastmcp(url: str, statements: Statements, folder: Path) -> Peer:
    uv = os.environ.get("UV") or _program("uv")
    _run(uv, "venv", "--python", sys.executable, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    _run(uv, "pip", "install", "--python", python, "fastmcp", f"psycopg[binary,pool]=={psycopg.__version__}")
    texts = folder / "statements.json"
    texts.write_text(
        json.dumps({"create_client": statements.create_client, "list_tasks": statements.list_tasks}), encoding="utf-8"
    )
    command = [python, "-P", Path(__file__).with_name("mcp_fastmcp.py"), texts]
    return Peer(
        FASTMCP,
        _run(python, "-c", "import importlib.metadata as found; print(found.version('fastmcp'))").strip(),
        over_http=lambda port: [*command, str(port)],
        over_stdio=command,
        helping=[python.with_name("fastmcp"), "--help"],
        environment=_environment(url),
        tasks_of=lambda result: result["structuredContent"]["items"],
        more={"limit": PAGE},
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"there is no {name} on this machine")
    return found


def _run(*command: str | Path) -> str:
    ran = subprocess.run(  # noqa: S603 (installers and the servers that are compared)
        command, capture_output=True, text=True, check=True, timeout=INSTALL_SECONDS
    )
    return ran.stdout
