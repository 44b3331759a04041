"""A practice in a time zone, for tests of what a day is. The two ends of the earth never have the same day."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from studio_data import db
from studio_data.operations import time_zone
from tests.support import as_administrator

EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
"""25 hours apart."""


def practice_in(zone: str) -> None:
    """Move the practice to a time zone."""
    with as_administrator():
        time_zone.change(zone)


def today() -> date:
    """Return the practice's day."""
    return db.one("SELECT today() AS day")["day"]


def at(zone: str, day: date, clock: time) -> datetime:
    """Return the moment at which it is so late on that day there."""
    return datetime.combine(day, clock, ZoneInfo(zone))
