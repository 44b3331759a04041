"""Cursors: where a page of a list begins, and how far somebody has followed the audit trail."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

_CURSOR = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


_TRAIL_CURSOR = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


def cursor_of(row_id: UUID) -> str:
    """Return the cursor of the page that begins after this row."""
    return urlsafe_b64encode(row_id.bytes).decode().rstrip("=")


def cursor(value: object) -> UUID:
    """Return the id of the row after which a page begins."""
    if isinstance(value, str) and _CURSOR.fullmatch(value):
        return UUID(bytes=urlsafe_b64decode(f"{value}=="))
    raise ValueError("must be the previous page's next")


class TrailPlace(NamedTuple):
    """A place in the audit trail, in the order in which transactions end: after this line of this transaction."""

    transaction_id: int
    line_id: UUID


def trail_cursor_of(place: TrailPlace) -> str:
    """Return the cursor of what comes after this place in the audit trail."""
    return urlsafe_b64encode(place.transaction_id.to_bytes(8) + place.line_id.bytes).decode()


def trail_cursor(value: object) -> TrailPlace:
    """Return the place in the audit trail that a cursor stands for."""
    if isinstance(value, str) and _TRAIL_CURSOR.fullmatch(value):
        place = urlsafe_b64decode(value)
        return TrailPlace(int.from_bytes(place[:8]), UUID(bytes=place[8:]))
    raise ValueError("must be the previous answer's cursor")
