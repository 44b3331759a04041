"""Standard output for commands: every line is written at once, and a reader that has gone is not an error."""

import io
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

NOT_WRITTEN = 5
NOBODY_READS = 128 + signal.SIGPIPE
"""What a shell shows of programs that end by SIGPIPE."""


def take_over() -> None:
    """Replace standard output by ours, if this process has one."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] (started with >&-)
        return
    sys.stdout.flush()
    descriptor = io.BufferedWriter(io.FileIO(sys.stdout.fileno(), "w", closefd=False))
    sys.stdout = _Output(descriptor, sys.stdout.encoding, sys.stdout.errors, line_buffering=True)


class _Output(io.TextIOWrapper):
    """Text output that is written at once, or ends the command.

    The layers below are Python's own. So Ctrl-C cannot interrupt between a write and its bookkeeping, which would write
    the line again at the end.
    """

    def write(self, text: str, /) -> int:
        with _or_end(self.fileno()):
            return super().write(text)

    def flush(self) -> None:
        with _or_end(self.fileno()):
            super().flush()


@contextmanager
def _or_end(descriptor: int) -> Generator[None]:
    """End the command if its output cannot be written. Its further output is dropped."""
    try:
        yield
    except BrokenPipeError:
        code = NOBODY_READS
    except OSError as error:
        code = NOT_WRITTEN
        with suppress(OSError):
            print(  # noqa: T201
                f"studio-data: The output cannot be written: {error.strerror}. "
                "The command may have done its work: look before you retry.",
                file=sys.stderr,
            )
    else:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    raise SystemExit(code)
