"""The ``studio-data`` command."""

import sys


def main() -> None:
    """Run the command line, or say how to install it."""
    try:
        from studio_data.cli import app  # noqa: PLC0415 (needs the extra)
    except ModuleNotFoundError as error:
        sys.exit(f"studio-data: the command line needs {error.name}: install studio-data[cli].")
    app()


if __name__ == "__main__":
    main()
