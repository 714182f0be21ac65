"""The zone state of a fleet as values: everything a proxy knows about its work.

It names Services, never pod addresses, and holds no secret. Made by the operator alone; `codec` turns it into bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shield_proxy.config.contract import Tier


@dataclass(frozen=True, slots=True)
class OriginTls:
    """How the last hop is encrypted; the certificate is verified unless the owner said otherwise."""

    server_name: str
    """SNI, and the name the certificate must carry."""
    verify: bool = True
    ca_bundle: str | None = None
    """PEM; None is the image's own trust store."""
    client_certificate: str | None = None
    """Name of the Secret, mounted below contract.ORIGIN_TLS_DIR, with what the shield shows to the origin."""


DEFAULT_RESPONSE_SECONDS = 100.0
DEFAULT_MAX_CONNECTIONS = 512
DEFAULT_MAX_REQUEST_BYTES = 5 << 30


@dataclass(frozen=True, slots=True)
class Origin:
    """A backend of one address; its name is unique within the zone."""

    name: str
    host: str
    """DNS name or IP address; of a Service already its cluster DNS name."""
    port: int
    tls: OriginTls | None = None
    host_header: str | None = None
    """Sent instead of the client's Host."""
    response_seconds: float = DEFAULT_RESPONSE_SECONDS
    """From the whole request to the response's head."""
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    """Of one pod at a time; further requests wait for one of them, bounded."""
    check: str | None = None
    """Name of the HealthCheck that judges it; None: nobody does, and it is never called unhealthy."""
    unhealthy: bool = False
    """What the check says of it."""
    fallbacks: tuple[str, ...] = ()
    """Origins of the zone that get its requests while it is unhealthy: the first that is not, see `fallbacks`."""
    refuses: bool = False
    """Where it is unhealthy and nobody stands in for it, it is not asked at all."""


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose host is one of `hosts` (none: every host of the zone) and whose path has the prefix."""

    path_prefix: str
    backend: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """One SmartShieldZone as its fleet serves it."""

    uid: str
    namespace: str
    name: str
    generation: int
    """Raised by the operator whenever anything below changes."""
    hosts: tuple[str, ...]
    """Lower case, without a port; `*.example.com` stands for one or more labels."""
    origins: tuple[Origin, ...]
    routes: tuple[Route, ...] = ()
    """First match wins (the operator has sorted them: exact host and longest prefix first); else the first origin."""
    uppers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Backend name -> data centre keys in order of use: assigned upper, runner-up, ... Empty: not yet measured."""
    certificate: str | None = None
    """Name of the Secret, mounted below contract.CERTIFICATES_DIR, with the certificate clients of the zone's hosts
    get; None: the zone has no TLS of its own."""
    max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES
    """Larger request bodies are refused with 413."""


@dataclass(frozen=True, slots=True)
class DataCenter:
    """Nodes that share a region and a zone."""

    region: str
    zone: str
    services: Mapping[Tier, str] = field(default_factory=dict)
    """Tier -> DNS name of the headless Service of that tier's pods here. Several names or addresses may be
    separated by commas, each with an optional :port (of hops)."""

    @property
    def key(self) -> str:
        """`region/zone`; label values hold no slash."""
        return f"{self.region}/{self.zone}"


@dataclass(frozen=True, slots=True)
class FleetState:
    """What every pod of a fleet holds: one document, one generation."""

    namespace: str
    fleet: str
    generation: int
    """Raised by the operator with every change of the document."""
    lease: int
    """Transition count of the leader's Lease at writing: a lower one is refused."""
    data_centers: tuple[DataCenter, ...] = ()
    zones: tuple[Zone, ...] = ()
