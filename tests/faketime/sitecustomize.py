"""Lets Python sleep under libfaketime 0.9.10: this folder on PYTHONPATH makes every Python process load it.

With the monotonic clock faked too, no timed wait for a lock ends. With FAKETIME_DONT_FAKE_MONOTONIC=1 waits end, and
``time.sleep`` is an OSError. The suite sets both, the variable and the path, when it is run under faketime.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
