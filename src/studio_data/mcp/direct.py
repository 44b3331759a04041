"""The short way of a tool call over HTTP: from the body to the tool, and from what it returned to the bytes of the answer.

It takes only what is as usual in every respect. Everything else goes the SDK's way and is answered, or refused, there:
other methods and protocol versions, headers that need a look, and whatever is not well-formed.
"""

import hmac
import json
from typing import Any, NamedTuple

from mcp.server.streamable_http import check_accept_headers
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request
from pydantic import SecretStr
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio_data.mcp.answers import Request
from studio_data.mcp.calls import Calls, answer_in_time
from studio_data.mcp.connections import Door
from studio_data.mcp.toolset import Toolset

DIRECT_VERSIONS = {"2025-06-18", "2025-11-25"}
"""Of the protocol with a handshake, those whose answers hold structured content."""

STATELESS_VERSIONS = {"2026-07-28"}
MOST_ACCEPTED = 1_000
"""Combinations of headers that are known to be right: clients have a handful, and strangers may invent more."""

_ONCE = {b"authorization", b"content-type", b"accept", b"host", b"mcp-protocol-version", b"mcp-method", b"mcp-name"}


class Direct:
    """The server as an ASGI application: usual calls are answered here, and the rest by ``app``."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        calls: Calls,
        toolset: Toolset,
        *,
        token: SecretStr | None,
        security: TransportSecuritySettings | None,
    ) -> None:
        self._app = app
        self._path = path
        self._calls = calls
        self._toolset = toolset
        self._authorization = None if token is None else f"Bearer {token.get_secret_value()}".encode()
        self._security = TransportSecurityMiddleware(security)
        self._door = Door(self._let_in)
        self._accepted: set[tuple[bytes | None, bytes | None, bytes | None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or let ``app`` do it."""
        is_usual = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self._path
        if is_usual and self._has_usual_headers(scope["headers"]):
            await self._door(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _has_usual_headers(self, headers: list[tuple[bytes, bytes]]) -> bool:
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name == b"origin" or name.startswith(b"mcp-param-") or (name in _ONCE and name in found):
                return False
            found[name] = value
        return self._authorization is None or hmac.compare_digest(found.get(b"authorization", b""), self._authorization)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        message, headers = await receive(), dict(scope["headers"])
        version = headers.get(b"mcp-protocol-version", b"").decode("latin-1")
        call = _call_in(message["body"])
        if call is None or not await self._may_come_in(scope, headers, version, call.message):
            messages: list[Message] = [message]

            async def again() -> Message:
                return messages.pop() if messages else await receive()

            await self._app(scope, again, send)
            return
        result = (await answer_in_time(self._calls, self._toolset, call.request)).json
        if version in STATELESS_VERSIONS:
            result = b'%b,"resultType":"complete"}' % result[:-1]
        body = b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (json.dumps(call.asked).encode(), result)
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def _may_come_in(self, scope: Scope, headers: dict[bytes, bytes], version: str, message: dict[str, Any]) -> bool:
        """Check the headers as the SDK does. A client sends the same ones with each call, so most are known."""
        checked = (headers.get(b"host"), headers.get(b"content-type"), headers.get(b"accept"))
        if checked not in self._accepted:
            http = HttpRequest(scope)
            accepts_json, _ = check_accept_headers(http)
            if not accepts_json or await self._security.validate_request(http, is_post=True) is not None:
                return False
            if len(self._accepted) >= MOST_ACCEPTED:
                self._accepted.clear()
            self._accepted.add(checked)
        if version in STATELESS_VERSIONS:
            readable = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
            return isinstance(classify_inbound_request(message, headers=readable), InboundModernRoute)
        return version in DIRECT_VERSIONS


class _Call(NamedTuple):
    message: dict[str, Any]
    asked: str | int
    request: Request


def _call_in(body: bytes) -> _Call | None:
    """Return the call that a body holds; None for anything else."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match message:
        case {"jsonrpc": "2.0", "id": str() | int() as asked, "method": "tools/call", "params": {"name": str(name), **rest}}:
            arguments, meta = rest.pop("arguments", None), rest.pop("_meta", None)
            is_usual = isinstance(arguments, dict | None) and isinstance(meta, dict | None) and not rest
            return (
                _Call(message, asked, Request(name, arguments, meta)) if is_usual and not isinstance(asked, bool) else None
            )
        case _:
            return None
