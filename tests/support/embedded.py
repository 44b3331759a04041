"""Real processes that use an embedded server, and what they leave behind."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from studio_data.config import Settings

VERSION = Settings().embedded_version
MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own is made in it)
ROOM_IN_MEMORY = 4 * 2**30

USER = """
import sys
from studio_data import db
db.one("SELECT 1 AS ready")
print(db.connection_string(), flush=True)
for line in sys.stdin:
    try:
        print(db.one(line.strip()), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@contextmanager
def server_folder() -> Generator[Path]:
    """Make a folder for servers that every local account may pass through: in memory where there is room.

    There a database is made in a twentieth of a second, on an ordinary disk in up to half a second.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY
    with tempfile.TemporaryDirectory(prefix="sd-", dir=MEMORY if has_room else None) as name:
        Path(name).chmod(0o711)  # the account that runs the server for root must get through
        yield Path(name)


def servers(folder: Path) -> list[psutil.Process]:
    """The postmasters below a folder."""
    found: list[psutil.Process] = []
    for pid_file in folder.rglob("postmaster.pid"):
        try:
            process = psutil.Process(int(pid_file.read_text().split()[0]))
        except (FileNotFoundError, psutil.NoSuchProcess, IndexError):
            continue  # it has just stopped
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def backends(data: Path) -> list[int]:
    """The processes that work in a cluster, a zombie not among them."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(data):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def environment(folder: Path) -> dict[str, str]:
    dropped = {"DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}  # compiled once, the next process starts in half the time
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    return inherited | {"STUDIO_DATA_EMBEDDED_DIR": str(folder)}


def run_as(account: str) -> list[str]:
    """Run a program as an ordinary account that may read what root reads: this Python may lie in root's home."""
    capabilities = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={account}", "--clear-groups", *capabilities]


class User:
    """A process that uses the embedded server of a folder."""

    url = ""
    """Its connection string, once it is connected."""

    def __init__(self, folder: Path, account: str | None = None) -> None:
        self.process = subprocess.Popen(
            [*(run_as(account) if account else []), sys.executable, "-c", USER],
            cwd="/",
            env=environment(folder) | {"HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait(self) -> None:
        """Wait until the user is connected."""
        self.url = self.output.readline().strip()
        if not self.url:
            raise AssertionError(self.process.communicate()[1])

    def ask(self, query: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(query + "\n")
        self.process.stdin.flush()
        return self.output.readline().strip()

    def leave(self) -> str:
        """End as a program ends; return what it said on stderr."""
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return said


@contextmanager
def users(folder: Path, number: int, account: str | None = None) -> Generator[list[User]]:
    started = [User(folder, account) for _ in range(number)]
    try:
        for user in started:
            user.wait()
        yield started
    finally:
        for user in started:
            if user.process.poll() is None:
                user.process.kill()
            user.process.communicate()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
