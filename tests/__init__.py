"""The environment of the tests, and of every process that they start: it does not depend on who runs the suite."""

import os

OF_WHOEVER_RUNS_IT = (
    "PYTHONUNBUFFERED",  # users do not set it, and it hides output that nobody flushes
    "COLUMNS",
    "FORCE_COLOR",
    "NO_COLOR",
    "TERM",
    "VIRTUAL_ENV",  # uv run sets it, and then hints say uv run too
)

for name in OF_WHOEVER_RUNS_IT:
    os.environ.pop(name, None)
