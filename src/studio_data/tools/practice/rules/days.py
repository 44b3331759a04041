"""Days that have not begun: what is recorded as done was done today or before."""

from datetime import date

from studio_data.db import one
from studio_data.errors import InvalidInputError


def future_day_refusal(argument: str, day: object, hint: str) -> InvalidInputError | None:
    """Return the refusal of a day to come as the day of something that was done; None for today and before."""
    if not isinstance(day, date):
        return None
    today: date = one("SELECT today() AS today", reads=True)["today"]
    if day <= today:
        return None
    return InvalidInputError(f"{argument} must not be after today, {today}.", hint=hint, details={"arguments": [argument]})
