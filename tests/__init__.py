"""The environment of the tests, and of every process that they start: it does not depend on who runs the suite."""

import os
import signal

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

# A shell ignores Ctrl-C for what it runs in the background, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
