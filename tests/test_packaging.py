"""The wheel works without the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.conftest import ROOT


def run(*command: str, **environment: str) -> str:
    finished = subprocess.run(
        command, cwd="/", env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_an_installed_wheel_can_migrate(empty_db: str, tmp_path: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "the suite runs through uv"
    run(uv, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", str(tmp_path / "dist"), str(ROOT))
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(uv, "pip", "install", "--quiet", "--python", python, f"studio-data[cli] @ {wheel.as_uri()}")

    said = run(str(tmp_path / "venv" / "bin" / "studio-data"), "migrate", DATABASE_URL=empty_db)
    assert "Done: the database is at version" in said
    said = run(str(tmp_path / "venv" / "bin" / "studio-data"), "migrate", DATABASE_URL=empty_db)
    assert "Nothing to do: the database is at version" in said
    with psycopg.connect(empty_db) as connection:
        assert connection.execute("SELECT count(*) FROM workflow_templates").fetchone() == (160,)

    without_extra = subprocess.run(
        [python, "-c", "from studio_data.db import one; one('SELECT 1 AS a')"],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Set DATABASE_URL, or install studio-data[embedded]" in without_extra.stderr
