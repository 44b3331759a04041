"""The MCP server over HTTP under clients that are slow, that leave, or that come in crowds."""

import selectors
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.support import clients
from tests.support.embedded import within
from tests.support.mcp_server import Served, answered, body, head, served, waiting_for_a_lock

HALF_A_HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
A_FEW_LINES = 12


@contextmanager
def crowd(server: Served, sends: bytes, *, at_once: int) -> Generator[list[int]]:
    """Keep so many connections open, each with the same bytes, and replace those that the server closes."""
    ended = threading.Event()
    opened: list[int] = []

    def attack() -> None:
        watched = selectors.DefaultSelector()
        address = ("127.0.0.1", server.port)
        while not ended.is_set():
            if len(watched.get_map()) < at_once:
                with suppress(OSError):
                    connection = socket.create_connection(address, timeout=0.5)
                    connection.sendall(sends)
                    watched.register(connection, selectors.EVENT_READ)
                    opened.append(1)
            for key, _ in watched.select(timeout=0 if len(watched.get_map()) < at_once else 0.01):
                assert isinstance(key.fileobj, socket.socket)
                with suppress(OSError):
                    if key.fileobj.recv(65536):
                        continue
                watched.unregister(key.fileobj)
                key.fileobj.close()
        for key in list(watched.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()

    attacking = threading.Thread(target=attack)
    attacking.start()
    try:
        yield opened
    finally:
        ended.set()
        attacking.join()


@pytest.mark.parametrize("files", [128, 100])
def test_a_crowd_of_half_sent_requests_stops_nobody_and_fills_no_log(committed_db: str, tmp_path: Path, files: int) -> None:
    with served(tmp_path, files=files) as server, crowd(server, HALF_A_HEAD, at_once=300) as opened:
        time.sleep(3)
        took: list[float] = []
        for number in range(20):
            started = time.monotonic()
            assert not server.calls("create_client", {"name": f"Ann {number}"}).get("isError")
            took.append(time.monotonic() - started)

        assert len(opened) > 300
        assert max(took) < 10
        assert len(server.lines()) <= A_FEW_LINES, server.lines()[:20]
    assert clients() == 20


def test_more_files_are_asked_for_where_they_may_be_had(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path, files=128, more_files=1000) as server:
        crowd = [server.connect() for _ in range(200)]
        for connection in crowd:
            connection.sendall(HALF_A_HEAD)
        assert not server.calls("list_clients", {}).get("isError")
        for connection in crowd:
            connection.settimeout(0)
            with pytest.raises(BlockingIOError):  # open, and nothing was said
                connection.recv(1)
            connection.close()


def closed_after(connection: socket.socket, *, trickle: bytes = b"", seconds: float = 60) -> tuple[float, bytes]:
    """Return when the server closes a connection, and what it said; send a byte now and then, if told so."""
    started = time.monotonic()
    said = b""
    connection.settimeout(0.3)
    while time.monotonic() < started + seconds:
        with suppress(TimeoutError):
            try:
                for byte in trickle[:1]:
                    connection.sendall(bytes([byte]))
                got = connection.recv(65536)
            except ConnectionError:
                got = b""
            if not got:
                return time.monotonic() - started, said
            said += got
    raise AssertionError(f"still open after {seconds} s: {said[:200]!r}")


def test_a_request_has_so_long_to_come_and_its_answer_to_be_read(committed_db: str, tmp_path: Path) -> None:
    whole = body(name="list_clients", arguments={})
    slow = {
        "nothing": (b"", b""),
        "half a head": (HALF_A_HEAD, b""),
        "a head that trickles": (HALF_A_HEAD, b"X"),
        "half a body": (head(whole) + whole[:10], b""),
        "a body that trickles": (head(whole, length=4000) + whole[:-1], b" "),
        "half a head after an answer": (head(whole) + whole + HALF_A_HEAD, b"X"),
        "a refused body that trickles": (head(whole, token=None, length=4000), b" "),
    }
    ended: dict[str, tuple[float, bytes]] = {}
    with served(tmp_path) as server:

        def watch(what: str, sent: bytes, trickle: bytes) -> None:
            with server.connect() as connection:
                connection.sendall(sent)
                ended[what] = closed_after(connection, trickle=trickle)

        watching = [threading.Thread(target=watch, args=(what, *how)) for what, how in slow.items()]
        for thread in watching:
            thread.start()
        for thread in watching:
            thread.join()

        assert ended.keys() == slow.keys()
        for what in ("nothing", "half a head", "a head that trickles"):
            took, said = ended[what]
            assert (8 < took < 20, said) == (True, b""), (what, took)
        for what in ("half a body", "a body that trickles"):
            took, said = ended[what]
            assert 18 < took < 35, (what, took)
            assert said.startswith(b"HTTP/1.1 408 "), said
            assert said.endswith(b"The body did not come in time. Nothing was written.\n")
        took, said = ended["half a head after an answer"]
        assert took < 20
        assert b'"result"' in said
        took, said = ended["a refused body that trickles"]
        assert took < 20
        assert said.startswith(b"HTTP/1.1 401 ")
        assert len(server.lines()) <= A_FEW_LINES


def test_answers_that_nobody_reads_are_not_kept(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        connection = server.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = head(sent := body("tools/list")) + sent
        connection.settimeout(1)
        with suppress(TimeoutError):
            for _ in range(10_000):
                connection.sendall(asked)  # until neither side has room

        assert server.says("its answer was not read in 20 s", within_seconds=60)
        assert not server.calls("list_clients", {}).get("isError")
        connection.close()


def test_without_the_token_no_body_is_waited_for(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path) as server, server.connect() as connection:
        connection.sendall(head(b"", token=None, length=3_000_000))
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_is_too_large_is_refused(committed_db: str, tmp_path: Path) -> None:
    large = body(name="create_client", arguments={"name": "Ann", "notes": "x" * 5_000_000})
    with served(tmp_path) as server:
        with server.connect() as connection:
            connection.sendall(head(large))
            assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")
        with server.connect() as connection:
            chunked = head(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            connection.sendall(chunked)
            with suppress(ConnectionError):
                for start in range(0, len(large), 50_000):
                    part = large[start : start + 50_000]
                    connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
            said = b""
            with suppress(ConnectionError):
                said = connection.recv(1000)
            assert said.startswith(b"HTTP/1.1 413 ") or not said  # closed before it was read
        assert server.says("its body has more than 4194304 bytes")
        just_fits = body(name="create_client", arguments={"name": "Bea", "nmae": "x" * 4_000_000})
        with server.connect() as connection:
            connection.sendall(head(just_fits) + just_fits)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert clients() == 0


def test_what_strangers_cause_is_logged_once_a_minute(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        for number in range(30):
            for sent in (b"nonsense\r\n\r\n", head(b"").replace(b"127.0.0.1", b"evil%d.example" % number)):
                with server.connect() as connection:
                    connection.sendall(sent)
                    assert connection.recv(1000).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 421 "))
        for _ in range(30):
            with server.connect() as connection:
                connection.sendall(head(b"", length=100) + b"{")

        assert server.says("left before its request was whole")
        assert len(server.lines()) == 3, server.lines()


def test_whole_requests_push_out_no_other(committed_db: str, tmp_path: Path) -> None:
    with served(tmp_path, files=100) as server, psycopg.connect(committed_db) as locking:
        locking.execute("LOCK TABLE clients IN EXCLUSIVE MODE")
        running = [server.sends("create_client", {"name": name}) for name in ("Ann", "Bea")]
        assert within(20, lambda: waiting_for_a_lock(committed_db) == 2)
        with server.connect() as third:
            assert third.recv(1000).startswith(b"HTTP/1.1 503 ")
        assert server.says("refused a connection: all 2 are busy")
        locking.execute("COMMIT")
        for connection in running:
            assert answered(connection)["structuredContent"]["status"] == "lead"
    assert clients() == 2
