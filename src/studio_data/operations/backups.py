"""A backup that proves what it holds, and a restore that succeeds only if the proof holds.

It uses ``pg_dump`` and ``pg_restore``. A manifest beside the dump has a count and a hash of every table, taken in the
dump's own snapshot, and the head of the audit trail. See ``docs/backup.md``.
"""

import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import psycopg
from psycopg import sql
from pydantic import BaseModel, ValidationError

from studio_data.config import settings
from studio_data.db import connection_string, many, one, transaction, unit_on
from studio_data.errors import ConfigurationError, ConflictError, InvalidInputError, StudioError
from studio_data.hints import as_typed
from studio_data.operations import seals
from studio_data.operations.files import replacing
from studio_data.postgres import migrate, programs
from studio_data.postgres.deadlines import deadline
from studio_data.postgres.pool import StudioConnection, connect

LONGEST = 7 * 86_400.0
"""Seconds that a backup or a restore may take; a call's time would be too short."""

NEWER_IDS = 18
"""The version of Postgres that makes ids of version 7 itself."""

COPIED_AT_ONCE = 1 << 18

type Report = Callable[[str, int, int], None]
"""Called at every step with what is being done, how many steps are done, and of how many."""


def _tell_nobody(_step: str, _done: int, _of: int) -> None:
    pass


class Contents(BaseModel):
    """What a table holds: the number of its rows, and a hash over all of them in hexadecimal."""

    rows: int
    hash: str


class Manifest(BaseModel):
    """What a backup holds, written beside it."""

    format: Literal[1] = 1
    made_at: datetime
    server_version: int
    program_version: int
    schema_name: str
    schema_version: int
    bytes: int
    sha256: str
    """The file's hash, in hexadecimal."""
    tables: dict[str, Contents]
    head: seals.Head | None
    """The newest seal of the audit trail."""
    findings: list[str] = []
    """How the trail differs from its seals, in the backup: a restore refuses it unless it is told to take it so."""


def manifest_of(path: Path) -> Path:
    """Return the path of a backup's manifest."""
    return path.with_name(f"{path.name}.json")


# Backup ---------------------------------------------------------------------------------------------------------------


