"""Hints show the command as the person who reads them can type it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from studio_data.hints import as_typed
from tests.conftest import ROOT

SCRIPT = Path(sys.executable).with_name("studio-data")


def hint(*command: str, **environment: str) -> str:
    """Run a command on a database without tables, and return what it says one must run."""
    finished = subprocess.run(
        [*command, "call", "list_clients"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stderr.rpartition(" Run ")[2]


@pytest.mark.processes
def test_the_command_is_shown_as_it_was_run(empty_db: str) -> None:
    on_path = os.pathsep.join([str(SCRIPT.parent), os.environ["PATH"]])
    not_on_path = os.pathsep.join(place for place in os.environ["PATH"].split(os.pathsep) if place != str(SCRIPT.parent))

    assert hint(sys.executable, "-m", "studio_data") == f"{sys.executable} -m studio_data migrate.\n"
    assert hint(str(SCRIPT), PATH=on_path) == "studio-data migrate.\n"
    assert hint(str(SCRIPT), PATH=not_on_path) == f"{SCRIPT} migrate.\n"


@pytest.mark.processes
def test_what_uv_runs_is_shown_with_uv(empty_db: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "the suite runs through uv"

    for command in (["studio-data"], ["python", "-m", "studio_data"]):
        assert hint(uv, "run", "--no-sync", "--active", *command, VIRTUAL_ENV=sys.prefix) == "uv run studio-data migrate.\n"


def test_an_activated_environment_is_not_taken_for_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert as_typed("migrate") == "studio-data migrate"

    monkeypatch.setenv("UV", "/usr/bin/uv")
    assert as_typed("migrate") == "uv run studio-data migrate"
    monkeypatch.setenv("VIRTUAL_ENV", "/another/environment")
    assert as_typed("migrate") == "studio-data migrate"
