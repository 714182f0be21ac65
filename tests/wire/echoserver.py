"""A server on loopback whose service answers at once, or later, what it was asked."""

import asyncio
from collections.abc import Coroutine

from world.client import Client
from world.fleet import Clock

from shield_proxy.wire.fast import Answer, FastPath, Resource, Tally
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.parse import HeadLimits
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.server import ServerConnection

GET = b"GET /%s HTTP/1.1\r\nHost: a.example\r\n\r\n"


class Echo:
    """Answers at once, or later, what it was asked; remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.bodies: list[bytes] = []
        self.tally = Tally("zone")
        resource = Resource(b"key", ())
        resource.answer = Answer(b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"hit", 0.0, 1e9, self.tally)
        large = Resource(b"large", ())
        large.answer = Answer(b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"x" * 100_000, 0.0, 1e9, self.tally)
        names = {b"a.example/hit": resource, b"a.example/hit/large": large}
        self.fast: FastPath | None = FastPath(names, HeadLimits())
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def hits(self) -> int:
        return self.tally.count

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, reason.encode()

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        self.seen.append(exchange)
        if exchange.head.target.startswith(b"/now"):
            exchange.reply(200, b"HTTP/1.1 200 OK\r\n", exchange.head.target)
            return None
        return self._later(exchange)

    async def _later(self, exchange: Exchange) -> None:
        body = b""
        if exchange.body is not None and exchange.head.target != b"/unread":
            while piece := await exchange.body.read():
                body += piece
        self.bodies.append(body)
        await self.gate.wait()
        match exchange.head.target:
            case b"/stream":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", None)
                for piece in (b"one", b"two", b"three"):
                    await exchange.write(piece)
                exchange.end()
            case b"/large":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", 8 << 20)
                for _ in range(128):
                    await exchange.write(b"x" * (64 << 10))
                exchange.end()
            case b"/broken":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", 100)
                await exchange.write(b"x")
                raise RuntimeError("broken on purpose")
            case b"/refused":
                raise Refused(418, "teapot")
            case b"/interim":
                exchange.interim(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n")
                exchange.reply(200, b"HTTP/1.1 200 OK\r\n", b"ok")
            case target:
                exchange.reply(200, b"HTTP/1.1 200 OK\r\n", exchange.head.method + target + body)


class Server:
    def __init__(self) -> None:
        self.clock = Clock()
        self.service = Echo()
        self.listener = Listener(ServerConnection, self.service, ServerLimits(), self.clock)
        self.clients: list[Client] = []

    async def start(self) -> None:
        await self.listener.listen((("127.0.0.1", 0),))

    async def client(self) -> Client:
        self.clients.append(await Client.connect(self.listener.addresses[0]))
        return self.clients[-1]
