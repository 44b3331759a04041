"""The embedded server is shared, restarted and stopped, with real processes that are really killed."""

import signal
import time
from pathlib import Path

import psycopg
import pytest

from studio_data import db
from studio_data.config import Settings, settings
from studio_data.errors import UnavailableError
from studio_data.postgres import embedded
from tests.support.embedded import VERSION, backends, servers, users, within


def test_processes_share_one_server_which_stops_when_the_last_one_leaves(warm: Path) -> None:
    with users(warm, 3) as (first, second, third):
        starts = {user.ask("SELECT pg_postmaster_start_time()::text AS started") for user in (first, second, third)}
        assert len(starts) == 1
        assert len(servers(warm)) == 1

        said = first.leave()
        second.leave()
        assert not within(0.5, lambda: not servers(warm))
        assert third.ask("SELECT 1 AS alive") == "{'alive': 1}"
        third.leave()

    assert within(5, lambda: not servers(warm))
    assert said.count("using the embedded Postgres") == 1
    assert str(warm / VERSION) in said


def test_the_server_stops_although_its_last_user_was_killed(warm: Path) -> None:
    with users(warm, 2) as (first, second):
        first.process.kill()
        first.process.wait()
        assert second.ask("SELECT 1 AS alive") == "{'alive': 1}"
        second.process.kill()

    assert within(5, lambda: not servers(warm))


def test_data_outlives_the_server(warm: Path) -> None:
    with users(warm, 1) as (user,):
        user.ask("INSERT INTO clients (name) VALUES ('Ann')")
        user.leave()
    assert within(5, lambda: not servers(warm))

    with users(warm, 1) as (user,):
        assert user.ask("SELECT name FROM clients") == "{'name': 'Ann'}"


def test_the_server_is_back_within_two_seconds_after_its_postmaster_was_killed(warm: Path) -> None:
    with users(warm, 1) as (user,):
        user.ask("INSERT INTO clients (name) VALUES ('Ann')")
        (postmaster,) = servers(warm)
        url = user.url

        postmaster.kill()
        killed = time.monotonic()

        def answers() -> bool:
            try:
                with psycopg.connect(url) as connection:
                    return connection.execute("SELECT name FROM clients").fetchall() == [("Ann",)]
            except psycopg.OperationalError:
                return False

        assert within(2, answers), time.monotonic() - killed
        assert user.ask("SELECT name FROM clients") == "{'name': 'Ann'}"
        (new,) = servers(warm)
        assert new.pid != postmaster.pid


def test_a_statement_that_keeps_a_backend_busy_does_not_hold_up_the_restart(warm: Path) -> None:
    with users(warm, 1) as (user,):
        url = user.url
        busy = psycopg.connect(url, autocommit=True)
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")  # never looks whether the postmaster lives
        busy.pgconn.flush()
        (postmaster,) = servers(warm)

        postmaster.kill()

        assert within(4, lambda: [server.pid for server in servers(warm)] not in ([], [postmaster.pid]))
        assert within(4, lambda: user.ask("SELECT 1 AS alive") == "{'alive': 1}")
        busy.close()


def test_a_new_user_takes_over_a_server_whose_supervisor_was_killed(warm: Path) -> None:
    with users(warm, 1) as (first,):
        (postmaster,) = servers(warm)
        supervisor = postmaster.parent()
        assert supervisor is not None
        assert "supervisor" in " ".join(supervisor.cmdline())
        supervisor.kill()
        assert first.ask("SELECT 1 AS alive") == "{'alive': 1}"

        with users(warm, 1) as (second,):
            assert second.ask("SELECT 1 AS alive") == "{'alive': 1}"
            assert [server.pid for server in servers(warm)] == [postmaster.pid]
            first.leave()
            second.leave()

    assert within(5, lambda: not servers(warm))


def test_processes_that_start_cold_at_once_create_one_cluster(folder: Path) -> None:
    with users(folder, 6) as started:
        assert len({user.ask("SELECT system_identifier::text FROM pg_control_system()") for user in started}) == 1
        assert started[0].ask("SELECT count(*) AS templates FROM workflow_templates") == "{'templates': 160}"


def test_the_cluster_has_checksums_and_the_time_limits_that_the_server_lacks_by_default(warm: Path) -> None:
    with users(warm, 1) as (user,):
        shown = user.ask(
            "SELECT string_agg(current_setting(name), ' ' ORDER BY lower(name)) AS shown FROM unnest(ARRAY["
            "'client_connection_check_interval', 'data_checksums', 'fsync', 'idle_in_transaction_session_timeout',"
            " 'lock_timeout', 'server_encoding', 'statement_timeout', 'TimeZone']) AS name"
        )
    assert shown == "{'shown': '500ms on on 30s 3s UTF8 15s UTC'}"


def test_a_folder_behind_a_symlink_recovers_like_any_other(warm: Path) -> None:
    link = warm.with_name(f"{warm.name}-link")
    link.symlink_to(warm)
    try:
        with users(link, 1) as (user,):
            (postmaster,) = servers(warm)
            supervisor = postmaster.parent()
            assert supervisor is not None
            supervisor.kill()
            with users(link, 1) as (second,):  # takes the running server over
                assert [server.pid for server in servers(warm)] == [postmaster.pid]
                second.leave()
            user.leave()
    finally:
        link.unlink()


def test_a_server_that_cannot_start_says_why(warm: Path) -> None:
    with users(warm, 1) as (user,):
        user.leave()
    assert within(5, lambda: not servers(warm))
    (warm / VERSION / "data" / "postgresql.conf").write_text("no_such_parameter = 1\n")

    with pytest.raises(UnavailableError, match=r"embedded Postgres did not start.*unrecognized configuration parameter"):
        embedded.start(Settings(embedded_dir=warm))
    db.close()


def test_a_call_finds_the_server_again_after_supervisor_and_postmaster_were_killed(
    warm: Path, committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("STUDIO_DATA_EMBEDDED_DIR", str(warm))
    monkeypatch.setenv("STUDIO_DATA_POOL_TIMEOUT", "1")
    settings.cache_clear()
    db.close()
    db.one("SELECT 1 AS ready")
    (postmaster,) = servers(warm)
    supervisor = postmaster.parent()
    assert supervisor is not None
    supervisor.send_signal(signal.SIGKILL)
    postmaster.kill()
    assert within(5, lambda: not backends(warm / VERSION / "data"))

    assert db.one("SELECT count(*) AS templates FROM workflow_templates") == {"templates": 160}
    db.close()
    assert within(5, lambda: not servers(warm))
