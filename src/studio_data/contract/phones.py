"""Phone numbers as people write them, and the digits by which the same number is found in another spelling."""

import re

from studio_data.config import settings

FEWEST_DIGITS = 3


def digits_of(text: str | None) -> str | None:
    """Return a number's digits without its country's, its trunk zero and an extension; None for what is not a number."""
    if text is None:
        return None
    import phonenumbers  # noqa: PLC0415 (takes 60 ms, and few calls give a number)

    try:
        parsed = phonenumbers.parse(text, settings().phone_country)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.national_significant_number(parsed) if phonenumbers.is_possible_number(parsed) else None


def digits_in(search: str | None) -> str | None:
    """Return the digits of a number, or of a part of one, that somebody looks for; None for words."""
    if search is None or re.search(r"[^\W\d_]", re.sub(r"(x|ext|#).*$|^tel:", "", search, flags=re.IGNORECASE)):
        return None
    digits = digits_of(search) or re.sub(r"\D", "", search)
    return digits if len(digits) >= FEWEST_DIGITS else None
