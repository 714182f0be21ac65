"""Which addresses probes and alerts must not go to: this machine, metadata services, what is nobody's; probes nor to
the shield and the cluster themselves. Pure."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from shield_proxy.config.checks.hostnames import Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOBODY = (
    ("unspecified", "0.0.0.0/8"),
    ("unspecified", "::/128"),
    ("broadcast", "255.255.255.255/32"),
    ("multicast", "224.0.0.0/4"),
    ("multicast", "ff00::/8"),
    ("link-local", "169.254.0.0/16"),
    ("link-local", "fe80::/10"),
)
"""Never an origin's; among the link-local ones are the metadata services of clouds. 0.0.0.0 leads to this machine."""
LOOPBACK = (("loopback", "127.0.0.0/8"), ("loopback", "::1/128"))
CLOUD_METADATA = (
    ("metadata service", "fd00:ec2::254/128"),
    ("metadata service", "fd20:ce::254/128"),
    ("metadata service", "100.100.100.200/32"),
    ("metadata service", "168.63.129.16/32"),
)
"""Of the clouds that have it elsewhere."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 through a translator (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Internal:
    """Addresses that are internal or restricted, with what each is called."""

    networks: tuple[tuple[str, Network], ...]

    def forbids(self, address: Address) -> str | None:
        """What the address belongs to; None where one may go to it. An IPv4 address in IPv6's clothes is judged
        as both."""
        for each in (address, *_within(address)):
            for kind, network in self.networks:
                if each.version == network.version and each in network:
                    return kind
        return None


def internal_addresses(networks: Iterable[str], services: Iterable[str] = (), *, loopback: bool = False) -> Internal:
    """`networks`: addresses and CIDRs of the API server and of what else the installation names; `services`: addresses
    of the shield's own Services. ValueError names one that is malformed. `loopback`: whether one may go to this
    machine itself."""
    named = [("cluster's own", text) for text in networks]
    named += [("shield's own Service", text) for text in services]
    fixed = (*NOBODY, *CLOUD_METADATA, *(() if loopback else LOOPBACK))
    return Internal(tuple((kind, ipaddress.ip_network(text, strict=False)) for kind, text in (*named, *fixed)))


def _within(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    translated = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
    return tuple(inner for inner in (address.ipv4_mapped, address.sixtofour, translated) if inner is not None)
