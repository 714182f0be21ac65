"""A receiver of webhooks: it remembers what it was sent, and answers what it is told to."""

import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """A request."""

    method: str
    url: str
    """With the Host field's value."""
    fields: dict[str, str]
    body: Any


@dataclass
class Receiver:
    """Of any path."""

    received: list[Received] = field(default_factory=list)
    status: int = 200
    body: bytes = b"ok"
    fields: dict[str, str] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.received.append(Received(request.method, f"{request.host}{request.path_qs}", dict(request.headers), body))
        return web.Response(status=self.status, body=self.body, headers=self.fields)


@asynccontextmanager
async def receiving(
    receiver: Receiver, tls: ssl.SSLContext | None, sock: socket.socket | None = None
) -> AsyncIterator[int]:
    """Its port, that of `sock` or one of loopback."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.SockSite(runner, sock or socket.create_server(("127.0.0.1", 0)), ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
