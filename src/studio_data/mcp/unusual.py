"""The SDK over stdio, for what ``usual`` does not answer. It is loaded for the first such message."""

from types import TracebackType
from typing import Any, Self, TextIO

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from studio_data.config import settings
from studio_data.mcp.calls import SECONDS_TO_READ, Calls, Client, current_client
from studio_data.mcp.server import server_for
from studio_data.mcp.toolset import Toolset


def serve(toolset: Toolset, calls: Calls, client: Client, stdout: TextIO, *, opened_by: str | int | None) -> None:
    """Serve what comes over stdin until its end. ``opened_by`` is the id of a handshake that was answered already."""
    server = server_for(toolset, calls)

    async def conversation() -> None:
        current_client.set(client)
        async with stdio_server(stdout=anyio.wrap_file(stdout)) as (reading, writing):
            asked = _Asked(calls)
            await server.run(
                _Reading(reading, asked), _Writing(writing, asked, opened_by), server.create_initialization_options()
            )

    anyio.run(conversation)


# The end --------------------------------------------------------------------------------------------------------------


class _Asked:
    """The requests that wait for an answer. The SDK drops them at the end of stdin, so the end waits for them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._ids: set[str] = set()
        self._none_left = anyio.Event()

    def note(self, message: object) -> None:
        """Note a request that came in or was cancelled, or an answer that went out."""
        match message:
            case JSONRPCRequest(id=asked):
                self._ids.add(str(asked))
            case JSONRPCNotification(method="notifications/cancelled", params={"requestId": cancelled}):
                self._ids.discard(str(cancelled))  # never answered
            case JSONRPCResponse(id=answered) | JSONRPCError(id=answered):
                self._ids.discard(str(answered))
            case _:
                pass
        if not self._ids:
            self._none_left.set()

    async def answered(self) -> None:
        """Wait until every request is answered, which each is by its deadline. Then the server ends."""
        with anyio.move_on_after(settings().call_timeout + SECONDS_TO_READ):
            while self._ids:
                self._none_left = anyio.Event()
                await self._none_left.wait()
        self._calls.end()


class _Stream:
    """A stream of the SDK, seen by us too."""

    def __init__(self, stream: Any, asked: _Asked) -> None:  # noqa: ANN401 (the SDK exports no class of it)
        self._stream = stream
        self._asked = asked

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._stream.__aexit__(exc_type, exc_val, exc_tb)


class _Reading(_Stream):
    """What the client sends. Its end comes when the calls before it are answered."""

    @property
    def last_context(self) -> Any:  # noqa: ANN401 (for the SDK)
        return self._stream.last_context

    async def receive(self) -> SessionMessage | Exception:
        try:
            item = await self._stream.receive()
        except anyio.EndOfStream:
            await self._asked.answered()
            raise
        if isinstance(item, SessionMessage):
            self._asked.note(item.message)
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class _Writing(_Stream):
    """What the server sends, but for the answer to a handshake that was answered already."""

    def __init__(self, stream: Any, asked: _Asked, opened_by: str | int | None) -> None:  # noqa: ANN401 (as above)
        super().__init__(stream, asked)
        self._opened_by = opened_by

    async def send(self, item: SessionMessage, /) -> None:
        match item.message:
            case JSONRPCResponse(id=answered) if answered == self._opened_by:
                self._opened_by = None
            case _:
                await self._stream.send(item)
        self._asked.note(item.message)
