"""A restore that succeeds only if the backup's proof holds. It uses ``pg_restore``. See ``docs/backup.md``."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from pydantic import ValidationError

from studio_data.config import settings
from studio_data.db import connection_string, one, unit_on
from studio_data.errors import ConfigurationError, ConflictError, InvalidInputError, StudioError
from studio_data.hints import as_typed
from studio_data.operations import trail_numbers
from studio_data.operations.backups import (
    LONGEST,
    Manifest,
    Report,
    contents,
    findings,
    manifest_of,
    prepare_session,
    refuse_pooler,
    sha256,
    tell_nobody,
)
from studio_data.postgres import migrate, programs
from studio_data.postgres.deadlines import deadline
from studio_data.postgres.pool import StudioConnection, connect

NEWER_IDS = 18
"""The version of Postgres that makes ids of version 7 itself."""

COPIED_AT_ONCE = 1 << 18


def restore(path: Path, *, despite_findings: bool = False, report: Report = tell_nobody) -> Manifest:
    """Restore a backup into the connection's schema, which must be empty: all of it with its proof, or nothing.

    In one transaction it loads the dump, compares every table with the manifest, continues the trail's numbers above the
    restored lines, and verifies the trail against the manifest's head. With ``despite_findings`` it takes a trail that
    differs from its seals, if it differs as the manifest says. Raises ``InvalidInputError`` for a file that
    differs from its manifest, ``ConflictError`` if the schema is not empty, ``ConfigurationError`` if the backup does not
    fit.
    """
    refuse_pooler("A restore does")
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
        is_the_same = path.stat().st_size == manifest.bytes and sha256(path) == manifest.sha256
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
    prepare_session(connection)
    tables, steps = len(manifest.tables), 2 * len(manifest.tables) + 2
    found = contents(lambda step, done, _: report(step, tables + 1 + done, steps))
    for name in sorted(manifest.tables.keys() | found.keys()):
        if found.get(name) != manifest.tables.get(name):
            raise StudioError(
                f"The table {name} differs from the manifest, so nothing was restored.",
                hint="Take another copy of the backup.",
                details={"table": name},
            )
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
    report("Verifying the trail", steps - 1, steps)
    trail_numbers.go_on_numbering()
    different = findings(manifest.head)
    if different and not (despite_findings and set(different) <= set(manifest.findings)):
        raise StudioError(
            f"The audit trail was changed before or in this backup, so nothing was restored: {'; '.join(different[:3])}.",
            hint="Use an older backup, or --despite-findings: it takes the trail if it was so when the backup was made.",
            details={"findings": different},
        )
