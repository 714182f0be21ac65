"""A client port whose service tells what is known of a connection, with certificates in a folder."""

import asyncio
import ssl
from collections.abc import Coroutine
from pathlib import Path

from world.certificates import Authority
from world.client import Client
from world.fleet import Clock

from shield_proxy.config.state import Origin, Zone
from shield_proxy.wire.fast import FastPath
from shield_proxy.wire.serving.doors import Entry, Room
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.server import ServerConnection
from shield_proxy.wire.tls.certificates import Certificates

GET = b"GET /%s HTTP/1.1\r\nHost: shop.example\r\n\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\x7f\x00\x00\x01\x12\x34\x00\x50"


class Naming:
    """Answers with what is known of the connection, or with as many bytes as the path says."""

    fast: FastPath | None = None

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        size = exchange.head.target.removeprefix(b"/")
        if exchange.body is not None:
            return self._echo(exchange)
        arrival = exchange.arrival
        told = f"{arrival.peer} {arrival.trusted} {arrival.scheme.decode()} {arrival.server_name}".encode()
        exchange.reply(200, b"HTTP/1.1 200 OK\r\n", b"x" * int(size) if size.isdigit() else told)
        return None

    async def _echo(self, exchange: Exchange) -> None:
        assert exchange.body is not None
        exchange.begin(200, b"HTTP/1.1 200 OK\r\n", None)
        while piece := await exchange.body.read():
            await exchange.write(piece)
        exchange.end()

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, reason.encode()


def zone(certificate: str | None, *hosts: str) -> Zone:
    return Zone(hosts[0], "shop", hosts[0], 1, hosts, (Origin("web", "127.0.0.1", 1),), certificate=certificate)


class Port:
    """A listener with certificates in a folder."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory, self.authority, self.clock = directory, authority, Clock()
        self.certificates = Certificates(directory, clock=self.clock, wall=self.clock.wall)
        self.listeners: list[Listener] = []
        self.clients: list[Client] = []

    def use(self, *zones: Zone) -> None:
        self.certificates.use(zones)
        self.certificates.look()

    async def listen(self, host: str = "127.0.0.1", room: int = 100, **entry: object) -> Listener:
        made = Entry(**entry)  # type: ignore[arg-type]
        listener = Listener(ServerConnection, Naming(), ServerLimits(), self.clock, entry=made, room=Room(room))
        await listener.listen(((host, 0),))
        self.listeners.append(listener)
        return listener

    async def secured(self, **entry: object) -> Listener:
        return await self.listen(certificates=self.certificates, **entry)

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.pem)
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        return context

    async def connect(self, listener: Listener) -> Client:
        self.clients.append(await Client.connect(listener.addresses[0]))
        return self.clients[-1]

    async def connect_tls(self, listener: Listener, name: str | None, context: ssl.SSLContext | None = None) -> Client:
        context = context or self.trusting()
        if name is None:
            context.check_hostname = False
        connecting = asyncio.open_connection(
            *listener.addresses[0], ssl=context, server_hostname="" if name is None else name
        )
        self.clients.append(Client(*await connecting))
        return self.clients[-1]

    async def told(self, client: Client) -> str:
        client.send(GET % b"told")
        return (await client.read()).body.decode()
