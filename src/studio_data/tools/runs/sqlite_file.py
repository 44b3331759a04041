"""Import the agent runs of another orchestrator from its SQLite file, session by session, with ``import_session``.

Every row of the file is new, known or refused, and each refused one is named. A bad row leaves out itself; a bad session row
leaves out its session.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any

from studio_data.contract.validators import checked, line
from studio_data.db import one, transaction
from studio_data.errors import InvalidInputError, StudioError
from studio_data.imports import sqlite
from studio_data.imports.accounts import ENDS_THE_IMPORT, Account, Row, claim, in_halves
from studio_data.imports.values import Reader, converted, given, identifier, json_object, moment, quoted, truth, unchanged
from studio_data.tools.runs.fields import LONGEST_SESSION_KEY, new_session_key
from studio_data.tools.runs.imports import (
    MOST_ROWS,
    ImportedSession,
    artifact_name,
    checked_artifact,
    checked_execution,
    execution_name,
    import_session,
)

SESSIONS, EXECUTIONS, ARTIFACTS = KINDS = ("sessions", "executions", "artifacts")
READERS: dict[str, dict[str, Reader]] = {
    SESSIONS: {
        "user_mission": unchanged, "project_name": given, "status": unchanged, "current_phase": unchanged,
        "iteration_count": given, "qa_passed": truth, "work_dir": given, "state_json": json_object, "metadata": json_object,
        "created_at": moment,
    },
    EXECUTIONS: {
        "id": identifier, "agent_type": unchanged, "status": unchanged, "started_at": moment, "completed_at": moment,
        "input_summary": unchanged, "output_summary": unchanged, "error_message": unchanged, "tokens_used": given,
        "cost": given, "metadata": json_object,
    },
    ARTIFACTS: {
        "artifact_type": unchanged, "file_path": unchanged, "content_hash": unchanged, "version": unchanged,
        "metadata": json_object, "created_at": moment,
    },
}  # fmt: skip
NEEDED = {
    SESSIONS: ("session_id", "user_mission", "status", "current_phase", "created_at"),
    EXECUTIONS: ("id", "agent_type", "status", "started_at"),
    ARTIFACTS: ("artifact_type", "file_path", "content_hash", "version", "created_at"),
}
OWNERS = ("agent_session_id", "session_id")
"""The columns that may name a row's session, by its key or its id in the file."""

QUERIES = {
    table: (with_rowid, without)
    for table, with_rowid, without in (
        ("agent_sessions", "SELECT _rowid_, * FROM agent_sessions ORDER BY 1", "SELECT NULL, * FROM agent_sessions"),
        ("sessions", "SELECT _rowid_, * FROM sessions ORDER BY 1", "SELECT NULL, * FROM sessions"),
        ("agent_executions", "SELECT _rowid_, * FROM agent_executions ORDER BY 1", "SELECT NULL, * FROM agent_executions"),
        ("executions", "SELECT _rowid_, * FROM executions ORDER BY 1", "SELECT NULL, * FROM executions"),
        ("agent_artifacts", "SELECT _rowid_, * FROM agent_artifacts ORDER BY 1", "SELECT NULL, * FROM agent_artifacts"),
        ("artifacts", "SELECT _rowid_, * FROM artifacts ORDER BY 1", "SELECT NULL, * FROM artifacts"),
    )
}
MANY = 1_000
"""So many new rows may change which plan is the best one."""

ITS_SESSION = "Its session was refused."

type Checked = tuple[Row, Any]
"""A row, and what ``import_session`` takes for it."""


@dataclass(slots=True)
class FoundSession:
    """A session of the file, with the rows that name it."""

    row: Row
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    refusal: str | None = None
    rows: list[Row] = field(default_factory=list[Row])


# From the file --------------------------------------------------------------------------------------------------------


