"""The types of the arguments that only tools of agent runs take."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import isfinite
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainValidator, WithJsonSchema

from studio_data.contract import validators
from studio_data.contract.fields import ONE_LINE, between, choice, long_text
from studio_data.tools.runs.rules.lifecycles import (
    AgentArtifactType,
    AgentExecutionStatus,
    AgentSessionPhase,
    AgentSessionStatus,
    AgentUsageUnit,
)

LONGEST_SESSION_KEY = 64
LARGEST_STATE = 1_048_576
LONGEST_PROMPT = 200_000
LARGEST_USAGE = Decimal("999999999999.999999")
MICRO = Decimal("0.000001")
LARGEST_NUMBER = 1e300
_SHA256 = re.compile(r"[0-9a-f]{64}")
_API_KEY = re.compile(r"[!-~]{8,4000}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_ORDINARY_VARIABLE = r"^(?!.*(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$)[A-Z_][A-Z0-9_]{0,99}$"
_USAGE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_REPORTED_USAGE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,60})?(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_tokens = validators.whole_number(0, 2_000_000_000)


def session_key(value: object) -> str:
    """Return a session's key, or its id as text."""
    if isinstance(value, UUID):
        return str(value)
    return validators.line(value, LONGEST_SESSION_KEY)


def new_session_key(value: object) -> str:
    """Return the key of a session that is to be: none in the form of an id, by which a session is named too."""
    key = validators.seen(validators.line(value, LONGEST_SESSION_KEY))
    if validators.is_id(key):
        raise ValueError('must not have the form of an id: put a word before it, like "mission-"')
    return key


def usage(value: object) -> Decimal:
    """Return an amount of usage with six places. A float is rounded half-even from the digits it prints."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError('must be an amount, a number or text like "0.0125"')
    if isinstance(value, str) and not _USAGE.fullmatch(value):
        raise ValueError('must be an amount, written like "0.0125"')
    amount = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite() or not 0 <= amount <= LARGEST_USAGE:
        raise ValueError(f"must be between 0 and {LARGEST_USAGE:,}")
    rounded = abs(amount.quantize(MICRO, ROUND_HALF_EVEN, Context(prec=28)))
    if isinstance(value, Decimal) and rounded != amount:
        raise ValueError("must have at most six decimal places")
    return rounded


def reported_usage(value: object) -> Decimal:
    """Return an amount that was used, rounded half-even to six places, however its digits are written."""
    if isinstance(value, str) and _REPORTED_USAGE.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= LARGEST_USAGE:
        value = value.quantize(MICRO, ROUND_HALF_EVEN, Context(prec=28))
    return usage(value)


def reported_tokens(value: object) -> int:
    """Return how many tokens were used; a whole number may be written as a float."""
    return _tokens(int(value) if isinstance(value, float) and value.is_integer() else value)


def number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= LARGEST_NUMBER:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if (isinstance(value, float) and not isfinite(value)) or abs(value) > LARGEST_NUMBER:
        raise ValueError("must be a finite number up to 1e300")
    return float(value)


def sha256(value: object) -> str:
    """Return a SHA-256 as 64 hexadecimal digits."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("must be a SHA-256, 64 hexadecimal digits in lower case")
    return value


def moment(value: object) -> datetime:
    """Return a time with its zone, in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise validators.NotADayError("must be a time like 2026-11-23T16:00:00+00:00") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise validators.NotADayError("must be a time with its zone, like 2026-11-23T16:00:00+00:00")
    if not validators.FIRST_YEAR < value.year <= validators.LAST_YEAR or value.astimezone(UTC).year > validators.LAST_YEAR:
        raise validators.NotADayError(f"must be a time after {validators.FIRST_YEAR} and up to {validators.LAST_YEAR}")
    return value.astimezone(UTC)


def _text(longest: int) -> Callable[[object], str]:
    def text(value: object) -> str:
        return validators.text(value, longest)

    return text


def _json_object(largest: int) -> Callable[[object], dict[str, Any]]:
    def json_object(value: object) -> dict[str, Any]:
        return validators.json_object(value, largest)

    return json_object


def api_key(value: object) -> str:
    """Return an API key. No message ever quotes it."""
    if not isinstance(value, str) or not _API_KEY.fullmatch(value):
        raise ValueError("must be 8 to 4,000 visible ASCII characters without blanks")
    return value


def environment_overrides(value: object) -> dict[str, Any]:
    """Return names of environment variables with their values. A name that looks like a secret is refused."""
    given = validators.json_object(value)
    for name, text in given.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError("must have names of environment variables as keys, like LOG_LEVEL")
        if not isinstance(text, str):
            raise ValueError(f"must have only text as values, but the value of {name} is not text")
        if _SECRET.search(name):
            raise ValueError(f"must not hold secrets, but {name} looks like one: set_agent_api_key stores a key encrypted")
    return given


type SessionKey = Annotated[
    UUID | str,
    PlainValidator(session_key),
    WithJsonSchema(
        {
            "type": "string",
            "description": "the session's own key, or its id",
            "maxLength": LONGEST_SESSION_KEY,
            "pattern": ONE_LINE,
        }
    ),
]
"""A session's own key, at most 64 characters, or its id."""

