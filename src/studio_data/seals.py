"""Seal the audit trail: a chain of hashes over its lines, made by the server and checked by it.

A seal covers the lines of transactions that have ended, in batches, and the seal before it. Who keeps the newest seal's hash
outside the database, the head, can prove later that no line up to it was edited, deleted or added. ``docs/audit.md``.
"""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio_data.db import many, one, transaction
from studio_data.errors import ConflictError, InvalidInputError, NotFoundError, StudioError

LINES_AT_ONCE = 10_000
SEALS_AT_ONCE = 1_000
NO_HASH = bytes(32)
LARGEST_NUMBER = 2**64 - 1
ADVISORY_LOCK = 0x5EA1  # any constant; the schema's name is the other half of the key

RENUMBER = "After a restore by other means than studio-data restore: studio-data audit renumber."


class Head(BaseModel):
    """The newest seal, as it is kept outside the database: its number, its hash, and what it stands for."""

    model_config = ConfigDict(frozen=True)

    number: Annotated[int, Field(gt=0)]
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    lines: int
    """In this seal and all before it."""
    last_transaction: int
    sealed_at: datetime


class Seal(NamedTuple):
    """A seal that was just made."""

    number: int
    lines: int


class Finding(TypedDict):
    """What does not hold of a seal: its number, the lines' numbers it covers, and how many lines it has and should have."""

    kind: Literal["lines", "seal", "order", "head", "numbering"]
    seal: int | None
    first_transaction: int | None
    last_transaction: int | None
    sealed: int | None
    found: int | None
    message: str


class Unsealed(TypedDict):
    """Lines that no seal covers yet, and when the oldest of them was written."""

    lines: int
    oldest: str | None


class Verification(TypedDict):
    """What verify found: nothing, and the trail is what was sealed."""

    holds: bool
    seals: int
    lines: int
    findings: list[Finding]
    unsealed: Unsealed


# Sealing --------------------------------------------------------------------------------------------------------------


def seal() -> Generator[Seal]:
    """Seal every line that is not sealed yet and whose transaction has ended; yield each seal when it is committed.

    A seal has about ``LINES_AT_ONCE`` lines and ends where a transaction ends. Lines of transactions that are still open, and
    what began to write after the oldest of them, are sealed another time. Several may seal at once: they take turns. With
    nothing to seal nothing is written. Raises ``ConflictError`` if the trail's numbers are ahead of the server's.
    """
    if _lines_ahead():
        raise ConflictError("The trail's numbers are ahead of the server's, so no line would be sealed.", hint=RENUMBER)
    horizon = one("SELECT trail_number(pg_snapshot_xmin(pg_current_snapshot()))::text AS number", reads=True)["number"]
    while (made := _seal_batch(horizon)) is not None:
        yield made


def _seal_batch(horizon: str) -> Seal | None:
    """Seal the next lines below a number; None if there are none. The lock ends with the transaction: poolers allow no more."""
    with transaction():
        one("SELECT pg_advisory_xact_lock(%(lock)s, hashtext(current_schema()))", {"lock": ADVISORY_LOCK})
        last = one("SELECT number, last_transaction::text, hash FROM audit_seals ORDER BY number DESC LIMIT 1")
        made = one(
            """
            WITH ends AS (
                SELECT max(transaction_id) AS last_transaction
                FROM (
                    SELECT transaction_id
                    FROM activity_log
                    WHERE transaction_id >= %(first)s::xid8 AND transaction_id < %(horizon)s::xid8
                    ORDER BY transaction_id, id
                    LIMIT %(limit)s
                ) AS batch
            ), sealed AS (
                SELECT
                    max(transaction_id) AS last_transaction,
                    count(*) AS lines,
                    sha256(string_agg(trail_line_hash(line), '' ORDER BY transaction_id, id)) AS lines_hash
                FROM activity_log AS line
                WHERE transaction_id >= %(first)s::xid8 AND transaction_id <= (SELECT last_transaction FROM ends)
            )
            INSERT INTO audit_seals (number, last_transaction, lines, lines_hash, previous_hash, hash, sealed_at)
            SELECT
                %(number)s, last_transaction, lines, lines_hash, %(previous_hash)s,
                seal_hash(%(previous_hash)s, %(number)s, last_transaction, lines, now(), lines_hash), now()
            FROM sealed
            WHERE lines > 0
            RETURNING number, lines
            """,
            {
                "first": str(_first_after(last)),
                "horizon": horizon,
                "limit": LINES_AT_ONCE,
                "number": 1 if last is None else last["number"] + 1,
                "previous_hash": NO_HASH if last is None else last["hash"],
            },
        )
    return None if made is None else Seal(**made)