def read(path: Path, account: Account, *, prefix: str = "") -> list[FoundSession]:
    """Return the sessions of a file with their rows. A row that names no session, or more than one, is refused.

    All of it is read before anything is imported, so a damaged file leaves nothing half done. Raises ``InvalidInputError``
    if the file cannot be read or is no orchestrator's.
    """
    with sqlite.opened(path) as file:
        tables = {kind: _table(file, kind) for kind in KINDS}
        found = {
            kind: [_named(row, owner) for row in account.reading(sqlite.rows(file, kind, QUERIES[table]))]
            for kind, (table, owner) in tables.items()
        }
    sessions = list(_sessions(found[SESSIONS], prefix))
    named = _by_name(sessions)
    for row in found[EXECUTIONS] + found[ARTIFACTS]:
        try:
            _session_of(row, tables[row.kind][1], named).rows.append(row)
        except InvalidInputError as error:
            account.refuse(row, str(error))
    return sessions


def _table(file: sqlite3.Connection, kind: str) -> tuple[str, str]:
    """Return the table with the rows of a kind, and its column that names the session."""
    for table in (f"agent_{kind}", kind):
        columns = sqlite.columns(file, table)
        if not columns:
            continue
        missing = [column for column in NEEDED[kind] if column not in columns]
        if missing:
            raise InvalidInputError(f"The file's table {table} has no column {', '.join(missing)}.")
        if kind == SESSIONS:
            return table, "session_id"
        owner = next((column for column in OWNERS if column in columns), None)
        if owner is None:
            raise InvalidInputError(f"The file's table {table} has no column {' or '.join(OWNERS)}.")
        return table, owner
    raise InvalidInputError(
        f"The file has no table agent_{kind} or {kind}.", hint="Give the orchestrator's own SQLite file."
    )


def _named(row: Row, owner: str) -> Row:
    row.of = _text(row.values.get(owner))
    row.id = row.of if row.kind == SESSIONS else _text(row.values.get("id"))
    return row


def _text(value: object) -> str | None:
    try:
        return identifier(value)
    except ValueError:
        return None


def _sessions(rows: Sequence[Row], prefix: str) -> Iterator[FoundSession]:
    """Yield the sessions. Of those whose keys are the same once they are cleaned, the first has the key."""
    keys: dict[str, Row] = {}
    for row in rows:
        session = FoundSession(row)
        try:
            key = _key(row, prefix)
            claim(keys, f"session {key}", row)
            arguments = converted(row.values, READERS[SESSIONS])
        except InvalidInputError as error:
            session.refusal = str(error)
        else:
            arguments["state"] = arguments.pop("state_json", None)
            session.arguments = {**arguments, "session_id": key}
        yield session


def _key(row: Row, prefix: str) -> str:
    key = converted(row.values, {"session_id": identifier}).get("session_id")
    if key is None:
        raise InvalidInputError("session_id is missing.")
    return checked("session_id", lambda key: new_session_key(prefix + line(key, LONGEST_SESSION_KEY)), key)


def _by_name(sessions: Sequence[FoundSession]) -> dict[str, list[FoundSession]]:
    """Return the sessions that a key or an id of the file names. A key that several have is the first one's."""
    keys: dict[str, FoundSession] = {}
    named: dict[str, list[FoundSession]] = {}
    for session in sessions:
        key, own_id = session.row.id, _text(session.row.values.get("id"))
        if key is not None and keys.setdefault(key, session) is not session:
            key = None
        for name in {key, own_id}:
            if name is not None:
                named.setdefault(name, []).append(session)
    return named


def _session_of(row: Row, column: str, named: Mapping[str, list[FoundSession]]) -> FoundSession:
    """Return the session that a row names. Raises ``InvalidInputError`` if it names none, or more than one."""
    name = converted(row.values, {column: identifier}).get(column)
    if name is None:
        raise InvalidInputError(f"{column} is missing.")
    found = named.get(name, [])
    if not found:
        raise InvalidInputError(f"{column} {quoted(name)} names no session of the file.")
    if len(found) > 1:
        raise InvalidInputError(f"{column} {quoted(name)} names more than one session of the file, by key or id.")
    return found[0]


