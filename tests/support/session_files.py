"""Files of another orchestrator: SQLite with sessions, executions and artifacts, as good or as bad as a test wants them."""

import json
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from studio_data.imports.accounts import Account
from studio_data.imports.values import NotText
from studio_data.tools.runs.sqlite_file import KINDS, bring, read

TABLES = """
    CREATE TABLE {prefix}sessions (
        id INTEGER PRIMARY KEY, session_id TEXT, user_mission TEXT, project_name TEXT, status TEXT, current_phase TEXT,
        iteration_count INTEGER, qa_passed INTEGER, work_dir TEXT, state_json TEXT, metadata TEXT, created_at TEXT,
        updated_at TEXT
    );
    CREATE TABLE {prefix}executions (
        id INTEGER PRIMARY KEY, session_id TEXT, agent_type TEXT, status TEXT, started_at TEXT, completed_at TEXT,
        input_summary TEXT, output_summary TEXT, error_message TEXT, tokens_used INTEGER, duration_seconds REAL, cost REAL,
        metadata TEXT
    );
    CREATE TABLE {prefix}artifacts (
        id INTEGER PRIMARY KEY, session_id TEXT, artifact_type TEXT, file_path TEXT, content_hash TEXT, version INTEGER,
        metadata TEXT, created_at TEXT
    );
    """
UNTYPED = """
    CREATE TABLE agent_sessions (
        id, session_id, user_mission, project_name, status, current_phase, iteration_count, qa_passed, state_json, metadata,
        created_at
    );
    CREATE TABLE agent_executions (
        id, agent_session_id, agent_type, status, started_at, completed_at, output_summary, error_message, tokens_used, cost,
        metadata
    );
    CREATE TABLE agent_artifacts (
        id, agent_session_id, artifact_type, file_path, content_hash, version, metadata, created_at
    );
    """
"""The same without types and constraints: every column holds what is put into it."""

SESSION = {"user_mission": "Plan", "status": "failed", "current_phase": "pm", "created_at": "2026-03-02 09:00:00"}
EXECUTION = {"agent_type": "pm", "status": "running", "started_at": "2026-03-02 09:01:00"}
ARTIFACT = {"artifact_type": "prd", "content_hash": "a" * 64, "version": 1, "created_at": "2026-03-02 09:03:00"}
"""What a good row has besides its name."""

DEEP = '{"a":' * 200_000 + "1" + "}" * 200_000
HUGE = json.dumps({"numbers": [1e299] * 1_000})
"""Small as text, and 300 kB as Postgres writes it: only the database refuses it."""


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Open a file, commit what is done to it, and close it: sqlite3's own block only commits."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def insert(path: Path, table: str, **values: Any) -> None:
    with opened(path) as file:
        _insert(file, table, values)


def _insert(file: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, NotText) else "?" for value in values.values())
    file.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def file_of(path: Path, prefix: str = "agent_") -> Path:
    """Make a file with two sessions: one completed, with work, and one that failed."""
    with opened(path) as file:
        file.executescript(TABLES.format(prefix=prefix))
    insert(path, f"{prefix}sessions", id=1, session_id="mission-1", user_mission="Plan the kitchen", project_name="Chen",
           status="completed", current_phase="complete", iteration_count=2, qa_passed=1, work_dir="runs/1",
           state_json='{"step": 9}', metadata='{"by": "Maria"}', created_at="2026-03-02 09:00:00")  # fmt: skip
    insert(path, f"{prefix}sessions", id=2, session_id="mission-2", user_mission="Order rugs", status="failed",
           current_phase="pm", iteration_count=0, created_at="2026-03-03T10:00:00+02:00")  # fmt: skip
    insert(path, f"{prefix}executions", id=11, session_id="mission-1", agent_type="pm", status="completed",
           started_at="2026-03-02 09:01:00", completed_at="2026-03-02 09:03:30.250",
           output_summary="Nine requirements", tokens_used=1200, cost=0.018, metadata="{}")  # fmt: skip
    insert(path, f"{prefix}executions", id=12, session_id="2", agent_type="pm", status="failed",
           started_at="2026-03-03 08:01:40", completed_at="2026-03-03 08:02:40")  # fmt: skip
    insert(path, f"{prefix}artifacts", id=21, session_id="mission-1", artifact_type="prd", file_path="prd.md",
           content_hash="a" * 64, version=1, created_at="2026-03-02 09:03:00")  # fmt: skip
    return path


def untyped(path: Path, **rows: list[dict[str, Any]]) -> Path:
    """Make a file of ``sessions``, ``executions`` and ``artifacts``, each row as it is given."""
    with opened(path) as file:
        file.executescript(UNTYPED)
        for kind, several in rows.items():
            for row in several:
                _insert(file, f"agent_{kind}", row)
    return path


def session(key: Any = "a", **values: Any) -> dict[str, Any]:
    return {"id": 1, "session_id": key, **SESSION, **values}


def execution(own_id: Any = 11, of: Any = "a", **values: Any) -> dict[str, Any]:
    return {"id": own_id, "agent_session_id": of, **EXECUTION, **values}


def artifact(path: Any = "prd.md", of: Any = "a", **values: Any) -> dict[str, Any]:
    return {"id": 21, "agent_session_id": of, "file_path": path, **ARTIFACT, **values}


def imported(path: Path, prefix: str = "") -> Account:
    """Import a file. Each kind's rows are counted in the file itself, too, and nothing may be missing."""
    account = Account(*KINDS)
    for found in read(path, account, prefix=prefix):
        bring(found, account)
    with opened(path) as file:
        for kind, counts in account.counts.items():
            (rows,) = file.execute(f"SELECT count(*) FROM agent_{kind}").fetchone()  # noqa: S608
            assert rows == counts.read == counts.new + counts.known + counts.refused
            assert counts.refused == sum(row.kind == kind for row in account.refused)
    return account


def counted(account: Account, outcome: str) -> list[int]:
    return [getattr(account.counts[kind], outcome) for kind in KINDS]
