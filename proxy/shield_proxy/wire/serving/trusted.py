"""Whom to believe about the client: networks of proxies, and the client behind a chain of them. Pure."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST_HOPS = 64
"""Members of X-Forwarded-For that are looked at, from the right."""


class TrustedProxies:
    """Networks whose members are believed. Looking up costs one set lookup per length of prefix."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """`networks` are CIDRs or single addresses; ValueError names the one that is neither, or has host bits set."""
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            network = ipaddress.ip_network(text.strip())
            address, length = network.network_address, network.prefixlen
            if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None and length >= 96:
                address, length = address.ipv4_mapped, length - 96
            shift = address.max_prefixlen - length
            self._by_length.setdefault((address.version, shift), set()).add(int(address) >> shift)

    def __bool__(self) -> bool:
        """Whether anybody is trusted."""
        return bool(self._by_length)

    def covers(self, address: str) -> bool:
        """Whether the address is in one of the networks; what is no address is not."""
        found = read_address(address)
        if found is None:
            return False
        number, version = int(found), found.version
        return any(
            number >> shift in members for (family, shift), members in self._by_length.items() if family == version
        )


NOBODY = TrustedProxies()


def read_address(text: str) -> Address | None:
    """The address; IPv6 that only carries an IPv4 address is that one, a zone index is dropped. None: it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def normal_address(text: str) -> str:
    """One spelling for one address: comparisons, logs and X-Forwarded-For use it. What is no address stays."""
    address = read_address(text)
    return text if address is None else str(address)


def client_of(peer: str, chain: bytes | None, trusted: TrustedProxies) -> str:
    """Who asked: from the peer leftwards through X-Forwarded-For the first that is not a trusted proxy.

    A member that is no address ends the walk at the proxy that wrote it; everything left of it may be invented.
    """
    if not chain:
        return peer
    client = peer
    for member in reversed(chain.rsplit(b",", MOST_HOPS)[-MOST_HOPS:]):
        if not trusted.covers(client):
            break
        address = read_address(_without_port(member.strip(b" \t").decode("latin-1")))
        if address is None:
            break
        client = str(address)
    return client


def _without_port(member: str) -> str:
    """Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if member.startswith("["):
        return member[1:].partition("]")[0]
    return member.partition(":")[0] if member.count(":") == 1 else member
