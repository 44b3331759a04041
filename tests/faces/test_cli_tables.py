"""Tables of the command line: what fits on a terminal, and everything in a pipe."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from studio_data import db
from studio_data.contract.registry import all_tools
from studio_data.tools.clients import create_client
from studio_data.tools.practice.tasks import add_task
from studio_data.tools.projects import create_project
from tests.support import studio_data

LISTINGS = [
    ["call", "list_clients"],
    ["call", "list_projects"],
    ["call", "list_tasks"],
    ["call", "list_line_items", "--project-id", "Nguyen living and dining"],
    ["call", "list_purchase_orders"],
    ["call", "list_fees"],
    ["call", "list_meetings"],
    ["call", "list_activity"],
    ["tools"],
    ["tools", "--role", "transcriptionist"],
    ["activity"],
]


# In a pipe ------------------------------------------------------------------------------------------------------------


def test_a_pipe_gets_every_column_whole() -> None:
    client = create_client("Ann " + "Example " * 20, email="ann@example.com", screening_data={"style": "modern"})

    _, said, noted = studio_data("call", "list_clients")

    header, row = (line.split("\t") for line in said.splitlines())
    found = dict(zip(header, row, strict=True))
    assert set(found) == set(client)
    assert (found["id"], found["name"], found["phone"]) == (str(client["id"]), client["name"], "")
    assert json.loads(found["screening_data"]) == {"style": "modern"}
    assert noted == ""


def test_in_a_pipe_a_row_stays_on_its_line() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "mixed")["project"]
    task = add_task(project["id"], name="Call", phase="purchasing", description="first\nsecond\tthird")

    for arguments in (["get_task", "--task-id", str(task["id"])], ["list_tasks", "--phase", "purchasing"]):
        header, *rows = studio_data("call", *arguments)[1].splitlines()
        assert {len(row.split("\t")) for row in rows} == {len(header.split("\t"))}
        assert "first\\nsecond\\tthird" in rows[-1].split("\t")


def test_in_a_pipe_the_cursor_is_on_stderr() -> None:
    for name in ("Ann", "Ben"):
        create_client(name)

    _, said, noted = studio_data("call", "list_clients", "--limit", "1")

    assert len(said.splitlines()) == 2
    cursor = noted.removeprefix("1 more. The next page: --after ").strip()
    _, said, noted = studio_data("call", "list_clients", "--limit", "1", "--after", cursor)
    assert ("\tAnn\t" in said, noted) == (True, "")
    assert studio_data("call", "list_projects")[1:] == ("", "nothing found\n")


def test_in_a_pipe_every_tool_can_be_found_by_name() -> None:
    lines = studio_data("tools")[1].splitlines()

    assert [line.split("\t")[0] for line in lines] == ["tool", *(tool.name for tool in all_tools())]


def test_in_a_pipe_a_preview_has_every_change() -> None:
    client = create_client("Ann")

    _, said, noted = studio_data(
        "call", "--preview", "create_project", "--client-id", "Ann", "--name", "LR", "--project-type", "furnishings"
    )

    header, *rows = (line.split("\t") for line in said.splitlines())
    assert header == ["table", "operation", "id", "values"]
    assert [row[0] for row in rows].count("project_tasks") == 135
    assert any(f"client_id: {client['id']}" in row[3] for row in rows)
    assert noted == "Nothing was written.\n"


# On a terminal --------------------------------------------------------------------------------------------------------


def test_on_a_terminal_a_row_is_a_line_that_fits(committed_db: str) -> None:
    assert studio_data("demo", "--full", "--yes")[0] == 0

    for listing in LISTINGS:
        rows = len(studio_data(*listing)[1].splitlines()) - 1
        columns: list[int] = []
        for width in (60, 80, 120):
            code, said, _ = studio_data(*listing, terminal=width)
            table = re.split(r"^(?:--wide shows|(?:At least )?[0-9]+ more)", said, flags=re.MULTILINE)[0].splitlines()
            assert code == 0, listing
            assert max(map(len, table)) <= width
            assert 1 <= len(table) - rows <= 3, f"a row of {listing} takes several lines, or its header too many"
            columns.append(len(re.split(r" {2,}", table[-1].strip())))
        assert 2 <= columns[0] <= columns[1] <= columns[2]


def test_on_a_terminal_the_hidden_columns_are_named(committed_db: str) -> None:
    create_client("Ann", email="ann@example.com", source="web", screening_data={"style": "modern"})

    _, said, _ = studio_data("call", "list_clients", terminal=60)
    assert re.match(r"id +name +status +email +source *\n", said)
    assert "--wide shows 3 more columns: screening data, created at, \nupdated at" in said

    _, said, _ = studio_data("call", "--wide", "list_clients", terminal=60)
    assert re.search(r'^screening data +\{"style": "modern"\} *$', said, re.MULTILINE)
    assert "phone" not in said  # nobody has one
    _, said, _ = studio_data("call", "--wide", "list_clients", terminal=200)
    assert re.match(r"id +name +status +email +source +screening data +created at +updated at *\n", said)


def test_on_a_terminal_a_long_text_is_cut_in_listings_alone() -> None:
    project = create_project(create_client("Ann")["id"], "Kitchen " * 12, "mixed")["project"]

    assert re.search(r"Kitchen .*… ", studio_data("call", "list_projects", terminal=80)[1])
    said = studio_data("call", "get_project", "--project-id", str(project["id"]), terminal=80)[1]
    assert said.count("Kitchen") == 12


def test_tools_has_whole_names_on_a_narrow_terminal() -> None:
    said = studio_data("tools", terminal=80)[1]

    assert {tool.name for tool in all_tools()} <= {line.split(" ")[0] for line in said.splitlines()}


def test_wide_stands_before_the_tools_name() -> None:
    code, _, error = studio_data("call", "list_clients", "--wide", terminal=80)

    assert (code, "Options go before the tool's name." in error) == (1, True)


def test_an_answer_in_parts_shows_its_rows_as_tables() -> None:
    project = create_project(create_client("Ann")["id"], "LR", "mixed")["project"]

    said = studio_data("call", "project_overview", "--project-id", str(project["id"]), terminal=80)[1]

    assert re.search(r"^gates .*\n +gate +found +calls *$", said, re.MULTILINE)
    assert re.search(r"^ +conceptual_design +44 +0 *$", said, re.MULTILINE)


def test_a_terminal_too_narrow_for_tables_gets_answers_all_the_same() -> None:
    project = create_project(create_client("Ann", screening_data={"": [{"": 1}]})["id"], "LR", "mixed")["project"]

    for arguments in (
        ["project_overview", "--project-id", str(project["id"])],
        ["list_tasks"],
        ["get_client", "--client-id", "Ann"],
    ):
        assert studio_data("call", *arguments, terminal=8)[0] == 0


def printed_on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the command as a process on a terminal of 80 columns, and return every character that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    unset = {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, "-m", "studio_data", *arguments],
        env=kept | {"TERM": "xterm-256color"} | environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that nobody will write any more
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert process.wait(30) == 0
    return written.decode()


@pytest.mark.processes
@pytest.mark.parametrize(
    "arguments", [["migrate", "--status"], ["call", "list_clients"], ["audit", "verify"], ["call", "--help"]]
)
def test_no_color_leaves_no_escape_code(committed_db: str, arguments: list[str]) -> None:
    create_client("Ann")
    db.close()

    assert "\x1b[" in printed_on_a_terminal(*arguments)
    plain = printed_on_a_terminal(*arguments, NO_COLOR="1")
    assert ("\x1b" in plain, "\t" in plain) == (False, False)
