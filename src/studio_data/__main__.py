"""The ``studio-data`` command."""

import signal
import sys

MISCONFIGURED = 4
INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Run the command line, or say how to install it."""
    try:
        _run()
    except KeyboardInterrupt:  # while it starts
        sys.exit(INTERRUPTED)


def _run() -> None:
    try:
        from studio_data.cli import app, output  # noqa: PLC0415 (needs the extra)
    except ModuleNotFoundError as error:
        print(f"studio-data: The command line needs {error.name}. Install studio-data[cli].", file=sys.stderr)  # noqa: T201
        sys.exit(MISCONFIGURED)
    output.take_over()
    app()


if __name__ == "__main__":
    main()
