"""A network that takes a millisecond each way: a proxy on loopback, in a process of its own.

``python -m benchmarks.delay TARGET`` prints its port and runs until it is ended; TARGET is a Unix socket or HOST:PORT.
"""

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

SECONDS = 0.001
"""How long everything is on its way, in each direction."""


@contextmanager
def delayed(url: str) -> Generator[str]:
    """Yield the connection string of the same database, a millisecond away."""
    known = conninfo_to_dict(url)
    host, port = str(known["host"]), known.get("port", 5432)
    target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}"
    command = [sys.executable, "-m", "benchmarks.delay", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:  # noqa: S603 (our own interpreter and code)
        try:
            if proxy.stdout is None:
                raise RuntimeError("the proxy has no output")
            yield make_conninfo(url, host="127.0.0.1", port=int(proxy.stdout.readline()), hostaddr="127.0.0.1")
        finally:
            proxy.terminate()


def _connected(target: str) -> socket.socket:
    if target.startswith("/"):
        server = socket.socket(socket.AF_UNIX)
        server.connect(target)
    else:
        host, _, port = target.rpartition(":")
        server = socket.create_connection((host, int(port)))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _carry(source: socket.socket, to: socket.socket) -> None:
    """Pass on what comes, each piece a millisecond after it came: many may be on their way at once."""
    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        data = b"more"
        while data:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.perf_counter()))
            with suppress(OSError):
                if data:
                    to.sendall(data)
                else:
                    to.shutdown(socket.SHUT_WR)

    threading.Thread(target=deliver, daemon=True).start()
    data = b"more"
    while data:
        try:
            data = source.recv(65_536)
        except OSError:
            data = b""
        under_way.put((time.perf_counter() + SECONDS, data))


def main() -> None:
    """Listen, print the port, and connect everybody to the target."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)  # noqa: T201 (what the caller reads)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _connected(sys.argv[1])
        for pair in ((client, server), (server, client)):
            threading.Thread(target=_carry, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
