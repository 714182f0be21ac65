"""Custom resources as they come from the API server -> values. Every complaint is an InvalidField with the path.

The CRDs refuse most of what is refused here; this is what holds where an older CRD is installed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

from shield_operator.core.hosts import is_data_center, is_dns_label, is_host, origin_address_problem
from shield_operator.core.quantity import parse_quantity, whole_bytes
from shield_operator.core.spec import (
    ExposureSpec,
    ExposureType,
    FleetSpec,
    OriginSpec,
    RedisSpec,
    RouteSpec,
    ServiceRef,
    TierSpec,
    TlsSpec,
    Topology,
    ZoneSpec,
)
from shield_operator.core.world import FleetObject, ZoneObject
from shield_proxy.config.reading import InvalidField, Reader

E = TypeVar("E", bound=StrEnum)

BUILT_IN = FleetSpec(lower=TierSpec(replicas=1), upper=TierSpec(replicas=1))
"""What holds where neither a ShieldFleet nor the chart says anything."""
LEAST_MEMORY = 16 << 20
"""Bytes below which neither a proxy's memory nor a Redis is of use."""
MOST_REPLICAS = 100


def zone_object(body: Mapping[str, Any]) -> ZoneObject:
    """The zone of a SmartShieldZone as the API server gives it; what can't be decoded stands in `spec`."""
    metadata = body["metadata"]
    spec: ZoneSpec | InvalidField
    try:
        spec = decode_zone(body.get("spec"))
    except InvalidField as error:
        spec = error
    return ZoneObject(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        created=metadata["creationTimestamp"],
        spec=spec,
        status=body.get("status") or {},
        deleting="deletionTimestamp" in metadata,
    )


def fleet_object(body: Mapping[str, Any], defaults: FleetSpec) -> FleetObject:
    """The fleet of a ShieldFleet as the API server gives it, with what it leaves out filled in from `defaults`."""
    metadata = body["metadata"]
    spec: FleetSpec | InvalidField
    try:
        spec = decode_fleet(body.get("spec") or {}, defaults)
    except InvalidField as error:
        spec = error
    return FleetObject(
        uid=metadata["uid"],
        generation=metadata["generation"],
        spec=spec,
        status=body.get("status") or {},
        deleting="deletionTimestamp" in metadata,
    )


def decode_zone(spec: object) -> ZoneSpec:
    """The value of a zone's `spec`, with every default filled in."""
    top = Reader(spec, "spec")
    hosts = _unique(top, "hosts", is_host, "a lower-case DNS name or *.NAME, without a port")
    if not hosts:
        raise InvalidField("spec.hosts", "needs at least one host")
    origins = top.items("origins", _origin)
    if not origins:
        raise InvalidField("spec.origins", "needs at least one origin")
    names = [origin.name for origin in origins]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InvalidField(f"spec.origins[{i}].name", f"{name!r} is used twice")
    routes = top.items("routes", _route)
    for i, route in enumerate(routes):
        if route.backend not in names:
            raise InvalidField(f"spec.routes[{i}].backend", f"{route.backend!r} is not the name of an origin")
        for j, host in enumerate(route.hosts):
            if host not in hosts:
                raise InvalidField(f"spec.routes[{i}].hosts[{j}]", f"{host!r} is not one of spec.hosts")
    fleet = top.text("fleet", "default")
    if not is_dns_label(fleet):
        raise InvalidField("spec.fleet", f"must be a DNS label, not {fleet!r}")
    placement = top.section("placement")
    return ZoneSpec(
        hosts=hosts,
        origins=origins,
        fleet=fleet,
        routes=routes,
        topology=_choice(top.section("tieredCache"), "topology", Topology, Topology.SMART),
        exposure=_exposure(top.section("exposure")),
        data_centers=_unique(placement, "dataCenters", is_data_center, "REGION or REGION/ZONE"),
        paused=top.flag("paused", False),
    )


def _origin(item: Reader) -> OriginSpec:
    name = item.text("name")
    if not is_dns_label(name):
        raise InvalidField(item.at("name"), f"must be a DNS label, not {name!r}")
    if item.has("address") == item.has("service"):
        raise InvalidField(item.path, "needs exactly one of address and service")
    address = service = None
    if item.has("address"):
        address = item.text("address").lower()
        if problem := origin_address_problem(address):
            raise InvalidField(item.at("address"), problem)
    else:
        section = item.section("service")
        service = ServiceRef(section.text("name"))
        if not is_dns_label(service.name):
            raise InvalidField(section.at("name"), f"must be the name of a Service, not {service.name!r}")
    tls = None
    if item.has("tls"):
        section = item.section("tls")
        tls = TlsSpec(
            server_name=_optional(section, "serverName"),
            verify=section.flag("verify", True),
            ca_bundle=_optional(section, "caBundle"),
        )
        if tls.server_name is not None and not is_host(tls.server_name, wildcard=False):
            raise InvalidField(section.at("serverName"), f"must be a lower-case DNS name, not {tls.server_name!r}")
        if tls.ca_bundle is not None and "-----BEGIN CERTIFICATE-----" not in tls.ca_bundle:
            raise InvalidField(section.at("caBundle"), "must hold PEM certificates")
        if not tls.verify and tls.ca_bundle is not None:
            raise InvalidField(section.path, "caBundle is of no use with verify: false")
    header = _optional(item, "hostHeader")
    if header is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?", header):
        raise InvalidField(item.at("hostHeader"), f"must be NAME or NAME:PORT, not {header!r}")
    port = item.number("port", 443 if tls else 80, least=1, most=65535)
    return OriginSpec(name=name, address=address, service=service, port=port, tls=tls, host_header=header)


