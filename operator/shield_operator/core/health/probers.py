"""Who probes what in a namespace: checks laid out over data centres and shards, and which Leases are alive. Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from shield_operator.core import naming
from shield_operator.core.health.ownservices import OwnServices, followed
from shield_operator.core.health.regions import Selection, select
from shield_operator.core.health.shards import assign, compacted
from shield_operator.core.health.world import CheckObject, ChecksWorld
from shield_operator.core.places import Place, find_places
from shield_proxy.config.checks.contract import LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Prober:
    """One shard of a namespace's checks in one data centre."""

    data_center: str
    shard: int

    @property
    def name(self) -> str:
        """Of its CronJob and its Lease."""
        return naming.prober(self.data_center, self.shard)


@dataclass(frozen=True, slots=True)
class Duty:
    """Where one check is probed."""

    shard: int
    selection: Selection
    """Whom it selects; a suspended check is probed by nobody."""
    data_centers: tuple[str, ...]
    """Who probes it."""

    def prober(self, data_center: str) -> Prober:
        """By whom in a data centre."""
        return Prober(data_center, self.shard)


@dataclass(frozen=True, slots=True)
class Roster:
    """All of a namespace."""

    places: Mapping[str, Place]
    duties: Mapping[str, Duty]
    """Check UID -> its duty."""
    probers: Mapping[Prober, tuple[CheckObject, ...]]
    """Those that there must be, sorted, with their checks, the oldest first."""
    heard: Mapping[Prober, float]
    """Those that are heard, with when they were last."""
    awaited: Mapping[Prober, float]
    """Those that somebody holds, of which it is not known yet whether they are heard, with when it will be."""
    services: OwnServices
    """Whose addresses no probe may go to."""

    @property
    def alive(self) -> Set[Prober]:
        """Those that are heard."""
        return self.heard.keys()

    @property
    def silent(self) -> tuple[Prober, ...]:
        """Those where nobody probes, sorted."""
        return tuple(prober for prober in self.probers if prober not in self.heard and prober not in self.awaited)

    @property
    def data_centers(self) -> tuple[str, ...]:
        """Where probers run, sorted."""
        return tuple(sorted({prober.data_center for prober in self.probers}))


def make_roster(checks: tuple[CheckObject, ...], world: ChecksWorld) -> Roster:
    """Who probes the checks, given the oldest first."""
    places = find_places(world.nodes)
    selected = {check.uid: _selected(check, places, world) for check in checks}
    asked = {check.uid: () if check.suspended else selected[check.uid].data_centers for check in checks}

    def fits(uid: str, shard: int) -> bool:
        """No vote is lost by the move: wherever the check is probed, the shard is heard already."""
        return all(_heard(Prober(key, shard).name, world) is not None for key in asked[uid])

    shards = compacted(assign((check.uid, _shard(check)) for check in checks), fits)
    duties = {check.uid: Duty(shards[check.uid], selected[check.uid], asked[check.uid]) for check in checks}
    probers: dict[Prober, list[CheckObject]] = {}
    for check in checks:
        duty = duties[check.uid]
        for data_center in duty.data_centers:
            probers.setdefault(duty.prober(data_center), []).append(check)
    ordered = sorted(probers, key=lambda prober: (prober.data_center, prober.shard))
    heard = {prober: at for prober in ordered if (at := _heard(prober.name, world)) is not None}
    until = world.since + LEASE_SECONDS
    awaited = {prober: until for prober in ordered if prober not in heard and _awaited(prober.name, world)}
    return Roster(
        places=places,
        duties=duties,
        probers={prober: tuple(probers[prober]) for prober in ordered},
        heard=heard,
        awaited=awaited,
        services=followed(world.memory.services, world.services, world.now),
    )


def _heard(name: str, world: ChecksWorld) -> float | None:
    """When the Lease that lives was last renewed. One that somebody deleted, and that was made again and is empty yet,
    lives as long as it would have."""
    lease = world.leases.get(name)
    if lease is not None and lease.heard:
        return lease.heard if lease.lives(world.now) else None
    before = world.memory.heard.get(name)
    return before if before is not None and 0 <= world.now - before < LEASE_SECONDS else None


def _awaited(name: str, world: ChecksWorld) -> bool:
    """Whether the holder of a Lease that is not heard may be alive: nobody has listened for long enough. What the
    Lease says of its renewal is by the clock of whoever wrote it, which may be wrong by minutes."""
    lease = world.leases.get(name)
    return lease is not None and bool(lease.holder) and world.now < world.since + LEASE_SECONDS


def _selected(check: CheckObject, places: Mapping[str, Place], world: ChecksWorld) -> Selection:
    return select(check.uid.replace("-", ""), check.regions, places, world.installation.region_codes)


def _shard(check: CheckObject) -> int | None:
    shard = check.status.get("shard")
    return shard if isinstance(shard, int) and not isinstance(shard, bool) else None
