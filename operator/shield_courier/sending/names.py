"""Names to addresses, asked through c-ares: `getaddrinfo` takes threads, which dead names would hold up for others."""

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shield_proxy.config.checks.hostnames import read_address
from shield_proxy.config.internal import Internal

if TYPE_CHECKING:
    import aiodns

SECONDS, TRIES = 3.0, 2
"""For one query, and how often each server is asked."""
CONNECT_SECONDS = 5.0
"""For one address."""
MOST_ADDRESSES = 4


class Unresolved(OSError):
    """The name has no address, or nobody could be asked."""


class Forbidden(OSError):
    """The address is one that nothing is sent to; says of which kind it is."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to."""

    family: socket.AddressFamily
    address: str
    port: int


Resolve = Callable[[str, int], Awaitable[list[Endpoint]]]
"""Endpoints of a host and port, at least one; Unresolved."""


class Names:
    """A resolver of its own; close() ends it."""

    def __init__(self) -> None:
        self._resolver: aiodns.DNSResolver | None = None

    async def resolve(self, host: str, port: int) -> list[Endpoint]:
        """See Resolve."""
        host = host.strip("[]")
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            return await self._ask(host, port)
        return [Endpoint(socket.AF_INET6 if literal.version == 6 else socket.AF_INET, host, port)]

    async def close(self) -> None:
        """Ends what is being asked."""
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def _ask(self, host: str, port: int) -> list[Endpoint]:
        # Here, because a courier that never delivers need not load it.
        import aiodns

        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(timeout=SECONDS, tries=TRIES)
        try:
            found = await self._resolver.getaddrinfo(host, type=socket.SOCK_STREAM, family=socket.AF_UNSPEC)
        except (aiodns.error.DNSError, UnicodeError) as error:
            raise Unresolved("the host's name does not resolve") from error
        endpoints = {Endpoint(socket.AddressFamily(each.family), _text(each.addr[0]), port) for each in found.nodes}
        if not endpoints:
            raise Unresolved("the host's name has no address")
        return sorted(endpoints, key=lambda each: (each.family, each.address))


def socket_to(family: socket.AddressFamily, address: str, internal: Internal) -> socket.socket:
    """A socket that will be connected to exactly this address. Forbidden where that must not be; also of what is no
    address but a word for one, which the system would look up once more."""
    parsed = read_address(address)
    kind = internal.forbids(parsed) if parsed is not None else "malformed"
    if kind is not None:
        raise Forbidden(f"nothing is sent to this address: {kind}")
    return socket.socket(family, socket.SOCK_STREAM)


async def connect(endpoints: list[Endpoint], internal: Internal) -> socket.socket:
    """A connection to the first that may and does take it. OSError of the last that didn't."""
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("there is no address")
    for endpoint in endpoints[:MOST_ADDRESSES]:
        try:
            sock = socket_to(endpoint.family, endpoint.address, internal)
        except Forbidden as error:
            problem = error
            continue
        sock.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(sock, (endpoint.address, endpoint.port))
            return sock
        except TimeoutError:
            sock.close()
            problem = TimeoutError(errno.ETIMEDOUT, "")
        except OSError as error:
            sock.close()
            problem = error
        except BaseException:
            sock.close()
            raise
    raise problem


def network_problem(error: OSError) -> str:
    """What was wrong with the network, without an address."""
    if isinstance(error, Unresolved | Forbidden):
        return str(error)
    if error.errno is not None:
        return os.strerror(error.errno).lower()
    return "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost"


def _text(address: str | bytes) -> str:
    return address.decode("ascii") if isinstance(address, bytes) else address
