"""Agent settings: with which model each profile works, with which key, and how much it may use a day."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypedDict, cast
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor, event
from studio_data.contract.fields import Cursor, Limit, Line, Name, StorageKey, choice
from studio_data.contract.paging import LOWEST_ID, Page, page
from studio_data.contract.registry import tool
from studio_data.contract.roles import Role
from studio_data.db import many, one
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.tools.runs.api_keys import decrypted, encrypted, is_newest, no_such_profile
from studio_data.tools.runs.fields import ApiKey, EnvironmentOverrides, Usage, UsageUnitName
from studio_data.tools.runs.rules.lifecycles import AgentUsageUnit


class SettingsField(StrEnum):
    """What of a profile may be cleared."""

    API_KEY = "api_key"
    DAILY_LIMIT = "daily_limit"
    HARD_LIMIT = "hard_limit"
    ACTIVE_PROMPT_PATH = "active_prompt_path"


class AgentSettings(TypedDict):
    """A profile, with ``has_api_key`` for its key.

    ``used_today`` is what was used and is reserved today; ``left_today`` what the hard limit leaves, None without one.
    """

    id: UUID
    profile_name: str
    provider: str
    model: str
    auth_type: str
    has_api_key: bool
    daily_limit: Decimal | None
    hard_limit: Decimal | None
    usage_unit: str
    used_today: Decimal
    left_today: Decimal | None
    last_reset_date: date
    env_overrides: dict[str, Any]
    active_prompt_path: str | None
    created_at: datetime
    updated_at: datetime


class RotatedKeys(TypedDict):
    """The profiles whose API keys were encrypted anew."""

    rotated: list[str]


@tool(roles=[Role.ORCHESTRATOR])
def create_agent_settings(
    profile_name: Name,
    *,
    provider: Line,
    model: Line,
    auth_type: Line = "api_key",
    daily_limit: Usage | None = None,
    hard_limit: Usage | None = None,
    usage_unit: UsageUnitName = AgentUsageUnit.COST,
    env_overrides: EnvironmentOverrides | None = None,
    active_prompt_path: StorageKey | None = None,
) -> AgentSettings:
    """Set up an agent profile: provider, model, and what it may use a day, in runs, tokens or dollars.

    Past ``daily_limit`` a reservation carries a warning, beyond ``hard_limit`` it is refused. set_agent_api_key gives it a
    key.

    Returns the profile. Raises ``ConflictError`` for a name that is taken, ``InvalidInputError`` for limits in the wrong
    order.
    """
    _check_limits(cast("Decimal | None", daily_limit), cast("Decimal | None", hard_limit))
    row = one(
        """
        WITH settings AS (
            INSERT INTO agent_settings (
                profile_name, provider, model, auth_type, daily_limit, hard_limit, usage_unit, env_overrides,
                active_prompt_path
            )
            VALUES (
                %(profile_name)s, %(provider)s, %(model)s, %(auth_type)s, %(daily_limit)s, %(hard_limit)s, %(usage_unit)s,
                %(env_overrides)s, %(active_prompt_path)s
            )
            ON CONFLICT (profile_name) DO NOTHING
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_settings', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('profile_name', profile_name, 'provider', provider, 'model', model)
            FROM settings
        )
        SELECT answer.*
        FROM settings
        CROSS JOIN settings_answer(settings) AS answer
        """,
        {
            "profile_name": profile_name,
            "provider": provider,
            "model": model,
            "auth_type": auth_type,
            "daily_limit": daily_limit,
            "hard_limit": hard_limit,
            "usage_unit": usage_unit,
            "env_overrides": Jsonb(env_overrides or {}),
            "active_prompt_path": active_prompt_path,
            "event": event("settings_changed"),
            **actor(),
        },
    )
    if row is None:
        raise ConflictError(
            f"There is a profile {profile_name} already.",
            hint="update_agent_settings changes it.",
            details={"profile_name": profile_name},
        )
    return row


@tool(roles=[Role.ORCHESTRATOR], idempotent=True)
def update_agent_settings(
    profile_name: Name,
    *,
    provider: Line | None = None,
    model: Line | None = None,
    auth_type: Line | None = None,
    daily_limit: Usage | None = None,
    hard_limit: Usage | None = None,
    env_overrides: EnvironmentOverrides | None = None,
    active_prompt_path: StorageKey | None = None,
    clear: Annotated[list[Annotated[SettingsField | str, *choice(SettingsField)]], Len(1, 4)] | None = None,
) -> AgentSettings:
    """Change what is given of an agent profile; ``clear`` names what it shall have no more.

    The unit of its usage stays: yesterday's tokens are not today's dollars.

    Returns the profile. Raises ``NotFoundError``, ``InvalidInputError`` for limits in the wrong order.
    """
    cleared = [str(name) for name in clear or []]
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM agent_settings
            WHERE profile_name = %(profile_name)s
            FOR NO KEY UPDATE
        ), target AS (
            SELECT
                id,
                coalesce(%(provider)s, provider) AS provider,
                coalesce(%(model)s, model) AS model,
                coalesce(%(auth_type)s, auth_type) AS auth_type,
                CASE WHEN 'api_key' <> ALL(%(cleared)s) THEN api_key_encrypted END AS api_key_encrypted,
                CASE WHEN 'daily_limit' <> ALL(%(cleared)s)
                    THEN coalesce(%(daily_limit)s::numeric, daily_limit) END AS daily_limit,
                CASE WHEN 'hard_limit' <> ALL(%(cleared)s)
                    THEN coalesce(%(hard_limit)s::numeric, hard_limit) END AS hard_limit,
                coalesce(%(env_overrides)s::jsonb, env_overrides) AS env_overrides,
                CASE WHEN 'active_prompt_path' <> ALL(%(cleared)s)
                    THEN coalesce(%(active_prompt_path)s, active_prompt_path) END AS active_prompt_path
            FROM before
        ), after AS (
            UPDATE agent_settings
            SET provider = target.provider, model = target.model, auth_type = target.auth_type,
                api_key_encrypted = target.api_key_encrypted, daily_limit = target.daily_limit,
                hard_limit = target.hard_limit, env_overrides = target.env_overrides,
                active_prompt_path = target.active_prompt_path
            FROM target, before
            WHERE agent_settings.id = target.id
                AND (target.daily_limit <= target.hard_limit) IS NOT FALSE
                AND (
                    before.provider, before.model, before.auth_type, before.api_key_encrypted, before.daily_limit,
                    before.hard_limit, before.env_overrides, before.active_prompt_path
                ) IS DISTINCT FROM (
                    target.provider, target.model, target.auth_type, target.api_key_encrypted, target.daily_limit,
                    target.hard_limit, target.env_overrides, target.active_prompt_path
                )
            RETURNING agent_settings.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_settings', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('profile_name', after.profile_name, 'changes', (
                    SELECT jsonb_object_agg(
                        name, CASE name WHEN 'api_key_encrypted' THEN '["set", null]' ELSE jsonb_build_array(old, new) END
                    )
                    FROM jsonb_each(to_jsonb(before)) AS olds (name, old)
                    JOIN jsonb_each(to_jsonb(after)) AS news (name, new) USING (name)
                    WHERE old <> new AND name <> 'updated_at'
                ))
            FROM before, after
        )
        SELECT answer.*, (SELECT (daily_limit <= hard_limit) IS NOT FALSE FROM target) AS limits_fit
        FROM (SELECT * FROM after UNION ALL SELECT * FROM before WHERE NOT EXISTS (SELECT FROM after)) AS settings
        CROSS JOIN settings_answer(settings) AS answer
        """,
        {
            "profile_name": profile_name,
            "provider": provider,
            "model": model,
            "auth_type": auth_type,
            "daily_limit": daily_limit,
            "hard_limit": hard_limit,
            "env_overrides": None if env_overrides is None else Jsonb(env_overrides),
            "active_prompt_path": active_prompt_path,
            "cleared": cleared,
            "event": event("settings_changed"),
            **actor(),
        },
    )
    if row is None:
        raise no_such_profile(profile_name)
    if not row.pop("limits_fit"):
        _check_limits(
            cast("Decimal | None", daily_limit) or row["daily_limit"],
            cast("Decimal | None", hard_limit) or row["hard_limit"],
        )
    return row