def backup(path: Path, *, report: Report = _tell_nobody) -> Manifest:
    """Write the connection's schema into a new file, and its manifest beside it. Others can write meanwhile.

    It seals the trail first and reads everything in one snapshot. A failure leaves no file of that name. Raises
    ``ConflictError`` if the file exists, ``ConfigurationError`` without a fitting ``pg_dump`` or behind a pooler.
    """
    _refuse_pooler("Snapshots, which hold a backup together,")
    for file in (path, manifest_of(path)):
        if file.exists():
            raise ConflictError(f"{file} already exists.", hint="Name a new file, or rename the existing one.")
    report("Sealing the trail", 0, 1)
    for _ in seals.seal():
        pass
    # The manifest is in place first. If one file is missing, it is the backup itself.
    with (
        deadline(LONGEST),
        replacing(path) as unfinished,
        replacing(manifest_of(path)) as unfinished_manifest,
        transaction() as connection,
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _prepare_session(connection)
        manifest = _dump(connection, unfinished, report)
        unfinished_manifest.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return manifest


def _dump(connection: StudioConnection, file: Path, report: Report) -> Manifest:
    here = one("SELECT current_schema() AS schema, pg_export_snapshot() AS snapshot")
    server = connection.info.server_version // 10_000
    program = programs.find("pg_dump", at_least=server)
    quoted = here["schema"].replace('"', '""')
    arguments = (
        "--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data", "--no-password",
        "--lock-wait-timeout=60s", f"--snapshot={here['snapshot']}", f'--schema="{quoted}"', f"--file={file}",
    )  # fmt: skip
    with programs.running(program, *arguments, env=programs.environment(connection)):
        tables = _contents(report)
        newest = seals.head()
        report("Verifying the trail", len(tables), len(tables))
        findings = _findings(newest)
        version = max(migrate.applied(connection))
        report("Waiting for pg_dump", len(tables), len(tables))
    return Manifest(
        made_at=datetime.now(UTC),
        server_version=server,
        program_version=program.version,
        schema_name=here["schema"],
        schema_version=version,
        bytes=file.stat().st_size,
        sha256=_sha256(file),
        tables=tables,
        head=newest,
        findings=findings,
    )


def _findings(kept: seals.Head | None) -> list[str]:
    return [finding["message"] for _, batch in seals.verify(kept) for finding in batch]


def _refuse_pooler(what: str) -> None:
    if settings().pooler == "transaction":
        raise ConfigurationError(
            f"{what} need a direct connection, which a pooler does not give.",
            hint="Set DATABASE_URL to the server itself, and STUDIO_DATA_POOLER=none.",
        )


def _prepare_session(connection: StudioConnection) -> None:
    """Lift the role's time limits, and write values in one format, until the transaction ends."""
    connection.execute(
        """
        SELECT set_config(name, value, true)
        FROM (
            VALUES
                ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),
                ('idle_in_transaction_session_timeout', '0'),
                ('timezone', 'UTC'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),
                ('bytea_output', 'hex'), ('extra_float_digits', '1')
        ) AS wanted (name, value)
        WHERE name IN (SELECT lower(name) FROM pg_settings)
        """
    )


def _contents(report: Report) -> dict[str, Contents]:
    """Count and hash the rows of every table, in the order of their hashes: so no locale and no key changes the result."""
    tables = many(
        """
        SELECT relname AS name
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence = 'p'
        ORDER BY oid
        """
    )
    found: dict[str, Contents] = {}
    for table in tables:
        report(f"Hashing {table['name']}", len(found), len(tables))
        found[table["name"]] = _contents_of(table["name"])
    return found


def _contents_of(table: str) -> Contents:
    with transaction() as connection:
        row = connection.execute(
            sql.SQL(
                """
                SELECT
                    coalesce(sum(rows), 0)::bigint AS rows,
                    encode(sha256(coalesce(string_agg(hash, '' ORDER BY first_byte), '')), 'hex') AS hash
                FROM (
                    SELECT
                        get_byte(hash, 0) AS first_byte, count(*) AS rows,
                        sha256(string_agg(hash, '' ORDER BY hash)) AS hash
                    FROM (
                        SELECT sha256(convert_to((whole_row.*)::text, 'UTF8')) AS hash
                        FROM {} AS whole_row
                    ) AS hashed
                    GROUP BY first_byte
                ) AS parts
                """
            ).format(sql.Identifier(table))
        ).fetchone()
    return Contents.model_validate(row)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


# Restore --------------------------------------------------------------------------------------------------------------


def restore(path: Path, *, despite_findings: bool = False, report: Report = _tell_nobody) -> Manifest:
    """Restore a backup into the connection's schema, which must be empty: all of it with its proof, or nothing.

    In one transaction it loads the dump, compares every table with the manifest, continues the trail's numbers above the
    restored lines, and verifies the trail against the manifest's head. With ``despite_findings`` it takes a trail that
    differs from its seals, if it differs as the manifest says. Raises ``InvalidInputError`` for a file that
    differs from its manifest, ``ConflictError`` if the schema is not empty, ``ConfigurationError`` if the backup does not
    fit.
    """
    _refuse_pooler("A restore does")
    report("Reading the file", 0, 1)
    manifest = read_manifest(path)
    program = programs.find("pg_restore", at_least=manifest.program_version)
    try:
        with deadline(LONGEST), connect(connection_string(), settings()) as connection, unit_on(connection):
            _check_target(connection, manifest)
            _read_in(connection, program, path, manifest, report)
            _as_this_server_has_it(connection, manifest)
            _prove(connection, manifest, report, despite_findings=despite_findings)
    except psycopg.Error as error:
        raise StudioError(
            f"The restore failed, and the schema is empty again: {' '.join(str(error).split())}.",
            hint="Correct what the database names and restore again.",
        ) from error
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Return a backup's manifest, if the file matches it. Raises ``InvalidInputError`` if either is damaged."""
    beside = manifest_of(path)
    try:
        manifest = Manifest.model_validate_json(beside.read_bytes())
        is_the_same = path.stat().st_size == manifest.bytes and _sha256(path) == manifest.sha256
    except OSError as error:
        raise InvalidInputError(
            f"{error.filename} cannot be read: {error.strerror}.",
            hint="A backup is two files, FILE and FILE.json.",
        ) from error
    except ValidationError as error:
        raise InvalidInputError(
            f"This version of the library cannot read the manifest {beside}.",
            hint="Upgrade studio-data, or take another copy.",
        ) from error
    if not is_the_same:
        raise InvalidInputError(
            f"{path} is not the file that {beside.name} describes: it is damaged, or the manifest belongs to another file.",
            hint="Take another copy of both.",
        )
    newest = migrate.shipped()[-1].version
    if manifest.schema_version > newest:
        raise ConfigurationError(
            f"The backup is at version {manifest.schema_version}; this library knows versions up to {newest}.",
            hint="Upgrade studio-data.",
        )
    return manifest


def _check_target(connection: StudioConnection, manifest: Manifest) -> None:
    one("SELECT pg_advisory_xact_lock(%(lock)s, hashtext(current_schema()))", {"lock": migrate.ADVISORY_LOCK})
    here = one("SELECT current_schema() AS schema")["schema"]
    if here != manifest.schema_name:
        raise ConfigurationError(
            f"The backup is of the schema {manifest.schema_name}; the connection's schema is {here or 'missing'}.",
            hint=f"Create the schema {manifest.schema_name}, and name it in the connection's search_path.",
        )
    server = connection.info.server_version // 10_000
    if server < manifest.server_version:
        raise ConfigurationError(
            f"The backup is of Postgres {manifest.server_version}; this server is Postgres {server}.",
            hint="Restore it into a server of that version or a newer one.",
        )
    found = one(
        """
        SELECT count(*) AS things, min(name) AS first
        FROM (
            SELECT 'pg_class'::regclass AS catalog, oid, relname::text AS name
            FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind NOT IN ('i', 'I')
            UNION ALL
            SELECT 'pg_proc'::regclass, oid, proname::text
            FROM pg_proc
            WHERE pronamespace = current_schema()::regnamespace
            UNION ALL
            SELECT 'pg_type'::regclass, oid, typname::text
            FROM pg_type
            WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('d', 'e', 'r')
        ) AS thing
        WHERE NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = catalog AND objid = thing.oid AND deptype = 'e'
        )
        """
    )
    if found["things"]:
        raise ConflictError(
            f"The schema {manifest.schema_name} is not empty: it holds {found['things']} objects, such as {found['first']}.",
            hint=f"Restore into a new database where {as_typed('migrate')} did not run: "
            "createdb studio_restored, and DATABASE_URL or STUDIO_DATA_EMBEDDED_DIR set to it.",
        )


def _read_in(
    connection: StudioConnection, program: programs.Program, path: Path, manifest: Manifest, report: Report
) -> None:
    """Run what pg_restore writes. It does not connect itself, so that all of it is one transaction with the proof."""
    search_path = one("SELECT current_setting('search_path') AS value")["value"]
    steps = 2 * len(manifest.tables) + 2
    report("Creating the tables", 0, steps)
    with _script(program, path, manifest, "pre-data") as script:
        _run(connection, script.read())
    with _script(program, path, manifest, "data") as script:
        done = 0
        for line in script:
            if line.startswith(b"COPY "):
                done += 1
                report(f"Loading {line.split()[1].decode().rpartition('.')[2]}", done, steps)
                _copy(connection, line, script)
            elif line.strip() and not line.startswith(b"--"):
                _run(connection, line)
    report("Creating keys, indexes and triggers", len(manifest.tables) + 1, steps)
    with _script(program, path, manifest, "post-data") as script:
        _run(connection, script.read())
    one("SELECT set_config('search_path', %(value)s, true)", {"value": search_path})


@contextmanager
def _script(program: programs.Program, path: Path, manifest: Manifest, section: str) -> Generator[IO[bytes]]:
    arguments = ("--no-owner", "--no-privileges", f"--schema={manifest.schema_name}", f"--section={section}", "--file=-")
    with programs.running(program, *arguments, str(path)) as script:
        yield script


def _run(connection: StudioConnection, script: bytes) -> None:
    """Run SQL of pg_restore, without psql's own commands and without a setting that older servers do not know."""
    statements = re.sub(rb"^(\\(un)?restrict .*|SET transaction_timeout = 0;)$", b"", script, flags=re.MULTILINE)
    connection.execute(statements, prepare=False)


def _as_this_server_has_it(connection: StudioConnection, manifest: Manifest) -> None:
    """Make ids as migrations do on this server: Postgres 18 has a function for them, and older ones have not."""
    if manifest.server_version < NEWER_IDS <= connection.info.server_version // 10_000:
        connection.execute(
            """
            CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid
            LANGUAGE sql VOLATILE PARALLEL SAFE
            RETURN uuidv7()
            """
        )


def _copy(connection: StudioConnection, statement: bytes, script: IO[bytes]) -> None:
    """Copy the lines after a COPY into its table, up to the line that ends them."""
    with connection.cursor().copy(statement) as copy:
        waiting: list[bytes] = []
        size = 0
        for line in script:
            if line == b"\\.\n":
                break
            waiting.append(line)
            size += len(line)
            if size > COPIED_AT_ONCE:
                copy.write(b"".join(waiting))
                waiting, size = [], 0
        copy.write(b"".join(waiting))


def _prove(connection: StudioConnection, manifest: Manifest, report: Report, *, despite_findings: bool) -> None:
    """Compare the restored rows with the manifest, and let the trail continue."""
    _prepare_session(connection)
    tables, steps = len(manifest.tables), 2 * len(manifest.tables) + 2
    found = _contents(lambda step, done, _: report(step, tables + 1 + done, steps))
    for name in sorted(manifest.tables.keys() | found.keys()):
        if found.get(name) != manifest.tables.get(name):
            raise StudioError(
                f"The table {name} differs from the manifest, so nothing was restored.",
                hint="Take another copy of the backup.",
                details={"table": name},
            )
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
    report("Verifying the trail", steps - 1, steps)
    seals.go_on_numbering()
    findings = _findings(manifest.head)
    if findings and not (despite_findings and set(findings) <= set(manifest.findings)):
        raise StudioError(
            f"The audit trail was changed before or in this backup, so nothing was restored: {'; '.join(findings[:3])}.",
            hint="Use an older backup, or --despite-findings: it takes the trail if it was so when the backup was made.",
            details={"findings": findings},
        )
