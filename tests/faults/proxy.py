"""A proxy of Postgres' wire protocol that can be told at which message the network is to fail."""

import os
import select
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from studio_data.postgres.supervisor import PORT, SUPERUSER

KEEPALIVE_SECONDS = 1.5
"""When a server's keepalives notice that a client is gone; nothing else ends a statement whose Sync alone is missing."""

type Fault = Literal["cut before", "cut after", "black hole"]
FAULTS: tuple[Fault, ...] = ("cut before", "cut after", "black hole")


class Message(NamedTuple):
    """One message of the protocol: who sent it, and its type (the first one of a client has none)."""

    sender: Literal["client", "server"]
    kind: str


@dataclass
class Link:
    """One client's connection, and what has been said on it."""

    client: socket.socket
    server: socket.socket
    unread: dict[str, bytes] = field(default_factory=lambda: {"client": b"", "server": b""})
    is_begun: bool = False
    swallowed_at: float | None = None


class Proxy:
    """Listens on a Unix socket in a private folder, and passes whole messages to the server's socket and back."""

    def __init__(self, folder: Path, server_sockets: str) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.target = str(Path(server_sockets, f".s.PGSQL.{PORT}"))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        self.listener.listen(32)
        self.lock = threading.Lock()
        self.seen: list[Message] = []
        self.fault: tuple[int, Fault] | None = None
        self.swallows_all = False
        self.is_open = True
        self.threads = [threading.Thread(target=self._accept, name="proxy", daemon=True)]
        self.threads[0].start()

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@/postgres?host={self.folder}&port={PORT}"

    @contextmanager
    def recording(self) -> Generator[list[Message]]:
        """Collect the messages that pass in the block."""
        with self.lock:
            self.seen = []
        yield self.seen

    @contextmanager
    def failing(self, at: int, fault: Fault) -> Generator[None]:
        """Let the network fail once, at the message with this number (from 0) in the block."""
        with self.lock:
            self.seen, self.fault = [], (at, fault)
        try:
            yield
        finally:
            with self.lock:
                self.fault = None

    @contextmanager
    def black_hole(self) -> Generator[None]:
        """Swallow everything, on connections that are there and on new ones."""
        self.swallows_all = True
        try:
            yield
        finally:
            self.swallows_all = False

    def close(self) -> None:
        self.is_open = False
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(timeout=5)
        (self.folder / f".s.PGSQL.{PORT}").unlink(missing_ok=True)

    def _accept(self) -> None:
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                server.close()
                continue
            thread = threading.Thread(target=self._serve, args=(Link(client, server),), name="proxy link", daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, link: Link) -> None:
        poller = select.poll()
        ends = {link.client.fileno(): "client", link.server.fileno(): "server"}
        for descriptor in ends:
            poller.register(descriptor, select.POLLIN)
        try:
            while self.is_open and not self._is_given_up(link):
                for descriptor, _ in poller.poll(100):
                    sender = ends[descriptor]
                    data = os.read(descriptor, 65536)
                    if not data and link.swallowed_at is None and not self.swallows_all:
                        return
                    if not data:  # in a black hole nobody hears that the other side has gone
                        poller.unregister(descriptor)
                        continue
                    link.unread[sender] += data
                    if not self._pass_on(link, sender):
                        return
        except OSError:
            return
        finally:
            link.client.close()
            link.server.close()

    @staticmethod
    def _is_given_up(link: Link) -> bool:
        return link.swallowed_at is not None and time.monotonic() - link.swallowed_at > KEEPALIVE_SECONDS

    def _pass_on(self, link: Link, sender: str) -> bool:
        """Pass on what is whole; return False if the connection is to be cut."""
        other = link.server if sender == "client" else link.client
        while link.swallowed_at is None and not self.swallows_all:
            is_startup = sender == "client" and not link.is_begun
            data = link.unread[sender]
            head = 4 if is_startup else 5
            if len(data) < head:
                return True
            length = int.from_bytes(data[head - 4 : head]) + head - 4
            if len(data) < length:
                return True
            message, link.unread[sender] = data[:length], data[length:]
            link.is_begun = link.is_begun or sender == "client"
            kind = "startup" if is_startup else chr(message[0])
            with self.lock:
                number = len(self.seen)
                self.seen.append(Message("client" if sender == "client" else "server", kind))
                fault = self.fault[1] if self.fault is not None and self.fault[0] == number else None
                if fault is not None:
                    self.fault = None
            if fault == "cut before":
                return False
            if fault == "black hole":
                link.swallowed_at = time.monotonic()
                return True
            other.sendall(message)
            if fault == "cut after":
                return False
        return True
