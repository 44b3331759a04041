"""Keep one embedded Postgres running while any process uses it. ``embedded`` starts this small process.

It runs as a script. So it needs only the standard library (and psutil, which comes with the embedded server) and imports
nothing of the package. Locks say who uses the server. The kernel drops a lock when its holder ends, so a user killed with
SIGKILL counts as gone:

- ``users.lock``: shared by every process that uses the server. Whoever gets it exclusively knows that nobody does.
- ``supervisor.lock``: held by the running supervisor.
"""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.1
START_SECONDS = 60.0
STOP_SECONDS = 10.0
MOST_FAILED_STARTS = 5
LONGEST_REASON = 600
READY = "ready"
SUPERUSER = "studio"
DATABASE = "postgres"
PORT = 5432

SERVER_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The server's defaults for these are all "never".
    "statement_timeout": "15s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
    "client_connection_check_interval": "500ms",
}

log = logging.getLogger("studio_data.supervisor")


@dataclass(frozen=True, slots=True)
class Server:
    """One embedded server: where its files are and who runs it."""

    home: str
    binaries: str
    sockets: str
    owner: int | None = None
    group: int | None = None
    """The account that runs it, where that is not the caller's own: Postgres refuses to run as root."""

    @property
    def data(self) -> Path:
        """The database cluster."""
        return Path(self.home, "data")

    @property
    def log(self) -> Path:
        """The log of the server and its supervisor."""
        return Path(self.home, "server.log")

    def lock(self, name: str) -> Path:
        """Return the path of a lock file: users, start or supervisor."""
        return Path(self.home, f"{name}.lock")

    def command(self, program: str) -> str:
        """Return the path of one of Postgres' own programs."""
        return str(Path(self.binaries, program))


def flock(path: Path, operation: int) -> int | None:
    """Lock a file and return its descriptor, or None if another process holds it and the operation does not wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def launch(server: Server) -> None:
    """Start a supervisor for the server and return once the server accepts connections.

    Raises ``RuntimeError`` with the reason if it does not start.
    """
    started = subprocess.run(  # noqa: S603 (our own interpreter and file)
        [sys.executable, "-P", __file__, json.dumps(asdict(server))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
        timeout=2 * START_SECONDS,
        check=False,
    )
    if started.returncode != 0:
        raise RuntimeError(started.stderr.strip() or f"see {server.log}")


def main() -> int:
    """Create the cluster if it is missing, detach a supervisor, wait until its server is ready."""
    server = Server(**json.loads(sys.argv[1]))
    try:
        create_cluster(server)
    except subprocess.CalledProcessError as error:
        print(f"initdb failed: {error.stderr.strip()}", file=sys.stderr)  # noqa: T201
        return 1
    reads, writes = os.pipe()
    if os.fork() == 0:
        os.close(reads)
        supervise(server, ready=writes)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        answer = pipe.read()
    if answer != READY:
        print(f"{answer or 'its supervisor ended'} (its log is {server.log})", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def create_cluster(server: Server) -> None:
    """Run initdb, with checksums, in a folder that gets its name only when it is complete."""
    if server.data.exists():
        return
    unfinished = server.data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if server.owner is not None and server.group is not None:
        os.chown(unfinished, server.owner, server.group)
    initdb = [
        server.command("initdb"), "--pgdata", str(unfinished), "--data-checksums", "--encoding", "UTF8",
        "--locale", "C.UTF-8" if sys.platform == "linux" else "C", "--username", SUPERUSER, "--auth-local", "trust",
        "--auth-host", "reject",
    ]  # fmt: skip
    subprocess.run(  # noqa: S603 (a literal command)
        initdb,
        cwd=unfinished,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        user=server.owner,
        group=server.group,
        extra_groups=None if server.owner is None else [],
    )
    unfinished.rename(server.data)


def environment() -> dict[str, str]:
    """Return the environment without libpq's and the server's own variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def supervise(server: Server, *, ready: int) -> None:
    """Detach, run the server until nobody uses it, stop it."""
    os.setsid()
    journal = os.open(server.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    for stream in (1, 2):
        os.dup2(journal, stream)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] supervisor: %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    flock(server.lock("supervisor"), fcntl.LOCK_EX)
    said_before = server.log.stat().st_size
    supervisor = Supervisor(server, journal)
    try:
        supervisor.start()
        os.write(ready, READY.encode())
        os.close(ready)
        supervisor.watch()
        log.info("no process uses the server; stopping it")
    except RuntimeError as error:
        said = server.log.read_bytes()[said_before:].decode(errors="replace")
        with suppress(OSError):  # the launcher has ended if the server was up
            os.write(ready, f"{error}: {' '.join(said.split())[:LONGEST_REASON]}".encode())
        log.exception("gave up")
    finally:
        supervisor.stop()


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(number)


