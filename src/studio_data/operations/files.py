"""Write a file as a whole or not at all, for its owner's eyes only."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from studio_data.errors import InvalidInputError


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a new empty file beside ``path`` that takes its place, safely on disk, when the block ends well.

    Whatever breaks, ``path`` is what it was before or what it is to be. Raises ``InvalidInputError`` if that cannot be.
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
            f"{path} cannot be written: {error.strerror or error}.", hint="Name a file in a folder of yours."
        ) from error


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
