"""The zone state in the form that requests are routed by. Made once per generation, never changed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from shield_proxy.config.fallbacks import in_use
from shield_proxy.config.state import DataCenter, FleetState, Origin, Route, Zone
from shield_proxy.wire.http.hosts import HostMap
from shield_proxy.wire.serving.arrival import Arrival

MOST_KNOWN = 4096
"""Authorities remembered."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A fleet state with its lookups."""

    state: FleetState
    zones: HostMap[Zone]
    """By host."""
    data_centers: Mapping[str, DataCenter]
    known: "dict[bytes, _Host]"
    """Authorities that were looked up, so that it is done once."""
    routed: "dict[tuple[str, str], Routed]"
    """By the zone's UID and the backend's name: one object each, so that what follows of it can be remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Routed:
    """Whose request it is, and who has the original."""

    zone: Zone
    origin: Origin
    """Whom the zone names, or who stands in for that one while it is unhealthy."""
    label: str
    """The zone as figures and logs name it."""
    refused: bool = False
    """The origin is unhealthy, nobody stands in for it, and the zone's owner does not want it to be asked."""


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    zone: Zone
    default: Routed


def compile_snapshot(state: FleetState) -> Snapshot:
    """The snapshot of a state; of zones that claim one host the first in the state has it."""
    zones = HostMap((host, zone) for zone in state.zones for host in zone.hosts)
    routed: dict[tuple[str, str], Routed] = {}
    for zone in state.zones:
        serving, label = in_use(zone.origins), f"{zone.namespace}/{zone.name}"
        for origin in zone.origins:
            who = serving[origin.name]
            routed[zone.uid, origin.name] = Routed(zone, who or origin, label, refused=who is None)
    return Snapshot(state, zones, {dc.key: dc for dc in state.data_centers}, {}, routed)


def turns(before: Snapshot, after: Snapshot) -> bool:
    """Whether a backend is served by another origin than before, or by none."""
    return any(
        (was.origin.name, was.refused) != (now.origin.name, now.refused)
        for backend, now in after.routed.items()
        if (was := before.routed.get(backend)) is not None
    )


def host_of(authority: bytes) -> str:
    """The host of an authority in lower case, without port and final dot."""
    text = authority.decode("ascii", "replace").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0].removesuffix(".")


def route(snapshot: Snapshot, authority: bytes, path: bytes) -> Routed | None:
    """The zone of a host (exact before the longest wildcard) and who serves a path of it; None for unknown hosts."""
    known = snapshot.known.get(authority)
    if known is None:
        known = _look_up(snapshot, authority)
        if known is None:
            return None
        if len(snapshot.known) >= MOST_KNOWN:
            snapshot.known.clear()
        snapshot.known[authority] = known
    zone = known.zone
    if zone.routes:
        text = path.decode("latin-1")
        for entry in zone.routes:
            if _covers(entry, known.name, text):
                return snapshot.routed[zone.uid, entry.backend]
    return known.default


def _look_up(snapshot: Snapshot, authority: bytes) -> _Host | None:
    host = host_of(authority)
    zone = snapshot.zones.find(host)
    if zone is None:
        return None
    return _Host(host, zone, snapshot.routed[zone.uid, zone.origins[0].name])


def speaks_for(snapshot: Snapshot, arrival: Arrival, zone: Zone) -> bool:
    """Whether the connection may carry requests of the zone: under TLS only where it was secured with the zone's own
    certificate (RFC 9110, 7.4). A trusted proxy checks names of its own, and may use one connection for all."""
    if arrival.server_name is None or arrival.trusted:
        return True
    secured = snapshot.zones.find(arrival.server_name)
    return secured is not None and (secured is zone or secured.certificate == zone.certificate)


def _covers(entry: Route, host: str, path: str) -> bool:
    if entry.hosts and not any(_names(pattern, host) for pattern in entry.hosts):
        return False
    prefix = entry.path_prefix
    return path.startswith(prefix) and (prefix.endswith("/") or len(path) == len(prefix) or path[len(prefix)] == "/")


def _names(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) and len(host) >= len(pattern) if pattern.startswith("*.") else host == pattern
