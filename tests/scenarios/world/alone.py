"""One pod that asks the origin itself, and what its counters say."""

from typing import Any

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Origin as Backend
from shield_proxy.wire.upstream.connection import UpstreamLimits
from world.fleet import Fleet, zone


async def alone(fleet: Fleet, port: int, limits: UpstreamLimits | None = None, **of_origin: Any) -> None:
    """One pod that asks the origin itself."""
    await fleet.add("low", Tier.UPPER, upstream=limits or UpstreamLimits())
    use(fleet, port, **of_origin)


def use(fleet: Fleet, port: int, **of_origin: Any) -> None:
    fleet.use(zone(port, origins=(Backend("web", "127.0.0.1", port, **of_origin),)))


def counted(fleet: Fleet, name: str, kind: str, pod: str = "low") -> int:
    return fleet.pods[pod].counters.by_kind.get((name, kind), 0)