def _first_after(last: dict[str, Any] | None) -> int:
    """Return the first number that the seal after this one covers."""
    return 0 if last is None else min(LARGEST_NUMBER, int(last["last_transaction"]) + 1)


# The head -------------------------------------------------------------------------------------------------------------


def head() -> Head | None:
    """Return the newest seal, to be kept outside the database; None if nothing is sealed yet."""
    found = one(
        """
        SELECT
            number, encode(hash, 'hex') AS hash, last_transaction::text, sealed_at,
            (SELECT sum(lines) FROM audit_seals)::bigint AS lines
        FROM audit_seals
        ORDER BY number DESC
        LIMIT 1
        """,
        reads=True,
    )
    return None if found is None else Head(**{**found, "sealed_at": found["sealed_at"].astimezone(UTC)})


def head_from(text: str) -> Head:
    """Read a head from its JSON. Raises ``InvalidInputError`` if it is none."""
    try:
        return Head.model_validate_json(text)
    except ValidationError as error:
        raise InvalidInputError(
            "That is no head of the trail.", hint="A head is the JSON that studio-data audit head prints."
        ) from error


def check_follows(kept: Head) -> None:
    """Make sure that a head from before is still in the chain: only then may a newer one replace it.

    Raises ``NotFoundError`` if it is not: the chain was cut or written anew since.
    """
    found = one(
        "SELECT encode(hash, 'hex') AS hash FROM audit_seals WHERE number = %(number)s", {"number": kept.number}, reads=True
    )
    if found is None or found["hash"] != kept.hash:
        raise NotFoundError(
            f"Seal {kept.number} of the head that was kept is {'missing' if found is None else 'another one now'}.",
            hint="Keep that head: it proves that the trail was changed. studio-data audit verify says more.",
        )


# Verifying ------------------------------------------------------------------------------------------------------------


def verify(kept: Head | str | None = None, *, after_each: Callable[[int], None] = lambda _: None) -> Verification:
    """Compute every seal anew from the lines that are there, and say what does not hold.

    With a head that was kept outside, or just its hash in hexadecimal, a chain that was cut short or made anew is found too;
    without one it cannot be. ``after_each`` is told how many lines were checked.
    """
    findings: list[Finding] = []
    previous: dict[str, Any] | None = None
    seals = lines = 0
    kept_hash = kept.hash if isinstance(kept, Head) else kept
    kept_is_there = False
    while batch := _seals_after(0 if previous is None else previous["number"]):
        found = _lines_of(batch, previous)
        for sealed in batch:
            findings += _check_seal(sealed, previous) + _check_lines(sealed, previous, found[sealed["number"]])
            kept_is_there |= sealed["hash"].hex() == kept_hash
            previous = sealed
        seals += len(batch)
        checked = sum(found[sealed["number"]]["lines"] for sealed in batch)
        lines += checked
        after_each(checked)
    if kept_hash is not None and not kept_is_there:
        findings.append(_missing_head(kept, previous))
    if ahead := _lines_ahead():
        findings.append(
            _finding("numbering", None, f"{ahead} are numbered above all that the server has given out. {RENUMBER}")
        )
    return {"holds": not findings, "seals": seals, "lines": lines, "findings": findings, "unsealed": _unsealed(previous)}


