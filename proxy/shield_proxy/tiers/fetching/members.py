"""The pods behind the headless Services that the zone state names, followed by DNS."""

import asyncio
from collections.abc import Iterable

from shield_proxy.config.contract import HOP_PORT
from shield_proxy.tiers.fetching.health import Breakers
from shield_proxy.tiers.routing.ring import Address, ring_order
from shield_proxy.wire.upstream.resolve import Resolver


def parse_service(names: str) -> tuple[Address, ...]:
    """(name or address, port) of each comma-separated part; the port of hops where none is given."""
    found: list[Address] = []
    for part in filter(None, (part.strip() for part in names.split(","))):
        host, colon, port = part.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if colon and port.isdigit() and (bracketed or ":" not in host):
            found.append((host.strip("[]"), int(port)))
        else:
            found.append((part.strip("[]"), HOP_PORT))
    return tuple(found)


class Members:
    """Addresses of Services, as last resolved; watched ones are looked up again with every refresh()."""

    def __init__(self, resolver: Resolver, health: Breakers) -> None:
        self._resolver = resolver
        self._health = health
        self._known: dict[str, tuple[Address, ...]] = {}
        self._watched: frozenset[str] = frozenset()

    def watch(self, services: Iterable[str]) -> None:
        """From now on these are followed; others are forgotten."""
        self._watched = frozenset(services)
        for service in self._known.keys() - self._watched:
            del self._known[service]

    async def refresh(self) -> None:
        """Looks up all watched Services."""
        async with asyncio.TaskGroup() as group:
            for service in self._watched:
                group.create_task(self._look_up(service))

    async def addresses(self, service: str) -> tuple[Address, ...]:
        """All pods of a Service, in no order that matters; where none was known it is looked up at once."""
        return self._known.get(service) or await self._look_up(service)

    def known(self, service: str) -> tuple[Address, ...]:
        """All pods as last looked up; none before the first lookup."""
        return self._known.get(service, ())

    async def _look_up(self, service: str) -> tuple[Address, ...]:
        found: dict[Address, None] = {}
        for name, port in parse_service(service):
            for address in await self._resolver.addresses(name):
                found[address, port] = None
        addresses = tuple(sorted(found))
        if service in self._watched:
            self._known[service] = addresses
        return addresses

    def in_order(self, key: bytes, addresses: Iterable[Address], now: float, *, failing: bool) -> list[Address]:
        """Pods in the ring's order for a key; those that are `failing` are left out, or not."""
        return [a for a in ring_order(key, addresses) if failing or self._health.usable(a, now)]
