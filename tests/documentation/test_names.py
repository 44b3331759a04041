"""Pages, docstrings, comments and messages name only tools and files that exist."""

import re
from functools import cache
from pathlib import Path

import pytest

from studio_data.contract.registry import all_tools
from tests.conftest import ROOT

SUFFIXES = {".py", ".md", ".sql", ".toml", ".sh"}
A_CALL = re.compile(r"""(?:studio-data |as_typed\(["'])call ([a-z]\w*)""")
A_FILE = re.compile(r"(?<![\w./*${-])((?:[\w.-]+/)*[\w-]+\.(?:py|md|sql|toml|sh))(?![\w/])")
PATTERNS = {"NNN_words.sql"}


@cache
def committed() -> list[Path]:
    found = [
        ROOT / "README.md",
        ROOT / "SECURITY.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / ".ci" / "run",
        ROOT / "pyproject.toml",
    ]
    for folder in ("src", "tests", "docs", "migrations", "benchmarks", "findings"):
        found += [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES]
    return found


def names_of(path: Path) -> set[str]:
    """Return the ways in which a file may be named: by any end of its path."""
    parts = path.relative_to(ROOT).parts
    return {"/".join(parts[start:]) for start in range(len(parts))}


@cache
def known_files() -> set[str]:
    return {name for path in [*committed(), ROOT / "CHANGELOG.md"] for name in names_of(path)}


@pytest.mark.parametrize("folder", ["docs", "src", "tests", "benchmarks", "migrations", "."])
def test_every_tool_that_a_command_calls_exists(folder: str) -> None:
    tools = {tool.name for tool in all_tools()}
    for path in committed():
        if path.is_relative_to(ROOT / folder) and (folder != "." or path.parent == ROOT):
            called = set(A_CALL.findall(path.read_text(encoding="utf-8")))
            assert called <= tools, f"{path.relative_to(ROOT)} calls {called - tools}"


def test_every_file_that_is_named_exists() -> None:
    missing: list[str] = []
    for path in committed():
        text = said_in(path)
        missing += [
            f"{path.relative_to(ROOT)} names {name}"
            for name in A_FILE.findall(text)
            if name.lstrip("./") not in known_files() | PATTERNS and "NAME" not in name
        ]
    assert missing == [], "\n".join(missing)


def said_in(path: Path) -> str:
    """Return what a file says to people: a module's comments and docstrings, a page without its examples' data."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return "\n".join(re.findall(r"#.*", text) + re.findall(r'"""(.*?)"""', text, re.DOTALL))
    if path.is_relative_to(ROOT / "migrations") or path.is_relative_to(ROOT / "docs" / "reference"):
        return ""  # a released migration is never edited; the reference is generated, and full of examples' files
    return re.sub(r"```(?:python|json)\n.*?```", "", text, flags=re.DOTALL)
