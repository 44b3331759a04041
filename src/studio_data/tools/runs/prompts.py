"""Agent prompts: the versions of each profile's prompt, one of them active."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.fields import Cursor, Fields, Limit, Line, Search, Text
from studio_data.contract.paging import HIGHEST_ID, Page, listed, near_miss
from studio_data.contract.registry import tool
from studio_data.db import Statement, batch, many, one
from studio_data.errors import NotFoundError, RuleViolationError
from studio_data.tools.runs.fields import Prompt, VersionNumber
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.diffs import unified

LONGEST_HISTORY = 1_000
"""How many activations a prompt can be rolled back."""


class AgentPromptSummary(TypedDict):
    """A version of a prompt, without its content."""

    id: UUID
    profile_name: str
    version_number: int
    note: str | None
    is_active: bool
    activated_at: datetime | None
    created_at: datetime


class AgentPrompt(TypedDict):
    """One row of ``agent_prompt_versions``. ``rolls_back_to``: which versions were active before, the last at the end."""

    id: UUID
    profile_name: str
    version_number: int
    prompt_content: str
    note: str | None
    is_active: bool
    activated_at: datetime | None
    created_at: datetime
    rolls_back_to: list[int]


class PromptDiff(TypedDict):
    """What changed between two versions of a prompt, as a unified diff."""

    profile_name: str
    before: int
    after: int
    diff: str


@tool()
def save_prompt(profile_name: Line, prompt_content: Prompt, *, note: Text | None = None) -> AgentPrompt:
    """Save a new version of a profile's prompt, with the next number. It is not active.

    activate_prompt makes it active.

    Returns the version's row.
    """
    _, saved = batch(
        _lock_sql(profile_name),
        (
            """
            WITH prompt AS (
                INSERT INTO agent_prompt_versions (profile_name, version_number, prompt_content, note)
                SELECT %(profile_name)s::text, coalesce(max(version_number), 0) + 1, %(prompt_content)s, %(note)s
                FROM agent_prompt_versions
                WHERE profile_name = %(profile_name)s::text
                RETURNING *
            ), logged AS (
                INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
                SELECT 'agent_prompt', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                    %(event)s || jsonb_build_object('profile_name', profile_name, 'version_number', version_number)
                FROM prompt
            )
            SELECT * FROM prompt
            """,
            {
                "profile_name": profile_name,
                "prompt_content": prompt_content,
                "note": note,
                "event": event("prompt_saved"),
                **actor(),
            },
        ),
    )
    return saved[0]


@tool(idempotent=True)
def activate_prompt(profile_name: Line, version_number: VersionNumber) -> AgentPrompt:
    """Make a version of a profile's prompt the active one.

    Returns the version's row. Raises ``NotFoundError`` for a version that the profile does not have.
    """
    _, found = batch(_lock_sql(profile_name), _activate_sql(profile_name, version_number))
    if not found:
        raise _no_such_prompt(profile_name, version_number)
    return found[0]


@tool()
def roll_back_prompt(profile_name: Line) -> AgentPrompt:
    """Activate the version of a profile's prompt that was active before the present one.

    Call it again to go back further, by the history of activations. What was rolled back is no longer part of it.

    Returns the version that is active now. Raises ``NotFoundError`` for a profile without an active prompt,
    ``RuleViolationError`` if no version was active before.
    """
    _, found = batch(_lock_sql(profile_name), _activate_sql(profile_name, None))
    if found:
        return found[0]
    active = one(*_version_sql(profile_name, None), reads=True)
    if active is None:
        raise _no_such_prompt(profile_name, None)
    raise RuleViolationError(
        f"The prompt of {profile_name} has no version before {active['version_number']} that was active.",
        rule="older_prompt_was_active",
        found=active["version_number"],
        hint="activate_prompt makes any version the active one.",
    )


def _lock_sql(profile_name: str) -> Statement:
    """Return the lock that callers who change a profile's prompts take in turn: the profile may have no row yet to lock."""
    return (
        "SELECT pg_advisory_xact_lock(hashtextextended('agent_prompts ' || %(profile_name)s, 0))",
        {"profile_name": profile_name},
    )


