#!/usr/bin/env bash
# Hypothesis 6.170.15 and psycopg_pool 3.3.3: a strategy that uses no random numbers is accused of using them.
#
# Hypothesis compares the state of Python's `random` before and after a strategy runs, to find strategies that use it. The pool's
# worker threads draw from the same `random` module whenever they make a connection or try again (the lifetime and the pause get
# a jitter). So an open pool, at any moment of any draw, makes a warning that names the strategy, and a failed test where warnings
# are errors, in tests that do not touch the database too.
#
# Here the pool cannot connect, so that its thread draws soon, and the strategy only waits.
#
# Seen: Do not use the `random` module inside strategies
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet hypothesis==6.170.15 "psycopg[binary]==3.3.9" psycopg-pool==3.3.3

seen="$(cd "$folder" && environment/bin/python - 2>/dev/null <<'PYTHON'
import logging
import time
import warnings

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import ConnectionPool

logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
pool = ConnectionPool("host=127.0.0.1 port=9 connect_timeout=2", min_size=1, open=False)


def wait(_: None) -> str:
    pool.open()  # its thread fails to connect, and draws how long to wait before it tries again
    time.sleep(1)
    return "a value without chance"


@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.none().map(wait))
def test(value: str) -> None:
    assert value == "a value without chance"


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    test()
pool.close()
print(next((str(one.message).partition(";")[0] for one in caught if "random" in str(one.message)), "no warning"))
PYTHON
)"
echo "hypothesis 6.170.15, psycopg_pool 3.3.3: $seen"
[ "$seen" = 'Do not use the `random` module inside strategies' ]
