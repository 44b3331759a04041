"""Write a file completely or not at all, readable only by its owner."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from studio_data.errors import InvalidInputError


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a new empty file beside ``path``. It replaces ``path``, safely on disk, when the block ends without an error.

    After any failure, ``path`` has its old content or its new content. Raises ``InvalidInputError`` if it cannot be
    written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
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


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
