"""The command ``activity``: the audit trail, as it was and as it grows."""

import time
from typing import Annotated, Any

import typer

from studio_data.cli import show
from studio_data.cli.app import command, out, print_json
from studio_data.dispatch import raising_call
from studio_data.errors import UnavailableError
from studio_data.validators import LARGEST_PAGE

SECONDS_BETWEEN_LOOKS = 1.0


@command
def activity(
    *,
    entity_type: Annotated[str | None, typer.Option(help="Only lines of this kind of entity.")] = None,
    entity_id: Annotated[str | None, typer.Option(help="Only lines of this entity; needs its --entity-type.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Only lines of this agent run.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="How many lines, the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing new lines, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show the newest lines of the audit trail, the newest last."""
    filters = {"entity_type": entity_type, "entity_id": entity_id, "run_id": run_id}
    shown = _page(filters, limit)["items"]
    _show(shown, as_json=as_json, with_header=True)
    seen = {line["id"] for line in shown}
    oldest = min(seen, default="")
    while follow:
        try:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            lines = _since(filters, seen, oldest)
        except UnavailableError:
            continue  # it comes back, or the reader ends this
        except KeyboardInterrupt:
            return
        _show([line for line in lines if line["id"] not in seen], as_json=as_json, with_header=False)
        if lines:
            seen, oldest = {line["id"] for line in lines}, lines[-1]["id"]


def _since(filters: dict[str, str | None], seen: set[str], oldest: str) -> list[dict[str, Any]]:
    """Return the newest lines, from the first page on which nothing is new.

    A line has its id since it was written, and is there since it was committed: among the lines that were shown already new
    ones may appear, so pages are read whole.
    """
    lines: list[dict[str, Any]] = []
    after = None
    while True:
        page = _page(filters, LARGEST_PAGE, after)
        lines += [line for line in page["items"] if line["id"] >= oldest]
        after = page["next"]
        if after is None or all(line["id"] in seen or line["id"] < oldest for line in page["items"]):
            return lines


def _page(filters: dict[str, str | None], limit: int, after: str | None = None) -> dict[str, Any]:
    return raising_call("list_activity", {**filters, "limit": limit, "after": after})


def _show(lines: list[dict[str, Any]], *, as_json: bool, with_header: bool) -> None:
    if as_json:
        for line in reversed(lines):
            print_json(line)
    elif lines:
        out.print(show.activity(lines[::-1], with_header=with_header))
    elif with_header:
        out.print("The audit trail is empty.", style="dim")
