"""Every Python block of every page can be pasted into a prompt, also into one that reads each line by itself.

There a blank line ends an indented block, and nothing but a blank line does.
"""

import os
import re
import subprocess
import sys
import termios
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from select import select

import pytest

from tests.conftest import ROOT
from tests.documentation.test_docs import WITH_EXAMPLES
from tests.support.pages import assert_printed, python_blocks

README = ROOT / "README.md"
PAGES = [page for page in [README, *WITH_EXAMPLES] if python_blocks(page)]
LINE_BY_LINE = {"TERM": "dumb", "PYTHON_BASIC_REPL": "1"}
AS_A_WHOLE = {"TERM": "xterm"}
ASKS = rb"(>>> |\.\.\. )\Z"
PASTE_BEGINS, PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
CTRL_D = b"\x04"
ESCAPES = rb"\x1b(\[[0-9;?]*[a-zA-Z]|[>=])"
MISTAKES = ("Traceback", "SyntaxError", "IndentationError")
PATIENCE = 60  # seconds, for what takes one or two

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


class Prompt:
    """A Python prompt, seen from its terminal."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.said = b""
        self.read_up_to(ASKS)

    def type(self, line: str) -> None:
        """Send a line, and wait until the next one is asked for."""
        self.send(line.encode() + b"\n")
        self.read_up_to(ASKS)

    def paste(self, block: str) -> None:
        """Send a block as a terminal does that says where a paste begins and ends, and wait until it was run."""
        self.send(PASTE_BEGINS + block.encode() + PASTE_ENDS + b"\n")
        self.send(b"print('that', 'was all')\n")
        self.read_up_to(rb"that was all\r[\s\S]*>>> ")

    def send(self, what: bytes) -> None:
        os.write(self.terminal, what)

    def read_up_to(self, end: bytes) -> None:
        said = b""
        ends = time.monotonic() + PATIENCE
        while not re.search(end, re.sub(ESCAPES, b"", said)):
            assert select([self.terminal], [], [], max(0, ends - time.monotonic()))[0], f"it hangs: {self.said + said}"
            try:
                said += os.read(self.terminal, 65536)
            except OSError:
                pytest.fail(f"it ended: {self.said + said}")
        self.said += said

    def text(self) -> str:
        return re.sub(ESCAPES, b"", self.said).decode()


@contextmanager
def prompt(home: Path, terminal: dict[str, str], *arguments: str) -> Generator[Prompt]:
    """Open a prompt that has nobody's settings and history, and leave it with Ctrl-D."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, 250))  # wide enough for every line
    nobodys = {name for name in os.environ if name.startswith("PYTHON")} - {"PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in nobodys}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"HOME": str(home)} | terminal,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        opened = Prompt(ours)
        yield opened
        opened.send(CTRL_D)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def type_all(opened: Prompt, page: Path) -> None:
    for block in python_blocks(page):
        for line in [*block.splitlines(), ""]:
            opened.type(line)


def assert_it_went_well(opened: Prompt, page: Path) -> None:
    said = opened.text()
    assert not [mistake for mistake in MISTAKES if mistake in said], said
    assert_printed("".join(python_blocks(page)), said)


@each_page
def test_a_pages_blocks_can_be_pasted_line_by_line(page: Path, committed_db: str, tmp_path: Path) -> None:
    with prompt(tmp_path, LINE_BY_LINE, "-i") as python:
        type_all(python, page)

    assert_it_went_well(python, page)


def test_the_readmes_blocks_can_be_pasted_into_the_shell(committed_db: str, tmp_path: Path) -> None:
    with prompt(tmp_path, LINE_BY_LINE, "-m", "studio_data", "shell") as shell:
        type_all(shell, README)

    assert_it_went_well(shell, README)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the prompt of Python 3.12 reads a paste line by line")
@each_page
def test_a_pages_blocks_can_be_pasted_as_a_whole(page: Path, committed_db: str, tmp_path: Path) -> None:
    with prompt(tmp_path, AS_A_WHOLE, "-i") as python:
        for block in python_blocks(page):
            python.paste(block)

    assert_it_went_well(python, page)
