"""The wheel works without the checkout, with any extra alone and without one."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from studio_data.__main__ import MISCONFIGURED
from tests.conftest import ROOT
from tests.support.markdown import code_blocks

OUTSIDE = Path("/")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
USE = {
    "agents": "from studio_data.tools.runs import api_keys as k; assert k.decrypted(k.encrypted('a')) == 'a'",
    "cli": "from studio_data.cli import app",
    "embedded": "from studio_data.db import one; assert one('SELECT 1 AS a') == {'a': 1}",
    "langgraph": "from studio_data.langgraph import checkpointer; checkpointer().__enter__()",
    "mcp": "from studio_data.mcp.server import server_for",
    "otel": "from opentelemetry import trace",
}
CALL = "import studio_data; assert studio_data.call('list_clients', {}) == {'items': [], 'next': None, 'left': 0}"

type Install = Callable[[str | None], Path]


def uv(*arguments: str, cwd: Path = OUTSIDE) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "the suite runs through uv"
    # At the machine's own time, for a registry's certificate; in a user's project the suite's own environment is not known.
    of_the_run = {"LD_PRELOAD", "UV_PROJECT_ENVIRONMENT"}
    users = {name: value for name, value in os.environ.items() if name not in of_the_run}
    ended = run(program, *arguments, cwd=cwd, environment=users)
    assert ended.returncode == 0, ended.stderr


def run(
    *command: str | Path, cwd: Path = OUTSIDE, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=240)


def without_database(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | {"STUDIO_DATA_EMBEDDED_DIR": str(folder)}


@pytest.fixture(scope="module")
def install() -> Generator[Install]:
    """Install the wheel that the source distribution builds, with an extra or none; return where its commands are."""
    with TemporaryDirectory(prefix="sd-") as folder:
        uv("build", "--quiet", "--python", sys.executable, "--out-dir", f"{folder}/dist", str(ROOT))
        (wheel,) = Path(folder, "dist").glob("*.whl")

        @cache
        def installed(extra: str | None) -> Path:
            home = Path(folder, extra or "bare")
            uv("venv", "--quiet", "--python", sys.executable, str(home))
            package = f"studio-data{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
            uv("pip", "install", "--quiet", "--python", str(home / "bin" / "python"), package)
            return home / "bin"

        yield installed


def test_an_installed_wheel_can_migrate(empty_db: str, install: Install) -> None:
    command = install("cli") / "studio-data"

    assert "Done: the database is at version" in run(command, "migrate").stdout
    assert "Nothing to do: the database is at version" in run(command, "migrate").stdout
    with psycopg.connect(empty_db) as connection:
        assert connection.execute("SELECT count(*) FROM workflow_templates").fetchone() == (160,)


def test_tools_can_be_called_without_any_extra(committed_db: str, install: Install) -> None:
    ended = run(install(None) / "python", "-W", "error", "-c", CALL)

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_is_enough_for_what_it_brings(committed_db: str, install: Install, folder: Path, extra: str) -> None:
    environment = without_database(folder) if extra == "embedded" else None

    ended = run(install(extra) / "python", "-c", USE[extra], environment=environment)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("extra", ["agents", "embedded", "langgraph"])
def test_a_missing_extra_is_named(committed_db: str, install: Install, folder: Path, extra: str) -> None:
    environment = without_database(folder) if extra == "embedded" else None

    ended = run(install(None) / "python", "-c", USE[extra], environment=environment)

    last = ended.stderr.splitlines()[-1]
    assert last.startswith("studio_data.errors.ConfigurationError: ")
    assert last.lower().endswith(f"install studio-data[{extra}].")


def test_the_command_names_its_extra(install: Install) -> None:
    places = install(None)

    for command in ([places / "studio-data"], [places / "python", "-m", "studio_data"]):
        ended = run(*command, "tools")
        assert (ended.returncode, ended.stdout) == (MISCONFIGURED, "")
        assert ended.stderr == "studio-data: The command line needs typer. Install studio-data[cli].\n"


def test_the_readme_lists_every_extra() -> None:
    _, _, table = README.partition("| extra |")

    assert re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE) == list(EXTRAS)


def test_the_readme_adds_the_package_to_a_project(tmp_path: Path) -> None:
    block = next(code for language, code in code_blocks(README) if language == "bash" and "uv add" in code)
    add, install = (shlex.split(line) for line in block.splitlines())
    assert (add[:2], install[:2]) == (["uv", "add"], ["pip", "install"])
    (tmp_path / "studio-data").symlink_to(ROOT)
    project = tmp_path / "project"
    uv("init", "--quiet", "--bare", "--python", sys.executable, str(project))

    uv("--project", str(project), *add[1:], cwd=project)
    assert run(project / ".venv" / "bin" / "studio-data", "--version").returncode == 0
    uv(*install, "--dry-run", "--python", str(project / ".venv" / "bin" / "python"), cwd=project)
