"""Lets Python sleep under ``faketime --exclude-monotonic``: this folder on PYTHONPATH makes every Python process load it.

With libfaketime 0.9.10 ``time.sleep`` is an OSError there; without ``--exclude-monotonic`` no timed wait for a lock ends.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
