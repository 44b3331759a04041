"""Postgres' own programs: where a fitting one is, and how it reaches the database without its password being seen."""

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
    """A program that is here, and its major version."""

    path: Path
    version: int


def find(name: str, *, at_least: int) -> Program:
    """Return a program of this major version or a newer one: from PATH, or else from the embedded server's wheel.

    Raises ``ConfigurationError`` if there is none.
    """
    on_path = shutil.which(name)
    in_wheel = [folder / name for version in ("16", "18") if (folder := embedded.programs(version)) is not None]
    found = [_known(path) for path in ([Path(on_path)] if on_path else []) + in_wheel]
    for program in found:
        if program is not None and program.version >= at_least:
            return program
    too_old = ", ".join(f"{program.path} is of {program.version}" for program in found if program is not None)
    raise ConfigurationError(
        f"This needs {name} of Postgres {at_least} or newer, and there is none" + (f": {too_old}." if too_old else "."),
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
    """Return the environment in which a program of libpq connects as this connection did, to the same server.

    Arguments can be read by everybody on the machine, the environment of a process by its owner only.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options = {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.envvar is not None and option.val
    }
    options |= {"PGHOST": connection.info.host, "PGPORT": str(connection.info.port)}  # of several the one that answered
    options.pop("PGHOSTADDR", None)
    if connection.info.hostaddr:
        options["PGHOSTADDR"] = connection.info.hostaddr
    return own | options


@contextmanager
def running(program: Program, *arguments: str, env: dict[str, str] | None = None) -> Generator[IO[bytes]]:
    """Run a program beside the block, which reads its output; the block's end waits for its end, an exception kills it.

    Raises ``StudioError`` with what the program said if it fails.
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
