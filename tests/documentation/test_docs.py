"""The pages of docs/ are complete and true to the code, and every example in them runs."""

import re
import shlex
from contextlib import redirect_stdout
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from typer.core import TyperGroup

from studio_data.cli.commands import COMMANDS, loaded
from studio_data.contract.domain import domains
from studio_data.contract.registry import Tool, get_tool
from studio_data.tools.activity import list_activity
from tests.conftest import ROOT
from tests.support import reference, studio_data, tools_of_the_test
from tests.support.markdown import anchors, code_blocks, links
from tests.support.pages import a_prompt, assert_printed, run

DOCS = ROOT / "docs"
WITH_EXAMPLES = [ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
PAGES = [*WITH_EXAMPLES, *sorted(reference.FOLDER.glob("*.md"))]  # whose generator has run their examples
COMMANDS_OF_OTHERS = {"bash", "cp", "createdb", "docker", "faketime", "psql"}
COMMANDS_THAT_END = {"tools", "call", "activity", "prune", "migrate"}
WRITE_IT = f"{reference.COMMAND} writes docs/reference/ anew"


def each(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def words_of(code: str) -> list[list[str]]:
    """Split a bash block into its commands' words, without variables set before them and without ``uv run``."""
    lines = code.replace("\\\n", " ").splitlines()
    commands = [re.sub(r"^((\w+=\S*|uv run) )*", "", line) for line in lines]
    return [words for command in commands if (words := shlex.split(command, comments=True))]


# The reference --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", reference.own_tools(), ids=lambda tool: tool.name)
def test_the_reference_has_the_contract_of_every_tool(tool: Tool) -> None:
    page = text_of(reference.page_of(tool.module.rpartition(".")[0]))
    assert f"\n### {tool.name}\n" in page, f"{tool.name} has no entry: {WRITE_IT}"
    entry = page.partition(f"\n### {tool.name}\n")[2].partition("\n### ")[0]
    assert f"fingerprint `{tool.fingerprint}`" in entry, f"What callers see of {tool.name} has changed: {WRITE_IT}"


def test_the_reference_is_what_the_code_makes() -> None:
    assert {page: text_of(page) for page in reference.FOLDER.glob("*.md")} == reference.pages(), WRITE_IT


# Examples -------------------------------------------------------------------------------------------------------------


@each(WITH_EXAMPLES)
def test_the_examples_of_a_page_run_one_after_the_other(page: Path, committed_db: str) -> None:
    names = a_prompt()
    with redirect_stdout(StringIO()) as said:
        for language, code in code_blocks(text_of(page)):
            if language == "python":
                exec(compile(code, page.name, "exec"), names)  # noqa: S102
            elif language == "bash":
                for words in words_of(code):
                    if words[0] == "studio-data" and words[1] in COMMANDS_THAT_END and "--follow" not in words:
                        exit_code, out, wrong = studio_data(*words[1:])
                        assert exit_code == 0, out + wrong

    assert_printed(text_of(page), said.getvalue())


@pytest.mark.processes
def test_all_pages_run_again_in_any_order_after_the_demo(committed_db: str) -> None:
    for demo in (["demo", "--yes"], ["demo", "--full", "--yes"]):
        assert studio_data(*demo)[0] == 0
    pages = [ROOT / "README.md", *WITH_EXAMPLES]
    for seeds in ([1, 2], [3]):  # somebody pastes every page twice, and comes back another day
        names = a_prompt()
        with tools_of_the_test():
            for seed in seeds:
                for page in Random(seed).sample(pages, len(pages)):
                    run(page, names)


def test_the_quickstart_leaves_one_line_however_often_it_is_run(committed_db: str) -> None:
    for _ in range(2):
        run(DOCS / "quickstart.md", a_prompt())

    (line,) = list_activity(run_id="inquiry-17")["items"]
    assert (line["actor_name"], line["action"]) == ("studio_manager", "created")


@each(PAGES)
def test_every_command_of_a_page_exists(page: Path) -> None:
    for code in (code for language, code in code_blocks(text_of(page)) if language == "bash"):
        for words in words_of(code):
            match words:
                case ["studio-data", command, *arguments]:
                    assert command in COMMANDS, f"studio-data has no command {command}"
                    found = loaded(command)
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
    of_domains = {page for domain in domains().values() for page in domain.pages}
    listed = links(text_of(DOCS / "README.md"))

    assert {file.name for file in DOCS.iterdir() if file.is_file()} - {"README.md"} <= set(listed) | of_domains
    assert len(listed) == len(set(listed))


def test_no_page_holds_a_block_that_is_not_closed() -> None:
    for page in PAGES:
        assert text_of(page).count("```") == 2 * len(code_blocks(text_of(page))), page.name
