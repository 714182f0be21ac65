"""One tier without Kubernetes, Redis or peers: what `shield-proxy run` starts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import DataCenter, FleetState, Origin, OriginTls, Zone
from shield_proxy.process.settings import ProxySettings
from shield_proxy.process.values import parse_bytes
from shield_proxy.tiers.settings import Addresses
from shield_proxy.wire.tls.certificates import server_context
from shield_proxy.wire.tls.hops import CHAIN, KEY

CACHE_FIELDS = {"memory": 128 << 20, "maxObject": 64 << 20}
"""What --cache may set, and the defaults in bytes."""
PLACE = "local"
DEFAULT_PORTS = {"http": 80, "https": 443}


def single_tier(
    listen: Addresses,
    origin: str,
    cache: Iterable[str],
    keep_host: bool = False,
    health: Addresses = (),
    access_log: bool = False,
    tls_listen: Addresses = (),
    certificate: Sequence[Path] = (),
) -> ProxySettings:
    """The settings of one proxy in front of one origin, for every host; InvalidField names the option."""
    limits = dict(CACHE_FIELDS)
    for text in cache:
        field, _, value = text.partition("=")
        if field not in limits:
            raise InvalidField("--cache", f"{field!r} is not one of {', '.join(CACHE_FIELDS)}")
        limits[field] = parse_bytes(value, f"--cache {field}")
    if bool(tls_listen) != bool(certificate):
        raise InvalidField("--tls-listen", "and --tls-certificate need each other")
    zone = Zone(
        uid=PLACE,
        namespace=PLACE,
        name=PLACE,
        generation=1,
        hosts=("*",),
        origins=(read_origin(origin, keep_host),),
        certificate=PLACE if certificate else None,
    )
    return ProxySettings(
        tier=Tier.LOWER,
        namespace=PLACE,
        fleet=PLACE,
        region=PLACE,
        zone=PLACE,
        pod="shield-proxy",
        address="127.0.0.1",
        client=listen,
        client_tls=tls_listen,
        certificate_files={PLACE: read_certificate(certificate)} if certificate else {},
        hop=(),
        internal=(),
        health=health,
        tls_dir=None,
        state_dir=None,
        state=FleetState(PLACE, PLACE, 1, 1, (DataCenter(PLACE, PLACE),), (zone,)),
        memory_bytes=limits["memory"],
        max_object_bytes=limits["maxObject"],
        drain_delay_seconds=0,
        log_level="info",
        access_log=access_log,
    )


def read_certificate(paths: Sequence[Path]) -> tuple[Path, Path]:
    """The files of a chain and its key: two paths, or a directory with tls.crt and tls.key."""
    option = "--tls-certificate"
    match paths:
        case (chain, key):
            files = chain, key
        case (directory,):
            files = directory / CHAIN, directory / KEY
        case _:
            raise InvalidField(option, "must be a directory, or a file with the chain and one with the key")
    try:
        server_context(*files)
    except (OSError, ValueError) as error:
        raise InvalidField(option, f"{files[0]}, {files[1]}: {error}") from error
    return files


def read_origin(url: str, keep_host: bool) -> Origin:
    """The origin an URL names: http or https, a host, perhaps a port, no path. It is sent its own host's name, or with
    `keep_host` the client's."""
    option = "--origin"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidField(option, f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise InvalidField(option, f"must be http://HOST[:PORT] or https://HOST[:PORT], not {url!r}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise InvalidField(option, f"must have no path, query or user: {url!r}")
    return Origin(
        name="origin",
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        tls=OriginTls(parts.hostname) if parts.scheme == "https" else None,
        host_header=None if keep_host else parts.netloc,
    )
