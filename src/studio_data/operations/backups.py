"""A backup that proves what it holds.

It uses ``pg_dump``. A manifest beside the dump has a count and a hash of every table, taken in the dump's own snapshot, and
the head of the audit trail. See ``docs/backup.md``.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from psycopg import sql
from pydantic import BaseModel

from studio_data.config import settings
from studio_data.db import many, one, transaction
from studio_data.errors import ConfigurationError, ConflictError
from studio_data.operations import seals
from studio_data.operations.files import replacing
from studio_data.postgres import migrate, programs
from studio_data.postgres.deadlines import deadline
from studio_data.postgres.pool import StudioConnection

LONGEST = 7 * 86_400.0
"""Seconds that a backup or a restore may take; a call's time would be too short."""

type Report = Callable[[str, int, int], None]
"""Called at every step with what is being done, how many steps are done, and of how many."""


def tell_nobody(_step: str, _done: int, _of: int) -> None:
    """Report to nobody."""


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
    left_out: list[str] = []
    """Unlogged tables of the schema: they come back empty."""
    findings: list[str] = []
    """How the trail differs from its seals, in the backup: a restore refuses it unless it is told to take it so."""


def manifest_of(path: Path) -> Path:
    """Return the path of a backup's manifest."""
    return path.with_name(f"{path.name}.json")


# Backup ---------------------------------------------------------------------------------------------------------------


def backup(path: Path, *, report: Report = tell_nobody) -> Manifest:
    """Write the connection's schema into a new file, and its manifest beside it. Others can write meanwhile.

    It seals the trail first, except on a standby, and reads everything in one snapshot. A failure leaves no file of that
    name. Raises ``ConflictError`` if the file exists, ``ConfigurationError`` without a fitting ``pg_dump`` or behind a
    pooler.
    """
    refuse_pooler("Snapshots, which hold a backup together,")
    for file in (path, manifest_of(path)):
        if file.exists():
            raise ConflictError(f"{file} already exists.", hint="Name a new file, or rename the existing one.")
    if not one("SELECT pg_is_in_recovery() AS is_standby", reads=True)["is_standby"]:
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
        prepare_session(connection)
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
        tables, left_out = contents(report), _left_out()
        newest = seals.head()
        report("Verifying the trail", len(tables), len(tables))
        differences = findings(newest)
        version = max(migrate.applied(connection))
        report("Waiting for pg_dump", len(tables), len(tables))
    return Manifest(
        made_at=datetime.now(UTC),
        server_version=server,
        program_version=program.version,
        schema_name=here["schema"],
        schema_version=version,
        bytes=file.stat().st_size,
        sha256=sha256(file),
        tables=tables,
        head=newest,
        left_out=left_out,
        findings=differences,
    )


def findings(kept: seals.Head | None) -> list[str]:
    """Say how the trail differs from its seals and from a head that was kept."""
    return [finding["message"] for _, batch in seals.verify(kept) for finding in batch]


def refuse_pooler(what: str) -> None:
    """Raise ``ConfigurationError`` behind a pooler."""
    if settings().pooler == "transaction":
        raise ConfigurationError(
            f"{what} need a direct connection, which a pooler does not give.",
            hint="Set DATABASE_URL to the server itself, and STUDIO_DATA_POOLER=none.",
        )


def prepare_session(connection: StudioConnection) -> None:
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


def contents(report: Report) -> dict[str, Contents]:
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


def _left_out() -> list[str]:
    """Return the unlogged tables but the library's own, in which no row outlives a preview."""
    rows = many(
        """
        SELECT relname AS name
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence = 'u'
            AND relname <> 'preview_changes'
        ORDER BY relname
        """
    )
    return [row["name"] for row in rows]


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


def sha256(file: Path) -> str:
    """Return a file's hash in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
