"""A SmartShieldZone as it comes from the API server -> values. Every complaint is an InvalidField with the path.

The CRDs refuse most of what is refused here; this is what holds where an older CRD is installed.
"""

import re
from collections.abc import Mapping
from typing import Any

from shield_operator.core.decode_origin import check_fallbacks, decode_origin
from shield_operator.core.fields import quantity, secret_name, unique
from shield_operator.core.hosts import is_data_center, is_dns_label, is_host
from shield_operator.core.spec import ExposureSpec, ExposureType, RouteSpec, Topology, TrafficPolicy, ZoneSpec
from shield_operator.core.world import ZoneObject
from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.config.state import DEFAULT_MAX_REQUEST_BYTES

LEAST_REQUEST, MOST_REQUEST = "1Ki", "1Ti"


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


def decode_zone(spec: object) -> ZoneSpec:
    """The value of a zone's `spec`, with every default filled in."""
    top = Reader(spec, "spec")
    hosts = unique(top, "hosts", is_host, "a lower-case DNS name or *.NAME, without a port")
    if not hosts:
        raise InvalidField("spec.hosts", "needs at least one host")
    origins = top.items("origins", decode_origin)
    if not origins:
        raise InvalidField("spec.origins", "needs at least one origin")
    names = [origin.name for origin in origins]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InvalidField(f"spec.origins[{i}].name", f"{name!r} is used twice")
    check_fallbacks(origins)
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
    certificate = secret_name(top, "tls")
    return ZoneSpec(
        hosts=hosts,
        origins=origins,
        fleet=fleet,
        routes=routes,
        topology=top.section("tieredCache").choice("topology", Topology, Topology.SMART),
        exposure=_exposure(top.section("exposure"), certificate is not None),
        data_centers=unique(placement, "dataCenters", is_data_center, "REGION or REGION/ZONE"),
        paused=top.flag("paused", False),
        certificate=certificate,
        max_request_bytes=quantity(top, "maxRequestBody", DEFAULT_MAX_REQUEST_BYTES, LEAST_REQUEST, MOST_REQUEST),
    )


def _route(item: Reader) -> RouteSpec:
    prefix = item.text("pathPrefix", "/")
    if not re.fullmatch(r"/[!-\"$->@-~]*", prefix):
        raise InvalidField(item.at("pathPrefix"), f"must begin with / and hold no space, ? or #, not {prefix!r}")
    return RouteSpec(backend=item.text("backend"), path_prefix=prefix, hosts=item.texts("hosts"))


def _exposure(item: Reader, tls: bool) -> ExposureSpec:
    kind = item.choice("type", ExposureType, ExposureType.CLUSTER_IP)
    policy = item.choice("externalTrafficPolicy", TrafficPolicy, TrafficPolicy.LOCAL)
    for key in ("nodePort", "tlsNodePort", "externalTrafficPolicy"):
        if item.has(key) and kind is not ExposureType.NODE_PORT:
            raise InvalidField(item.at(key), f"is only for type NodePort, not {kind}")
    if item.has("tlsNodePort") and not tls:
        raise InvalidField(item.at("tlsNodePort"), "is only for zones with spec.tls")
    out = ExposureSpec(
        type=kind,
        port=item.number("port", 80, least=1, most=65535),
        tls_port=item.number("tlsPort", 443, least=1, most=65535),
        node_port=_node_port(item, "nodePort"),
        tls_node_port=_node_port(item, "tlsNodePort"),
        traffic_policy=policy,
        annotations=dict(item.section("annotations").source),
    )
    if tls and out.tls_port == out.port:
        raise InvalidField(item.at("tlsPort"), f"must differ from port, {out.port}")
    if tls and out.node_port is not None and out.node_port == out.tls_node_port:
        raise InvalidField(item.at("tlsNodePort"), f"must differ from nodePort, {out.node_port}")
    for key, value in out.annotations.items():
        if not isinstance(value, str):
            raise InvalidField(item.at(f"annotations[{key}]"), f"must be str, not {value!r}")
    return out


def _node_port(item: Reader, key: str) -> int | None:
    return item.number(key, least=1, most=65535) if item.has(key) else None