def _activate_sql(profile_name: str, version_number: int | None) -> Statement:
    """Return the statement that activates a version. Without a number, it is the one that was active before, by history."""
    return (
        """
        WITH active AS (
            SELECT id, version_number, rolls_back_to
            FROM agent_prompt_versions
            WHERE profile_name = %(profile_name)s AND is_active
        ), target AS (
            SELECT *
            FROM agent_prompt_versions
            WHERE profile_name = %(profile_name)s AND version_number = coalesce(
                %(version_number)s::integer, (SELECT rolls_back_to[cardinality(rolls_back_to)] FROM active)
            )
        ), deactivated AS (
            UPDATE agent_prompt_versions
            SET is_active = false, rolls_back_to = '{}'
            FROM active, target
            WHERE agent_prompt_versions.id = active.id AND active.id <> target.id
            RETURNING agent_prompt_versions.id
        ), after AS (
            UPDATE agent_prompt_versions
            SET is_active = true,
                activated_at = clock_timestamp(),
                rolls_back_to = CASE
                    WHEN active.id IS NULL THEN '{}'
                    WHEN %(version_number)s::integer IS NULL THEN trim_array(active.rolls_back_to, 1)
                    ELSE active.rolls_back_to[cardinality(active.rolls_back_to) - %(most)s + 2 :] || active.version_number
                END
            -- The count makes the other version inactive first: a profile has at most one active prompt at any time.
            FROM target
            CROSS JOIN (SELECT count(*) FROM deactivated) AS done
            LEFT JOIN active ON true
            WHERE agent_prompt_versions.id = target.id AND NOT agent_prompt_versions.is_active
            RETURNING agent_prompt_versions.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_prompt', id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object(
                    'profile_name', profile_name,
                    'version_number', version_number,
                    'active_before', (SELECT version_number FROM active)
                )
            FROM after
        )
        SELECT * FROM after
        UNION ALL
        SELECT * FROM target WHERE is_active
        """,
        {
            "profile_name": profile_name,
            "version_number": version_number,
            "most": LONGEST_HISTORY,
            "event": event("prompt_updated"),
            **actor(),
        },
    )


def _version_sql(profile_name: str, version_number: int | None) -> Statement:
    return (
        """
        SELECT *
        FROM agent_prompt_versions
        WHERE profile_name = %(profile_name)s AND CASE
            WHEN %(version_number)s::integer IS NULL THEN is_active
            ELSE version_number = %(version_number)s
        END
        """,
        {"profile_name": profile_name, "version_number": version_number},
    )


@tool(reads=True)
def get_prompt(profile_name: Line, *, version_number: VersionNumber | None = None) -> AgentPrompt:
    """Get a profile's active prompt, or the version with this number.

    Returns the version's row. Raises ``NotFoundError`` for an unknown id.
    """
    row = one(*_version_sql(profile_name, version_number))
    if row is None:
        raise _no_such_prompt(profile_name, version_number)
    return row


@tool(reads=True, brief=["profile_name", "version_number", "is_active", "note"])
def list_prompts(
    *,
    profile_name: Line | None = None,
    search: Search | None = None,
    limit: Limit = 50,
    after: Cursor | None = None,
    fields: Fields | None = None,
) -> Page[AgentPromptSummary]:
    """List the versions of a profile's prompt, or of all profiles, newest first.

    Returns at most ``limit`` rows without their content, and the cursor of the next page (None on the last page).
    """
    found = listed(
        """
        SELECT id, profile_name, version_number, note, is_active, activated_at, created_at
        FROM agent_prompt_versions
        WHERE id < %(after)s
            AND (%(profile_name)s::text IS NULL OR profile_name = %(profile_name)s)
            AND (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', profile_name, note)), lower(%(search)s)) > 0)
        ORDER BY id DESC
        """,
        {"profile_name": profile_name, "after": after or HIGHEST_ID, "search": search, "limit": limit},
        fields,
    )
    return near_miss(found, "profile_name", profile_name, _profiles)


def _profiles() -> list[str]:
    return [row["profile_name"] for row in many("SELECT DISTINCT profile_name FROM agent_prompt_versions")]


@tool(reads=True)
def diff_prompts(profile_name: Line, *, before: VersionNumber, after: VersionNumber) -> PromptDiff:
    """Show the changes between two versions of a profile's prompt.

    Returns a unified diff, empty if they are the same. Where the versions have very many equal lines, all that differs is
    one change. Raises ``NotFoundError`` for a version that the profile does not have.
    """
    rows = many(
        """
        SELECT version_number, prompt_content
        FROM agent_prompt_versions
        WHERE profile_name = %(profile_name)s AND version_number IN (%(before)s, %(after)s)
        """,
        {"profile_name": profile_name, "before": before, "after": after},
    )
    versions: dict[int, list[str]] = {row["version_number"]: row["prompt_content"].splitlines() for row in rows}
    for number in (before, after):
        if number not in versions:
            raise _no_such_prompt(profile_name, number)
    diff = unified(versions[before], versions[after], f"version {before}", f"version {after}")
    return {"profile_name": profile_name, "before": before, "after": after, "diff": diff}


def _no_such_prompt(profile_name: str, version_number: int | None) -> NotFoundError:
    which = "no active prompt" if version_number is None else f"no version {version_number} of its prompt"
    return NotFoundError(
        f"The profile {profile_name} has {which}.",
        hint="list_prompts shows what it has.",
        details={"entity_type": "agent_prompt", "profile_name": profile_name, "version_number": version_number},
    )
