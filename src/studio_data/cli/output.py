"""Standard output as a command needs it: every line is written at once, and a reader who has gone is no error."""

import io
import os
import signal
import sys
from collections.abc import Buffer
from contextlib import suppress

NOT_WRITTEN = 5
NOBODY_READS = 128 + signal.SIGPIPE
"""What a shell shows of programs that end by SIGPIPE."""


def take_over() -> None:
    """Put ours in the place of standard output, if this process has one."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] (started with >&-)
        return
    sys.stdout.flush()
    written = io.BufferedWriter(_Descriptor(sys.stdout.fileno(), "w", closefd=False))
    sys.stdout = io.TextIOWrapper(written, sys.stdout.encoding, sys.stdout.errors, line_buffering=True)


class _Descriptor(io.FileIO):
    def write(self, data: Buffer, /) -> int:
        """Write, or end the command: what it still has to say goes nowhere."""
        try:
            return super().write(data)
        except BrokenPipeError:
            code = NOBODY_READS
        except OSError as error:
            code = NOT_WRITTEN
            with suppress(OSError):
                print(  # noqa: T201
                    f"studio-data: The output cannot be written: {error.strerror}. "
                    "The command may have done its work: look before you repeat it.",
                    file=sys.stderr,
                )
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        raise SystemExit(code)
