"""Real servers that the tests may kill, freeze and promote: Postgres' own programs, reached through Unix sockets."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from studio_data.config import Settings
from studio_data.postgres import embedded
from studio_data.postgres.supervisor import PORT, SUPERUSER, Server, create_cluster, environment
from tests.support.embedded import within

READY_SECONDS = 60.0

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "max_connections": "60",
    # Shorter than in production: for so long a black hole leaves a statement or a transaction open.
    "statement_timeout": "2s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "1s",
    "client_connection_check_interval": "500ms",
}


class Postgres:
    """One server in a folder of its own. It runs until ``stop`` or ``kill``, and never by itself again."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.server: Server = embedded._prepare(
            Settings(embedded_dir=folder), embedded._programs(Settings().embedded_version)
        )
        self.options = OPTIONS | options
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return embedded.connection_string(self.server)

    def create(self) -> None:
        create_cluster(self.server)

    def copy_of(self, other: "Postgres") -> None:
        """Begin with the files of another one that does not run."""
        subprocess.run(["cp", "-a", str(other.server.data), str(self.server.data)], check=True)
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)

    def standby_of(self, primary: "Postgres") -> None:
        """Begin with a base backup of a running one, and follow it."""
        self.server.data.mkdir(mode=0o700)
        if self.server.owner is not None and self.server.group is not None:
            os.chown(self.server.data, self.server.owner, self.server.group)
        self.run(
            "pg_basebackup", "--pgdata", str(self.server.data), "--write-recovery-conf", "--checkpoint", "fast",
            "--dbname", f"host={primary.server.sockets} port={PORT} user={SUPERUSER} application_name=standby",
        )  # fmt: skip

    def run(self, program: str, *arguments: str) -> None:
        """Run one of Postgres' programs as the account that owns the server."""
        subprocess.run(
            [self.server.command(program), *arguments],
            cwd=self.server.home,
            env=environment(),
            user=self.server.owner,
            group=self.server.group,
            extra_groups=None if self.server.owner is None else [],
            capture_output=True,
            check=True,
        )

    def start(self, *, ready: bool = True) -> None:
        with self.server.log.open("ab") as journal:
            self.child = subprocess.Popen(
                [
                    self.server.command("postgres"), "-D", str(self.server.data), "-k", self.server.sockets,
                    *(f"--{name}={value}" for name, value in self.options.items()),
                ],
                cwd=self.server.data,
                env=environment(),
                stdout=journal,
                stderr=journal,
                user=self.server.owner,
                group=self.server.group,
                extra_groups=None if self.server.owner is None else [],
            )  # fmt: skip
        if ready:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        assert within(READY_SECONDS, self.is_ready), self.server.log.read_text()[-2000:]

    def is_ready(self) -> bool:
        """Tell whether it accepts connections."""
        with suppress(psycopg.Error):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False

    def postmaster(self) -> psutil.Process:
        assert self.child is not None
        return psutil.Process(self.child.pid)

    def backends(self) -> list[psutil.Process]:
        """The processes that serve a client."""
        found: list[psutil.Process] = []
        for process in self.postmaster().children():
            with suppress(psutil.Error):
                if "[local]" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Shut it down: fast with SIGINT, at once with SIGQUIT."""
        if self.child is not None:
            self.child.send_signal(how)
            self.child.wait(timeout=30)
            self.child = None

    def kill(self) -> None:
        """SIGKILL the postmaster; its children notice and end, and whoever starts it again waits for that."""
        assert self.child is not None
        children = self.postmaster().children()
        self.child.kill()
        self.child.wait()
        self.child = None
        for process in children:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(children, timeout=10)
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)
        Path(self.server.sockets, f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Stop every process of the server: it neither answers nor closes anything."""
        postmaster = self.postmaster()
        postmaster.suspend()  # it starts no others now; a worker that is just ending needs no stop
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.Error):
                    process.resume()

    def promote(self) -> None:
        self.run("pg_ctl", "promote", "--pgdata", str(self.server.data), "--wait")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement past the library."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.child is not None:
            with suppress(psutil.Error):
                for process in [self.postmaster(), *self.postmaster().children()]:
                    process.resume()
            with suppress(subprocess.TimeoutExpired):
                self.stop(signal.SIGQUIT)
        if self.child is not None:
            self.kill()
        shutil.rmtree(self.server.home, ignore_errors=True)
