"""Agent settings: each profile's model, API key and daily limits."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypedDict, cast
from uuid import UUID

from annotated_types import Len
from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.fields import Cursor, Fields, Limit, Line, Name, Search, StorageKey, choice
from studio_data.contract.paging import LOWEST_ID, Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.db import many, one
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.tools.runs.api_keys import decrypted, encrypted, is_newest, no_such_profile
from studio_data.tools.runs.fields import ApiKey, EnvironmentOverrides, Usage, UsageUnitName
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.lifecycles import AgentUsageUnit


class SettingsField(StrEnum):
    """The fields of a profile that ``clear`` may empty."""

    API_KEY = "api_key"
    DAILY_LIMIT = "daily_limit"
    HARD_LIMIT = "hard_limit"
    ACTIVE_PROMPT_PATH = "active_prompt_path"


class AgentSettings(TypedDict):
    """A profile. ``has_api_key`` says whether it has an API key.

    ``used_today`` is what was used and is reserved today. ``left_today`` is what remains below the hard limit (None
    without one).
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
    """The profiles whose API keys were encrypted again."""

    rotated: list[str]


@tool()
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
    """Create an agent profile: provider, model, and daily limits in runs, tokens or dollars.

    A reservation above ``daily_limit`` carries a warning; above ``hard_limit`` it is refused. set_agent_api_key stores its
    API key.

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
            f"Profile {profile_name} already exists.",
            hint="update_agent_settings changes it.",
            details={"profile_name": profile_name},
        )
    return row


@tool(idempotent=True)
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
    """Update the given fields of an agent profile. ``clear`` empties fields.

    The usage unit cannot change, because past usage is counted in it.

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
            hint="daily_limit only warns; hard_limit refuses.",
            details={"arguments": ["daily_limit", "hard_limit"]},
        )


@tool()
def set_agent_api_key(profile_name: Name, *, api_key: ApiKey) -> AgentSettings:
    """Store a profile's API key for its provider, encrypted.

    No tool returns it. The harness reads it with the Python function agent_api_key.

    Returns the profile. Raises ``NotFoundError``, ``ConfigurationError`` if STUDIO_DATA_AGENT_KEYS is not set.
    """
    row = _store_key(profile_name, None, encrypted(api_key), "api_key_set")
    if row is None:
        raise no_such_profile(profile_name)
    return row


@tool(idempotent=True)
def rotate_agent_api_keys() -> RotatedKeys:
    """Encrypt all API keys with the newest key of STUDIO_DATA_AGENT_KEYS.

    Run it after you put a new key in front. Then you can drop the old keys.

    Returns the profiles whose API keys were encrypted again, by name. Raises ``ConfigurationError`` if the key for one of
    them is missing. The profiles before it by name are then already changed, the others not.
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
    """Store an encrypted key. If ``former`` is given, the profile must still have it."""
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


@tool(reads=True, brief=["profile_name", "provider", "model", "daily_limit", "usage_unit", "left_today"])
def list_agent_settings(
    *,
    profile_name: Name | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentSettings]:
    """List agent profiles with today's usage, or get one by its name.

    Returns at most ``limit`` rows in the order they were made, never with a key, and the cursor of the next page (None on
    the last page).
    """
    found = listed(
        """
        SELECT *
        FROM settings_answers
        WHERE id > %(after)s
            AND (%(profile_name)s::text IS NULL OR profile_name = %(profile_name)s)
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', profile_name, model)), lower(%(search)s)) > 0)
        ORDER BY id
        """,
        {"profile_name": profile_name, "after": after or LOWEST_ID, "search": search, "limit": limit},
        fields,
    )
    return near_miss(found, "profile_name", profile_name, _profiles)


def _profiles() -> list[str]:
    return [row["profile_name"] for row in many("SELECT profile_name FROM agent_settings ORDER BY profile_name LIMIT 200")]
