"""The MCP server over streamable HTTP: who may ask it, by which names, and how it ends."""

import asyncio
import hmac
import logging
import re
import socket
from ipaddress import ip_address
from math import ceil
from types import FrameType
from typing import cast, override

import anyio
import uvicorn
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from studio_data.config import settings
from studio_data.contract.actor import require_actor
from studio_data.errors import ConfigurationError
from studio_data.mcp.calls import Calls
from studio_data.mcp.connections import (
    ACCEPTED_AT_ONCE,
    SECONDS_FOR_BODY,
    SECONDS_TO_READ,
    Door,
    Room,
    report_briefly,
    room_for_connections,
)
from studio_data.mcp.direct import Direct
from studio_data.mcp.introduction import on_signals
from studio_data.mcp.server import server_for
from studio_data.mcp.toolset import Toolset

PATH = "/mcp"
LISTEN_QUEUE = 1024

log = logging.getLogger("studio_data.mcp")


class _OneToken:
    """Knows the one bearer token that ``STUDIO_DATA_MCP_TOKEN`` sets."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token's holder may, or None for any other token."""
        if hmac.compare_digest(token.encode(), self._token.get_secret_value().encode()):
            return AccessToken(token=token, client_id="studio-data", scopes=[])
        return None


def serve_http(toolset: Toolset, host: str, port: int) -> None:
    """Serve any number of clients over streamable HTTP, until a signal says stop.

    Raises ``ConfigurationError`` off loopback without a token, and for an address that cannot be listened on.
    """
    require_actor("the MCP server")
    calls = Calls()
    app = _app(toolset, calls, host)
    listening = _listen(host, port)
    serving = _Serving(app, calls)
    on_signals(serving.stop)  # before and after uvicorn has its own
    role = toolset.acting.role
    address = f"http://{_in_url(host)}:{listening.getsockname()[1]}{PATH}"
    log.info("serving %s on %s", f"the tools of {role}" if role else "every tool", address)
    anyio.run(serving.serve, [listening])


class _Serving(uvicorn.Server):
    """Uvicorn, whose end is that of the calls: what runs is answered, what waits is told that it was not done."""

    def __init__(self, app: ASGIApp, calls: Calls) -> None:
        self._calls = calls
        config = uvicorn.Config(
            app,
            http=cast("type[asyncio.Protocol]", Room(room_for_connections()).connection),
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nothing asks where a request came from before a proxy
            backlog=ACCEPTED_AT_ONCE,
            # Never reached: all that it waits for has its own time.
            timeout_graceful_shutdown=ceil(SECONDS_FOR_BODY + settings().call_timeout + SECONDS_TO_READ),
        )
        super().__init__(config)

    def stop(self) -> None:
        """Begin the end. It takes no longer than the calls that run."""
        self.should_exit = True

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stop()  # A second signal does not cut the calls off, and none is raised again at the end.

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        report_briefly(asyncio.get_running_loop())
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(LISTEN_QUEUE)  # The backlog given to asyncio also says how many it accepts in one turn.

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._calls.end()
        await super().shutdown(sockets)


def _app(toolset: Toolset, calls: Calls, host: str) -> ASGIApp:
    token = settings().mcp_token
    is_loopback = _is_loopback(host)
    if token is None and not is_loopback:
        raise ConfigurationError(
            f"Without a token the server may not listen on {host}: everybody who reaches it could call every tool.",
            hint="Set STUDIO_DATA_MCP_TOKEN in the environment or in .env, or listen on 127.0.0.1.",
            details={"setting": "STUDIO_DATA_MCP_TOKEN"},
        )
    security = _only_by_known_names(host) if is_loopback or settings().mcp_allowed_hosts else None
    manager = StreamableHTTPSessionManager(
        server_for(toolset, calls),
        # Every answer is one JSON document and nothing is kept between requests, so any process may answer the next one.
        json_response=True,
        stateless=True,
        security_settings=security,
    )
    endpoint: ASGIApp = Door(manager.handle_request)
    middleware: list[Middleware] = []
    if origins := settings().mcp_allowed_origins:
        middleware.append(Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=["*"]))
    if token is not None:
        endpoint = RequireAuthMiddleware(endpoint, [])  # before the body is read
        middleware.append(Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(_OneToken(token))))
    # Without sessions there is no stream to open by GET, nor a session to DELETE.
    app = Starlette(
        routes=[Route(PATH, endpoint, methods=["POST"])], middleware=middleware, lifespan=lambda _: manager.run()
    )
    return Direct(app, PATH, calls, toolset, token=token, security=security)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _only_by_known_names(host: str) -> TransportSecuritySettings:
    """Refuse other Host and Origin headers: a web page whose name resolves to this address must not call tools.

    Known are the names of loopback, and those that the settings allow, since a proxy passes on the name it is called by.
    """
    allowed = settings().mcp_allowed_hosts
    loopback = _any_port("127.0.0.1", "localhost", "[::1]", _in_url(host))
    return TransportSecuritySettings(
        allowed_hosts=[*loopback, *_any_port(*allowed)],
        allowed_origins=[
            *(f"http://{name}" for name in loopback),
            *(f"https://{name}" for name in _any_port(*allowed)),
            *settings().mcp_allowed_origins,
        ],
    )


def _any_port(*names: str) -> list[str]:
    """Return the names as they are, and with any port those that name none."""
    return [form for name in names for form in ([name] if re.search(r":\d+$", name) else [name, f"{name}:*"])]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, which socket.create_server does not do: else asyncio leaves Nagle's algorithm on for what
    # it accepts, and each answer waits 40 ms for the client's acknowledgement of its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(LISTEN_QUEUE)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"The server cannot listen on port {port} of {host}: {str(error.strerror).partition(' (')[0]}.",
            hint="Choose another --port or --host.",
        ) from error
    return listening
