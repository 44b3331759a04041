"""What a driver's exception means: whether the call may be retried, and what the caller is told.

The sqlstate decides, never the class: one Python class can hold a broken connection and a full disk. The lists were tried
one by one against Postgres 16 and PgBouncer.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

import psycopg

from studio_data.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    StudioError,
    UnavailableError,
)
from studio_data.hints import as_typed


class Failure(Enum):
    """What happened to a statement that raised."""

    ROLLED_BACK = "the server rolled it back, and may accept it again"
    LOST = "the connection and its answer were lost"
    OUTDATED = "nothing was done, and this connection can no longer do it; another one may"
    TIMED_OUT = "the server gave up on it"
    REFUSED = "the server refused it, and would refuse it again"


_ROLLED_BACK = frozenset({
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available
    "53300",  # too_many_connections
})  # fmt: skip
READ_ONLY = "25006"  # read_only_sql_transaction: the primary has become a standby
_LOST = frozenset({
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
})  # fmt: skip


class DeadlineExceededError(psycopg.OperationalError):
    """The server did not answer before the call's deadline. The connection was closed."""


def failure_of(error: psycopg.Error, *, connection_lost: bool) -> Failure:
    """Return what an exception means for the statement that raised it."""
    state = error.sqlstate
    if isinstance(error, DeadlineExceededError) or state == "57014":
        return Failure.TIMED_OUT
    if state in _ROLLED_BACK:
        return Failure.ROLLED_BACK
    prepared_before_a_migration = state == "0A000" and error.diag.source_function == "RevalidateCachedQuery"
    if prepared_before_a_migration or state == READ_ONLY:
        return Failure.OUTDATED
    if state in _LOST or (state or "").startswith("08") or (state is None and connection_lost):
        return Failure.LOST
    return Failure.REFUSED


REPEAT_UNIT = "Nothing of the unit was written: retry the whole unit."


def unavailable(error: psycopg.Error, failure: Failure, *, outcome: Outcome, in_unit: bool) -> UnavailableError:
    """Describe a transient failure for the caller."""
    if failure is Failure.TIMED_OUT:
        fact = "The database did not finish in time."
    elif failure is Failure.LOST:
        fact = "The connection to the database was lost."
    elif error.sqlstate == READ_ONLY:
        fact = "The database refuses writes: it is a standby, or this connection may only read."
    elif failure is Failure.OUTDATED:
        fact = "A migration has changed the tables since the statement was prepared."
    else:
        fact = "The database is busy with conflicting work."
    if outcome == "unknown":
        hint = "The write may or may not have happened: look for it before you retry."
    else:
        hint = REPEAT_UNIT if in_unit else "Nothing was written: call again."
    return UnavailableError(fact, outcome=outcome, hint=hint, details={"sqlstate": error.sqlstate})


def unit_refused() -> StudioError:
    """Return the error for a unit that continued after a refused statement: Postgres then does none of it."""
    return StudioError(
        "A statement of this unit was refused, so the whole unit was rolled back.",
        hint="Let the error leave the block, or put the call that may fail into its own transaction().",
    )


_NONE: Mapping[str, str] = MappingProxyType({})


def refusal(error: psycopg.Error, sentences: Mapping[str, str] = _NONE) -> StudioError:
    """Translate what the server refused into an error of the library; ``sentences`` say what its constraints mean."""
    state = error.sqlstate or ""
    found = error.diag
    details = {"sqlstate": error.sqlstate, "constraint": found.constraint_name, "table": found.table_name}
    fact = found.message_primary or str(error)
    match state:
        case "25P02":
            refused = unit_refused()
        case "23505":
            refused = ConflictError(f"Such a row already exists ({found.constraint_name}).")
        case "23503":
            refused = NotFoundError(f"A row that this one refers to does not exist ({found.constraint_name}).")
        case "53100" | "53200":
            lacking = "The database's disk is full" if state == "53100" else "The database server is out of memory"
            refused = UnavailableError(
                f"{lacking}: {fact}.", hint="Nothing was written. Call again when an administrator has made room."
            )
        case "42501":
            refused = PermissionDeniedError(f"The database does not allow this: {fact}.", hint=found.message_hint)
        case "42P01" | "42703" | "42704" | "42883" | "3F000":
            refused = ConfigurationError(
                f"The database lacks what this version of the library needs: {fact}.", hint=f"Run {as_typed('migrate')}."
            )
        case _ if state.startswith(("22", "23")):
            reason = sentences.get(found.constraint_name or "", fact)
            refused = InvalidInputError(f"The database refused a value: {reason}.")
        case _:
            refused = StudioError(f"The database refused the call: {fact}.")
    refused.details = details
    return refused
