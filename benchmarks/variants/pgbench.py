"""pgbench with the library's own statements, prepared: as fast as Postgres and its own C client are on this machine."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.operations import NTH_CLIENT, NTH_TASK, Data
from benchmarks.variants.captured import Captured
from studio_data import programs
from studio_data.pool import StudioConnection

CASTS: dict[Any, str] = {UUID: "uuid", bool: "boolean", int: "integer", Jsonb: "jsonb"}
COUNTED = {
    "create_client": "('client' || :n::text || '@example.com')",
    "advance_client": f"('{NTH_CLIENT}' || lpad(to_hex(:n::bigint), 12, '0'))::uuid",
    "complete_task": f"('{NTH_TASK}' || lpad(to_hex(:n::bigint), 12, '0'))::uuid",
}
"""What varies from call to call, made of a number that pgbench counts up."""


class Pgbench:
    """Runs scripts made of captured statements and reads how long each transaction took from pgbench's own log."""

    def __init__(self, data: Data, statements: dict[str, Captured]) -> None:
        self._data = data
        with StudioConnection.connect(data.url) as connection:
            self._program = programs.find("pgbench", at_least=16).path
            self._environment = programs.environment(connection)
            self._scripts = {name: _script(name, found, connection) for name, found in statements.items()}

    def turn(self, operation: str, calls: int) -> list[float]:
        """Run so many transactions on one connection and return how long each took, in microseconds."""
        with tempfile.TemporaryDirectory(prefix="sd-pgbench-") as folder:
            self._run(operation, Path(folder), ["-t", str(calls), "-l", "--log-prefix", f"{folder}/log"], calls)
            lines = "".join(path.read_text() for path in Path(folder).glob("log*")).splitlines()
        return [float(line.split()[2]) for line in lines]

    def calls_per_second(self, operation: str, clients: int, seconds: int) -> float:
        """Run with so many connections at once and return the transactions per second."""
        with tempfile.TemporaryDirectory(prefix="sd-pgbench-") as folder:
            arguments = ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds)]
            said = self._run(operation, Path(folder), arguments, 0)
        found = re.search(r"tps = ([0-9.]+)", said)
        if found is None:
            raise ValueError(f"pgbench told no speed: {said}")
        return float(found[1])

    def _run(self, operation: str, folder: Path, arguments: list[str], calls: int) -> str:
        script = folder / "script.sql"
        script.write_text(self._scripts[operation])
        last = self._data.take(operation, calls) - 1
        command = [self._program, "-n", "-M", "prepared", "-f", script, "-D", f"n={last}", *arguments]
        ran = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode or "aborted" in ran.stderr:
            raise ValueError(f"pgbench could not run {operation}: {ran.stderr}")
        return ran.stdout


def _script(operation: str, found: Captured, connection: psycopg.Connection[Any]) -> str:
    """Write statements of psycopg for pgbench: what varies is counted, the rest is written into the text."""
    written: list[str] = []
    for query, params in found.statements:
        given: dict[str, str] = {}
        for name, value in params.items():
            if name == found.varying and operation in COUNTED:
                given[name] = COUNTED[operation]
            else:
                given[name] = _literal(value, connection)
        written.append(query % given)
    counting = "\\set n :n + 1\n" if operation in COUNTED else ""
    if len(written) == 1:
        return f"{counting}{written[0].strip()};\n"
    body = "".join(f"{statement.strip()};\n" for statement in written)
    return f"{counting}\\startpipeline\n{body}\\endpipeline\n"


def _literal(value: object, connection: psycopg.Connection[Any]) -> str:
    text = sql.Literal(value).as_string(connection)
    cast = CASTS.get(type(value))
    return text if cast is None or "::" in text else f"{text}::{cast}"