def sealed_lines() -> int:
    """Return how many lines the seals say they cover, for a progress bar."""
    return one("SELECT coalesce(sum(lines), 0)::bigint AS lines FROM audit_seals", reads=True)["lines"]


def _seals_after(number: int) -> list[dict[str, Any]]:
    """Return the next seals, few enough that checking their lines is a short statement."""
    seals = many(
        """
        SELECT
            number, last_transaction::text, lines, lines_hash, previous_hash, hash,
            seal_hash(previous_hash, number, last_transaction, lines, sealed_at, lines_hash) AS computed_hash
        FROM audit_seals
        WHERE number > %(number)s
        ORDER BY number
        LIMIT %(limit)s
        """,
        {"number": number, "limit": SEALS_AT_ONCE},
        reads=True,
    )
    together = 0
    for count, sealed in enumerate(seals):
        together += sealed["lines"]
        if together > 2 * LINES_AT_ONCE and count:
            return seals[:count]
    return seals


def _lines_of(batch: list[dict[str, Any]], previous: dict[str, Any] | None) -> dict[int, dict[str, Any]]:
    rows = many(
        """
        SELECT number, found.lines, found.lines_hash
        FROM unnest(%(numbers)s::bigint[], %(firsts)s::xid8[], %(lasts)s::xid8[]) AS sealed (number, first, last)
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS lines,
                sha256(coalesce(string_agg(trail_line_hash(line), '' ORDER BY transaction_id, id), '')) AS lines_hash
            FROM activity_log AS line
            WHERE transaction_id >= first AND transaction_id <= last
        ) AS found
        """,
        {
            "numbers": [sealed["number"] for sealed in batch],
            "firsts": [str(_first_after(before)) for before in (previous, *batch[:-1])],
            "lasts": [sealed["last_transaction"] for sealed in batch],
        },
        reads=True,
    )
    return {row["number"]: row for row in rows}


def _check_seal(sealed: dict[str, Any], previous: dict[str, Any] | None) -> list[Finding]:
    number = sealed["number"]
    expected = 1 if previous is None else previous["number"] + 1
    findings: list[Finding] = []
    if number != expected:
        missing = f"Seal {expected} is" if number == expected + 1 else f"Seals {expected} to {number - 1} are"
        findings.append(_finding("seal", expected, f"{missing} missing."))
    if sealed["hash"] != sealed["computed_hash"]:
        findings.append(_finding("seal", number, f"Seal {number} was edited: its hash is not that of what it says."))
    if sealed["previous_hash"] != (NO_HASH if previous is None else previous["hash"]):
        findings.append(_finding("order", number, f"Seal {number} does not follow the seal before it."))
    if previous is not None and int(sealed["last_transaction"]) <= int(previous["last_transaction"]):
        findings.append(_finding("order", number, f"Seal {number} ends before the seal before it."))
    return findings


def _check_lines(sealed: dict[str, Any], previous: dict[str, Any] | None, found: dict[str, Any]) -> list[Finding]:
    if (sealed["lines"], sealed["lines_hash"]) == (found["lines"], found["lines_hash"]):
        return []
    number, first, last = sealed["number"], _first_after(previous), int(sealed["last_transaction"])
    lacking = sealed["lines"] - found["lines"]
    if lacking > 0:
        fact = f"{lacking:,} of the {sealed['lines']:,} lines that seal {number} covers are missing"
    elif lacking < 0:
        fact = f"Beside the {sealed['lines']:,} lines that seal {number} covers there are {-lacking:,} others"
    else:
        fact = f"Of the {sealed['lines']:,} lines that seal {number} covers some were edited or replaced"
    message = f"{fact} (numbers {first} to {last})."
    finding = _finding("lines", number, message)
    finding |= {"first_transaction": first, "last_transaction": last, "sealed": sealed["lines"], "found": found["lines"]}
    return [finding]


