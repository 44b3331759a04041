"""A standby is promoted when its primary is killed: nothing acknowledged is lost, and callers go on by themselves."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_data.operations import backups, doctor, restores, seals
from studio_data.postgres.supervisor import PORT, SUPERUSER
from studio_data.tools.clients import create_client
from tests.faults.conftest import IS_FULL, measured
from tests.faults.load import Load
from tests.faults.server import Postgres
from tests.support import studio_data, use
from tests.support.embedded import within

SEED = 20261123

type Pair = tuple[Postgres, Postgres]


@pytest.fixture
def pair(new_server: Callable[..., Postgres], migrated: Postgres, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A primary and its synchronous standby, both named in one connection string."""
    primary = new_server(synchronous_standby_names="standby", synchronous_commit="remote_apply")
    primary.copy_of(migrated)
    primary.start()
    standby = new_server()
    standby.standby_of(primary)
    standby.start()
    assert within(10, lambda: primary.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
    hosts = f"{primary.server.sockets},{standby.server.sockets}"
    use(f"host={hosts} port={PORT},{PORT} user={SUPERUSER} dbname=postgres target_session_attrs=read-write", monkeypatch)
    return primary, standby


@pytest.mark.parametrize("round_", range(10 if IS_FULL else 1))
def test_no_acknowledged_write_is_lost_and_writes_go_on_within_a_second(pair: Pair, round_: int) -> None:
    primary, standby = pair
    with Load(6, SEED + round_) as load:
        time.sleep(1)
        primary.kill()
        time.sleep(0.3)
        standby.promote()
        promoted = time.monotonic()
        time.sleep(2)

    load.check(standby)
    took = load.first_after(promoted)
    measured(f"fail-over: first write {took:.3f} s after the promotion, {sum(load.errors.values())} errors to callers")
    assert took < 1.0


def test_a_commit_that_is_only_local_is_flagged(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    primary, standby = pair
    create_client("before")
    standby.stop()

    caller = threading.Thread(target=create_client, args=("Ann",))
    caller.start()
    waits = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    assert within(5, lambda: primary.execute(waits) == [(True,)])
    caller.join(timeout=10)

    assert primary.execute("SELECT count(*) FROM clients WHERE name = 'Ann'") == [(1,)]
    assert [record.levelname for record in caplog.records if "a commit is local only" in record.getMessage()] == ["WARNING"]


def test_a_standby_is_backed_up_and_looked_over(
    pair: Pair, new_server: Callable[..., Postgres], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, standby = pair
    assert studio_data("roles")[0] == 0
    create_client("Ann")
    list(seals.seal())
    create_client("Linh")  # not sealed: a standby writes no seal
    use(standby.url, monkeypatch)

    manifest = backups.backup(tmp_path / "practice.dump")
    checked = {check.check: check.findings for check in doctor.examine()}

    assert (manifest.tables["clients"].rows, manifest.tables["activity_log"].rows) == (2, 2)
    assert (manifest.head or {}).get("lines") == 1
    not_checked = [finding.message for finding in checked["schema"]]
    assert not_checked == ["not checked: this server is a standby"]
    assert not [finding for found in checked.values() for finding in found if finding.severity == "error"]
    another = new_server()
    another.create()
    another.start()
    use(another.url, monkeypatch)
    assert restores.restore(tmp_path / "practice.dump") == manifest


def test_a_primary_that_has_become_a_standby_is_left_for_the_new_one(pair: Pair) -> None:
    primary, standby = pair
    create_client("before")

    standby.promote()
    primary.stop()
    (primary.server.data / "standby.signal").touch()
    primary.options |= {"synchronous_standby_names": "", "hot_standby": "on"}
    primary.start()  # first in the connection string, and refuses writes

    create_client("after")
    assert standby.execute("SELECT name FROM clients ORDER BY id") == [("before",), ("after",)]
