"""An upstream on loopback and the pool of connections to it, with time that can be moved on."""

import asyncio
import contextlib
import time

from nameserver import NameServer

from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint
from shield_proxy.wire.upstream.limits import UpstreamLimits
from shield_proxy.wire.upstream.names import Names
from shield_proxy.wire.upstream.outflow import response_to
from shield_proxy.wire.upstream.pool import Pool
from shield_proxy.wire.upstream.resolve import Resolver

REQUEST, ANSWER = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """Answers each request at once; the test may speak and hang up on each connection."""

    def __init__(self) -> None:
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.ended = 0
        self._servers: list[asyncio.Server] = []

    async def on(self, address: str) -> None:
        server = await asyncio.start_server(self._accept, address, self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
        self.ended += 1
        writer.close()

    def close(self) -> None:
        for server in self._servers:
            server.close()
        for writer in self.writers:
            writer.transport.abort()


class World:
    """An upstream on 127.0.0.1, a pool, and time that can be moved on."""

    def __init__(self, limits: UpstreamLimits, names: NameServer) -> None:
        self.upstream = Upstream()
        self.names = names
        self.moved = 0.0
        self.resolver = Resolver(self.clock, Names((names.address,)))
        self.pool = Pool(limits, self.clock, self.resolver)

    def clock(self) -> float:
        return time.monotonic() + self.moved

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.upstream.port)

    async def connect(self, most: int = 10) -> UpstreamConnection:
        return await self.pool.connect(self.endpoint, Connecting(5, most=most))

    async def use(self, connection: UpstreamConnection) -> None:
        """One request; afterwards the connection is free."""
        _, body = await response_to(connection, REQUEST, b"GET", self.clock() + 5)
        assert await body.read() == b"ok"
        assert await body.read() == b""

    async def idle(self, connections: int) -> None:
        made = [await self.connect() for _ in range(connections)]
        for connection in made:
            await self.use(connection)
        assert self.pool.idle == connections


async def until(claim: object, seconds: float = 10) -> None:
    assert callable(claim)
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.005)
