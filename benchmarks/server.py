"""The server and the databases of a run: an embedded Postgres in a folder of its own, fsync on, or one that is given."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from fcntl import LOCK_SH
from itertools import count
from pathlib import Path
from typing import Literal

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from studio_data import db
from studio_data.config import Settings, settings
from studio_data.postgres import embedded, migrate
from studio_data.postgres.pool import connect
from studio_data.postgres.supervisor import Server, flock

_numbers = count(1)


@contextmanager
def server(given: str | None, version: Literal["16", "18"]) -> Generator[str]:
    """Yield the connection string of a server on which databases may be created."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        Path(folder).chmod(0o711)  # the account that runs the server for root must get through
        chosen = Settings(embedded_dir=Path(folder), embedded_version=version)
        url = embedded.start(chosen)
        # As one of its users the run keeps the server up while a section points the library elsewhere.
        own = Server(home=str(Path(folder, version)), binaries="", sockets="")
        user = flock(own.lock("users"), LOCK_SH)
        try:
            yield url
        finally:
            db.close()
            if user is not None:
                os.close(user)
            stopped = flock(own.lock("supervisor"), LOCK_SH)  # given up when the server has stopped
            if stopped is not None:
                os.close(stopped)


@contextmanager
def database(server_url: str) -> Generator[str]:
    """Yield the connection string of a new, migrated database, which is dropped in the end."""
    name = f"bench_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = make_conninfo(server_url, dbname=name)
        with connect(url, settings()) as migrating:
            migrate.migrate(migrating)
        try:
            yield url
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def on_cores_apart(server_url: str) -> Generator[None]:
    """Keep this process, with those that it starts, on one core and an embedded or other local server on another.

    Else the scheduler decides for each connection whether a round trip wakes another core, which on a virtual machine costs
    several times what the statement does, and what is compared is where its sessions came to lie.
    """
    with psycopg.connect(server_url) as connection:
        cores, backend = sorted(os.sched_getaffinity(0)), connection.info.backend_pid
        is_local = connection.info.host.startswith("/") and psutil.pid_exists(backend)
        server = psutil.Process(backend).parent() if is_local else None
    if server is None or len(cores) == 1:
        yield
        return
    mine, its = cores[:1], cores[1:2]
    for process in (server, *server.children()):
        with suppress(psutil.NoSuchProcess):
            process.cpu_affinity(its)
    os.sched_setaffinity(0, mine)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        for process in (server, *server.children()):
            with suppress(psutil.NoSuchProcess):
                process.cpu_affinity(cores)


def use(url: str, **environment: str) -> None:
    """Let the library use this database from here on, with these settings (``POOL_MAX_SIZE="1"``)."""
    db.close()
    os.environ["DATABASE_URL"] = url
    for name, value in environment.items():
        os.environ[f"STUDIO_DATA_{name}"] = value
    settings.cache_clear()
