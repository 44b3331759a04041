"""The command line in processes of its own: none outlives its test, however the test ends."""

import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

COMMAND = [sys.executable, "-m", "studio_data"]


@contextmanager
def started(*arguments: str, **options: Any) -> Generator["subprocess.Popen[str]"]:
    """Start the command, its output on pipes unless the options say otherwise; the end of the block ends it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen([*COMMAND, *arguments], text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def twice_at_once(*arguments: str) -> list["subprocess.CompletedProcess[str]"]:
    """Run the command in two processes at the same time, until both have ended."""

    def run(_: int) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*COMMAND, *arguments], cwd="/", capture_output=True, text=True, check=False, timeout=60)

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(run, range(2)))
