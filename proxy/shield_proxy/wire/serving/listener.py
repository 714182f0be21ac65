"""A listening port: its sockets, its connections and their common limits. It owns and closes them."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

from shield_proxy.config.identity import Identity
from shield_proxy.wire.fast import UNLIMITED, Client
from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.doors import Door, Entry, Room
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.serving.opening import Opening
from shield_proxy.wire.serving.pages import Pages
from shield_proxy.wire.serving.service import Service
from shield_proxy.wire.tls.hops import HopTls

ACCEPTS = 64
"""Connections taken at one time beside those that the loop takes."""


class Served(Protocol):
    """A client's connection, as its port sees it."""

    def sweep(self, now: float) -> None:
        """Ends it if a deadline of its present state has passed."""
        ...

    def close_idle(self) -> None:
        """Closes it between two requests."""
        ...

    def cut(self) -> None:
        """Ends it at once."""
        ...


class Listener:
    """One port, on one or more addresses."""

    def __init__(
        self,
        connection: Callable[["Listener", Arrival | None], asyncio.Protocol],
        service: Service,
        limits: ServerLimits,
        clock: Callable[[], float],
        *,
        tls: HopTls | None = None,
        accepts: Callable[[Identity | None], bool] = lambda _: True,
        entry: Entry | None = None,
        room: Room | None = None,
        pages: Pages | None = None,
    ) -> None:
        """`connection` makes what reads requests. `tls` is for pods, `entry` for clients; without `room` the port has
        limits.connections for itself. `pages` is its maker's; a port with TLS makes no use of it."""
        self.service = service
        self.limits = limits
        self.clock = clock
        self.mutual = tls is not None
        self.fast = service.fast
        self.running = 0
        """Requests that are being answered by a task."""
        self.refused = 0
        """Connections that were not admitted."""
        self.draining = False
        self._connection = partial(connection, self)
        self.door = Door(entry or Entry(), room or Room(limits.connections), clock, self._connection)
        self.pages = None if self.mutual or self.door.encrypted else pages
        self._tls = tls
        self._accepts = accepts
        self._connections: set[Served] = set()
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        """The same once more, for take_waiting."""
        self._taking: set[asyncio.Task[tuple[asyncio.Transport, asyncio.Protocol]]] = set()

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._connections) + self.door.openings

    async def listen(self, addresses: tuple[tuple[str, int], ...]) -> None:
        """Listens on all addresses; OSError where one is taken."""
        loop = asyncio.get_running_loop()
        context = self._tls.server if self._tls is not None else None
        for address in addresses:
            sock = _bind(address)
            try:
                server = await loop.create_server(self._accepted, sock=sock, ssl=context, backlog=4096)
            except BaseException:
                sock.close()
                raise
            self._servers.append(server)
            self._sockets.append(sock.dup())

    def take_waiting(self) -> None:
        """Takes connections that wait, ACCEPTS of each address at most; call it often. The loop itself takes one in a
        turn: where turns are long, who comes would wait for seconds."""
        loop = asyncio.get_running_loop()
        context = self._tls.server if self._tls is not None else None
        for listening in self._sockets:
            for _ in range(ACCEPTS):
                try:
                    sock, _ = listening.accept()
                except OSError:  # nobody waits, or there is no descriptor for one more
                    break
                sock.setblocking(False)
                taking = loop.create_task(loop.connect_accepted_socket(self._accepted, sock, ssl=context))
                self._taking.add(taking)
                taking.add_done_callback(self._taken)

    def _taken(self, taking: "asyncio.Task[tuple[asyncio.Transport, asyncio.Protocol]]") -> None:
        self._taking.discard(taking)
        if not taking.cancelled():
            taking.exception()  # a handshake that failed is the client's own affair

    def _accepted(self) -> asyncio.Protocol:
        return self._connection(None) if self.door.direct else Opening(self.door)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each socket."""
        names = [sock.getsockname() for server in self._servers for sock in server.sockets]
        return tuple((str(name[0]), int(name[1])) for name in names)

    def admit(self, connection: Served, identity: Identity | None) -> bool:
        """Keeps the connection; False where it is one too many or of somebody else's."""
        if not self._accepts(identity) or not self.door.room.enter():
            self.refused += 1
            return False
        self._connections.add(connection)
        return True

    def introduce(self, arrival: Arrival) -> Client:
        """A connection's other end, as the fast path wants it."""
        introduce = Client if self.fast is None else self.fast.introduce
        return introduce(arrival.peer, arrival.mark, arrival.trusted, self.limits.requests or UNLIMITED)

    def forget(self, connection: Served) -> None:
        """The connection has ended."""
        if connection in self._connections:
            self._connections.remove(connection)
            self.door.room.leave()

    def sweep(self, now: float) -> None:
        """Looks at every connection's deadline; call it about once a second."""
        self.door.sweep(now)
        for connection in tuple(self._connections):
            connection.sweep(now)

    def begin_drain(self) -> None:
        """Goes on accepting, but every answer closes its connection: busy clients leave without losing a request."""
        self.draining = True
        self.fast = None

    def close_idle(self) -> None:
        """Connections without a request are closed; a client that is just about to send one has to repeat it."""
        self.door.cut()
        for connection in tuple(self._connections):
            connection.close_idle()

    def stop_listening(self) -> None:
        """No new connections; open ones go on."""
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        self._servers.clear()
        self._sockets.clear()

    def close(self) -> None:
        """Cuts every connection."""
        self.stop_listening()
        for taking in tuple(self._taking):
            taking.cancel()
        self.door.cut()
        for connection in tuple(self._connections):
            connection.cut()


def _bind(address: tuple[str, int]) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
