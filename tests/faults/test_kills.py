"""Backends and postmasters are killed with SIGKILL under load: no acknowledged write is lost, none is doubled."""

import random
import time
from contextlib import suppress

import psutil
import pytest

from studio_data.errors import UnavailableError
from studio_data.tools.clients import create_client, list_clients
from tests.faults.conftest import IS_FULL, measured
from tests.faults.load import Load
from tests.faults.server import Postgres
from tests.support import with_setting

SEED = 20261123
KILLS = 500 if IS_FULL else 30
POSTMASTER_EVERY = 10
BACK_IN_TIME = 1.0


def test_nothing_is_lost_or_doubled_when_backends_and_postmasters_are_killed(postgres: Postgres) -> None:
    chance = random.Random(SEED)
    with Load(6, SEED) as load:
        time.sleep(0.3)
        for number in range(1, KILLS + 1):
            time.sleep(chance.uniform(0.02, 0.15))
            if number % POSTMASTER_EVERY == 0:
                postgres.kill()
                postgres.start()
                continue
            backends = postgres.backends()
            if backends:
                victim = chance.choice(backends)
                try:
                    victim.kill()  # the postmaster then ends every backend and recovers
                except psutil.NoSuchProcess:
                    continue
                postgres.wait_until_ready()
        time.sleep(0.5)

    assert load.acknowledged > KILLS
    load.check(postgres)
    measured(f"{KILLS} kills: {load.acknowledged} acknowledged, errors to callers: {dict(load.errors)}")


@pytest.mark.parametrize("outage", [0.5, 2, 5, 20, 60] if IS_FULL else [0.5, 3])
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_first_write_after_an_outage_comes_within_a_second(postgres: Postgres, outage: float, how: str) -> None:
    with Load(4, SEED) as load:
        time.sleep(0.5)
        postgres.kill() if how == "killed" else postgres.stop()
        time.sleep(outage)
        postgres.start()
        back = time.monotonic()
        time.sleep(2.5)

    load.check(postgres)
    took = load.first_after(back)
    measured(f"out for {outage} s, {how}: first write after {took:.3f} s, {sum(load.errors.values())} errors to callers")
    assert took < BACK_IN_TIME


def test_a_planned_restart_under_load_reaches_no_caller(postgres: Postgres) -> None:
    restarts = 20 if IS_FULL else 3
    with Load(6, SEED) as load:
        for _ in range(restarts):
            time.sleep(0.5)
            postgres.stop()
            postgres.start()
        time.sleep(0.5)

    load.check(postgres)
    measured(f"{restarts} restarts under load: {load.acknowledged} acknowledged, errors to callers: {dict(load.errors)}")
    assert not load.errors


def test_a_planned_restart_while_idle_reaches_no_caller(postgres: Postgres) -> None:
    for number in range(20 if IS_FULL else 3):
        with Load(6, SEED + number) as load:
            time.sleep(0.2)
        postgres.stop()
        postgres.start()
        assert not load.errors
        postgres.execute("DELETE FROM call_ledger")
        postgres.execute("UPDATE clients SET name = 'idle ' || id")


def test_callers_that_gave_up_waiting_do_not_keep_others_from_a_server_that_is_back(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_TIMEOUT", "0.1")
    with_setting(monkeypatch, "POOL_MAX_SIZE", "1")  # so four callers may wait, and far more than four will give up
    create_client("before")
    postgres.stop()
    gave_up = 0
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        with suppress(UnavailableError):
            list_clients()
        gave_up += 1
    assert gave_up > 10

    postgres.start()
    started = time.monotonic()
    names: list[str] = []
    while not names and time.monotonic() - started < BACK_IN_TIME:
        with suppress(UnavailableError):
            names.append(create_client("after")["name"])
    assert names == ["after"]
