"""Whether Exhibit B is signed: a signature covers the rooms' amounts of its day, and none that changed since."""

from decimal import Decimal

from studio_data.contract.lifecycle import Facts


def not_signed(facts: Facts) -> str | None:
    """Return why a project's Exhibit B does not count as signed; None if it does.

    Looks at whether it ``has_exhibit_b``, at the amounts that the newest one covers and at those of the rooms now: at
    ``exhibit_b_covers`` and ``exhibit_b_amounts``, by room.
    """
    if not facts["has_exhibit_b"]:
        return "no exhibit_b on file"
    signed, present = facts["exhibit_b_covers"], facts["exhibit_b_amounts"]
    if signed is None or signed == present:
        return None
    changed = sum(signed.get(room_id) != present.get(room_id) for room_id in signed.keys() | present.keys())
    return (
        f"Exhibit B was signed at {_total(signed):,} and is now {_total(present):,}: "
        f"{changed} {'room' if changed == 1 else 'rooms'} changed since"
    )


def _total(amounts: dict[str, str]) -> Decimal:
    return sum(map(Decimal, amounts.values()), Decimal("0.00"))
