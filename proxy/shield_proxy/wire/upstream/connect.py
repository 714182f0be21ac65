"""Making one upstream connection: name, TCP, TLS, and whether it is who was expected."""

import asyncio
import socket
import ssl
from contextlib import suppress

from shield_proxy.wire.tls.hops import peer_identity
from shield_proxy.wire.upstream.dial import dial, family, interleaved
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint
from shield_proxy.wire.upstream.failures import UpstreamFailed, tls_failure
from shield_proxy.wire.upstream.resolve import Resolver
from shield_proxy.wire.upstream.resume import ResumingContext

HOP_SILENCE = 3
"""Seconds without a sign of life after which another pod is asked."""
ORIGIN_SILENCE = 30
MOST_REMEMBERED = 10_000
LEAST = 0.05
"""Seconds that a handshake gets at least, where names and TCP took their time."""


async def open_connection(
    protocol: asyncio.Protocol, endpoint: Endpoint, how: Connecting, resolver: Resolver, families: dict[str, int]
) -> str:
    """The address that the protocol is connected to now. UpstreamFailed.

    `families` remembers by host which address family (4 or 6) was the last to answer: it is tried first.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + how.seconds
    addresses: list[str] = []
    try:
        async with asyncio.timeout_at(until):
            addresses = interleaved(await resolver.addresses(endpoint.host), families.get(endpoint.host))
            network = how.seconds if how.network is None else how.network
            began = loop.time()
            sock, address = await dial(addresses, endpoint.port, network, endpoint.egress)
    except TimeoutError:
        raise UpstreamFailed("connect-timeout" if addresses else "unresolved", "no answer") from None
    if how.learned is not None:
        how.learned(loop.time() - began)
    if len(addresses) > 1:
        _remember(families, endpoint.host, family(address))
    transport = await _encrypt(protocol, sock, endpoint, how, max(LEAST, until - loop.time()))
    notice_silence(transport, HOP_SILENCE if endpoint.hop else ORIGIN_SILENCE)
    return address


async def _encrypt(
    protocol: asyncio.Protocol, sock: socket.socket, endpoint: Endpoint, how: Connecting, seconds: float
) -> asyncio.Transport:
    """The race was on TCP: a handshake that fails is not tried again with further addresses. The socket is the loop's
    from here on, and the loop's own deadline ends the handshake."""
    loop = asyncio.get_running_loop()
    server_name = endpoint.security.server_name if endpoint.security is not None else None
    try:
        transport, _ = await loop.create_connection(
            lambda: protocol,
            sock=sock,
            ssl=how.context,
            server_hostname=(server_name or "") if how.context is not None else None,
            ssl_handshake_timeout=seconds if how.context is not None else None,
        )
    except OSError as error:
        if how.context is None and not isinstance(error, ssl.SSLError):
            raise UpstreamFailed("unreachable", error.strerror or str(error)) from error
        raise tls_failure(error) from error
    finally:
        if not isinstance(loop, asyncio.BaseEventLoop):
            # libuv closes descriptors by number, and uvloop does not tell the socket of it where the peer was gone
            # before the transport began: it would be closed once more, when the number is somebody else's.
            sock.detach()
    encryption = transport.get_extra_info("ssl_object")
    if how.accepts is not None and not how.accepts(peer_identity(encryption)):
        transport.abort()
        raise UpstreamFailed("identity")
    if isinstance(how.context, ResumingContext):
        how.context.connected(encryption)
    return transport


def _remember(families: dict[str, int], host: str, which: int) -> None:
    if len(families) >= MOST_REMEMBERED:
        families.clear()
    families[host] = which


def notice_silence(transport: asyncio.BaseTransport, seconds: int) -> None:
    """The connection breaks when its peer's machine has acknowledged nothing for so many seconds, whether something
    was sent or an answer is awaited: a node that vanishes says no goodbye (RFC 9293, 3.8.3 and 3.8.4)."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None:
        return
    pause = max(1, seconds // 3)
    with suppress(OSError):  # a peer that has gone meanwhile closed it: whoever asks next is told
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", pause),
            ("TCP_KEEPINTVL", pause),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", seconds * 1000),
        ):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
