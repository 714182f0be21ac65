"""FleetState to and from the JSON object of a schema. A document of a newer schema is refused, never guessed."""

from collections.abc import Mapping
from typing import Any

from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.config.state import (
    DEFAULT_MAX_CONNECTIONS,
    DEFAULT_MAX_REQUEST_BYTES,
    DEFAULT_RESPONSE_SECONDS,
    DataCenter,
    FleetState,
    Origin,
    OriginTls,
    Route,
    Zone,
)
from shield_proxy.config.version import READS


def encode_state(state: FleetState, schema: int) -> dict[str, Any]:
    """The document of `state` in a schema this version writes; decode_state returns an equal state."""
    if schema not in READS:
        raise ValueError(f"schema {schema} is not one of {READS}")
    return {
        "schema": schema,
        "namespace": state.namespace,
        "fleet": state.fleet,
        "generation": state.generation,
        "lease": state.lease,
        "dataCenters": [
            {"region": dc.region, "zone": dc.zone, "services": {str(t): s for t, s in dc.services.items()}}
            for dc in state.data_centers
        ],
        "zones": [encode_zone(zone) for zone in state.zones],
    }


def encode_zone(zone: Zone) -> dict[str, Any]:
    """The zone's part of the document; what has its default is left out."""
    out: dict[str, Any] = {
        "uid": zone.uid,
        "namespace": zone.namespace,
        "name": zone.name,
        "generation": zone.generation,
        "hosts": list(zone.hosts),
        "origins": [_encode_origin(origin) for origin in zone.origins],
        "routes": [{"pathPrefix": r.path_prefix, "backend": r.backend, "hosts": list(r.hosts)} for r in zone.routes],
        "uppers": {backend: list(keys) for backend, keys in zone.uppers.items()},
    }
    if zone.certificate is not None:
        out["certificate"] = zone.certificate
    if zone.max_request_bytes != DEFAULT_MAX_REQUEST_BYTES:
        out["maxRequestBytes"] = zone.max_request_bytes
    return out


def _encode_origin(origin: Origin) -> dict[str, Any]:
    out: dict[str, Any] = {"name": origin.name, "host": origin.host, "port": origin.port}
    if origin.host_header is not None:
        out["hostHeader"] = origin.host_header
    if origin.tls is not None:
        out["tls"] = {"serverName": origin.tls.server_name, "verify": origin.tls.verify}
        if origin.tls.ca_bundle is not None:
            out["tls"]["caBundle"] = origin.tls.ca_bundle
        if origin.tls.client_certificate is not None:
            out["tls"]["clientCertificate"] = origin.tls.client_certificate
    if origin.response_seconds != DEFAULT_RESPONSE_SECONDS:
        out["responseMilliseconds"] = round(origin.response_seconds * 1000)
    if origin.max_connections != DEFAULT_MAX_CONNECTIONS:
        out["maxConnections"] = origin.max_connections
    if origin.check is not None:
        out["healthCheck"] = origin.check
    if origin.unhealthy:
        out["unhealthy"] = True
    if origin.fallbacks:
        out["fallbacks"] = list(origin.fallbacks)
    if origin.refuses:
        out["refuses"] = True
    return out


def decode_state(document: object) -> FleetState:
    """The state a document holds. InvalidField when a field is missing or wrong, or the schema is unknown."""
    top = Reader(document)
    schema = top.number("schema")
    if schema not in READS:
        raise InvalidField("schema", f"{schema} is not one of {READS}, which this version reads")
    return FleetState(
        namespace=top.text("namespace"),
        fleet=top.text("fleet"),
        generation=top.number("generation"),
        lease=top.number("lease"),
        data_centers=top.items("dataCenters", _data_center),
        zones=top.items("zones", decode_zone),
    )


def _data_center(item: Reader) -> DataCenter:
    services = item.section("services")
    return DataCenter(
        region=item.text("region"),
        zone=item.text("zone"),
        services={tier: services.text(tier) for tier in Tier if services.has(tier)},
    )


def decode_zone(item: Reader) -> Zone:
    """The zone under a reader; its routes and uppers name backends that exist."""
    zone = Zone(
        uid=item.text("uid"),
        namespace=item.text("namespace"),
        name=item.text("name"),
        generation=item.number("generation"),
        hosts=item.texts("hosts"),
        origins=item.items("origins", _origin),
        routes=item.items("routes", _route),
        uppers=_uppers(item),
        certificate=item.text("certificate") if item.has("certificate") else None,
        max_request_bytes=item.number("maxRequestBytes", DEFAULT_MAX_REQUEST_BYTES),
    )
    names = {origin.name for origin in zone.origins}
    if not names:
        raise InvalidField(item.at("origins"), "needs at least one origin")
    for i, route in enumerate(zone.routes):
        if route.backend not in names:
            raise InvalidField(item.at(f"routes[{i}].backend"), f"{route.backend!r} is not an origin of the zone")
    return zone


def _uppers(item: Reader) -> Mapping[str, tuple[str, ...]]:
    section = item.section("uppers")
    return {backend: section.texts(backend) for backend in section.source}


def _origin(item: Reader) -> Origin:
    tls = None
    if item.has("tls"):
        section = item.section("tls")
        tls = OriginTls(
            server_name=section.text("serverName"),
            verify=section.flag("verify", True),
            ca_bundle=section.text("caBundle") if section.has("caBundle") else None,
            client_certificate=section.text("clientCertificate") if section.has("clientCertificate") else None,
        )
    return Origin(
        name=item.text("name"),
        host=item.text("host"),
        port=item.number("port", least=1, most=65535),
        tls=tls,
        host_header=item.text("hostHeader") if item.has("hostHeader") else None,
        response_seconds=item.number("responseMilliseconds", round(DEFAULT_RESPONSE_SECONDS * 1000), least=1) / 1000,
        max_connections=item.number("maxConnections", DEFAULT_MAX_CONNECTIONS, least=1),
        check=item.text("healthCheck") if item.has("healthCheck") else None,
        unhealthy=item.flag("unhealthy", False),
        fallbacks=item.texts("fallbacks"),
        refuses=item.flag("refuses", False),
    )


def _route(item: Reader) -> Route:
    return Route(path_prefix=item.text("pathPrefix", "/"), backend=item.text("backend"), hosts=item.texts("hosts"))
