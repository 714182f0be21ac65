"""Asking DNS, with the time each answer may be used: hosts file, search domains and ndots as the system has them."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import aiodns
from aiodns import error as dns

from shield_proxy.wire.upstream.failures import NotAnswered

TIMEOUT, TRIES = 1.0, 3
"""Seconds until a server is asked again, and how often each is asked."""
NO_SUCH_NAME = frozenset((dns.ARES_ENOTFOUND, dns.ARES_ENODATA, dns.ARES_EBADNAME))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name stands for; no addresses where it does not exist or has none."""

    addresses: tuple[str, ...]
    seconds: float
    """That the name's owner lets it be used; 0 where nothing was said (a hosts file, no such name)."""


class Names:
    """The resolver of this process (c-ares). It needs no threads per lookup: a dead name holds nobody up."""

    __slots__ = ("_resolver", "_servers")

    def __init__(self, servers: Sequence[str] = ()) -> None:
        """`servers` (address or address:port) instead of those of resolv.conf."""
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None

    async def look_up(self, host: str) -> Answer:
        """Both families in the order of RFC 6724. NotAnswered."""
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(
                nameservers=self._servers or None, loop=asyncio.get_running_loop(), timeout=TIMEOUT, tries=TRIES
            )
        try:
            found = await self._resolver.getaddrinfo(host, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        except dns.DNSError as error:
            if error.args[0] in NO_SUCH_NAME:
                return Answer((), 0)
            raise NotAnswered(str(error.args[-1]), timed_out=error.args[0] == dns.ARES_ETIMEOUT) from error
        except UnicodeError:
            return Answer((), 0)
        addresses = dict.fromkeys(_text(node.addr[0]) for node in found.nodes)
        return Answer(tuple(addresses), min((node.ttl for node in found.nodes), default=0))

    async def close(self) -> None:
        """Gives up lookups that run."""
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            await resolver.close()


def _text(address: str | bytes) -> str:
    return address.decode("ascii") if isinstance(address, bytes) else address
