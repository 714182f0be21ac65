"""Zones as their fleet's pods know them, and the document's generation, lease and schema.

A zone's generation is the document's generation at its last change, or at that of the way to its upper tiers, so that
one number acknowledged by a pod says about every zone whether the pod can serve it as it now is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shield_operator.core import acknowledged
from shield_operator.core.checks import origin_host
from shield_operator.core.claims import lost
from shield_operator.core.spec import OriginSpec, RouteSpec, WhenUnhealthy, ZoneSpec
from shield_operator.core.world import Claim, Record, World, ZoneObject
from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter, FleetState, Origin, OriginTls, Route, Zone
from shield_proxy.config.version import READS, SCHEMA


def last_part(world: World, uid: str) -> Zone | None:
    """The zone's part of the record, None where it has none that can be read."""
    if world.record is None or world.record.state is None:
        return None
    return next((zone for zone in world.record.state.zones if zone.uid == uid), None)


def part(
    zone: ZoneObject, honoured: bool, last: Zone | None, winning: Mapping[str, Claim], record: Record | None
) -> Zone | None:
    """What pods shall know of a zone, without its uppers; None: nothing.

    A zone that isn't honoured, is paused or leaves, keeps its last part, less the hosts that another zone has now. A
    paused zone that was served, and that no readable record holds, is taken from its spec.
    """
    lost_part = last is None and (record is None or record.state is None) and bool(zone.status.get("hosts"))
    if isinstance(zone.spec, ZoneSpec) and honoured and not zone.leaving and (not zone.spec.paused or lost_part):
        return compile_zone(zone, zone.spec)
    if last is None:
        return None
    gone = {claim.host for claim in lost(zone.uid, last.hosts, winning)}
    hosts = tuple(host for host in last.hosts if host not in gone)
    return replace(last, hosts=hosts) if hosts else None


def compile_zone(zone: ZoneObject, spec: ZoneSpec) -> Zone:
    """A valid spec as pods read it: names resolved to addresses, routes in the order of their matching."""
    return Zone(
        uid=zone.uid,
        namespace=zone.namespace,
        name=zone.name,
        generation=0,
        hosts=spec.hosts,
        origins=tuple(_origin(origin, zone.namespace) for origin in spec.origins),
        routes=sort_routes(spec.routes),
        certificate=spec.certificate,
        max_request_bytes=spec.max_request_bytes,
    )


def _origin(origin: OriginSpec, namespace: str) -> Origin:
    host = origin_host(origin, namespace)
    tls = None
    if origin.tls is not None:
        tls = OriginTls(
            server_name=origin.tls.server_name or host,
            verify=origin.tls.verify,
            ca_bundle=origin.tls.ca_bundle,
            client_certificate=origin.tls.client_certificate,
        )
    return Origin(
        name=origin.name,
        host=host,
        port=origin.port,
        tls=tls,
        host_header=origin.host_header,
        response_seconds=float(origin.response_seconds),
        max_connections=origin.max_connections,
        check=origin.check,
        fallbacks=origin.fallbacks,
        refuses=origin.when_unhealthy is WhenUnhealthy.REFUSE,
    )


def sort_routes(routes: Sequence[RouteSpec]) -> tuple[Route, ...]:
    """First match wins: exact hosts, then wildcards from the longest, then all hosts; in each the longest prefix."""
    single = []
    for route in routes:
        exact = tuple(host for host in route.hosts if not host.startswith("*."))
        wild = [(host,) for host in route.hosts if host.startswith("*.")]
        single += [Route(route.path_prefix, route.backend, hosts) for hosts in ([exact] if exact else []) + wild]
        if not route.hosts:
            single.append(Route(route.path_prefix, route.backend))
    return tuple(sorted(single, key=_rank))


def _rank(route: Route) -> tuple[int, int, int]:
    if not route.hosts:
        return 2, 0, -len(route.path_prefix)
    wildcard = route.hosts[0].startswith("*.")
    return int(wildcard), -len(route.hosts[0]) if wildcard else 0, -len(route.path_prefix)


def fleet_state(world: World, parts: Iterable[Zone], data_centers: Sequence[DataCenter]) -> FleetState:
    """The document for `parts`. It equals the record's where nothing changed under the same leader."""
    record = world.record
    before = record.state if record is not None else None
    counted = record.generation if record is not None else 0
    generation = max(counted, acknowledged.highest(world)) + 1
    known = {zone.uid: zone for zone in before.zones} if before is not None else {}
    led = before.data_centers if before is not None else ()
    zones = tuple(
        _numbered(zone, known.get(zone.uid), generation, _ways(zone, led) == _ways(zone, data_centers))
        for zone in sorted(parts, key=lambda zone: zone.uid)
    )
    state = FleetState(
        namespace=world.key.namespace,
        fleet=world.key.name,
        generation=counted,
        lease=world.lease,
        data_centers=tuple(data_centers),
        zones=zones,
    )
    unchanged = before is not None and replace(before, lease=world.lease) == state
    return state if unchanged and acknowledged.highest(world) <= counted else replace(state, generation=generation)


def _ways(zone: Zone, data_centers: Iterable[DataCenter]) -> Mapping[str, str | None]:
    """Where the document says the zone's upper tiers are."""
    keys = {key for order in zone.uppers.values() for key in order}
    return {dc.key: dc.services.get(Tier.UPPER) for dc in data_centers if dc.key in keys}


def _numbered(zone: Zone, before: Zone | None, generation: int, same_ways: bool) -> Zone:
    if before is not None and same_ways and replace(zone, generation=before.generation) == before:
        return before
    return replace(zone, generation=generation)


def schema_to_write(world: World) -> int:
    """The newest schema that this version writes and every pod that answered reads; never newer than the record's
    while a pod is silent, which may be of an earlier version."""
    lowest = acknowledged.lowest_schema(world)
    newest = SCHEMA if lowest is None else min(SCHEMA, lowest)
    silent = any(pod.name not in world.reports for pod in world.pods if not pod.deleting)
    if silent and world.record is not None:
        newest = min(newest, world.record.schema)
    return max(READS[0], newest)