def _check_limits(daily_limit: Decimal | None, hard_limit: Decimal | None) -> None:
    if daily_limit is not None and hard_limit is not None and daily_limit > hard_limit:
        raise InvalidInputError(
            f"daily_limit must be at most hard_limit: {daily_limit.normalize():f} is more than {hard_limit.normalize():f}.",
            hint="The first warns, the second refuses.",
            details={"arguments": ["daily_limit", "hard_limit"]},
        )


@tool(roles=[Role.ORCHESTRATOR])
def set_agent_api_key(profile_name: Name, *, api_key: ApiKey) -> AgentSettings:
    """Store the API key with which a profile calls its provider, encrypted.

    No tool shows it again: the harness reads it with agent_api_key, a function of Python alone.

    Returns the profile. Raises ``NotFoundError``, ``ConfigurationError`` if STUDIO_DATA_AGENT_KEYS is not set.
    """
    row = _store_key(profile_name, None, encrypted(api_key), "api_key_set")
    if row is None:
        raise no_such_profile(profile_name)
    return row


@tool(roles=[Role.ORCHESTRATOR], idempotent=True)
def rotate_agent_api_keys() -> RotatedKeys:
    """Encrypt anew the API keys that the newest of STUDIO_DATA_AGENT_KEYS has not encrypted.

    Run it after a new key was put in front of the old ones; then these can be dropped.

    Returns the profiles whose keys were encrypted anew, by name. Raises ``ConfigurationError`` if one of them was encrypted
    with a key that is not there any more: then none is changed in this call beyond those before it by name.
    """
    rotated: list[str] = []
    for profile in many(
        """
        SELECT profile_name, api_key_encrypted
        FROM agent_settings
        WHERE api_key_encrypted IS NOT NULL
        ORDER BY profile_name
        """
    ):
        token = profile["api_key_encrypted"]
        if not is_newest(token) and _store_key(
            profile["profile_name"], token, encrypted(decrypted(token)), "api_key_rotated"
        ):
            rotated.append(profile["profile_name"])
    return {"rotated": rotated}


