"""How a person types the ``studio-data`` command. The hints of errors and findings show it in that form."""

import os
import shlex
import shutil
import sys
from pathlib import Path

COMMAND = "studio-data"


def as_typed(arguments: str) -> str:
    """Return the command with these arguments, as it was started: by uv, by ``python -m``, by path or by name."""
    return f"{_command()} {arguments}"


def _command() -> str:
    program = Path(sys.argv[0])
    if _is_run_by_uv():
        return f"uv run {COMMAND}"
    if program == Path(__file__).with_name("__main__.py"):
        return shlex.join([sys.orig_argv[0], "-m", "studio_data"])
    if program.name == COMMAND and shutil.which(COMMAND) is None:
        return shlex.quote(str(program))
    return COMMAND


def _is_run_by_uv() -> bool:
    """Tell whether ``uv run`` chose this environment. uv sets two variables; an activated environment sets only its own."""
    environment = os.environ.get("VIRTUAL_ENV")
    return "UV" in os.environ and environment is not None and Path(environment).resolve() == Path(sys.prefix).resolve()
