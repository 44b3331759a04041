"""The command ``activity``: list or follow the audit trail."""

import time
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from studio_data.cli import ids, show, tables
from studio_data.cli.app import Wide, command, print_json
from studio_data.contract.paging import EVERY_FIELD
from studio_data.contract.validators import LARGEST_PAGE
from studio_data.dispatch import raising_call
from studio_data.errors import UnavailableError

SECONDS_BETWEEN_LOOKS = 1.0


@command
def activity(
    *,
    entity_type: Annotated[str | None, typer.Option(help="Only lines of this entity type; --entity-id needs it.")] = None,
    entity_id: Annotated[
        str | None,
        typer.Option(help="Only lines of this entity: its id, the first 8 characters, or its name."),
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="Only lines of this agent run.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="How many of the newest lines.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    wide: Wide = False,
) -> None:
    """Show the newest lines of the audit trail, the newest last."""
    if entity_type is not None and entity_id is not None:
        entity_id = ids.resolved(entity_type, entity_id)
    filters = {"entity_type": entity_type, "entity_id": entity_id, "run_id": run_id}
    cursor = _settled_since(None, filters)[1] if follow else None
    shown = _page(filters, limit)
    _show(shown, as_json=as_json, wide=wide, with_header=True)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(filters, cursor, shown, as_json=as_json, wide=wide)


def _follow(
    filters: dict[str, str | None], cursor: str | None, shown: list[dict[str, Any]], *, as_json: bool, wide: bool
) -> NoReturn:
    early = {line["id"] for line in shown}
    newest = max(early, default="")
    while True:
        try:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            ahead = [line for line in _page(filters, LARGEST_PAGE) if line["id"] > newest]
            settled, cursor = _settled_since(cursor, filters)
        except UnavailableError:
            continue  # the database returns, or the user presses Ctrl-C
        # changes_since misses no line. But an open transaction holds back the lines of the transactions that began after it.
        # So the newest lines are shown early, and not again later.
        early |= {line["id"] for line in ahead}
        lines = ahead + [line for line in settled if line["id"] not in early]
        early -= {line["id"] for line in settled}
        newest = max([newest, *(line["id"] for line in lines)])
        _show(sorted(lines, key=lambda line: line["id"], reverse=True), as_json=as_json, wide=wide, with_header=False)


def _settled_since(cursor: str | None, filters: dict[str, str | None]) -> tuple[list[dict[str, Any]], str]:
    """Return the lines of changes_since after the cursor, and the next cursor. Without a cursor, start now."""
    lines: list[dict[str, Any]] = []
    while True:
        only_new = cursor is None
        changes = raising_call("changes_since", {**filters, "cursor": cursor, "only_new": only_new, "limit": LARGEST_PAGE})
        lines += changes["items"]
        cursor = changes["cursor"]
        if not changes["more"]:
            return lines, changes["cursor"]


def _page(filters: dict[str, str | None], limit: int) -> list[dict[str, Any]]:
    return raising_call("list_activity", {**filters, "limit": limit, "fields": EVERY_FIELD})["items"]


def _show(lines: list[dict[str, Any]], *, as_json: bool, wide: bool, with_header: bool) -> None:
    if as_json:
        for line in reversed(lines):
            print_json(line)
    elif lines:
        show.activity(lines[::-1], wide=wide, with_header=with_header)
    elif with_header:
        tables.note("The audit trail is empty.")