def _route(item: Reader) -> RouteSpec:
    prefix = item.text("pathPrefix", "/")
    if not re.fullmatch(r"/[!-\"$->@-~]*", prefix):
        raise InvalidField(item.at("pathPrefix"), f"must begin with / and hold no space, ? or #, not {prefix!r}")
    return RouteSpec(backend=item.text("backend"), path_prefix=prefix, hosts=item.texts("hosts"))


def _exposure(item: Reader) -> ExposureSpec:
    kind = _choice(item, "type", ExposureType, ExposureType.CLUSTER_IP)
    node_port = item.number("nodePort", least=1, most=65535) if item.has("nodePort") else None
    if node_port is not None and kind is not ExposureType.NODE_PORT:
        raise InvalidField(item.at("nodePort"), f"is only for type NodePort, not {kind}")
    annotations = dict(item.section("annotations").source)
    for key, value in annotations.items():
        if not isinstance(value, str):
            raise InvalidField(item.at(f"annotations[{key}]"), f"must be str, not {value!r}")
    return ExposureSpec(
        type=kind, port=item.number("port", 80, least=1, most=65535), node_port=node_port, annotations=annotations
    )


def decode_fleet(spec: object, defaults: FleetSpec = BUILT_IN, path: str = "spec") -> FleetSpec:
    """The value of a fleet's `spec`; each field it leaves out is that of `defaults`."""
    top = Reader(spec, path)
    return FleetSpec(
        lower=_tier(top.section("lower"), defaults.lower),
        upper=_tier(top.section("upper"), defaults.upper),
        redis=_redis(top.section("redis"), defaults.redis),
        memory=_bytes(top, "memory", defaults.memory),
        access_log=top.flag("accessLog", defaults.access_log),
    )


def _tier(item: Reader, default: TierSpec) -> TierSpec:
    replicas = item.number("replicas", default.replicas, least=1, most=MOST_REPLICAS)
    return TierSpec(replicas=replicas, resources=_resources(item, default.resources))


def _redis(item: Reader, default: RedisSpec) -> RedisSpec:
    out = replace(
        default,
        enabled=item.flag("enabled", default.enabled),
        memory=_bytes(item, "memory", default.memory),
        resources=_resources(item, default.resources),
    )
    if not item.has("external"):
        return out
    pairs = item.items("external", _external)
    for i, (data_center, _) in enumerate(pairs):
        if data_center in [earlier for earlier, _ in pairs[:i]]:
            raise InvalidField(f"{item.at('external')}[{i}].dataCenter", f"{data_center!r} is named twice")
    return replace(out, external=dict(pairs))


def _external(item: Reader) -> tuple[str, str]:
    data_center, address = item.text("dataCenter"), item.text("address")
    if not is_data_center(data_center) or "/" not in data_center:
        raise InvalidField(item.at("dataCenter"), f"must be REGION/ZONE, not {data_center!r}")
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", address)
    if match is None or not 0 < int(match[2]) < 65536:
        raise InvalidField(item.at("address"), f"must be HOST:PORT, not {address!r}")
    return data_center, address


def _resources(item: Reader, default: Mapping[str, Any]) -> Mapping[str, Any]:
    if not item.has("resources"):
        return default
    section = item.section("resources")
    for part in section.source:
        if part not in ("requests", "limits"):
            raise InvalidField(section.at(part), "must be requests or limits")
        for name, value in section.section(part).source.items():
            try:
                parse_quantity(value if isinstance(value, int) else str(value))
            except ValueError as error:
                raise InvalidField(section.section(part).at(name), str(error)) from None
    return section.source


def _bytes(item: Reader, key: str, default: int) -> int:
    if not item.has(key):
        return default
    value = item.source[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidField(item.at(key), f"must be a quantity, not {value!r}")
    try:
        size = whole_bytes(value)
    except ValueError as error:
        raise InvalidField(item.at(key), str(error)) from None
    if size < LEAST_MEMORY:
        raise InvalidField(item.at(key), f"must be at least {LEAST_MEMORY >> 20}Mi, not {value!r}")
    return size


def _choice(item: Reader, key: str, kind: type[E], default: E) -> E:
    value = item.text(key, default)
    try:
        return kind(value)
    except ValueError:
        raise InvalidField(item.at(key), f"must be one of {', '.join(kind)}, not {value!r}") from None


def _optional(item: Reader, key: str) -> str | None:
    return item.text(key) if item.has(key) else None


def _unique(item: Reader, key: str, valid: Callable[[str], bool], form: str) -> tuple[str, ...]:
    values = item.texts(key)
    for i, value in enumerate(values):
        if not valid(value):
            raise InvalidField(f"{item.at(key)}[{i}]", f"must be {form}, not {value!r}")
        if value in values[:i]:
            raise InvalidField(f"{item.at(key)}[{i}]", f"{value!r} is named twice")
    return values
