"""Days that cannot be: what is done was done today or before, a plan lies ahead, and an end follows its beginning."""

from datetime import date
from typing import LiteralString
from uuid import UUID

from studio_data.db import one
from studio_data.errors import InvalidInputError

OR_A_PERSON = "A person may record an earlier one with override_reason."


def future_day_refusal(argument: str, day: object, hint: str) -> InvalidInputError | None:
    """Return the refusal of a day to come as the day of something that was done; None for today and before."""
    if not isinstance(day, date):
        return None
    today = _today()
    if day <= today:
        return None
    return InvalidInputError(f"{argument} must not be after today, {today}.", hint=hint, details={"arguments": [argument]})


def past_day_refusal(argument: str, day: object, override_reason: str | None) -> InvalidInputError | None:
    """Return the refusal of a day that is over as the day of a plan; None for today and later, or with a person's reason."""
    if not isinstance(day, date) or override_reason is not None:
        return None
    today = _today()
    if day >= today:
        return None
    return InvalidInputError(
        f"{argument} must not be before today, {today}.",
        hint=f"Give a day to come. {OR_A_PERSON}",
        details={"arguments": [argument]},
    )


def payment_day_refusal(fee_id: UUID | str, paid_on: object, override_reason: str | None) -> InvalidInputError | None:
    """Return the refusal of a payment on a day to come, or without a person's reason before its invoice."""
    invoiced = "SELECT day_of(invoiced_at) AS day FROM design_fees WHERE id = %(id)s"
    hint = f"Give the day on which it was paid. {OR_A_PERSON}"
    return future_day_refusal("paid_on", paid_on, "Record the payment once it has arrived.") or (
        None
        if override_reason is not None
        else _early("paid_on", paid_on, invoiced, fee_id, what="the fee was invoiced", hint=hint)
    )


def delivery_day_refusal(
    purchase_order_id: UUID | str, estimated: object, actual: object, override_reason: str | None
) -> InvalidInputError | None:
    """Return the refusal of a delivery on a day to come, or before its order was sent: there a person may have a reason."""
    sent = "SELECT day_of(ordered_at) AS day FROM purchase_orders WHERE id = %(id)s"
    what, ask = "the order was sent", "Ask the vendor which day is meant."
    hint = f"Give the day on which it arrived. {OR_A_PERSON}"
    return (
        future_day_refusal("actual_delivery", actual, "Record a delivery once it has arrived.")
        or _early("estimated_delivery", estimated, sent, purchase_order_id, what=what, hint=ask)
        or (
            None
            if override_reason is not None
            else _early("actual_delivery", actual, sent, purchase_order_id, what=what, hint=hint)
        )
    )


def _early(
    argument: str, day: object, began: LiteralString, thing_id: UUID | str, *, what: str, hint: str
) -> InvalidInputError | None:
    """Return the refusal of a day before the one on which a thing began, which the query reads."""
    if not isinstance(day, date):
        return None
    row = one(began, {"id": thing_id}, reads=True)
    if row is None or row["day"] is None or day >= row["day"]:
        return None
    return InvalidInputError(
        f"{argument} must not be before {row['day']}, when {what}.", hint=hint, details={"arguments": [argument]}
    )


def _today() -> date:
    return one("SELECT today() AS today", reads=True)["today"]
