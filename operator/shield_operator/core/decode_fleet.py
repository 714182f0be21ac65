"""A ShieldFleet as it comes from the API server -> values. Every complaint is an InvalidField with the path."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shield_operator.core.fields import quantity, unique
from shield_operator.core.hosts import is_data_center, is_network
from shield_operator.core.quantity import parse_quantity
from shield_operator.core.spec import AccessLogFormat, ClientsSpec, FleetSpec, RedisSpec, TierSpec
from shield_operator.core.world import FleetObject
from shield_proxy.config.reading import InvalidField, Reader

BUILT_IN = FleetSpec(lower=TierSpec(replicas=1), upper=TierSpec(replicas=1))
"""What holds where neither a ShieldFleet nor the chart says anything."""
LEAST_MEMORY, MOST_MEMORY = "16Mi", "1Pi"
"""Neither a proxy's memory nor a Redis is of use below."""
MOST_REPLICAS = 100
MOST_PROXIES = 64


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


def decode_fleet(spec: object, defaults: FleetSpec = BUILT_IN, path: str = "spec") -> FleetSpec:
    """The value of a fleet's `spec`; each field it leaves out is that of `defaults`."""
    top = Reader(spec, path)
    return FleetSpec(
        lower=_tier(top.section("lower"), defaults.lower),
        upper=_tier(top.section("upper"), defaults.upper),
        redis=_redis(top.section("redis"), defaults.redis),
        memory=quantity(top, "memory", defaults.memory, LEAST_MEMORY, MOST_MEMORY),
        access_log=top.flag("accessLog", defaults.access_log),
        access_log_format=top.choice("accessLogFormat", AccessLogFormat, defaults.access_log_format),
        access_log_sample=top.number("accessLogSample", defaults.access_log_sample, least=0, most=100),
        clients=_clients(top.section("clients"), defaults.clients),
    )


def _clients(item: Reader, default: ClientsSpec) -> ClientsSpec:
    proxies = default.trusted_proxies
    if item.has("trustedProxies"):
        proxies = unique(
            item, "trustedProxies", is_network, "a network such as 10.0.0.0/8 without bits beyond its prefix"
        )
    if len(proxies) > MOST_PROXIES:
        raise InvalidField(item.at("trustedProxies"), f"must name at most {MOST_PROXIES} networks, not {len(proxies)}")
    return ClientsSpec(item.flag("proxyProtocol", default.proxy_protocol), proxies)


def _tier(item: Reader, default: TierSpec) -> TierSpec:
    replicas = item.number("replicas", default.replicas, least=1, most=MOST_REPLICAS)
    return TierSpec(replicas=replicas, resources=_resources(item, default.resources))


def _redis(item: Reader, default: RedisSpec) -> RedisSpec:
    out = replace(
        default,
        enabled=item.flag("enabled", default.enabled),
        memory=quantity(item, "memory", default.memory, LEAST_MEMORY, MOST_MEMORY),
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
