"""The pages of docs/ are complete and true to the code, and every example in them runs."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from studio_data.cli import app
from studio_data.registry import Tool, get_tool
from tests import reference
from tests.conftest import ROOT
from tests.markdown import anchors, code_blocks, links
from tests.support import studio_data

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
WITH_EXAMPLES = [page for page in PAGES if page != reference.PAGE]  # its generator has run its examples
COMMANDS_OF_OTHERS = {"cp", "createdb", "docker", "psql"}
COMMANDS_THAT_END = {"tools", "call", "activity", "prune", "migrate"}
WRITE_IT = f"{reference.COMMAND} writes docs/reference.md anew"


def each(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def words_of(code: str) -> list[list[str]]:
    """Split a bash block into its commands' words, without variables set before them and without ``uv run``."""
    lines = code.replace("\\\n", " ").splitlines()
    commands = [re.sub(r"^((\w+=\S*|uv run) )*", "", line) for line in lines]
    return [words for command in commands if (words := shlex.split(command, comments=True))]


# The reference --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", reference.own_tools(), ids=lambda tool: tool.name)
def test_the_reference_has_an_entry_for_every_tool(tool: Tool) -> None:
    assert f"\n### {tool.name}\n" in text_of(reference.PAGE), f"{tool.name} has no entry: {WRITE_IT}"


def test_the_reference_is_what_the_code_makes() -> None:
    assert text_of(reference.PAGE) == reference.page(), WRITE_IT


# Examples -------------------------------------------------------------------------------------------------------------


@each(WITH_EXAMPLES)
def test_the_examples_of_a_page_run_one_after_the_other(
    page: Path, committed_db: str, capfd: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    for language, code in code_blocks(text_of(page)):
        if language == "python":
            exec(compile(code, page.name, "exec"), names)  # noqa: S102
        elif language == "bash":
            for words in words_of(code):
                if words[0] == "studio-data" and words[1] in COMMANDS_THAT_END and "--follow" not in words:
                    exit_code, said, wrong = studio_data(*words[1:])
                    assert exit_code == 0, said + wrong

    printed = re.findall(r"^ *print\(.+\)  # (.+)$", text_of(page), re.MULTILINE)
    assert printed == [line for line in capfd.readouterr().out.splitlines() if line in printed]


@each(PAGES)
def test_every_command_of_a_page_exists(page: Path) -> None:
    commands = typer.main.get_command(app)
    assert isinstance(commands, TyperGroup)
    for code in (code for language, code in code_blocks(text_of(page)) if language == "bash"):
        for words in words_of(code):
            match words:
                case ["studio-data", command, *arguments]:
                    assert command in commands.commands, f"studio-data has no command {command}"
                    found = commands.commands[command]
                    while isinstance(found, TyperGroup):
                        command, *arguments = arguments
                        assert command in found.commands, f"no group of studio-data has a command {command}"
                        found = found.commands[command]
                    context = found.make_context(command, arguments)  # refuses unknown options
                    if command == "call":
                        assert get_tool(context.params["name"])
                case ["python", "-m", module, *_] | ["--group", _, "python", "-m", module, *_]:
                    assert find_spec(module), f"there is no module {module}"
                case ["pytest", *arguments]:
                    missing = [path for path in arguments if path.startswith("tests/") and not (ROOT / path).exists()]
                    assert not missing
                case _:
                    assert words[0] in COMMANDS_OF_OTHERS, f"nothing checks {' '.join(words)}"


# Links ----------------------------------------------------------------------------------------------------------------


@each([ROOT / "README.md", ROOT / "SECURITY.md", *PAGES])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links(text_of(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(text_of(target)), f"{link}: there is no such heading"


def test_the_table_of_contents_lists_every_page() -> None:
    listed = links(text_of(DOCS / "README.md"))

    assert {file.name for file in DOCS.iterdir() if file.is_file()} - {"README.md"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_no_page_holds_a_block_that_is_not_closed() -> None:
    for page in PAGES:
        assert text_of(page).count("```") == 2 * len(code_blocks(text_of(page))), page.name
