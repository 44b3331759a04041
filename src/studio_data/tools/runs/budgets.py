"""Agent budgets: a profile's usage is reserved before a turn, and settled after it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, cast
from uuid import UUID

from studio_data.contract.audit import actor
from studio_data.contract.entities import no_such
from studio_data.contract.fields import EntityId, Name, Text
from studio_data.contract.registry import tool
from studio_data.db import many, one
from studio_data.errors import ConflictError, RuleViolationError, StudioError
from studio_data.tools.runs.api_keys import no_such_profile
from studio_data.tools.runs.fields import ReportedUsage, SessionKey, Usage
from studio_data.tools.runs.rules.audit import event
from studio_data.tools.runs.rules.session_moves import no_such_session, session_params
from studio_data.tools.runs.settings import AgentSettings


class Reservation(TypedDict):
    """A reservation, and its profile's usage after it.

    ``usage_date`` is the day on which it counts. ``used_today`` counts what is settled and reserved on the present day, also
    if the reservation is of an earlier one. ``left_today`` is what remains below the hard limit (None without one), until
    ``resets_at``. ``warning`` says that the daily limit is passed.
    """

    id: UUID
    profile_name: str
    usage_unit: str
    usage_date: date
    amount: Decimal
    settled_amount: Decimal | None
    settled_at: datetime | None
    created_at: datetime
    used_today: Decimal
    left_today: Decimal | None
    resets_at: datetime
    warning: str | None


class SweptUsage(TypedDict):
    """The profiles whose usage of an earlier day was reset to 0."""

    reset: list[str]


@tool()
def reserve_usage(profile_name: Name, *, amount: Usage, session_id: SessionKey | None = None) -> Reservation:
    """Reserve the most that a profile's next turn may use, in its unit, from today's budget.

    Refused above the hard limit. Above the daily limit the answer has a ``warning``. A reservation that is never settled
    counts as used on its day.

    Returns the reservation. Raises ``NotFoundError``, ``RuleViolationError`` with what is left and when it resets.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM agent_settings
            WHERE profile_name = %(profile_name)s
            FOR NO KEY UPDATE
        ), session AS (
            SELECT id, project_id
            FROM agent_sessions
            WHERE session_id = %(session_id)s OR id = %(id)s
        ), today AS (
            SELECT
                id, greatest(last_reset_date, today()) AS day, used_today(last_reset_date, usage_today) AS used
            FROM before
        ), after AS (
            UPDATE agent_settings
            SET usage_today = today.used + %(amount)s, last_reset_date = today.day
            FROM today
            WHERE agent_settings.id = today.id
                AND (today.used + %(amount)s <= agent_settings.hard_limit) IS NOT FALSE
                AND (num_nonnulls(%(session_id)s::text, %(id)s::uuid) = 0 OR EXISTS (SELECT FROM session))
            RETURNING agent_settings.*
        ), reservation AS (
            INSERT INTO agent_reservations (agent_settings_id, agent_session_id, usage_date, amount)
            SELECT id, (SELECT id FROM session), last_reset_date, %(amount)s
            FROM after
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_reservation', reservation.id, (SELECT project_id FROM session), 'created', %(actor_type)s,
                %(actor_name)s, %(context)s, %(event)s || jsonb_build_object(
                    'profile_name', after.profile_name, 'amount', amount, 'usage_unit', after.usage_unit
                )
            FROM reservation, after
        )
        SELECT
            reservation.id, after.profile_name, after.usage_unit, usage_date, amount, settled_amount, settled_at,
            reservation.created_at, after.usage_today AS used_today,
            CASE WHEN after.hard_limit IS NOT NULL THEN greatest(after.hard_limit - after.usage_today, 0) END AS left_today,
            start_of_day(usage_date + 1) AS resets_at, after.daily_limit
        FROM reservation, after
        """,
        {
            "profile_name": profile_name,
            "amount": amount,
            **({"session_id": None, "id": None} if session_id is None else session_params(session_id)),
            "event": event("usage_reserved"),
            **actor(),
        },
    )
    if row is None:
        raise _reserve_refusal(profile_name, cast("Decimal", amount), session_id)
    return _told(row)


def _reserve_refusal(profile_name: str, amount: Decimal, session_id: SessionKey | None) -> StudioError:
    profile = one(
        """
        SELECT
            hard_limit, usage_unit, used_today(last_reset_date, usage_today) AS used,
            start_of_day(greatest(last_reset_date, today()) + 1) AS resets_at
        FROM agent_settings
        WHERE profile_name = %(profile_name)s
        """,
        {"profile_name": profile_name},
        reads=True,
    )
    if profile is None:
        return no_such_profile(profile_name)
    limit, used = profile["hard_limit"], profile["used"]
    if session_id is not None and (limit is None or used + amount <= limit):
        return no_such_session(session_id)
    left, resets_at = max(Decimal(0), limit - used), profile["resets_at"]
    return RuleViolationError(
        f"The profile {profile_name} has {_plain(left)} of its {_plain(limit)} {_unit(profile['usage_unit'])} left today, "
        f"and {_plain(amount)} was requested.",
        rule="hard_limit_holds",
        found=str(used),
        hint=f"Its budget resets at {resets_at.isoformat()}; settle_usage gives back what a reservation did not use.",
        details={
            "profile_name": profile_name,
            "limit": str(limit),
            "used": str(used),
            "left": str(left),
            "wanted": str(amount),
            "resets_at": resets_at.isoformat(),
        },
    )


@tool()
def settle_usage(reservation_id: EntityId, *, amount: ReportedUsage) -> Reservation:
    """Settle a reservation with what was really used; 0 gives all of it back.

    It counts on the day of the reservation. You may settle more than was reserved, since it is already spent.

    Returns the reservation. Raises ``NotFoundError``, ``ConflictError`` for one that is settled.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM agent_reservations
            WHERE id = %(reservation_id)s
            FOR NO KEY UPDATE
        ), reservation AS (
            UPDATE agent_reservations
            SET settled_amount = %(amount)s, settled_at = now()
            FROM before
            WHERE agent_reservations.id = before.id AND before.settled_at IS NULL
            RETURNING agent_reservations.*
        ), profile AS (
            SELECT settings.*
            FROM reservation
            JOIN agent_settings AS settings ON settings.id = reservation.agent_settings_id
            FOR NO KEY UPDATE OF settings
        ), after AS (
            UPDATE agent_settings
            SET usage_today = CASE profile.last_reset_date
                WHEN reservation.usage_date THEN greatest(0, profile.usage_today - reservation.amount + %(amount)s)
                ELSE profile.usage_today
            END
            FROM reservation, profile
            WHERE agent_settings.id = profile.id
            RETURNING agent_settings.*
        ), logged AS (
            INSERT INTO activity_log (
                entity_type, entity_id, project_id, action, actor_type, actor_name, context, metadata
            )
            SELECT 'agent_reservation', reservation.id, session.project_id, 'updated', %(actor_type)s, %(actor_name)s,
                %(context)s, %(event)s || jsonb_build_object(
                    'profile_name', after.profile_name,
                    'changes', jsonb_build_object('settled_amount', jsonb_build_array(NULL, reservation.settled_amount))
                )
            FROM reservation
            CROSS JOIN after
            LEFT JOIN agent_sessions AS session ON session.id = reservation.agent_session_id
        )
        SELECT
            reservation.id, after.profile_name, after.usage_unit, usage_date, amount, settled_amount, settled_at,
            reservation.created_at, today.used AS used_today,
            CASE WHEN after.hard_limit IS NOT NULL THEN greatest(after.hard_limit - today.used, 0) END AS left_today,
            start_of_day(greatest(after.last_reset_date, today()) + 1) AS resets_at, after.daily_limit
        FROM reservation, after
        CROSS JOIN LATERAL (SELECT used_today(after.last_reset_date, after.usage_today) AS used) AS today
        """,
        {"reservation_id": reservation_id, "amount": amount, "event": event("usage_settled"), **actor()},
    )
    if row is None:
        raise _settle_refusal(reservation_id)
    return _told(row)


def _settle_refusal(reservation_id: EntityId) -> StudioError:
    found = one(
        "SELECT settled_amount, settled_at FROM agent_reservations WHERE id = %(id)s", {"id": reservation_id}, reads=True
    )
    if found is None:
        return no_such("agent_reservation", reservation_id)
    return ConflictError(
        f"Reservation {reservation_id} is already settled, with {_plain(found['settled_amount'])}.",
        hint="Use reserve_usage for the next turn.",
        details={"id": str(reservation_id), "settled_amount": str(found["settled_amount"])},
    )


@tool(people_only=True)
def reset_usage(profile_name: Name, *, reason: Text) -> AgentSettings:
    """Reset what a profile has used today to 0, and say why: after a mistake, or a clock that was ahead.

    A reservation of before does not count any more, also if it is settled later.

    Returns the profile. Raises ``NotFoundError``.
    """
    row = one(
        """
        WITH before AS (
            SELECT *
            FROM agent_settings
            WHERE profile_name = %(profile_name)s
            FOR NO KEY UPDATE
        ), forgotten AS (
            UPDATE agent_reservations
            SET usage_date = today() - 1
            FROM before
            WHERE agent_settings_id = before.id AND settled_at IS NULL AND usage_date >= today()
            RETURNING agent_reservations.id
        ), after AS (
            UPDATE agent_settings
            SET usage_today = 0, last_reset_date = today()
            FROM before
            WHERE agent_settings.id = before.id
            RETURNING agent_settings.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_settings', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object(
                    'profile_name', after.profile_name,
                    'changes', jsonb_build_object(
                        'usage_today', jsonb_build_array(before.usage_today, after.usage_today),
                        'last_reset_date', jsonb_build_array(before.last_reset_date, after.last_reset_date)
                    ),
                    'reason', %(reason)s::text,
                    'reservations_forgotten', (SELECT count(*) FROM forgotten)
                )
            FROM before, after
        )
        SELECT answer.*
        FROM after
        CROSS JOIN settings_answer(after) AS answer
        """,
        {"profile_name": profile_name, "reason": reason, "event": event("usage_reset"), **actor()},
    )
    if row is None:
        raise no_such_profile(profile_name)
    return row


@tool(idempotent=True)
def sweep_usage() -> SweptUsage:
    """Reset usage of earlier days to 0.

    Budgets reset themselves at their next use. Call this only to keep the table current for people who read it.

    Returns the profiles that were put back, by name.
    """
    swept = many(
        """
        WITH before AS (
            SELECT *
            FROM agent_settings
            WHERE last_reset_date < today()
            ORDER BY id
            FOR NO KEY UPDATE
        ), after AS (
            UPDATE agent_settings
            SET usage_today = 0, last_reset_date = today()
            FROM before
            WHERE agent_settings.id = before.id
            RETURNING agent_settings.*
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_settings', after.id, 'updated', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object(
                    'profile_name', after.profile_name,
                    'changes', jsonb_build_object('usage_today', jsonb_build_array(before.usage_today, after.usage_today))
                )
            FROM before
            JOIN after ON after.id = before.id
            ORDER BY after.id
        )
        SELECT profile_name FROM after ORDER BY profile_name
        """,
        {"event": event("usage_reset"), **actor()},
    )
    return {"reset": [row["profile_name"] for row in swept]}


def _told(row: Any) -> Reservation:  # noqa: ANN401 (a row, with the daily limit)
    limit, used, unit = row.pop("daily_limit"), row["used_today"], _unit(row["usage_unit"])
    warning = None
    if limit is not None and used > limit:
        warning = f"{_plain(used)} {unit} used or reserved today, above the daily limit of {_plain(limit)}."
    return row | {"warning": warning}


def _unit(usage_unit: str) -> str:
    return "dollars" if usage_unit == "cost" else usage_unit


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
