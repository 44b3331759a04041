"""Days of the examples: relative to today where a rule asks what day it is, else in 2024 and 2025, past on every clock."""

from datetime import UTC, datetime, timedelta


def in_days(days: int) -> str:
    """Return the day that is so many days from today, in UTC."""
    return str(datetime.now(UTC).date() + timedelta(days=days))
