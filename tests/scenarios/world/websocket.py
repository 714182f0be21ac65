"""WebSocket peers that share no code with the proxy: an echo server as origin, and clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class EchoOrigin:
    """Sends back every message; `requests` are the handshakes it saw."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closed: list[tuple[int | None, str | None]] = []
        self.connections: set[ServerConnection] = set()
        self._server: Server | None = None
        self.port = 0

    async def start(self, **more: Any) -> None:
        self._server = await serve(
            self._echo, "127.0.0.1", 0, process_request=self._note, max_size=16 << 20, ping_interval=None, **more
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            for connection in tuple(self.connections):
                connection.transport.abort()
            self._server.close()
            await self._server.wait_closed()

    def _note(self, _: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return None

    async def _echo(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        try:
            async for message in connection:
                await connection.send(message)
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)
            self.closed.append((connection.close_code, connection.close_reason))


@asynccontextmanager
async def websocket(
    address: tuple[str, int], path: str = "/ws", uri: str = "", **more: Any
) -> AsyncIterator[ClientConnection]:
    """A client that names shop.example and connects to the address."""
    options: dict[str, Any] = {"max_size": 16 << 20, "ping_interval": None, "close_timeout": 5, "proxy": None}
    async with asyncio.timeout(60):
        async with connect(
            uri or f"ws://shop.example{path}", host=address[0], port=address[1], **(options | more)
        ) as client:
            yield client
