"""Why a zone can't be honoured: named checks in order, the first violation wins and becomes Ready=False.

A zone with a violation keeps the configuration it had when it last had none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shield_operator.core.claims import lost
from shield_operator.core.places import Place, unknown
from shield_operator.core.spec import OriginSpec, ZoneSpec
from shield_operator.core.world import Claim, World, ZoneObject
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import Zone


@dataclass(frozen=True, slots=True)
class Violation:
    """Reason in CamelCase, and a message that names field and value."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check of one zone looks at."""

    zone: ZoneObject
    spec: ZoneSpec
    last: Zone | None
    """The zone's part of the record."""
    places: Mapping[str, Place]
    winning: Mapping[str, Claim]
    world: World


Check = Callable[[Subject], str | None]


def no_nodes(subject: Subject) -> str | None:
    """No node carries both topology labels, or none of those takes pods."""
    installation = subject.world.installation
    if not subject.places:
        return f"no node carries both labels {installation.region_label} and {installation.zone_label}"
    return None


def host_conflict(subject: Subject) -> str | None:
    """A host belongs to an older zone, here or in another namespace."""
    taken = lost(subject.zone.uid, subject.spec.hosts, subject.winning)
    if not taken:
        return None
    said = [
        f"spec.hosts: {claim.host} is already claimed by zone {claim.namespace}/{claim.name}, created {claim.created}"
        for claim in taken[:3]
    ]
    return "; ".join(said) + (f"; and {len(taken) - 3} more" if len(taken) > 3 else "")


def unknown_data_center(subject: Subject) -> str | None:
    """The placement names a data centre or region that no node has."""
    missing = unknown(subject.spec, subject.places)
    if not missing:
        return None
    return f"spec.placement.dataCenters: no node is in {', '.join(missing)}; known are {', '.join(subject.places)}"


def origin_unresolvable(subject: Subject) -> str | None:
    """An origin's name does not resolve and never did: one that did is only a condition (`unresolved_origins`)."""
    serving = {} if subject.last is None else {origin.name: origin.host for origin in subject.last.origins}
    for field, origin, error in unresolved_origins(subject.zone, subject.world):
        if serving.get(origin.name) != origin_host(origin, subject.zone.namespace):
            return f"{field}: {error}"
    return None


def invalid_fleet(subject: Subject) -> str | None:
    """The zone's ShieldFleet can't be honoured."""
    fleet = subject.world.fleet
    if fleet is None or not isinstance(fleet.spec, InvalidField):
        return None
    return f"ShieldFleet {subject.world.key.name}: {fleet.spec}"


CHECKS: tuple[tuple[str, Check], ...] = (
    ("NoNodes", no_nodes),
    ("HostConflict", host_conflict),
    ("UnknownDataCenter", unknown_data_center),
    ("InvalidFleet", invalid_fleet),
    ("OriginUnresolvable", origin_unresolvable),
)


def first_violation(
    zone: ZoneObject, last: Zone | None, places: Mapping[str, Place], winning: Mapping[str, Claim], world: World
) -> Violation | None:
    """The first reason why the zone can't be honoured as it stands, or None."""
    if isinstance(zone.spec, InvalidField):
        return Violation("InvalidSpec", str(zone.spec))
    subject = Subject(zone, zone.spec, last, places, winning, world)
    for reason, check in CHECKS:
        if message := check(subject):
            return Violation(reason, message)
    return None


def unresolved_origins(zone: ZoneObject, world: World) -> list[tuple[str, OriginSpec, str]]:
    """(field, origin, why) of each origin whose name does not resolve now, in the order of the spec."""
    if isinstance(zone.spec, InvalidField):
        return []
    out = []
    for i, origin in enumerate(zone.spec.origins):
        error = world.resolution_errors.get((zone.uid, origin.name))
        if error is not None:
            field = "address" if origin.service is None else "service.name"
            value = origin.address if origin.service is None else origin.service.name
            out.append((f"spec.origins[{i}].{field}", origin, f"{value!r} does not resolve: {error}"))
    return out


def origin_host(origin: OriginSpec, namespace: str) -> str:
    """What proxies connect to: the address, or the Service's DNS name."""
    if origin.service is not None:
        return f"{origin.service.name}.{namespace}.svc"
    assert origin.address is not None
    return origin.address
