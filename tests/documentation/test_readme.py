"""Every code block of the README does what it says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

import pytest

from studio_data import db
from tests.conftest import ROOT
from tests.support.markdown import code_blocks
from tests.support.pages import a_prompt, run

PAGE = ROOT / "README.md"
README = PAGE.read_text(encoding="utf-8")
BLOCKS = code_blocks(README)


def blocks(language: str) -> list[str]:
    return [code for found, code in BLOCKS if found == language]


def test_the_readme_holds_no_block_that_nothing_checks() -> None:
    assert README.count("```") == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"bash", "python", "mermaid"}


ACTIONS = ["created", "created", "phase_changed", "created", "created", "created", "created", "created", "renamed"]


def test_the_python_blocks_run_one_after_the_other(committed_db: str) -> None:
    run(PAGE, a_prompt())

    assert actions() == ACTIONS
    assert db.many("SELECT actor_name FROM activity_log ORDER BY id")[-1] == {"actor_name": "rename_project"}


def test_a_second_run_repeats_no_call_that_had_a_key(committed_db: str) -> None:
    for _ in range(2):
        run(PAGE, a_prompt())

    again = actions()[len(ACTIONS) :]
    assert again == ["created", "created", "phase_changed", "created", "created", "created", "renamed"]


def actions() -> list[str]:
    return [row["action"] for row in db.many("SELECT action FROM activity_log ORDER BY id")]


def test_the_commands_at_the_top_are_the_demo_and_the_suite() -> None:
    assert blocks("bash")[:2] == ["uv run studio-data demo\n", "uv run pytest\n"]


@pytest.mark.processes
def test_the_demo_block_runs(bare_environment: dict[str, str]) -> None:
    assert "Audit trail" in run_in_checkout(blocks("bash")[0], bare_environment)


@pytest.mark.processes
def test_the_suite_block_finds_the_tests() -> None:
    said = run_in_checkout(blocks("bash")[1].strip() + " --collect-only -q tests/documentation/test_readme.py", os.environ)
    assert "test_the_commands_at_the_top_are_the_demo_and_the_suite" in said


@pytest.mark.processes
def test_the_commands_for_tools_run(committed_db: str) -> None:
    tools, previewed, _ = [run_in_checkout(line, os.environ) for line in blocks("bash")[2].splitlines()]

    assert "create_project" in tools
    assert "clients\tinserted\t" in previewed
    assert db.one("SELECT count(*) AS clients FROM clients") == {"clients": 0}


@pytest.mark.processes
def test_the_docker_block_ends_with_nothing_to_do(committed_db: str) -> None:
    copy, up, migrate = blocks("bash")[3].splitlines()
    assert up == "docker compose up -d --wait"
    source, target = re.findall(r"\.env\S*", copy)
    assert (ROOT / source).is_file()
    assert target == ".env"
    settings = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / source).read_text(encoding="utf-8"), re.MULTILINE))
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    url = "postgresql://studio:{POSTGRES_PASSWORD}@127.0.0.1:{POSTGRES_PORT}/studio".format(**settings)
    assert settings["DATABASE_URL"] == url
    for promise in (
        "image: postgres:16", "POSTGRES_USER: studio", "POSTGRES_DB: studio", "${POSTGRES_PASSWORD:-studio}",
        "127.0.0.1:${POSTGRES_PORT:-5432}:5432", "./migrations:/docker-entrypoint-initdb.d:ro", "pg_isready",
    ):  # fmt: skip
        assert promise in compose
    # The container's database is one that psql initialised from the folder: tests/postgres/test_migrate.py makes such a one.
    assert "Nothing to do" in run_in_checkout(migrate, os.environ | {"DATABASE_URL": committed_db})


def run_in_checkout(command: str, environment: Mapping[str, str]) -> str:
    """Run a line of the README as it stands, but for uv's own work of finding the environment we are in."""
    words = shlex.split(command)
    assert words[:2] == ["uv", "run"]
    finished = subprocess.run(
        [sys.executable, "-m", *{"studio-data": ["studio_data"]}.get(words[2], [words[2]]), *words[3:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