def _missing_head(kept: Head | str | None, last: dict[str, Any] | None) -> Finding:
    there = "there is no seal at all" if last is None else f"the newest one there is is {last['number']}"
    if not isinstance(kept, Head):
        return _finding("head", None, f"No seal has the hash of the head that was kept; {there}.")
    if last is None or last["number"] < kept.number:
        message = f"The trail was cut: seal {kept.number} of the head that was kept is missing, and {there}."
    else:
        message = f"The chain was made anew: seal {kept.number} is not the one of the head that was kept."
    return _finding("head", kept.number, message)


def _finding(kind: Literal["lines", "seal", "order", "head", "numbering"], number: int | None, message: str) -> Finding:
    return {
        "kind": kind,
        "seal": number,
        "first_transaction": None,
        "last_transaction": None,
        "sealed": None,
        "found": None,
        "message": message,
    }


def _unsealed(last: dict[str, Any] | None) -> Unsealed:
    found = one(
        """
        SELECT count(*) AS lines, min(created_at) AS oldest
        FROM activity_log
        WHERE transaction_id >= %(first)s::xid8
        """,
        {"first": str(_first_after(last))},
        reads=True,
    )
    return {
        "lines": found["lines"],
        "oldest": None if found["oldest"] is None else found["oldest"].astimezone(UTC).isoformat(),
    }


# Numbering ------------------------------------------------------------------------------------------------------------


def renumber() -> None:
    """Let the trail's numbering go on above what it holds, after its tables were restored into a server that counts anew.

    Waits for those who write lines. Raises ``ConflictError`` if it is not needed.
    """
    with transaction() as connection:
        connection.execute("LOCK TABLE activity_log IN SHARE ROW EXCLUSIVE MODE")
        if not _lines_ahead():
            raise ConflictError(
                "The trail's numbering needs no step: the server's numbers are above all that it holds.",
                hint="Nothing is to be done.",
            )
        go_on_numbering()


def go_on_numbering() -> None:
    """Let new lines be numbered from the present time in microseconds on, inside the transaction of a restore.

    No server begins a million transactions a second. So this is above every number that any server has given this trail
    before, also after the backup was made, and cursors of ``changes_since`` from then miss no line.
    """
    offset = one(
        """
        SELECT greatest(
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
            (SELECT max(transaction_id)::text::bigint + 1 FROM activity_log),
            (SELECT max(last_transaction)::text::bigint + 1 FROM audit_seals)
        ) AS number
        """
    )["number"]
    with transaction() as connection:
        connection.execute(
            sql.SQL(
                """
                CREATE OR REPLACE FUNCTION trail_number(transaction xid8) RETURNS xid8
                LANGUAGE sql IMMUTABLE PARALLEL SAFE
                RETURN (transaction::text::bigint + {})::text::xid8
                """
            ).format(sql.Literal(offset))
        )
    if _lines_ahead():
        raise StudioError("The trail's numbers are still ahead of the server's.")


def _lines_ahead() -> int:
    """Count the lines, and the newest seal, whose numbers the server has not given out yet; to its own transaction it has."""
    return one(
        """
        WITH server AS (
            SELECT
                trail_number(pg_snapshot_xmax(pg_current_snapshot())) AS next_number,
                trail_number(pg_current_xact_id_if_assigned()) AS own_number
        )
        SELECT (
            SELECT count(*)
            FROM activity_log
            WHERE transaction_id >= (SELECT next_number FROM server)
                AND transaction_id IS DISTINCT FROM (SELECT own_number FROM server)
        ) + (
            SELECT count(*)
            FROM (SELECT last_transaction FROM audit_seals ORDER BY number DESC LIMIT 1) AS newest
            WHERE last_transaction >= (SELECT next_number FROM server)
        ) AS ahead
        """,
        reads=True,
    )["ahead"]
