"""pgbench with the library's own statements, prepared: as fast as Postgres and its own C client are on this machine."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.operations import NTH_CLIENT, NTH_TASK, OPERATIONS, WRITES, Data, Variant, written
from benchmarks.variants.captured import Captured
from studio_data.postgres import programs
from studio_data.postgres.pool import StudioConnection

WARM_UP = 10
"""A turn is a new connection: so many calls until its caches are filled and its plans settled do not count."""
CASTS: dict[Any, str] = {UUID: "uuid", bool: "boolean", int: "integer", Jsonb: "jsonb"}
COUNTED = {
    "create_client": "('client' || :n::text || '@example.com')",
    "advance_client": f"('{NTH_CLIENT}' || lpad(to_hex(:n::bigint), 12, '0'))::uuid",
    "complete_task": f"('{NTH_TASK}' || lpad(to_hex(:n::bigint), 12, '0'))::uuid",
}
"""What varies from call to call, made of a number that pgbench counts up."""


class Pgbench:
    """Runs scripts made of captured statements and reads when each transaction ended from pgbench's own log."""

    def __init__(self, data: Data, statements: dict[str, Captured]) -> None:
        self._data = data
        self._statements = statements
        with StudioConnection.connect(data.url) as connection:
            self._program = programs.find("pgbench", at_least=16).path
            self._environment = programs.environment(connection)
            self._texts = {name: _texts(name, found, connection) for name, found in statements.items()}

    def turn(self, operation: str, calls: int) -> list[float]:
        """Run so many transactions on one connection and return how long each took, in microseconds."""
        with tempfile.TemporaryDirectory(prefix="sd-pgbench-") as folder:
            number = WARM_UP + calls
            self._run(operation, Path(folder), ["-t", str(number), "-l", "--log-prefix", f"{folder}/log"], number)
            (log,) = Path(folder).glob("log*")
            ended = [_ended(line) for line in log.read_text().splitlines()]
            return [after - before for before, after in pairwise(ended[WARM_UP - 1 :])]

    def check(self, model: Variant) -> None:
        """Compare what every script does with the model. Raises ``ValueError`` where it is less or more."""
        for operation, found in self._statements.items():
            if operation in WRITES:
                _, expected, line = written(lambda name=operation: OPERATIONS[name](model, self._data), self._data)
                _, rows, its_line = written(lambda name=operation: self.turn(name, 1), self._data)
                is_same = rows == {table: number * (WARM_UP + 1) for table, number in expected.items()} and line == its_line
            else:
                written_for_pgbench = [(text, None) for text in self._texts[operation]]
                is_same = self._answers(written_for_pgbench) == self._answers(found.statements)
            if not is_same:
                raise ValueError(f"pgbench does not do the work of {operation}")

    def _answers(self, statements: Sequence[tuple[str, dict[str, Any] | None]]) -> list[Any]:
        with psycopg.connect(self._data.url) as connection:
            return [connection.execute(query.encode(), params).fetchall() for query, params in statements]

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
        script.write_text(_script(operation, self._texts[operation]))
        last = self._data.take(operation, calls) - 1
        command = [self._program, "-n", "-M", "prepared", "-f", script, "-D", f"n={last}", *arguments]
        ran = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode or "aborted" in ran.stderr:
            raise ValueError(f"pgbench could not run {operation}: {ran.stderr}")
        return ran.stdout


def _ended(line: str) -> float:
    """Return when a transaction of the log ended, in microseconds.

    Its own duration is not used: pgbench takes an answer that is there before it waits for it as one that took no time.
    """
    seconds, micros = line.split()[4:6]
    return float(seconds) * 1e6 + float(micros)


def _texts(operation: str, found: Captured, connection: psycopg.Connection[Any]) -> list[str]:
    """Write statements of psycopg for pgbench: what varies is counted, the rest is written into the text."""
    texts: list[str] = []
    for query, params in found.statements:
        given = {name: _literal(value, connection) for name, value in params.items()}
        if found.varying is not None and operation in COUNTED:
            given[found.varying] = COUNTED[operation]
        texts.append((query % given).strip())
    return texts


def _script(operation: str, texts: list[str]) -> str:
    """Return the script of one transaction; several statements go together, as the library sends them."""
    counting = "\\set n :n + 1\n" if operation in COUNTED else ""
    body = "".join(f"{text};\n" for text in texts)
    return f"{counting}{body}" if len(texts) == 1 else f"{counting}\\startpipeline\n{body}\\endpipeline\n"


def _literal(value: object, connection: psycopg.Connection[Any]) -> str:
    text = sql.Literal(value).as_string(connection)
    cast = CASTS.get(type(value))
    return text if cast is None or "::" in text else f"{text}::{cast}"
