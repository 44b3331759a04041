"""The call ledger: a call with a key is executed once, and every retry returns its result.

The key, the tool, a hash of the arguments and the result are stored in the write's own transaction. So none of them can
exist without the others. A caller that received no answer calls again with the same key.
"""

import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from studio_data.contract.validators import LONGEST_KEY, checked, key_line, whole_number
from studio_data.db import FirstRefusedError, framed_transaction, in_transaction, one, savepoint
from studio_data.errors import (
    CallCancelledError,
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    UnavailableError,
)
from studio_data.postgres.deadlines import call_deadline, pause_before
from studio_data.telemetry import tried_again

KEPT_DAYS = 30
ERASED = '{"erased": true}'
"""What is kept of a result that the law demanded to erase."""
PRUNED_AT_ONCE = 10_000

MOST_TURNS = 1_000_000


class CallKey:
    """The key of the calls in a block. ``repeated`` says whether the last of them had been executed before."""

    __slots__ = ("repeated", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.repeated = False


current_key: ContextVar[CallKey | None] = ContextVar("current call key", default=None)


@contextmanager
def call_key(key: str) -> Generator[CallKey]:
    """Give the tool call in the block a key. A retry with the same key writes nothing and returns the first result.

    The key (at most 255 characters) comes from the harness, never from the model: one key for each intended call, such as
    ``run-42/step-7``; ``tool_call_key`` makes it for a model's call. Tools that only read ignore it. With the key of another
    call, or the same key and other arguments, a tool raises ``ConflictError``. Raises ``InvalidInputError`` for a bad key.
    """
    given = CallKey(checked("key", key_line, key))
    token = current_key.set(given)
    try:
        yield given
    finally:
        current_key.reset(token)


def tool_call_key(run_id: str, *, turn: int, position: int, tool_call_id: str | None = None) -> str:
    """Return the key of a model's tool call: its run, the model's turn in the run, its position in the turn, and its id.

    The id alone names no call: some providers count from ``call_0`` again in every answer. ``run_id`` is new for each run.
    Raises ``InvalidInputError`` for a run without an id, or a bad number.
    """
    run_id = checked("run_id", key_line, run_id)
    turn = checked("turn", whole_number(0, MOST_TURNS), turn)
    position = checked("position", whole_number(0, MOST_TURNS), position)
    # The id has no slash: so no two calls have one key, whatever a run is called.
    key = f"{run_id}/{turn}.{position}/{quote(tool_call_id or '', safe=':|.+=', errors='backslashreplace')}"
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: LONGEST_KEY - len(digest) - 1]}#{digest}"


def once[R](
    key: CallKey, tool: str, arguments: Mapping[str, Any], execute: Callable[[], R], result_type: TypeAdapter[R]
) -> R:
    """Execute a call unless its key was used. Return its result, or the stored result of the first call.

    Outside a transaction the call is retried after each transient failure; the key makes that safe. Raises
    ``ConflictError`` if the key belongs to another call, and the errors of the call itself. An error leaves the key
    unused.
    """
    digest = hashlib.sha256(_canonical(arguments)).digest()
    key.repeated = False
    if in_transaction():
        with savepoint():
            reserved = one(RESERVE, {"key": key.text, "tool": tool, "digest": digest})
            if reserved is None:
                return _first_result(key, tool, digest, result_type)
            result, stored = _executed(execute, result_type)
            one(STORE, {"key": key.text, "result": stored})
            return result
    attempt = 1
    may_be_ours = False
    with call_deadline():
        while True:
            try:
                return _once(key, tool, digest, execute, result_type)
            except (UnavailableError, CallCancelledError, ConfigurationError) as error:
                may_be_ours = may_be_ours or error.outcome == "unknown"
                attempt += 1
                pause = pause_before(attempt) if isinstance(error, UnavailableError) else None
                if pause is None:
                    if may_be_ours:  # an earlier attempt may be the one that wrote
                        error.outcome = error.details["outcome"] = "unknown"
                    if not isinstance(error, ConfigurationError):
                        error.retryable = True
                        error.hint = "Call again with the same key: nothing is written twice."
                    raise
                tried_again(error)
            finally:
                key.repeated = key.repeated and not may_be_ours
            time.sleep(pause)