def _store_key(profile_name: str, former: str | None, token: str, done: str) -> AgentSettings | None:
    """Store an encrypted key, if the profile still has the former one where that is given."""
    return one(
        """
        WITH before AS (
            SELECT *
            FROM agent_settings
            WHERE profile_name = %(profile_name)s AND (%(former)s::text IS NULL OR api_key_encrypted = %(former)s)
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE agent_settings
            SET api_key_encrypted = %(token)s
            FROM before
            WHERE agent_settings.id = before.id
            RETURNING agent_settings.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_settings', id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('profile_name', profile_name)
            FROM after
        )
        SELECT answer.*
        FROM after
        CROSS JOIN settings_answer(after) AS answer
        """,
        {"profile_name": profile_name, "former": former, "token": token, "event": event(done), **actor()},
    )


@tool(reads=True, roles=[Role.ORCHESTRATOR])
def list_agent_settings(
    *, profile_name: Name | None = None, limit: Limit = 50, after: Cursor | None = None
) -> Page[AgentSettings]:
    """List the agent profiles with what they have used today, or look one up by its name.

    Returns ``limit`` rows at most in the order they were made, never with a key, and the cursor of the next page, None on
    the last.
    """
    rows = many(
        """
        SELECT *
        FROM settings_answers
        WHERE id > %(after)s
            AND (%(profile_name)s::text IS NULL OR profile_name = %(profile_name)s)
        ORDER BY id
        LIMIT %(limit)s + 1
        """,
        {"profile_name": profile_name, "after": after or LOWEST_ID, "limit": limit},
    )
    return page(rows, limit)
