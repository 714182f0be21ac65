"""Who probes what in a namespace: checks laid out over data centres and shards, and which Leases are alive. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from shield_operator.core import naming
from shield_operator.core.health.ownservices import OwnServices, followed
from shield_operator.core.health.regions import Selection, select
from shield_operator.core.health.shards import assign
from shield_operator.core.health.world import CheckObject, ChecksWorld
from shield_operator.core.places import Place, find_places

START_SECONDS = 60.0
"""After a Job was started, or a pod made, its Lease gets so long to come alive before another Job is started."""


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
    alive: frozenset[Prober]
    """Those that are heard."""
    services: OwnServices
    """Whose addresses no probe may go to."""

    @property
    def data_centers(self) -> tuple[str, ...]:
        """Where probers run, sorted."""
        return tuple(sorted({prober.data_center for prober in self.probers}))


def make_roster(checks: tuple[CheckObject, ...], world: ChecksWorld) -> Roster:
    """Who probes the checks, given the oldest first."""
    places = find_places(world.nodes)
    shards = assign((check.uid, _shard(check)) for check in checks)
    duties = {check.uid: _duty(check, shards[check.uid], places, world) for check in checks}
    probers: dict[Prober, list[CheckObject]] = {}
    for check in checks:
        duty = duties[check.uid]
        for data_center in duty.data_centers:
            probers.setdefault(duty.prober(data_center), []).append(check)
    ordered = sorted(probers, key=lambda prober: (prober.data_center, prober.shard))
    leases = world.leases
    return Roster(
        places=places,
        duties=duties,
        probers={prober: tuple(probers[prober]) for prober in ordered},
        alive=frozenset(p for p in ordered if p.name in leases and leases[p.name].lives(world.now)),
        services=followed(world.memory.services, world.services, world.now),
    )


def to_start(roster: Roster, world: ChecksWorld) -> tuple[str, ...]:
    """CronJobs of which a run must begin now, and not at their next turn: nobody probes, and nobody is about to."""
    out = []
    for prober in roster.probers:
        label = naming.data_center_label(prober.data_center)
        pods = [pod for pod in world.pods if (pod.data_center, pod.shard) == (label, prober.shard)]
        lately = [world.memory.started.get(prober.name, 0.0), *(pod.created for pod in pods)]
        if (
            prober not in roster.alive
            and roster.places[prober.data_center].usable
            and not any(pod.waiting for pod in pods)
            and world.now - max(lately) >= START_SECONDS
        ):
            out.append(prober.name)
    return tuple(out)


def _duty(check: CheckObject, shard: int, places: Mapping[str, Place], world: ChecksWorld) -> Duty:
    identity = check.uid.replace("-", "")
    selection = select(identity, check.regions, places, world.installation.region_codes)
    return Duty(shard, selection, () if check.suspended else selection.data_centers)


def _shard(check: CheckObject) -> int | None:
    shard = check.status.get("shard")
    return shard if isinstance(shard, int) and not isinstance(shard, bool) else None
