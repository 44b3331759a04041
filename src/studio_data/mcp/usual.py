"""The usual messages of a client over stdio, which are answered without the SDK: it takes most of a second to load.

They are the handshake, the list of the tools, their calls and the cancelling of a call. Everything else is handed on to the
SDK, which is loaded then and is told what was said before.
"""

import json
from collections.abc import Callable
from importlib.metadata import version
from threading import RLock
from typing import Any

from studio_data.mcp.answers import Answered, Request
from studio_data.mcp.calls import Calls
from studio_data.mcp.introduction import NAME, instructions
from studio_data.mcp.toolset import Toolset

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
STRUCTURED_VERSIONS = frozenset(HANDSHAKE_VERSIONS[2:])
"""Those whose answers hold structured content: the others' calls are the SDK's."""

type Asked = str | int


class Usual:
    """A conversation with one client. ``write`` takes a line for the client, ``hand_on`` one for the SDK.

    Threads call both.
    """

    def __init__(
        self, toolset: Toolset, calls: Calls, *, write: Callable[[bytes], None], hand_on: Callable[[bytes], None]
    ) -> None:
        self._toolset = toolset
        self._calls = calls
        self._write = write
        self._hand_on = hand_on
        self._said: list[bytes] = []
        self._running: dict[Asked, Callable[[], None]] = {}
        self._turn = RLock()
        self._version: str | None = None
        self.opened_by: Asked | None = None
        """The id of the handshake that was answered here."""

    def take(self, line: bytes) -> None:
        """Answer a line, begin its call, or hand it on."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not self._answers(message, line):
            for earlier in self._said:
                self._hand_on(earlier)
            self._said = []
            self._hand_on(line)

    def leave(self) -> None:
        """Take back every call: the client has gone."""
        with self._turn:
            running = list(self._running.values())
        for take_back in running:
            take_back()

    def _answers(self, message: Any, line: bytes) -> bool:  # noqa: ANN401 (any JSON value)
        """Answer a message or begin its call. Tell whether it was usual."""
        match message:
            case {"jsonrpc": "2.0", "id": str() | int() as asked, "method": str(method)} if not isinstance(asked, bool):
                return self._answers_request(asked, method, message.get("params"), line)
            case {"jsonrpc": "2.0", "method": "notifications/initialized"} if self._said and "id" not in message:
                self._said.append(line)
                return True
            case {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": str() | int() as asked}}:
                with self._turn:
                    take_back = self._running.pop(asked, None)
                if take_back is not None:
                    take_back()
                return take_back is not None
            case _:
                return False

    def _answers_request(self, asked: Asked, method: str, params: Any, line: bytes) -> bool:  # noqa: ANN401 (as above)
        match method, params:
            case (
                "initialize",
                {
                    "protocolVersion": str(wanted),
                    "capabilities": dict(),
                    "clientInfo": {"name": str(), "version": str()},
                },
            ) if self._version is None:
                self._said.append(line)
                self.opened_by = asked
                self._result(asked, self._introduction(wanted))
                return True
            case "tools/list", _ if self._version is not None and not params:
                self._result(asked, {"tools": self._toolset.shown()})
                return True
            case "tools/call", {"name": str(name), **rest} if self._version in STRUCTURED_VERSIONS:
                return self._begins(asked, name, rest)
            case _:
                return False

    def _introduction(self, wanted: str) -> dict[str, Any]:
        self._version = wanted if wanted in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]
        return {
            "protocolVersion": self._version,
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": NAME, "version": version(NAME)},
            "instructions": instructions(self._toolset),
        }

    def _begins(self, asked: Asked, name: str, rest: dict[str, Any]) -> bool:
        """Begin a call, if all of it is usual."""
        arguments, meta = rest.pop("arguments", None), rest.pop("_meta", None)
        if rest or asked in self._running or not isinstance(arguments, dict | None) or not isinstance(meta, dict | None):
            return False

        def answered(result: Answered) -> None:
            with self._turn:
                self._running.pop(asked, None)
            self._write(b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (json.dumps(asked).encode(), result.json))

        with self._turn:
            self._running[asked] = self._calls.begin(self._toolset, Request(name, arguments, meta), answered)
        return True

    def _result(self, asked: Asked, result: dict[str, Any]) -> None:
        answer = {"jsonrpc": "2.0", "id": asked, "result": result}
        self._write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
