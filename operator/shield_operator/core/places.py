"""Data centres as nodes make them, and which of them a zone wants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shield_operator.core.spec import ZoneSpec
from shield_operator.core.world import Node, World, ZoneObject
from shield_proxy.config.contract import Tier


@dataclass(frozen=True, slots=True)
class Place:
    """A data centre: one or more nodes that share region and zone."""

    region: str
    zone: str
    usable: bool
    """At least one of its nodes is ready and takes pods."""

    @property
    def key(self) -> str:
        """`region/zone`."""
        return f"{self.region}/{self.zone}"


def find_places(nodes: Iterable[Node]) -> Mapping[str, Place]:
    """Every data centre by its key, sorted. One whose nodes are all down is still one; one without nodes is none."""
    found: dict[str, Place] = {}
    for node in nodes:
        usable = node.ready and node.schedulable
        before = found.get(node.data_center)
        found[node.data_center] = Place(node.region, node.zone, usable or (before is not None and before.usable))
    return dict(sorted(found.items()))


def wanted(spec: ZoneSpec, places: Mapping[str, Place]) -> tuple[str, ...]:
    """Keys of the data centres a zone is placed in, sorted; what names none is left out (see `unknown`)."""
    if not spec.data_centers:
        return tuple(places)
    return tuple(key for key in places if any(_covers(name, key) for name in spec.data_centers))


def unknown(spec: ZoneSpec, places: Mapping[str, Place]) -> tuple[str, ...]:
    """What the placement names and no node has, in the order of the spec."""
    return tuple(name for name in spec.data_centers if not any(_covers(name, key) for key in places))


def is_paused(zone: ZoneObject) -> bool:
    """Whether the zone is to be left alone: because its owner says so, or as another fleet's."""
    return zone.leaving or (isinstance(zone.spec, ZoneSpec) and zone.spec.paused)


def home(zone: ZoneObject, frozen: bool, places: Mapping[str, Place], world: World) -> tuple[str, ...]:
    """Keys of the data centres that serve a zone, sorted: where it is placed. A `frozen` one, which keeps what it had,
    stays where it was by its status; where that can't be told, or is said of its new fleet, wherever the fleet is."""
    if isinstance(zone.spec, ZoneSpec) and (not frozen or not zone.spec.data_centers) and not zone.leaving:
        return wanted(zone.spec, places)
    entries = () if zone.leaving else zone.status.get("dataCenters") or ()
    named = {entry.get("name") for entry in entries if isinstance(entry, Mapping)}
    named = named or {workload.data_center for workload in world.workloads if workload.tier == Tier.LOWER}
    return tuple(key for key in places if key in named)


def _covers(name: str, key: str) -> bool:
    return name in (key, key.partition("/")[0])
