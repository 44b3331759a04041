"""Write a file completely or not at all, readable only by its owner."""

import os
import re
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from studio_data.errors import InvalidInputError

UNFINISHED = ".studio-data.part"


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a new empty file beside ``path``. It replaces ``path``, safely on disk, when the block ends without an error.

    After any failure, ``path`` has its old content or its new content. What processes of this machine that were killed have
    left in the folder is removed first. Raises ``InvalidInputError`` if it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{_here()}.{os.getpid()}{UNFINISHED}")
    try:
        _sweep(path.parent)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield unfinished
            sync(unfinished)
            unfinished.replace(path)
            sync(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Name a file in a folder that you can write to."
        ) from error


def _here() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of processes of this machine that run no more."""
    for left in folder.glob(f".*.{_here()}.*{UNFINISHED}"):
        process = left.name.removesuffix(UNFINISHED).rpartition(".")[2]
        if process.isdecimal() and not _runs(int(process)):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
