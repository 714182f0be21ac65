"""Connections to upstreams, kept open and reused, newest first. It owns every connection it makes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.config.identity import Identity
from shield_proxy.wire.failures import UpstreamFailed
from shield_proxy.wire.resolve import Resolver
from shield_proxy.wire.tls import peer_identity
from shield_proxy.wire.upstream import UpstreamConnection, UpstreamLimits

HOP_SILENCE = 3
"""Seconds without a sign of life after which another pod is asked."""
ORIGIN_SILENCE = 30


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom to connect to. Connections are shared only between equal endpoints."""

    host: str
    port: int
    security: "TlsIdentity | None" = None


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """What makes two TLS connections interchangeable: who we expect there and whom we trust."""

    server_name: str | None
    """SNI and the name to verify; None on hops."""
    verify: bool = True
    ca_bundle: str | None = None
    tier: str | None = None
    """On hops: the tier the peer's certificate must name."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """How a connection to an endpoint is made."""

    seconds: float
    """For name, TCP and TLS together."""
    context: ssl.SSLContext | None = None
    accepts: Callable[[Identity | None], bool] | None = None
    """Of the peer's identity after the handshake."""


def notice_silence(transport: asyncio.BaseTransport, seconds: int) -> None:
    """The connection breaks when its peer's machine has acknowledged nothing for so many seconds, whether something
    was sent or an answer is awaited: a node that vanishes says no goodbye (RFC 9293, 3.8.3 and 3.8.4)."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None:
        return
    pause = max(1, seconds // 3)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", pause),
        ("TCP_KEEPINTVL", pause),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", seconds * 1000),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class Pool:
    """All upstream connections of a process."""

    def __init__(self, limits: UpstreamLimits, clock: Callable[[], float], resolver: Resolver) -> None:
        self.limits = limits
        self._clock = clock
        self._resolver = resolver
        self._idle: dict[Endpoint, list[UpstreamConnection]] = {}
        self._where: dict[UpstreamConnection, Endpoint] = {}
        self._count: dict[Endpoint, int] = {}
        self.opened = 0
        self.reused = 0

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._where)

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return sum(map(len, self._idle.values()))

    def take_idle(self, endpoint: Endpoint, used_since: float = float("-inf")) -> UpstreamConnection | None:
        """An open connection that waits for a request, if there is one that was used since then."""
        waiting = self._idle.get(endpoint)
        while waiting and waiting[-1].idle_since >= used_since:
            connection = waiting.pop()
            if connection.usable:
                self.reused += 1
                return connection
        return None

    async def connect(self, endpoint: Endpoint, how: Connecting) -> UpstreamConnection:
        """A new connection; UpstreamFailed says why not."""
        if self._count.get(endpoint, 0) >= self.limits.per_address:
            raise UpstreamFailed("exhausted")
        self._count[endpoint] = self._count.get(endpoint, 0) + 1
        connection = UpstreamConnection(self.limits, self._clock, self._free, self._lost)
        self._where[connection] = endpoint
        try:
            async with asyncio.timeout(how.seconds):
                await self._open(connection, endpoint, how)
        except TimeoutError:
            self._give_up(connection)
            raise UpstreamFailed("connect-timeout") from None
        except BaseException:
            self._give_up(connection)
            raise
        self.opened += 1
        return connection

    def _give_up(self, connection: UpstreamConnection) -> None:
        connection.cut()
        self._lost(connection)

    async def _open(self, connection: UpstreamConnection, endpoint: Endpoint, how: Connecting) -> None:
        loop = asyncio.get_running_loop()
        failure = UpstreamFailed("unresolved")
        server_name = endpoint.security.server_name if endpoint.security is not None else None
        for address in await self._resolver.addresses(endpoint.host):
            try:
                transport, _ = await loop.create_connection(
                    lambda: connection,
                    address,
                    endpoint.port,
                    ssl=how.context,
                    server_hostname=(server_name or "") if how.context is not None else None,
                    ssl_handshake_timeout=how.seconds if how.context is not None else None,
                )
            except ssl.SSLError as error:
                failure = UpstreamFailed("tls", str(error.reason))
            except ConnectionRefusedError:
                failure = UpstreamFailed("refused")
            except ConnectionError as error:
                failure = UpstreamFailed("tls" if how.context is not None else "unreachable", str(error))
            except OSError as error:
                failure = UpstreamFailed("unreachable", str(error))
            else:
                if how.accepts is not None and not how.accepts(peer_identity(transport.get_extra_info("ssl_object"))):
                    raise UpstreamFailed("identity")
                hop = endpoint.security is not None and endpoint.security.tier is not None
                notice_silence(transport, HOP_SILENCE if hop else ORIGIN_SILENCE)
                return
        raise failure

    def _free(self, connection: UpstreamConnection) -> None:
        endpoint = self._where.get(connection)
        if endpoint is None:
            connection.cut()
            return
        waiting = self._idle.setdefault(endpoint, [])
        if len(waiting) >= self.limits.idle_per_address:
            connection.cut()
        else:
            waiting.append(connection)

    def _lost(self, connection: UpstreamConnection) -> None:
        endpoint = self._where.pop(connection, None)
        if endpoint is None:
            return
        self._count[endpoint] -= 1
        if not self._count[endpoint]:
            del self._count[endpoint]
        waiting = self._idle.get(endpoint)
        if waiting is not None:
            with contextlib.suppress(ValueError):
                waiting.remove(connection)
            if not waiting:
                del self._idle[endpoint]

    def sweep(self, now: float) -> None:
        """Looks at every connection's deadline; call it several times a second."""
        for connection in tuple(self._where):
            connection.sweep(now)

    def close(self) -> None:
        """Cuts every connection."""
        for connection in tuple(self._where):
            connection.cut()
