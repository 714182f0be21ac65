"""A fleet of data planes in this process, on loopback addresses, one per pod."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import PodIdentity
from shield_proxy.config.state import DataCenter, FleetState, Origin, OriginTls, Route, Zone
from shield_proxy.tiers.dataplane import Dataplane, DataplaneSettings, RedisSettings
from shield_proxy.wire.tls.hops import load_hop_tls
from world.certificates import Authority
from world.client import Client, Response


class Clock:
    """Real time that can be moved forward."""

    def __init__(self) -> None:
        self.moved = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.moved

    def wall(self) -> float:
        return time.time() + self.moved

    def pass_time(self, seconds: float) -> None:
        self.moved += seconds


def zone(port: int, uid: str = "uid-shop", **changes: Any) -> Zone:
    """The zone shop.example with one origin on 127.0.0.1."""
    base = Zone(
        uid=uid,
        namespace="shop",
        name="shop",
        generation=1,
        hosts=("shop.example", "*.shop.example"),
        origins=(Origin("web", "127.0.0.1", port),),
    )
    return replace(base, **changes)


class Fleet:
    """Pods by name; `state` is what all of them use."""

    def __init__(self, directory: Path, clock: Clock, authority: Authority) -> None:
        self._directory, self.clock, self._authority = directory, clock, authority
        self.pods: dict[str, Dataplane] = {}
        self._places: dict[str, tuple[str, Tier]] = {}
        self._clients: list[Client] = []
        self._generation = 0

    async def add(self, name: str, tier: Tier, data_center: str = "eu/a", **changes: Any) -> Dataplane:
        """Starts a pod; it has no state yet."""
        number = len(self._places) + 1
        address = f"127.0.0.{number + 10}"
        uri = PodIdentity("shop", "default", str(tier)).uri
        tls = load_hop_tls(self._authority.issue(self._directory / name, uri))
        settings = DataplaneSettings(
            tier=tier,
            namespace="shop",
            fleet="default",
            data_center=data_center,
            address=address,
            client_listen=((address, 0),),
            hop_listen=((address, 0),),
            memory_bytes=16 << 20,
        )
        pod = Dataplane(replace(settings, **changes), tls, self.clock, self.clock.wall)
        await pod.start()
        self.pods[name] = pod
        self._places[name] = (data_center, tier)
        return pod

    def data_centers(self, without: frozenset[str] = frozenset()) -> tuple[DataCenter, ...]:
        """Data centres with the Services of the pods that run, as comma-separated addresses."""
        services: dict[str, dict[Tier, list[str]]] = {}
        for name, (data_center, tier) in self._places.items():
            if name not in without:
                host, port = self._hop(name)
                services.setdefault(data_center, {}).setdefault(tier, []).append(f"{host}:{port}")
        return tuple(
            DataCenter(
                key.partition("/")[0],
                key.partition("/")[2],
                {tier: ",".join(names) for tier, names in by_tier.items()},
            )
            for key, by_tier in sorted(services.items())
        )

    def _hop(self, name: str) -> tuple[str, int]:
        addresses = self.pods[name].hop_addresses
        return addresses[0]

    def state(self, *zones: Zone) -> FleetState:
        """A state of the next generation with these zones."""
        self._generation += 1
        return FleetState("shop", "default", self._generation, 1, self.data_centers(), zones)

    def use(self, *zones: Zone) -> FleetState:
        """All pods use these zones."""
        state = self.state(*zones)
        for pod in self.pods.values():
            pod.use(state)
        return state

    async def client(self, name: str) -> Client:
        """A connection to a lower pod's client port."""
        client = await Client.connect(self.pods[name].client_addresses[0])
        self._clients.append(client)
        return client

    async def get(self, name: str, target: str, *fields: tuple[str, str], **more: Any) -> Response:
        """One request on a connection of its own."""
        client = await self.client(name)
        try:
            return await client.ask(target, *fields, **more)
        finally:
            await client.close()

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        for pod in self.pods.values():
            await pod.close()
        await asyncio.sleep(0.01)


async def until(claim: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until the claim holds."""
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.005)


__all__ = ["Clock", "Fleet", "Mapping", "OriginTls", "RedisSettings", "Route", "until", "zone"]