class Supervisor:
    """Holds one postmaster: our child, or one that a killed supervisor left behind."""

    def __init__(self, server: Server, journal: int) -> None:
        self.server = server
        self.journal = journal
        self.postmaster: psutil.Process | None = None
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server. Raises ``RuntimeError`` if it does not accept connections within a minute."""
        self.postmaster = self._left_behind()
        if self.postmaster is None:
            self._end_orphans()
            self._spawn()
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            if not self._is_running():
                raise RuntimeError("the server ended while it started")
            if self._is_ready():
                return
            time.sleep(0.02)
        raise RuntimeError(f"the server is not ready after {START_SECONDS:.0f} seconds")

    def watch(self) -> None:
        """Restart the server whenever it ends. Return when nobody uses it.

        This process then holds the users' lock until it ends, so that a new user waits for that and starts another
        supervisor.
        """
        failed = 0
        while True:
            if not self._is_running():
                log.warning("the server has ended; starting it again")
                try:
                    self.start()
                    failed = 0
                except RuntimeError:
                    failed += 1
                    if failed == MOST_FAILED_STARTS:
                        raise
            if flock(self.server.lock("users"), fcntl.LOCK_EX | fcntl.LOCK_NB) is not None:
                return
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Shut the server down: with Postgres' fast mode, and with its immediate mode if that takes too long."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            if self.postmaster is None or not self._is_running():
                return
            with suppress(psutil.NoSuchProcess):
                self.postmaster.send_signal(number)
            ends = time.monotonic() + STOP_SECONDS
            while self._is_running() and time.monotonic() < ends:
                time.sleep(0.02)

    def _spawn(self) -> None:
        options = [f"--{name}={value}" for name, value in SERVER_OPTIONS.items()]
        self.child = subprocess.Popen(  # noqa: S603 (a literal command)
            [self.server.command("postgres"), "-D", str(self.server.data), "-k", self.server.sockets, *options],
            cwd=self.server.data,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=self.journal,
            stderr=self.journal,
            user=self.server.owner,
            group=self.server.group,
            extra_groups=None if self.server.owner is None else [],
        )
        self.postmaster = psutil.Process(self.child.pid)

    def _left_behind(self) -> psutil.Process | None:
        """Return the postmaster of a killed supervisor if it still runs."""
        try:
            process = psutil.Process(int(self._pid_file()[0]))
            return process if process.cwd() == str(self.server.data) and process.name() == "postgres" else None
        except (IndexError, ValueError, psutil.Error):
            return None

    def _end_orphans(self) -> None:
        """Remove what a killed postmaster left, when no postmaster runs here.

        Its backends hold the shared memory that the next postmaster needs. Its pid files stop the next one while that pid
        exists. In a container that does not reap dead processes, the pid exists for ever.
        """
        ends = time.monotonic() + STOP_SECONDS
        while (orphans := self._backends()) and time.monotonic() < ends:
            for process in orphans:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.02)
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)
        Path(self.server.sockets, f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _backends(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # a zombie process has no folder
                if process.name() == "postgres" and process.cwd() == str(self.server.data):
                    found.append(process)
        return found

    def _is_running(self) -> bool:
        if self.child is not None and self.child.poll() is not None:
            self.child = None
            return False
        with suppress(psutil.Error):
            found = self.postmaster
            return found is not None and found.is_running() and found.status() != psutil.STATUS_ZOMBIE
        return False

    def _is_ready(self) -> bool:
        lines = self._pid_file()
        return (
            self.postmaster is not None
            and len(lines) >= 8  # noqa: PLR2004 (the eighth line of postmaster.pid is the state)
            and lines[0] == str(self.postmaster.pid)
            and lines[7].strip() == "ready"
        )

    def _pid_file(self) -> list[str]:
        try:
            return (self.server.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []


if __name__ == "__main__":
    sys.exit(main())
