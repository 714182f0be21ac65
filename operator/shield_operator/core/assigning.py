"""Assignments of all backends of a fleet's zones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shield_operator.core.assignment import HOLD_SECONDS
from shield_operator.core.latency import read_latencies
from shield_operator.core.places import Place, is_paused
from shield_operator.core.uppers import Upper, Watch, assign, standing
from shield_operator.core.world import Memory, World, ZoneObject
from shield_proxy.config.state import Zone


@dataclass(frozen=True, slots=True)
class Assignments:
    """The upper tiers of every zone, and what to remember of watching them."""

    uppers: Mapping[str, tuple[Upper, ...]]
    """Zone UID -> one per assigned backend, in the order of the origins."""
    memory: Memory

    def of(self, uid: str) -> tuple[Upper, ...]:
        """Those of one zone."""
        return self.uppers.get(uid, ())

    def all(self) -> Iterable[Upper]:
        """Those of all zones."""
        return (upper for uppers in self.uppers.values() for upper in uppers)

    def moving(self) -> bool:
        """Whether some backend is between two data centres."""
        return any(upper.order[0] != upper.data_center or upper.order != upper.listed for upper in self.all())

    def with_uppers(self, parts: Mapping[str, Zone]) -> list[Zone]:
        """The zones' parts with the order of use of each backend."""
        return [
            replace(part, uppers={upper.backend: upper.order for upper in self.of(uid)}) for uid, part in parts.items()
        ]


def assign_zones(
    zones: Sequence[ZoneObject],
    parts: Mapping[str, Zone],
    last: Mapping[str, Zone | None],
    homes: Mapping[str, Sequence[str]],
    places: Mapping[str, Place],
    world: World,
) -> Assignments:
    """The assignment of every backend of the zones that have a part, among their homes; paused zones keep theirs.

    So do backends that are unhealthy, or were until just now: what is measured then says more of the outage than of the
    distance. Where a data centre goes, even these move.
    """
    latencies = read_latencies(world)
    ill = _lately_unhealthy(parts.values(), world)
    uppers: dict[str, tuple[Upper, ...]] = {}
    watches: dict[tuple[str, str], Watch] = {}
    for zone in zones:
        if zone.uid not in parts:
            continue
        candidates = frozenset(key for key in homes[zone.uid] if places[key].usable)
        paused = is_paused(zone) and last[zone.uid] is not None
        found = []
        for origin in parts[zone.uid].origins:
            key = (zone.uid, origin.name)
            upper: Upper | None
            if paused:
                upper = standing(zone, origin.name, last[zone.uid])
            else:
                rests = key in ill and standing(zone, origin.name, last[zone.uid]) is not None
                seen, watch = ({}, Watch()) if rests else (latencies.get(key, {}), _watch(world.memory, key))
                upper, watches[key] = assign(zone, origin.name, last[zone.uid], candidates, seen, watch, places, world)
            if upper is not None:
                found.append(upper)
        uppers[zone.uid] = tuple(found)
    return Assignments(uppers, replace(_memory(watches), unhealthy_at=ill))


def _lately_unhealthy(parts: Iterable[Zone], world: World) -> dict[tuple[str, str], float]:
    """(zone UID, backend) -> when it was last unhealthy: now, or less than HOLD_SECONDS ago. By then every data centre
    has measured it anew."""
    found = {key: at for key, at in world.memory.unhealthy_at.items() if world.now - at < HOLD_SECONDS}
    now = {(part.uid, origin.name): world.now for part in parts for origin in part.origins if origin.unhealthy}
    return {**found, **now}


def _watch(memory: Memory, key: tuple[str, str]) -> Watch:
    return Watch(memory.challenges.get(key), memory.runner_up_challenges.get(key), memory.unmeasured_since.get(key))


def _memory(watches: Mapping[tuple[str, str], Watch]) -> Memory:
    return Memory(
        challenges={key: w.challenge for key, w in watches.items() if w.challenge is not None},
        runner_up_challenges={
            key: w.runner_up_challenge for key, w in watches.items() if w.runner_up_challenge is not None
        },
        unmeasured_since={key: w.unmeasured_since for key, w in watches.items() if w.unmeasured_since is not None},
    )