# While another call holds the key, both statements wait for its end. CLAIM is sent together with the call's own statement,
# which must not run if the key is taken: so CLAIM fails then. RESERVE runs inside a caller's unit, where nothing may fail.
CLAIM = """
    INSERT INTO call_ledger (key, tool, arguments_hash)
    VALUES (%(key)s, %(tool)s, %(digest)s)
    """

RESERVE = """
    INSERT INTO call_ledger (key, tool, arguments_hash)
    VALUES (%(key)s, %(tool)s, %(digest)s)
    ON CONFLICT DO NOTHING
    RETURNING key
    """

STORE = """
    UPDATE call_ledger
    SET result = %(result)s
    WHERE key = %(key)s
    """


def _once[R](key: CallKey, tool: str, digest: bytes, execute: Callable[[], R], result_type: TypeAdapter[R]) -> R:
    claim = (CLAIM, {"key": key.text, "tool": tool, "digest": digest})
    try:
        with framed_transaction(claim, refused_by="call_ledger_pkey") as unit:
            result, stored = _executed(execute, result_type)
            unit.last = (STORE, {"key": key.text, "result": stored})
            return result
    except FirstRefusedError:
        return _first_result(key, tool, digest, result_type)


def _executed[R](execute: Callable[[], R], result_type: TypeAdapter[R]) -> tuple[R, str]:
    """Execute the call. Return its answer in the form that every retry will get, and the stored form."""
    token = current_key.set(None)  # the key belongs to this call, not to the tools that it calls
    try:
        result = execute()
    finally:
        current_key.reset(token)
    stored = result_type.dump_json(result)
    return result_type.validate_json(stored), stored.decode()


def _first_result[R](given: CallKey, tool: str, digest: bytes, result_type: TypeAdapter[R]) -> R:
    key = given.text
    stored = one(
        """
        SELECT tool, arguments_hash, result::text AS result
        FROM call_ledger
        WHERE key = %(key)s
        """,
        {"key": key},
    )
    if stored is None:
        raise UnavailableError(f"The key {key} was pruned a moment ago.", hint="Nothing was written: call again.")
    if stored["tool"] != tool:
        raise ConflictError(
            f"The key {key} belongs to a call of {stored['tool']}.",
            hint="Give every call its own key.",
            details={"key": key, "tool": stored["tool"]},
        )
    if stored["arguments_hash"] != digest:
        raise ConflictError(
            f"The key {key} belongs to a call of {tool} with other arguments.",
            hint="Retry a call with the same arguments, and give every other call its own key.",
            details={"key": key, "tool": tool},
        )
    given.repeated = True
    try:
        return result_type.validate_json(stored["result"])
    except ValidationError:
        why = ", and its result was erased" if stored["result"] == ERASED else " by another version of the library"
        unreadable = ConflictError(
            f"The call of {tool} with the key {key} was executed{why}.",
            hint="The call is done: read what it wrote.",
            details={"key": key, "tool": tool},
        )
        unreadable.outcome = "done"
        raise unreadable from None


def _canonical(arguments: Mapping[str, Any]) -> bytes:
    """Write validated arguments so that equal ones give equal bytes, however an id or amount was written."""
    return json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str).encode()


def prune(*, days: int = KEPT_DAYS) -> Generator[int]:
    """Remove results older than this many days, and yield how many after each batch.

    A call that is retried later is executed again. Raises ``InvalidInputError`` for less than one day.
    """
    if days < 1:
        raise InvalidInputError(f"days must be at least 1, not {days}.", details={"arguments": ["days"]})
    while True:
        pruned = one(
            """
            WITH old AS (
                SELECT key
                FROM call_ledger
                WHERE created_at < now() - make_interval(days => %(days)s)
                ORDER BY created_at
                LIMIT %(at_once)s
            ), pruned AS (
                DELETE FROM call_ledger
                USING old
                WHERE call_ledger.key = old.key
                RETURNING call_ledger.key
            )
            SELECT count(*) AS pruned
            FROM pruned
            """,
            {"days": days, "at_once": PRUNED_AT_ONCE},
        )["pruned"]
        yield pruned
        if pruned < PRUNED_AT_ONCE:
            return
