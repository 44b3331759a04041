"""The commands of agent runs: ``session`` shows one, ``import-sessions`` imports others."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from studio_data.cli import ids, tables
from studio_data.cli.app import REFUSED, ActorName, Wide, a_person, command, out, print_json, progress
from studio_data.cli.show import details
from studio_data.contract.validators import LARGEST_PAGE
from studio_data.dispatch import raising_call
from studio_data.imports.accounts import Account
from studio_data.tools.runs.sqlite_file import KINDS, analyze, bring, read

MARKS = {"session": ("◆", "bold"), "execution": ("●", "cyan"), "tool_call": ("·", ""), "artifact": ("▪", "green")}
GOOD, BAD = {"session_approved", "session_completed"}, {"session_rejected", "session_failed", "session_expired"}
SECONDS_OF_A_MINUTE = 60
COLUMNS = ("time", "what happened", "details", "took", "cost", "by", "tokens", "after")


@command
def session(
    session_id: Annotated[str, typer.Argument(help="The session's own key, its id, or the first characters of that.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole timeline as one JSON object.")] = False,
    wide: Wide = False,
) -> None:
    """Show an agent session: what happened in it, in order, and its cost."""
    timeline = _whole(ids.resolved_prefix("agent_session", session_id))
    if as_json:
        print_json(timeline)
        return
    _show_head(timeline["session"], timeline["totals"])
    if out.is_terminal:
        begun = datetime.fromisoformat(timeline["session"]["created_at"])
        rows: list[tables.Row] = [dict(zip(COLUMNS, _row(item, begun), strict=True)) for item in timeline["items"]]
        tables.listing(rows, tables.Look(wide, COLUMNS, set(COLUMNS) - {"what happened", "details", "by"}))
    else:
        tables.tabbed(timeline["items"])


def _whole(session_id: str) -> dict[str, Any]:
    timeline = raising_call("session_timeline", {"session_id": session_id, "limit": LARGEST_PAGE})
    while timeline["next"]:
        page = raising_call("session_timeline", {"session_id": session_id, "limit": LARGEST_PAGE, "after": timeline["next"]})
        page["items"] = timeline["items"] + page["items"]
        timeline = page
    del timeline["next"], timeline["left"]
    return timeline


def _show_head(session: dict[str, Any], totals: dict[str, Any]) -> None:
    facts = [
        f"{session['status'].replace('_', ' ')}, in phase {session['current_phase'].replace('_', ' ')}",
        *([f"iterations {session['iteration_count']}"] if session["iteration_count"] else []),
        f"executions {totals['executions']}" + (f", failed {failed}" if (failed := totals["failed_executions"]) else ""),
        f"{totals['tokens_used']:,} tokens",
        _dollars(totals["cost"]),
        f"{_duration(totals['agent_seconds'])} of work in {_duration(totals['elapsed_seconds'])}",
    ]
    name = session["session_id"] + (f", {session['project_name']}" if session["project_name"] else "")
    tables.note(f"{name}: {session['user_mission']}", style="bold")
    tables.note(" · ".join(facts))


def _row(item: dict[str, Any], begun: datetime) -> list[str | Text]:
    """Return an item's columns."""
    mark, style = MARKS[item["kind"]]
    found = item["details"]
    what = Text(f"{mark} {item['what'].replace('_', ' ') if item['kind'] == 'session' else item['what']}", style=style)
    if item["what"] in GOOD | BAD or found.get("status") == "failed":
        what.stylize("bold green" if item["what"] in GOOD else "bold red")
    at = datetime.fromisoformat(item["at"])
    return [
        f"{at.astimezone():%m-%d %H:%M:%S}",
        what,
        _said(item),
        _duration(found["duration_seconds"]) if "duration_seconds" in found else "",
        _dollars(found["cost"]) if found.get("cost") else "",
        f"{item['actor_name']} ({item['actor_type']})" if item["actor_name"] else "",
        f"{found['tokens_used']:,}" if found.get("tokens_used") else "",
        f"+{_duration(max(0.0, (at - begun) / timedelta(seconds=1)))}",
    ]


def _said(item: dict[str, Any]) -> str:
    """Return the other facts of an item."""
    found = item["details"]
    match item["kind"]:
        case "execution":
            return found.get("error_message") or found.get("output_summary") or found.get("input_summary") or ""
        case "artifact":
            return f"{found['artifact_type']}, version {found['version']}, {found['content_hash'][:12]}"
        case "tool_call":
            return f"{found['entity_type'].replace('_', ' ')} {found['action']}; {_facts(found)}".removesuffix("; ")
        case _:
            return _facts(found)


def _facts(found: dict[str, Any]) -> str:
    said = {name: value for name, value in found.items() if name not in {"entity_type", "action", "user_action"}}
    return details(said)


def _duration(seconds: Any) -> str:  # noqa: ANN401 (a number, or its text)
    whole = Decimal(str(seconds))
    if whole < SECONDS_OF_A_MINUTE:
        return f"{whole:.1f} s"
    minutes, rest = divmod(round(whole), SECONDS_OF_A_MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _dollars(amount: str) -> str:
    return f"${Decimal(amount):.4f}"


@command
def import_sessions(
    file: Annotated[Path, typer.Argument(help="The orchestrator's SQLite file.")],
    *,
    prefix: Annotated[str, typer.Option(help="Write this before each session's key: a key may not look like an id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts and every refused row as JSON.")] = False,
    actor: ActorName = None,
) -> None:
    """Import the sessions, executions and artifacts of another orchestrator. A repeated import adds only what is new.

    Every row that is read is new, known or refused, and each refused one is named. Exit code 1 if there is one.
    """
    account = Account(*KINDS)
    with a_person(actor), progress(TextColumn("{task.description}"), BarColumn()) as bar:
        for session in bar.track(read(file, account, prefix=prefix), description="Bringing sessions over"):
            bring(session, account)
        analyze(account)
    counts = {kind: asdict(counts) for kind, counts in account.counts.items()}
    refused = [
        {"kind": row.kind, "row": row.row, "id": row.id, "session_id": row.of, "reason": row.reason}
        for row in account.refused
    ]
    if as_json:
        print_json({**counts, "refused": refused})
    else:
        tables.report([{"rows": kind, **counted} for kind, counted in counts.items()])
        if refused:
            out.print()
            tables.report(refused)
    if refused:
        raise typer.Exit(REFUSED)


@command
def rotate_agent_keys(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the profiles as JSON.")] = False,
    actor: ActorName = None,
) -> None:
    """Encrypt the agents' API keys with the newest of STUDIO_DATA_AGENT_KEYS."""
    with a_person(actor):
        rotated = raising_call("rotate_agent_api_keys", {})["rotated"]
    if as_json:
        print_json({"rotated": rotated})
    else:
        out.print(f"Encrypted again: {', '.join(rotated)}." if rotated else "Nothing to do: the newest key encrypted all.")
