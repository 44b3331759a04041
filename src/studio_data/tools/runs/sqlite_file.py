"""Read the agent runs of another orchestrator from its SQLite file, as ``import_session`` takes them."""

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio_data.errors import InvalidInputError
from studio_data.tools.runs.imports import MOST_ROWS

SESSION = (
    "session_id", "user_mission", "project_name", "status", "current_phase", "iteration_count", "qa_passed", "work_dir",
    "state_json", "metadata", "created_at",
)  # fmt: skip
EXECUTION = (
    "agent_type", "status", "started_at", "completed_at", "input_summary", "output_summary", "error_message", "tokens_used",
    "cost", "metadata",
)  # fmt: skip
ARTIFACT = ("artifact_type", "file_path", "content_hash", "version", "metadata", "created_at")
NEEDED = {
    "sessions": ("session_id", "user_mission", "status", "current_phase", "created_at"),
    "executions": ("id", "agent_type", "status", "started_at"),
    "artifacts": ("artifact_type", "file_path", "content_hash", "version", "created_at"),
}
ALL_SESSIONS = {
    "agent_sessions": "SELECT * FROM agent_sessions ORDER BY rowid",
    "sessions": "SELECT * FROM sessions ORDER BY rowid",
}
OF_A_SESSION = {
    "agent_executions.agent_session_id": "SELECT * FROM agent_executions WHERE agent_session_id IN (?, ?) ORDER BY rowid",
    "agent_executions.session_id": "SELECT * FROM agent_executions WHERE session_id IN (?, ?) ORDER BY rowid",
    "executions.agent_session_id": "SELECT * FROM executions WHERE agent_session_id IN (?, ?) ORDER BY rowid",
    "executions.session_id": "SELECT * FROM executions WHERE session_id IN (?, ?) ORDER BY rowid",
    "agent_artifacts.agent_session_id": "SELECT * FROM agent_artifacts WHERE agent_session_id IN (?, ?) ORDER BY rowid",
    "agent_artifacts.session_id": "SELECT * FROM agent_artifacts WHERE session_id IN (?, ?) ORDER BY rowid",
    "artifacts.agent_session_id": "SELECT * FROM artifacts WHERE agent_session_id IN (?, ?) ORDER BY rowid",
    "artifacts.session_id": "SELECT * FROM artifacts WHERE session_id IN (?, ?) ORDER BY rowid",
}
"""By the table and the column that names the session, by its key or its id in the file."""

TIMES = {"created_at", "started_at", "completed_at"}
OBJECTS = {"state_json", "metadata"}


class SessionsFile:
    """An open SQLite file with sessions, executions and artifacts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        present = {
            row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        }
        self._tables: dict[str, str] = {}
        self._columns: dict[str, set[str]] = {}
        for kind, needed in NEEDED.items():
            name = next((name for name in (f"agent_{kind}", kind) if name in present), None)
            if name is None:
                raise InvalidInputError(
                    f"The file has no table agent_{kind} or {kind}.", hint="Give the orchestrator's own SQLite file."
                )
            columns = {row["name"] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))}
            missing = [column for column in needed if column not in columns]
            if missing:
                raise InvalidInputError(f"The file's table {name} has no column {', '.join(missing)}.")
            self._tables[kind], self._columns[kind] = name, columns
        self._sessions: list[sqlite3.Row] = connection.execute(ALL_SESSIONS[self._tables["sessions"]]).fetchall()

    def __len__(self) -> int:
        """Return how many sessions there are."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each session's key and the calls that bring it over. A value that cannot be read stays as it is."""
        for row in self._sessions:
            session = _argument(row, SESSION)
            session["state"] = session.pop("state_json", None)
            owners = (row["session_id"], row["id" if "id" in row.keys() else "session_id"])  # noqa: SIM118 (a Row has no "in")
            executions = [
                {"source_id": str(found["id"]), **_argument(found, EXECUTION)} for found in self._rows("executions", owners)
            ]
            artifacts = [_argument(found, ARTIFACT) for found in self._rows("artifacts", owners)]
            pages = max(1, -(-len(executions) // MOST_ROWS), -(-len(artifacts) // MOST_ROWS))
            yield (
                str(row["session_id"]),
                [
                    {
                        **session,
                        "executions": executions[page * MOST_ROWS : (page + 1) * MOST_ROWS],
                        "artifacts": artifacts[page * MOST_ROWS : (page + 1) * MOST_ROWS],
                    }
                    for page in range(pages)
                ],
            )

    def _rows(self, kind: str, owners: tuple[Any, Any]) -> list[sqlite3.Row]:
        """Return the rows of a session, by its key or its id in the file."""
        column = "agent_session_id" if "agent_session_id" in self._columns[kind] else "session_id"
        return self._connection.execute(OF_A_SESSION[f"{self._tables[kind]}.{column}"], owners).fetchall()


@contextmanager
def open_file(path: Path) -> Generator[SessionsFile]:
    """Open an orchestrator's file for reading. Raises ``InvalidInputError`` if it is none."""
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.", hint="Give the path of the orchestrator's SQLite file.")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        yield SessionsFile(connection)
    except sqlite3.DatabaseError as error:
        raise InvalidInputError(f"{path} cannot be read as an SQLite file: {error}.") from error
    finally:
        connection.close()


def _argument(row: sqlite3.Row, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: row[name] for name in names if name in row.keys() and row[name] is not None}  # noqa: SIM118 (as above)
    return {name: _value(name, value) for name, value in found.items()}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 (what SQLite holds)
    """Return a value as the tool takes it; SQLite has neither times nor truths nor JSON of its own."""
    try:
        if name in TIMES:
            return _moment(value)
        if name in OBJECTS and isinstance(value, str):
            return json.loads(value) if value else {}
    except (ValueError, OverflowError, OSError):
        return value  # the tool refuses it, and says why
    if name == "qa_passed" and value in (0, 1):
        return bool(value)
    return str(value) if name == "cost" and isinstance(value, int) else value


def _moment(value: Any) -> str:  # noqa: ANN401
    """Return a time in ISO 8601; one without a zone is in UTC, a number is seconds since 1970."""
    moment = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
