"""The custom resources as values, after decoding: what a user asked for, with every default filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shield_proxy.config.state import DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_REQUEST_BYTES, DEFAULT_RESPONSE_SECONDS


class Topology(StrEnum):
    """How upper tiers are chosen."""

    SMART = "Smart"


class ExposureType(StrEnum):
    """What kind of Service clients reach the zone's lower tier by."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"


class TrafficPolicy(StrEnum):
    """Where a node sends what comes to its node port."""

    LOCAL = "Local"
    """To its own pods alone: the client's address stays."""
    CLUSTER = "Cluster"
    """To any pod, with the node's address instead of the client's."""


class WhenUnhealthy(StrEnum):
    """What becomes of requests for an unhealthy origin where nobody stands in for it."""

    TRY = "Try"
    REFUSE = "Refuse"


class AccessLogFormat(StrEnum):
    """What a line of the access log looks like."""

    JSON = "JSON"
    COMBINED = "Combined"


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """A Service of the zone's own namespace."""

    name: str


@dataclass(frozen=True, slots=True)
class TlsSpec:
    """TLS to an origin."""

    server_name: str | None = None
    verify: bool = True
    ca_bundle: str | None = None
    client_certificate: str | None = None
    """Name of the Secret with what is shown to the origin."""


@dataclass(frozen=True, slots=True)
class OriginSpec:
    """Exactly one of address and service is set."""

    name: str
    address: str | None
    service: ServiceRef | None
    port: int
    tls: TlsSpec | None = None
    host_header: str | None = None
    response_seconds: int = round(DEFAULT_RESPONSE_SECONDS)
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    check: str | None = None
    """Name of the HealthCheck that judges it."""
    fallbacks: tuple[str, ...] = ()
    """Origins of the zone that stand in for it while it is unhealthy."""
    when_unhealthy: WhenUnhealthy = WhenUnhealthy.TRY


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """hosts empty: every host of the zone."""

    backend: str
    path_prefix: str = "/"
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExposureSpec:
    """The zone's edge Service."""

    type: ExposureType = ExposureType.CLUSTER_IP
    port: int = 80
    tls_port: int = 443
    node_port: int | None = None
    tls_node_port: int | None = None
    traffic_policy: TrafficPolicy = TrafficPolicy.LOCAL
    """Only of node ports."""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """spec of a SmartShieldZone."""

    hosts: tuple[str, ...]
    origins: tuple[OriginSpec, ...]
    fleet: str = "default"
    routes: tuple[RouteSpec, ...] = ()
    topology: Topology = Topology.SMART
    exposure: ExposureSpec = ExposureSpec()
    data_centers: tuple[str, ...] = ()
    """`region/zone` or `region` (all of its zones); empty: everywhere."""
    paused: bool = False
    """The operator leaves the zone as it is: it goes on serving what it serves."""
    certificate: str | None = None
    """Name of the Secret with the certificate of the hosts; None: no TLS."""
    max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES

    @property
    def client_certificates(self) -> frozenset[str]:
        """Names of the Secrets that origins are shown."""
        tls = (origin.tls for origin in self.origins)
        return frozenset(one.client_certificate for one in tls if one is not None and one.client_certificate)


@dataclass(frozen=True, slots=True)
class TierSpec:
    """Pods of one tier in each data centre."""

    replicas: int
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RedisSpec:
    """L2 of each data centre. With `external`, data centre key -> host:port, nothing is managed there."""

    enabled: bool = True
    memory: int = 256 << 20
    """Bytes, Redis' maxmemory."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientsSpec:
    """What stands between clients and the lower tier."""

    proxy_protocol: bool = False
    trusted_proxies: tuple[str, ...] = ()
    """Networks in CIDR notation."""


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """spec of a ShieldFleet, or the chart's defaults where there is none."""

    lower: TierSpec
    upper: TierSpec
    redis: RedisSpec = RedisSpec()
    memory: int = 128 << 20
    """Bytes of each proxy's L1."""
    access_log: bool = False
    access_log_format: AccessLogFormat = AccessLogFormat.JSON
    access_log_sample: int = 100
    """Percent of the requests that get a line."""
    clients: ClientsSpec = ClientsSpec()