# Into the practice ----------------------------------------------------------------------------------------------------


def bring(session: FoundSession, account: Account) -> None:
    """Bring a session over as one unit, without the rows that are refused. Raises only what ends the import."""
    if session.refusal is not None:
        _refuse_all(session, session.refusal, account)
        return
    good, bad = _checked(session.rows)
    try:
        answers, late = _taken(session.arguments, good)
    except ENDS_THE_IMPORT:
        raise
    except StudioError as error:
        _refuse_all(session, str(error), account)
        return
    refused = bad + [(row, str(error)) for (row, _), error in late]
    for row, reason in refused:
        account.refuse(row, reason)
    account.took(SESSIONS, 1, new=sum(answer["sessions"] for answer in answers))
    for kind, new in (
        (EXECUTIONS, sum(answer["executions"] for answer in answers)),
        (ARTIFACTS, sum(answer["artifacts"] for answer in answers)),
    ):
        took = sum(row.kind == kind for row in session.rows) - sum(row.kind == kind for row, _ in refused)
        account.took(kind, took, new=new)


def analyze(account: Account) -> None:
    """Let Postgres count anew what a large import has filled: until then it would plan as for the few rows before.

    A login that does not own the tables leaves that to the server, which does it within minutes.
    """
    if sum(counts.new for counts in account.counts.values()) < MANY:
        return
    found = one(
        """
        SELECT bool_and(pg_has_role(relowner, 'USAGE')) AS owns
        FROM pg_class
        WHERE oid IN ('agent_sessions'::regclass, 'agent_executions'::regclass, 'agent_artifacts'::regclass)
        """,
        reads=True,
    )
    if found["owns"]:
        one("ANALYZE agent_sessions, agent_executions, agent_artifacts")


def _refuse_all(session: FoundSession, reason: str, account: Account) -> None:
    account.refuse(session.row, reason)
    for row in session.rows:
        account.refuse(row, ITS_SESSION)


def _checked(rows: Sequence[Row]) -> tuple[list[Checked], list[tuple[Row, str]]]:
    """Return the rows that ``import_session`` takes, and the others with the reasons."""
    good: list[Checked] = []
    bad: list[tuple[Row, str]] = []
    names: dict[str, Row] = {}
    for row in rows:
        try:
            name, arguments = CHECKS[row.kind](converted(row.values, READERS[row.kind]))
            claim(names, name, row)
        except InvalidInputError as error:
            bad.append((row, str(error)))
        else:
            good.append((row, arguments))
    return good, bad


def _execution(found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "id" not in found:
        raise InvalidInputError("id is missing.")
    found["source_id"] = found.pop("id")
    return execution_name(checked_execution(found)), found


def _artifact(found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return artifact_name(checked_artifact(found)), found


CHECKS = {EXECUTIONS: _execution, ARTIFACTS: _artifact}


def _taken(
    session: Mapping[str, Any], rows: Sequence[Checked]
) -> tuple[list[ImportedSession], list[tuple[Checked, StudioError]]]:
    """Let the tool have a session with its rows, as one unit. What only the database refuses of them is left out."""

    def take(page: Sequence[Checked]) -> ImportedSession:
        executions, artifacts = ([values for row, values in page if row.kind == kind] for kind in (EXECUTIONS, ARTIFACTS))
        return import_session(**session, executions=executions, artifacts=artifacts)

    try:
        with transaction():
            return [take(page) for page in batched(rows, MOST_ROWS)] or [take(())], []
    except ENDS_THE_IMPORT:
        raise
    except StudioError:
        refused: list[tuple[Checked, StudioError]] = []
        with transaction():
            answers = [take(())]  # what refuses the session alone is no row's fault
            for page in batched(rows, MOST_ROWS):
                more, late = in_halves(page, take)
                answers += more
                refused += late
        return answers, refused
