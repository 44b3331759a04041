"""A Postgres that listens on TCP: one of the run's own, since the embedded server knows only Unix sockets."""

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import psutil
import psycopg

from studio_data.config import Settings
from studio_data.postgres import embedded
from studio_data.postgres.supervisor import (
    DATABASE,
    SERVER_OPTIONS,
    START_SECONDS,
    STOP_SECONDS,
    SUPERUSER,
    Server,
    create_cluster,
    environment,
)

HOST = "127.0.0.1"
ACCESS = f"local all all trust\nhost all all {HOST}/32 trust\n"


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def tcp_server(given: str) -> Generator[str]:
    """Yield the connection string of a server on TCP: the given one, or a new one of its version with the same options."""
    with psycopg.connect(given) as connection:
        if not connection.info.host.startswith("/"):
            yield given
            return
        version: Literal["16", "18"] = "18" if connection.info.server_version >= 180_000 else "16"  # noqa: PLR2004
    with tempfile.TemporaryDirectory(prefix="sd-bench-tcp-") as folder:
        Path(folder).chmod(0o711)  # the account that runs the server for root must get through
        server = _prepared(Path(folder), version)
        port = free_port()
        with _running(server, port) as process:
            url = f"postgresql://{SUPERUSER}:unused@{HOST}:{port}/{DATABASE}"
            _wait_until_ready(url, process, server.log)
            yield url


def _prepared(folder: Path, version: Literal["16", "18"]) -> Server:
    chosen = Settings(embedded_dir=folder, embedded_version=version)
    programs = embedded._programs(version)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    server = embedded._prepare(chosen, programs)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    create_cluster(server)
    (server.data / "pg_hba.conf").write_text(ACCESS)
    return server


@contextmanager
def _running(server: Server, port: int) -> Generator["subprocess.Popen[bytes]"]:
    options = {**SERVER_OPTIONS, "listen_addresses": HOST, "port": str(port)}
    with server.log.open("ab") as journal:
        process = subprocess.Popen(  # noqa: S603 (Postgres' own program)
            [
                server.command("postgres"),
                *("-D", str(server.data), "-k", server.sockets),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            cwd=server.data,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=journal,
            stderr=journal,
            user=server.owner,
            group=server.group,
            extra_groups=None if server.owner is None else [],
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # does not wait for its clients
        process.wait(STOP_SECONDS)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with suppress(psycopg.Error):
            psycopg.connect(url, connect_timeout=2).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server on TCP did not start: {log.read_text()[-600:]}")


def postmaster(url: str) -> psutil.Process | None:
    """Return the process above all others of a server, if it runs on this machine."""
    with psycopg.connect(url) as connection, suppress(psutil.Error):
        found = psutil.Process(connection.info.backend_pid)
        return found.parent() if found.name() == "postgres" else None
    return None
