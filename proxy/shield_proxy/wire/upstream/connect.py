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
STALLED = {"name": "unresolved", "TCP": "connect-timeout", "TLS": "tls"}
"""What it means that a stage took all the time."""


async def open_connection(
    protocol: asyncio.Protocol, endpoint: Endpoint, how: Connecting, resolver: Resolver, families: dict[str, int]
) -> str:
    """The address that the protocol is connected to now. UpstreamFailed.

    `families` remembers by host which address family (4 or 6) was the last to answer: it is tried first.
    """
    loop = asyncio.get_running_loop()
    stage = "name"
    sock: socket.socket | None = None
    try:
        async with asyncio.timeout(how.seconds):
            addresses = interleaved(await resolver.addresses(endpoint.host), families.get(endpoint.host))
            stage = "TCP"
            network = how.seconds if how.network is None else how.network
            began = loop.time()
            sock, address = await dial(addresses, endpoint.port, network, endpoint.egress)
            if how.learned is not None:
                how.learned(loop.time() - began)
            if len(addresses) > 1:
                _remember(families, endpoint.host, family(address))
            stage = "TLS"
            transport = await _encrypt(protocol, sock, endpoint, how)
    except TimeoutError:
        _close(sock)
        raise UpstreamFailed(STALLED[stage], f"{stage}: no answer") from None
    except BaseException:
        _close(sock)
        raise
    notice_silence(transport, HOP_SILENCE if endpoint.hop else ORIGIN_SILENCE)
    return address


async def _encrypt(
    protocol: asyncio.Protocol, sock: socket.socket, endpoint: Endpoint, how: Connecting
) -> asyncio.BaseTransport:
    """The race was on TCP: a handshake that fails is not tried again with further addresses."""
    loop = asyncio.get_running_loop()
    server_name = endpoint.security.server_name if endpoint.security is not None else None
    try:
        transport, _ = await loop.create_connection(
            lambda: protocol,
            sock=sock,
            ssl=how.context,
            server_hostname=(server_name or "") if how.context is not None else None,
            ssl_handshake_timeout=how.seconds if how.context is not None else None,
        )
    except OSError as error:
        if how.context is None and not isinstance(error, ssl.SSLError):
            raise UpstreamFailed("unreachable", error.strerror or str(error)) from error
        raise tls_failure(error) from error
    encryption = transport.get_extra_info("ssl_object")
    if how.accepts is not None and not how.accepts(peer_identity(encryption)):
        raise UpstreamFailed("identity")
    if isinstance(how.context, ResumingContext):
        how.context.connected(encryption)
    return transport


def _close(sock: socket.socket | None) -> None:
    """Harmless where the transport has closed it already."""
    if sock is not None and sock.fileno() >= 0:
        sock.close()


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
