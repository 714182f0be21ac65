"""Which tier runs where, with how many pods: what the desired objects of a fleet are made from."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from shield_operator.core import acknowledged, mounts, naming
from shield_operator.core.places import Place
from shield_operator.core.spec import FleetSpec
from shield_operator.core.uppers import Upper
from shield_operator.core.world import FleetKey, Installation, World, ZoneObject
from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter, Zone

RUNNER_UP_REPLICAS = 1
"""Upper pods of a data centre that is only runner-up; it gets the full number before it is put first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One fleet laid out over data centres."""

    key: FleetKey
    installation: Installation
    spec: FleetSpec
    owners: tuple[Mapping[str, object], ...]
    """References to the zones that own the fleet's children."""
    places: Mapping[str, Place]
    """Data centres with a lower tier, sorted."""
    uppers: Mapping[str, int]
    """Data centre -> pods of its upper tier."""
    leading: frozenset[str]
    """Data centres whose upper tier carries traffic."""
    announced: frozenset[str] = frozenset()
    """Data centres whose upper tier the zone state names: a name that pods look up before anybody stands behind it
    stays unknown to them for as long as DNS remembers that."""
    certificates: tuple[str, ...] = ()
    """Secrets that lower pods mount, sorted: the certificates of zones."""
    client_certificates: tuple[str, ...] = ()
    """Secrets that upper pods mount, sorted: what they show to origins."""

    def replicas(self, tier: Tier, data_center: str) -> int:
        """Wanted pods of a tier in a data centre; 0 where it has none."""
        if tier is Tier.UPPER:
            return self.uppers.get(data_center, 0)
        return self.spec.lower.replicas if tier is Tier.LOWER and data_center in self.places else 0

    def tiers(self) -> Iterable[tuple[Tier, Place]]:
        """Every tier that runs, by data centre, lower before upper."""
        for key, place in self.places.items():
            yield Tier.LOWER, place
            if key in self.uppers:
                yield Tier.UPPER, place

    def redis_address(self, data_center: str) -> str | None:
        """host:port of the data centre's Redis, None without one."""
        if not self.spec.redis.enabled:
            return None
        if data_center in self.spec.redis.external:
            return self.spec.redis.external[data_center]
        return f"{naming.service_dns(naming.redis(self.key.name, data_center), self.key.namespace)}:6379"

    def manages_redis(self, data_center: str) -> bool:
        """Whether the operator runs the data centre's Redis."""
        return self.spec.redis.enabled and data_center not in self.spec.redis.external

    def data_centers(self) -> tuple[DataCenter, ...]:
        """The data centres as the zone state names them."""
        return tuple(
            DataCenter(
                region=place.region,
                zone=place.zone,
                services={
                    tier: naming.service_dns(naming.tier(self.key.name, tier, key), self.key.namespace)
                    for tier in (Tier.LOWER, Tier.UPPER)
                    if self.replicas(tier, key) and (tier is Tier.LOWER or key in self.announced)
                },
            )
            for key, place in self.places.items()
        )


def lay_out(
    zones: Iterable[ZoneObject],
    parts: Collection[Zone],
    uppers: Iterable[Upper],
    places: Mapping[str, Place],
    spec: FleetSpec,
    world: World,
) -> Layout:
    """The fleet's layout: a lower tier in each of `places`, upper tiers where an assignment needs them, and the Secrets
    that the zones' `parts` name."""
    uppers = tuple(uppers)
    leading = frozenset[str]().union(*(upper.leading for upper in uppers))
    needed = frozenset[str]().union(*(upper.needed for upper in uppers))
    return Layout(
        key=world.key,
        installation=world.installation,
        spec=spec,
        owners=tuple(naming.owner(naming.ZONE_KIND, zone.name, zone.uid) for zone in zones),
        places=places,
        uppers={
            key: spec.upper.replicas if key in leading else min(RUNNER_UP_REPLICAS, spec.upper.replicas)
            for key in places
            if key in needed
        },
        leading=leading & frozenset(places),
        announced=frozenset(key for key in places if key in needed and _announced(key, world)),
        certificates=mounts.mounted(parts, mounts.certificates),
        client_certificates=mounts.mounted(parts, mounts.client_certificates),
    )


def _announced(data_center: str, world: World) -> bool:
    """Whether an upper pod is Ready there, or pods have been told of the tier already."""
    state = world.record.state if world.record is not None else None
    told = any(dc.key == data_center and Tier.UPPER in dc.services for dc in (state.data_centers if state else ()))
    return told or bool(acknowledged.ready_pods(world, Tier.UPPER, data_center))
