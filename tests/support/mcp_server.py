"""An MCP server over HTTP as a process of its own, and clients of it that speak plain HTTP, whole or in parts."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import psycopg

from tests.support.embedded import within
from tests.support.mcp_client import COMMAND

TOKEN = "sixteen-or-more-characters"  # noqa: S105


@dataclass
class Served:
    """A server that runs, and what it says."""

    process: "subprocess.Popen[str]"
    log: Path

    @property
    def port(self) -> int:
        found = re.search(r"http://\S+:(\d+)/mcp", self.log.read_text())
        assert found, self.log.read_text()
        return int(found[1])

    def lines(self) -> list[str]:
        """Return what it said after its address."""
        lines = self.log.read_text().splitlines()
        return lines[1 + next(number for number, line in enumerate(lines) if "serving " in line) :]

    def says(self, words: str, *, within_seconds: float = 20) -> bool:
        return within(within_seconds, lambda: any(words in line for line in self.lines()))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=40)

    def request(self, method: str = "tools/call", *, token: str | None = TOKEN, **params: Any) -> tuple[int, Any]:
        """Send a request, and return the status and its answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/mcp", body(method, **params), headers(token))
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def calls(self, name: str, arguments: dict[str, Any], **meta: Any) -> dict[str, Any]:
        """Call a tool, and return what the server answers as the call's result."""
        status, answer = self.request(name=name, arguments=arguments, _meta=meta)
        assert status == 200, answer
        return answer["result"]

    def sends(self, name: str, arguments: dict[str, Any], **meta: Any) -> socket.socket:
        """Send a call and return the connection, on which the answer will come."""
        connection = self.connect()
        connection.sendall(head(sent := body(name=name, arguments=arguments, _meta=meta)) + sent)
        return connection


def body(method: str = "tools/call", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def headers(token: str | None = TOKEN) -> dict[str, str]:
    wanted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return wanted | ({} if token is None else {"Authorization": f"Bearer {token}"})


def head(sent: bytes, *, token: str | None = TOKEN, length: int | None = None) -> bytes:
    """Write the head of a request with this body, or one that claims another length."""
    known = {"Host": "127.0.0.1", "Content-Length": str(len(sent) if length is None else length)} | headers(token)
    return b"".join(
        [b"POST /mcp HTTP/1.1\r\n", *(f"{name}: {value}\r\n".encode() for name, value in known.items()), b"\r\n"]
    )


@contextmanager
def served(tmp_path: Path, *, files: int | None = None, more_files: int | None = None, **settings: str) -> Generator[Served]:
    """Start a server that may open so many files, or ``more_files`` if it asks, and see it end without a traceback."""
    command = [sys.executable, *COMMAND, "--role", "studio_manager", "--http", "--port", "0"]
    if files is not None:
        limits = f"set -e; ulimit -Sn {files}; ulimit -Hn {more_files or files}"
        command = ["sh", "-c", f'{limits}; exec "$@"', "sh", *command]
    environment = (
        os.environ | {"STUDIO_DATA_MCP_TOKEN": TOKEN} | {f"STUDIO_DATA_{name}": value for name, value in settings.items()}
    )
    log = tmp_path / "stderr"
    with log.open("w") as stderr:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=stderr, text=True)
    server = Served(process, log)
    try:
        assert within(60, lambda: "serving " in log.read_text() or process.poll() is not None)
        yield server
        process.terminate()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()[:5000]


def answered(connection: socket.socket) -> dict[str, Any]:
    """Wait for the answer to what was sent on a connection, and return the call's result."""
    with connection:
        answer = HTTPResponse(connection)
        answer.begin()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)["result"]


def waiting_for_a_lock(url: str) -> int:
    """Count the sessions of a database that wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as watching:
        row = watching.execute(waiting).fetchone()
        assert row is not None
        return row[0]
