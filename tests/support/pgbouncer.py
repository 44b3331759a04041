"""PgBouncer in transaction mode with three server connections, between the library and the tests' server."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studio_data.postgres import embedded
from tests.support.embedded import within

PORT = 6432
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
IS_WANTED = os.environ.get("TEST_POOLER") == "pgbouncer"
"""Whether the library is to reach its databases through PgBouncer in this run."""


@contextmanager
def running(server_url: str) -> Generator[str]:
    """Run PgBouncer before a server and yield the folder of its socket."""
    assert PROGRAM is not None, "PgBouncer is not installed"
    server = conninfo_to_dict(server_url)
    owner = embedded._account() if os.geteuid() == 0 else None  # PgBouncer does not run as root either
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        users = folder / "users.txt"
        users.write_text(f'"{server.get("user", getpass.getuser())}" "{server.get("password", "")}"\n')
        password = f" password={server['password']}" if "password" in server else ""
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            f"""
[databases]
* = host={server["host"]} port={server.get("port", 5432)}{password}

[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
server_login_retry = 1
query_wait_timeout = 20
"""
        )
        if owner is not None:
            os.chown(folder, *owner)
        with (folder / "log").open("wb") as journal:
            process = subprocess.Popen(
                [PROGRAM, str(configuration)],
                cwd=folder,
                stdout=journal,
                stderr=journal,
                user=owner[0] if owner else None,
                group=owner[1] if owner else None,
                extra_groups=None if owner is None else [],
            )
        try:
            assert within(10, lambda: _answers(through(server_url, folder))), (folder / "log").read_text()
            yield name
        finally:
            process.terminate()
            process.wait(timeout=10)


def through(url: str, folder: str | Path) -> str:
    """Return the connection string of the same database through the PgBouncer of a folder."""
    return make_conninfo(url, host=str(folder), port=PORT, password=None)


def _answers(url: str) -> bool:
    with suppress(psycopg.Error):
        psycopg.connect(url).close()
        return True
    return False
