"""What a data plane is made with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shield_proxy.config.contract import CERTIFICATES_DIR, Tier
from shield_proxy.tiers.load.tunnels import TunnelLimits
from shield_proxy.tiers.messages.marks import Place, place_of
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.upstream.limits import UpstreamLimits

Addresses = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The Redis of this data centre."""

    host: str
    port: int
    password: str | None = None


@dataclass(frozen=True, slots=True)
class DataplaneSettings:
    """One process of a tier."""

    tier: Tier
    namespace: str
    fleet: str
    data_center: str
    """region/zone"""
    address: str
    """This pod's IP, by which it knows itself in the ring."""
    client_listen: Addresses = ()
    client_tls_listen: Addresses = ()
    certificates_dir: Path = Path(CERTIFICATES_DIR)
    """SECRET/tls.crt and SECRET/tls.key of zones."""
    certificate_files: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
    """Certificates that are elsewhere: name -> chain and key."""
    proxy_protocol: bool = False
    """Clients' connections begin with a PROXY header."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies that are believed."""
    hop_listen: Addresses = ()
    memory_bytes: int = 128 << 20
    max_object_bytes: int = 64 << 20
    redis: RedisSettings | None = None
    redis_object_bytes: int = 1 << 20
    """Larger bodies are not put into L2."""
    access_log: bool = False
    access_log_format: str = "json"
    """One of logformats.FORMATS."""
    access_log_share: float = 1.0
    """Of the requests, those with 5xx apart, which are always logged."""
    server: ServerLimits = field(default_factory=ServerLimits)
    hop_connections: int = 20_000
    """Connections of other pods; those of clients are bounded by `server`."""
    upstream: UpstreamLimits = field(default_factory=UpstreamLimits)
    tunnels: TunnelLimits = field(default_factory=TunnelLimits)
    origin_tls_dir: Path | None = None
    """SECRET/tls.crt and SECRET/tls.key shown to origins."""
    running: int = 4096
    """Requests that wait for something at one time; more are answered 503."""
    followers: int = 1024
    """Requests that wait for one fetch."""
    loop_delay: float = 0.1
    """Seconds that the event loop may be late."""
    loop_delay_lasts: float = 0.5
    """Seconds for which it may be later than that before requests are refused."""

    @property
    def place(self) -> Place:
        """As the pod's marks say it."""
        return place_of(str(self.tier), self.data_center)
