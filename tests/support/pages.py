"""What somebody does who pastes the Python blocks of a page into a prompt."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from tests.support.markdown import code_blocks

_PRINT = re.compile(r"^ *print\(.+\)  # (.+)$", re.MULTILINE)


def python_blocks(page: Path) -> list[str]:
    """Return the code of every Python block, in order."""
    return [code for language, code in code_blocks(page.read_text(encoding="utf-8")) if language == "python"]


def a_prompt() -> dict[str, Any]:
    """Return the names of a prompt that was just opened."""
    return {"__name__": "__main__"}


def run(page: Path, names: dict[str, Any], *, blocks: int | None = None) -> None:
    """Run the blocks of a page one after the other, all or the first ones, and check what they print."""
    codes = python_blocks(page)[:blocks]
    with redirect_stdout(StringIO()) as said:
        for code in codes:
            exec(compile(code, page.name, "exec"), names)  # noqa: S102
    assert_printed("".join(codes), said.getvalue())


def assert_printed(text: str, said: str) -> None:
    """Check that what the comment behind each ``print`` expects was printed, in this order."""
    expected = _PRINT.findall(text)
    assert [line for line in said.splitlines() if line in expected] == expected
