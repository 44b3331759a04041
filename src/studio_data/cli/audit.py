"""The commands ``audit seal``, ``audit verify``, ``audit head``, ``audit erase`` and ``audit renumber``."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from studio_data.cli import ids, tables
from studio_data.cli.app import REFUSED, ActorName, a_person, app, command, out, print_json, progress
from studio_data.contract.entities import kind_named
from studio_data.errors import ConflictError, InvalidInputError
from studio_data.hints import as_typed
from studio_data.operations import erasure, seals, trail_numbers
from studio_data.operations.files import replacing

audit = typer.Typer(name="audit", help="Seal the audit trail, and check whether it was changed.", no_args_is_help=True)
app.add_typer(audit)

HASH = re.compile("[0-9a-fA-F]{64}")
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@command(of=audit)
def seal(
    *,
    head_file: Annotated[
        Path | None, typer.Option("--head", help="Write the newest seal to this file; keep it outside the database.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Seal every line of the trail whose transaction has ended. Run it every few minutes."""
    if head_file is not None and head_file.exists():
        _check_still_there(head_file)
    lines = 0
    with progress() as sealing:
        task = sealing.add_task("Sealing")
        for sealed in seals.seal():
            lines += sealed
            sealing.update(task, description=f"Sealed {lines:,} lines")
    newest = seals.head()
    if head_file is not None and newest is not None:
        with replacing(head_file) as unfinished:
            unfinished.write_text(json.dumps(newest, default=str) + "\n", encoding="utf-8")
    left, waiting_for = seals.unsealed(), seals.holders()
    if as_json:
        print_json({"sealed": lines, "head": _plain(newest), "unsealed": _plain(left), "waiting_for": _plain(waiting_for)})
    elif newest is None:
        out.print("There is nothing to seal: the trail is empty.")
    else:
        out.print(f"Sealed {lines:,} lines. Seal {newest['number']} covers all {newest['lines']:,}: {newest['hash']}")
    if left["lines"] and not as_json:
        tables.note(f"Not sealed yet: lines {left['lines']:,}, the oldest of {left['oldest']:%Y-%m-%d %H:%M:%S} UTC.")
        for holder in waiting_for[:1]:
            tables.note(f"They wait for {holder['what']}, open since {holder['since']:%Y-%m-%d %H:%M:%S} UTC.")


@command(of=audit)
def head() -> None:
    """Print the newest seal as JSON. Kept outside the database, it shows whether the tail of the trail was cut off."""
    print_json(_plain(seals.head()))


@command(of=audit)
def verify(
    *,
    given: Annotated[str | None, typer.Option("--head", help="A seal that was kept outside: its file, or its hash.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every seal again, and report each difference. Exit code 1 if there is one."""
    kept = None if given is None else given.lower() if HASH.fullmatch(given) else _kept(Path(given))
    newest = seals.head()
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TextColumn("lines"), TimeElapsedColumn())
    findings: list[seals.Finding] = []
    lines = 0
    with progress(*columns) as verifying:
        task = verifying.add_task("verifying", total=0 if newest is None else newest["lines"])
        for checked, found in seals.verify(kept):
            lines += checked
            findings += found
            verifying.update(task, completed=lines)
    left, notes = seals.unsealed(), erasure.erased()
    if as_json:
        answer = {"lines": lines, "head": newest, "findings": findings, "unsealed": left, "erased": notes}
        print_json(_plain(answer))
    else:
        _show(lines, newest, findings, left)
        if notes:
            tables.note("Erased, as notes in the trail say:")
            tables.report([_note(note) for note in notes])
    if findings:
        raise typer.Exit(REFUSED)


@command(of=audit)
def erase(
    kind: Annotated[str, typer.Argument(help="client, project, meeting or another kind of thing.")],
    thing_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first characters of it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, such as the request that demands it. Name nobody in it: it stays.")],
    with_projects: Annotated[bool, typer.Option(help="Erase also what the trail says about the client's projects.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    actor: ActorName = None,
) -> None:
    """Erase for ever what the trail says about a client or another thing, where the law demands it. The seals still hold."""
    found = erasure.find(kind, ids.resolved_prefix(kind_named(kind) or kind, thing_id), with_projects=with_projects)
    what = f"{len(found.lines):,} lines and {len(found.results):,} kept results about {found.kind} {found.thing_id}"
    if not yes:
        if not out.is_terminal:
            raise InvalidInputError(f"{what} would be erased for ever.", hint="Add --yes.")
        typer.confirm(f"{what} will be erased for ever. Go on?", abort=True)
    with a_person(actor):
        lines = erasure.erase(found, reason=reason)
    if as_json:
        print_json({"lines": lines, "results": len(found.results)})
    else:
        out.print(f"Erased {what}.", soft_wrap=True)


@command(of=audit)
def renumber() -> None:
    """Continue the trail's numbers after lines that were restored by other means than studio-data restore."""
    highest = trail_numbers.renumber()
    out.print(f"Done: new lines are numbered above {highest:,}.")


def _note(note: erasure.Erased) -> dict[str, Any]:
    return {
        "when": f"{note['erased_at']:%Y-%m-%d %H:%M} UTC", "by": note["actor_name"], "lines": f"{note['lines']:,}",
        "reason": note["reason"],
    }  # fmt: skip


def _kept(file: Path) -> seals.Head:
    try:
        return seals.head_from(file.read_bytes())
    except (OSError, InvalidInputError) as error:
        raise InvalidInputError(
            f"{file} does not hold a seal.", hint=f"Give a file that {as_typed('audit seal --head FILE')} wrote."
        ) from error


def _check_still_there(file: Path) -> None:
    """Refuse to replace a head that the chain does not continue: it proves that something was changed."""
    findings = seals.check_head(_kept(file))
    if findings:
        raise ConflictError(
            f"{file} is not replaced: {findings[0]['message']}.", hint=f"Keep it: {as_typed(f'audit verify --head {file}')}."
        )


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    return json.loads(json.dumps(value, default=str))


def _show(lines: int, newest: seals.Head | None, findings: list[seals.Finding], left: seals.Unsealed) -> None:
    if findings:
        tables.report(
            [
                {
                    "seal": finding["seal"] or "",
                    "finding": Text(finding["kind"], style="red"),
                    "what was found": finding["message"],
                }
                for finding in findings
            ]
        )
    elif newest is not None:
        out.print(f"[green]The trail is as it was sealed[/]: {lines:,} lines under {newest['number']:,} seals.")
    else:
        out.print(f"There is no seal yet: {as_typed('audit seal')} makes the first.")
    if left["oldest"] is not None:
        out.print(f"{left['lines']:,} lines are not sealed yet, the oldest of {left['oldest']:%Y-%m-%d %H:%M} UTC.")
