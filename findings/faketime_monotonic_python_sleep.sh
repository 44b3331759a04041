#!/usr/bin/env bash
# libfaketime 0.9.10 (Debian 12) and Python 3.11 or newer: with the monotonic clock left alone, time.sleep fails.
#
# FAKETIME_DONT_FAKE_MONOTONIC=1 (the command's --exclude-monotonic) is what one sets so that only dates change and waiting
# goes on as before. Python sleeps until a time of the monotonic clock (clock_nanosleep, TIMER_ABSTIME), libfaketime takes the
# faked offset away from it all the same, and the kernel refuses the negative rest. select.select waits as it should.
# Without the variable it is the other way round: sleeping works, and a timed wait for a lock or a semaphore does not end,
# because Python waits with sem_clockwait for a time of the faked monotonic clock, and libfaketime does not translate that call.
#
# Seen: sleep: OSError 22; select: waited
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libfaketime=0.9.10-2.1
dpkg -x libfaketime_*.deb .
library="$(find . -name libfaketime.so.1)"

seen="$(LD_PRELOAD="$folder/$library" FAKETIME=+400d FAKETIME_DONT_FAKE_MONOTONIC=1 python3 - <<'PYTHON'
import select
import sys
import time

assert sys.version_info >= (3, 11), sys.version
try:
    time.sleep(0.2)
    print("sleep: waited", end="; ")
except OSError as error:
    print(f"sleep: OSError {error.errno}", end="; ")
select.select([], [], [], 0.2)
print("select: waited")
PYTHON
)"
echo "libfaketime 0.9.10, $(python3 --version): $seen"
[ "$seen" = "sleep: OSError 22; select: waited" ]