type NewSessionKey = Annotated[
    str,
    PlainValidator(new_session_key),
    WithJsonSchema(
        {
            "type": "string",
            "description": "the session's own key, not like an id",
            "maxLength": LONGEST_SESSION_KEY,
            "pattern": ONE_LINE,
        }
    ),
]
"""The own key of a session that is to be: at most 64 characters, not in the form of an id."""

type State = Annotated[
    Mapping[str, Any],
    PlainValidator(_json_object(LARGEST_STATE)),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A JSON object of at most 1 MB and 32 levels: the state from which a run continues."""

type Prompt = Annotated[str, PlainValidator(_text(LONGEST_PROMPT)), long_text(LONGEST_PROMPT)]
"""A prompt: lines and tabs, at most 200,000 characters. Surrounding blanks are dropped."""

type Usage = Annotated[
    Decimal | float | str,
    PlainValidator(usage),
    WithJsonSchema({"type": "string", "description": 'like "0.0125"', "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$"}),
]
"""Runs, tokens or dollars, from 0 to 999,999,999,999.999999."""

type ApiKey = Annotated[str, PlainValidator(api_key), WithJsonSchema({"type": "string", "pattern": f"^{_API_KEY.pattern}$"})]
"""The key of a provider's interface: 8 to 4,000 visible ASCII characters."""

type EnvironmentOverrides = Annotated[
    Mapping[str, str],
    PlainValidator(environment_overrides),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": _ORDINARY_VARIABLE}},
    ),
]
"""Environment variables and their text; none whose name says that it is a secret."""

type Number = Annotated[
    float, PlainValidator(number), WithJsonSchema({"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER})
]
"""A finite number up to 1e300."""

type Sha256 = Annotated[str, PlainValidator(sha256), WithJsonSchema({"type": "string", "pattern": f"^{_SHA256.pattern}$"})]
"""A SHA-256 as 64 hexadecimal digits in lower case."""

type Moment = Annotated[
    datetime | str,
    PlainValidator(moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "^(19[1-9]|20|21[0-8])"}),
]
"""A time with its zone, or its text like 2026-11-23T16:00:00+00:00."""

type Tokens = Annotated[int, *between(0, 2_000_000_000)]
"""How many tokens: 0 to 2,000,000,000."""

type ReportedTokens = Annotated[int, PlainValidator(reported_tokens), between(0, 2_000_000_000)[1]]
"""How many tokens were used; like ``Tokens``, and 1200.0 is 1200."""

type ReportedUsage = Annotated[
    Decimal | float | str,
    PlainValidator(reported_usage),
    WithJsonSchema({"type": "string", "description": 'like "0.0125"', "pattern": r"^[0-9]{1,12}(\.[0-9]{1,12})?$"}),
]
"""What was used; like ``Usage``, and rounded to six places."""

type Iterations = Annotated[int, *between(0, 10_000)]
"""How often QA has looked: 0 to 10,000."""

type Minutes = Annotated[int, *between(1, 100_000)]
"""How many minutes: 1 to 100,000."""

type Count = Annotated[int, *between(1, 10_000)]
"""How many of a thing: 1 to 10,000."""

type VersionNumber = Annotated[int, *between(1, 100_000)]
"""The number of a version, from 1."""

type SessionStatusName = Annotated[AgentSessionStatus | str, *choice(AgentSessionStatus)]
"""A status of a session, or its string."""

type SessionPhaseName = Annotated[AgentSessionPhase | str, *choice(AgentSessionPhase)]
"""A phase of a session, or its string."""

type ExecutionStatusName = Annotated[AgentExecutionStatus | str, *choice(AgentExecutionStatus)]
"""A status of an execution, or its string."""

type ArtifactTypeName = Annotated[AgentArtifactType | str, *choice(AgentArtifactType)]
"""A type of artifact, or its string."""

type UsageUnitName = Annotated[AgentUsageUnit | str, *choice(AgentUsageUnit)]
"""What a budget is counted in, or its string."""
