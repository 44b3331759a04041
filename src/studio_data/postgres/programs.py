"""Postgres' own programs: how one is found, and how it connects without showing its password."""

import os
import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple, cast

from studio_data.errors import ConfigurationError, StudioError
from studio_data.postgres import embedded
from studio_data.postgres.pool import StudioConnection


class Program(NamedTuple):
    """A program on this machine, and its major version."""

    path: Path
    version: int


def find(name: str, *, at_least: int) -> Program:
    """Return a program of this major version or newer: from PATH, else from the embedded server's wheel.

    Raises ``ConfigurationError`` if none is found.
    """
    on_path = shutil.which(name)
    in_wheel = [folder / name for version in ("16", "18") if (folder := embedded.programs(version)) is not None]
    found = [_known(path) for path in ([Path(on_path)] if on_path else []) + in_wheel]
    for program in found:
        if program is not None and program.version >= at_least:
            return program
    too_old = ", ".join(f"{program.path} is of {program.version}" for program in found if program is not None)
    raise ConfigurationError(
        f"{name} of Postgres {at_least} or newer is needed, but was not found" + (f": {too_old}." if too_old else "."),
        hint=f"Install the client programs of Postgres {at_least}, or studio-data[embedded].",
    )


def _known(path: Path) -> Program | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\) (\d+)", said)
    return None if version is None else Program(path, int(version[1]))


def environment(connection: StudioConnection) -> dict[str, str]:
    """Return the environment in which a libpq program connects as this connection did, to the same server.

    Every user of the machine can read a process's arguments; only its owner can read its environment.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options = {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.envvar is not None and option.val
    }
    options |= {"PGHOST": connection.info.host, "PGPORT": str(connection.info.port)}  # the host that answered
    options.pop("PGHOSTADDR", None)
    if connection.info.hostaddr:
        options["PGHOSTADDR"] = connection.info.hostaddr
    return own | options


@contextmanager
def running(program: Program, *arguments: str, env: dict[str, str] | None = None) -> Generator[IO[bytes]]:
    """Run a program while the block reads its output. The end of the block waits for it, an exception kills it.

    Raises ``StudioError`` with the program's message if it fails.
    """
    with TemporaryFile() as said:
        with subprocess.Popen([program.path, *arguments], stdout=subprocess.PIPE, stderr=said, env=env) as process:  # noqa: S603
            try:
                yield cast("IO[bytes]", process.stdout)
            except BaseException:
                process.kill()
                raise
        said.seek(0)
        reason = " ".join(said.read().decode(errors="replace").split())
    if process.returncode:
        raise StudioError(f"{program.path.name} failed: {reason or f'exit code {process.returncode}'}.")
