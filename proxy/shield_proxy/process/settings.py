"""What a process is started with: from a YAML file, or from the environment the operator writes into pods.

Both are one document with the same fields; complaints name the field, or the variable it came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

from shield_proxy.config import contract
from shield_proxy.config.codec import decode_state
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.config.state import FleetState
from shield_proxy.process.values import (
    parse_address,
    read_bytes,
    read_choice,
    read_listen,
    read_networks,
    read_share,
    read_url,
)
from shield_proxy.tiers.load.tunnels import DEFAULT as DEFAULT_TUNNELS
from shield_proxy.tiers.load.tunnels import TunnelLimits
from shield_proxy.tiers.settings import Addresses, RedisSettings
from shield_proxy.tiers.telemetry.logformats import FORMATS

CONFIRM_SECONDS = 20
"""After this long without a word of operator or peer a pod is ready with the state it has."""
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """One process. Empty listen lists: that port is not opened."""

    tier: Tier
    namespace: str
    fleet: str
    region: str
    zone: str
    pod: str
    """Name, as Via and Cache-Status show it."""
    address: str
    """This pod's IP, by which it finds itself among its tier's members."""
    client: Addresses
    hop: Addresses
    internal: Addresses
    health: Addresses
    tls_dir: Path | None
    """None: neither hop nor internal port."""
    state_dir: Path | None
    client_tls: Addresses = ()
    certificates_dir: Path = Path(contract.CERTIFICATES_DIR)
    origin_tls_dir: Path = Path(contract.ORIGIN_TLS_DIR)
    """SECRET/tls.crt and SECRET/tls.key of zones."""
    certificate_files: Mapping[str, tuple[Path, Path]] = dataclass_field(default_factory=dict)
    """Certificates that are elsewhere: name -> chain and key."""
    proxy_protocol: bool = False
    trusted_proxies: tuple[str, ...] = ()
    state: FleetState | None = None
    """Used before anything mounted or pushed is there."""
    redis: RedisSettings | None = None
    redis_password_file: Path | None = None
    """Read again when it changes."""
    memory_bytes: int = 128 << 20
    max_object_bytes: int = 64 << 20
    connection_requests: int = 0
    """That a client may send on one connection; 0: any number."""
    drain_seconds: int = 20
    """Requests that run at the end get this long."""
    drain_delay_seconds: int = 3
    """New connections are still taken for this long after SIGTERM, while endpoints are withdrawn."""
    tunnels: TunnelLimits = DEFAULT_TUNNELS
    confirm_seconds: int = CONFIRM_SECONDS
    log_level: str = "info"
    access_log: bool = False
    access_log_format: str = "json"
    access_log_sample: float = 1.0
    """Share of the requests that is logged; those with 5xx always are."""
    otlp_endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver of spans."""
    otlp_sample: float = 0.1
    """Share of the requests without a traceparent of which spans are sent."""

    @property
    def data_center(self) -> str:
        """`region/zone`."""
        return f"{self.region}/{self.zone}"


FIELDS = {
    "tier": "SHIELD_TIER",
    "namespace": "SHIELD_NAMESPACE",
    "fleet": "SHIELD_FLEET",
    "region": "SHIELD_REGION",
    "zone": "SHIELD_ZONE",
    "pod": "POD_NAME",
    "address": "POD_IP",
    "memory": "SHIELD_MEMORY_BYTES",
    "maxObject": "SHIELD_MAX_OBJECT_BYTES",
    "redis": "SHIELD_REDIS",
    "connectionRequests": "SHIELD_CONNECTION_REQUESTS",
    "proxyProtocol": "SHIELD_PROXY_PROTOCOL",
    "trustedProxies": "SHIELD_TRUSTED_PROXIES",
    "drainSeconds": "SHIELD_DRAIN_SECONDS",
    "drainDelaySeconds": "SHIELD_DRAIN_DELAY_SECONDS",
    "tunnels": "SHIELD_TUNNELS",
    "tunnelIdleSeconds": "SHIELD_TUNNEL_IDLE_SECONDS",
    "tunnelDrainSeconds": "SHIELD_TUNNEL_DRAIN_SECONDS",
    "logLevel": "SHIELD_LOG_LEVEL",
    "accessLog": "SHIELD_ACCESS_LOG",
    "accessLogFormat": "SHIELD_ACCESS_LOG_FORMAT",
    "accessLogSample": "SHIELD_ACCESS_LOG_SAMPLE",
    "otlpEndpoint": "SHIELD_OTLP_ENDPOINT",
    "otlpSample": "SHIELD_OTLP_SAMPLE",
}
"""Field -> the variable that carries it in a pod."""
WHOLE = (
    "connectionRequests",
    "drainSeconds",
    "drainDelaySeconds",
    "tunnels",
    "tunnelIdleSeconds",
    "tunnelDrainSeconds",
)
FILE_ONLY = (
    *("listen", "tlsDir", "certificatesDir", "originTlsDir", "stateDir", "state"),
    *("redisPasswordFile", "confirmSeconds"),
)
LISTEN = {
    "client": contract.CLIENT_PORT,
    "clientTls": contract.CLIENT_TLS_PORT,
    "hop": contract.HOP_PORT,
    "internal": contract.INTERNAL_PORT,
    "health": contract.HEALTH_PORT,
}


def settings_of_file(path: Path, ipv6: bool) -> ProxySettings:
    """The settings in a YAML file; InvalidField names the field, OSError says why the file can't be read."""
    import yaml  # only where a file is used: pods have an environment, and their memory is for the cache

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidField(str(path), f"is not YAML: {' '.join(str(error).split())}") from error
    return decode_settings(document, ipv6)


