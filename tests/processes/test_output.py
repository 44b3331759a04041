"""What becomes of a command's output in files, pipes, full disks and narrow terminals, as real processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio_data import db
from studio_data.cli.output import NOBODY_READS, NOT_WRITTEN
from studio_data.tools.clients import create_client
from tests.support import clients
from tests.support.embedded import within
from tests.support.processes import COMMAND, started

FULL = Path("/dev/full")
INTERRUPTED_IN_WRITES = """
import signal
import sys
from studio_data.cli import output

def interrupt(_, frame):
    if frame.f_code.co_filename == output.__file__:
        raise KeyboardInterrupt

output.take_over()
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for number in range(20_000):
    try:
        sys.stdout.write(f"{number}\\n")
    except KeyboardInterrupt:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
"""
INTERRUPTED_AT_THE_START = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from studio_data.__main__ import main
main()
"""


def run(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], stdout=stdout, stderr=subprocess.PIPE, env=os.environ | environment, text=True, check=False
    )


def test_what_follow_has_written_is_in_the_file_at_once(committed_db: str, tmp_path: Path) -> None:
    file = tmp_path / "trail"

    def ids() -> list[str]:
        return [json.loads(line)["entity_id"] for line in file.read_text(encoding="utf-8").splitlines()]

    first = create_client("Ann")
    with file.open("w") as stdout, started("activity", "--follow", "--json", stdout=stdout) as following:
        assert within(60, lambda: ids() == [str(first["id"])])
        second = create_client("Ben")
        assert within(60, lambda: len(ids()) == 2)

        following.send_signal(signal.SIGTERM)
        _, error = following.communicate(timeout=60)
    assert (following.returncode, error) == (-signal.SIGTERM, "")
    assert ids() == [str(first["id"]), str(second["id"])]


def test_no_line_is_written_twice_when_ctrl_c_comes_in_a_write() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_IN_WRITES], capture_output=True, text=True, check=True)

    lines = ended.stdout.splitlines()
    assert len(lines) > 10_000
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("form", ["--json", None])
def test_follow_ends_when_its_reader_has_gone(committed_db: str, form: str | None) -> None:
    create_client("Ann")
    with started("activity", "--follow", *([form] if form else [])) as following:
        assert following.stdout is not None
        assert following.stdout.readline()

        following.stdout.close()
        create_client("Ben")

        assert following.wait(timeout=60) == NOBODY_READS
        assert following.stderr is not None
        assert following.stderr.read() == ""


@pytest.mark.parametrize(
    "arguments", ["tools", "tools --json mcp --role reader", "call --json list_clients", "--help", "--version"]
)
def test_a_command_whose_reader_has_gone_ends_quietly(committed_db: str, arguments: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    ended = run(*arguments.split(), stdout=writing)

    os.close(writing)
    assert (ended.returncode, ended.stderr) == (NOBODY_READS, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", ["tools", "call --json create_client --name Ann"])
def test_a_full_disk_is_one_line_and_exit_code_5(committed_db: str, arguments: str) -> None:
    with FULL.open("w") as full:
        ended = run(*arguments.split(), stdout=full.fileno())

    assert ended.returncode == NOT_WRITTEN == 5
    assert ended.stderr.startswith("studio-data: The output cannot be written: No space left on device. ")
    assert ended.stderr.count("\n") == 1
    assert clients() == arguments.count("create_client")


@pytest.mark.parametrize("arguments", ["tools", "call list_clients", "activity", "migrate --status"])
def test_a_narrow_terminal_without_colours_is_enough(committed_db: str, arguments: str) -> None:
    create_client("Ann", email="ann@example.com")

    ended = run(*arguments.split(), COLUMNS="40", NO_COLOR="1", FORCE_COLOR="1")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout
    assert not re.search(r"\x1b\[(\d+;)*[349]\d", ended.stdout), "NO_COLOR is set"


def test_a_closed_output_changes_nothing_else(committed_db: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m studio_data call --json create_client --name Ann >&-'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert db.one("SELECT name FROM clients") == {"name": "Ann"}


def test_ctrl_c_while_a_command_starts_is_quiet() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_AT_THE_START], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