def settings_of_environment(environment: Mapping[str, str], ipv6: bool) -> ProxySettings:
    """The settings of a pod; InvalidField names the variable."""
    document: dict[str, Any] = {}
    for field, variable in FIELDS.items():
        if value := environment.get(variable):
            document[field] = _typed(field, value, variable)
    try:
        return decode_settings(document, ipv6)
    except InvalidField as error:
        raise InvalidField(FIELDS.get(error.path, error.path), error.problem) from error


def _typed(field: str, value: str, variable: str) -> object:
    if field in WHOLE:
        if not value.isdigit():
            raise InvalidField(variable, f"must be a whole number, not {value!r}")
        return int(value)
    if field in ("accessLog", "proxyProtocol"):
        if value not in ("on", "off"):
            raise InvalidField(variable, f"must be on or off, not {value!r}")
        return value == "on"
    if field in ("accessLogSample", "otlpSample"):
        try:
            return float(value)
        except ValueError:
            raise InvalidField(variable, f"must be a number from 0 to 1, not {value!r}") from None
    return value


def decode_settings(document: object, ipv6: bool) -> ProxySettings:
    """The settings in a document; `ipv6` says whether ports without an address of their own also listen on it."""
    top = Reader(document)
    for field in top.source:
        if field not in FIELDS and field not in FILE_ONLY:
            raise InvalidField(str(field), f"is not a setting; those are {', '.join((*FIELDS, *FILE_ONLY))}")
    tier = read_choice(top, "tier", tuple(str(tier) for tier in Tier))
    listen = top.section("listen")
    for field in listen.source:
        if field not in LISTEN:
            raise InvalidField(listen.at(str(field)), f"is not a port; those are {', '.join(LISTEN)}")
    ports = {name: read_listen(listen, name, port, ipv6) for name, port in LISTEN.items()}
    # Who says where clients are answered has said so of all of them.
    secured = "clientTls" in listen.source or "client" not in listen.source
    encrypted = bool(ports["hop"] or ports["internal"])
    return ProxySettings(
        tier=Tier(tier),
        namespace=top.text("namespace"),
        fleet=top.text("fleet"),
        region=top.text("region"),
        zone=top.text("zone"),
        pod=top.text("pod"),
        address=top.text("address"),
        client=ports["client"] if tier == Tier.LOWER else (),
        client_tls=ports["clientTls"] if tier == Tier.LOWER and secured else (),
        certificates_dir=Path(top.text("certificatesDir", contract.CERTIFICATES_DIR)),
        origin_tls_dir=Path(top.text("originTlsDir", contract.ORIGIN_TLS_DIR)),
        proxy_protocol=top.flag("proxyProtocol", False),
        trusted_proxies=read_networks(top, "trustedProxies"),
        hop=ports["hop"],
        internal=ports["internal"],
        health=ports["health"],
        tls_dir=Path(top.text("tlsDir", contract.TLS_DIR)) if encrypted else None,
        state_dir=Path(top.text("stateDir", contract.STATE_DIR)),
        state=_inline_state(top),
        redis=_redis(top),
        redis_password_file=_redis_password_file(top),
        memory_bytes=read_bytes(top, "memory", 128 << 20),
        max_object_bytes=read_bytes(top, "maxObject", 64 << 20),
        connection_requests=top.number("connectionRequests", 0, most=1 << 31),
        drain_seconds=top.number("drainSeconds", 20, most=3600),
        drain_delay_seconds=top.number("drainDelaySeconds", 3, most=300),
        tunnels=TunnelLimits(
            most=top.number("tunnels", DEFAULT_TUNNELS.most, most=1_000_000),
            idle=top.number("tunnelIdleSeconds", DEFAULT_TUNNELS.idle, most=86_400),
            drain=top.number("tunnelDrainSeconds", DEFAULT_TUNNELS.drain, most=3600),
        ),
        confirm_seconds=top.number("confirmSeconds", CONFIRM_SECONDS, most=3600),
        log_level=read_choice(top, "logLevel", LOG_LEVELS, "info"),
        access_log=top.flag("accessLog", False),
        access_log_format=read_choice(top, "accessLogFormat", tuple(FORMATS), "json"),
        access_log_sample=read_share(top, "accessLogSample", 1.0),
        otlp_endpoint=read_url(top, "otlpEndpoint"),
        otlp_sample=read_share(top, "otlpSample", 0.1),
    )


def read_password(path: Path) -> str | None:
    """The password in a file, without the line end; None of an empty one. OSError, UnicodeDecodeError."""
    return path.read_text("utf-8").rstrip("\r\n") or None


def _inline_state(top: Reader) -> FleetState | None:
    if not top.has("state"):
        return None
    try:
        state = decode_state(top.source["state"])
    except InvalidField as error:
        raise InvalidField(f"state.{error.path}", error.problem) from error
    for field, held in (("namespace", state.namespace), ("fleet", state.fleet)):
        if held != top.text(field):
            raise InvalidField(f"state.{field}", f"{held!r} is not this proxy's {field}, {top.text(field)!r}")
    return state


def _redis_password_file(top: Reader) -> Path | None:
    return Path(top.text("redisPasswordFile", f"{contract.REDIS_DIR}/password")) if top.has("redis") else None


def _redis(top: Reader) -> RedisSettings | None:
    path = _redis_password_file(top)
    if path is None:
        return None
    host, port = parse_address(top.text("redis"), "redis")
    try:
        return RedisSettings(host, port, read_password(path))
    except FileNotFoundError:
        if top.has("redisPasswordFile"):
            raise InvalidField("redisPasswordFile", f"{path} does not exist") from None
        return RedisSettings(host, port)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField("redisPasswordFile", f"{path} can't be read: {error}") from error
