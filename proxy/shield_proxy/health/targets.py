"""Where a probe's request goes, and where a redirect sends it: hosts, ports, names for TLS, bytes. Pure."""

from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from shield_proxy.config.checks.check import DEFAULT_PORT, Check, CheckType
from shield_proxy.config.checks.hostnames import is_host, join_authority, read_address, split_authority
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.reasons import ProbeFailed
from shield_proxy.wire.http.message import Index
from shield_proxy.wire.http.serialise import field_lines, request_bytes

REDIRECTS = frozenset((301, 302, 303, 307, 308))
MOST_REDIRECTS = 10
MOST_TARGET = 8 << 10
_SAFE = "!$&'()*+,;=:@/?%~[]|"
"""What a Location may hold as it is; the rest is encoded."""


@dataclass(frozen=True, slots=True)
class Target:
    """One request of a probe."""

    secure: bool
    host: str
    """Name or address that is connected to."""
    port: int
    authority: str
    """The Host field."""
    path: str
    server_name: str | None
    """What TLS is asked for by SNI."""
    fields: tuple[tuple[str, str], ...]
    """The check's own, without Host."""

    @property
    def expected_name(self) -> str:
        """Name or address that the certificate must be of: the Host field's where one was set, else the host's."""
        named = split_authority(self.authority)
        return named[0] if named is not None else self.host


def first_target(check: Check) -> Target:
    """The request of a check that is no TCP check. SNI is the Host field's name; without one none is sent."""
    secure, host = check.type is CheckType.HTTPS, check.http.host
    return Target(
        secure=secure,
        host=check.address,
        port=check.port,
        authority=host or join_authority(check.address, check.port, DEFAULT_PORT[check.type]),
        path=check.http.path,
        server_name=_server_name(split_authority(host)) if host is not None else None,
        fields=tuple(field for field in check.http.header if field[0].lower() != "host"),
    )


def redirected(target: Target, location: bytes) -> Target:
    """Where a Location sends the request. ProbeFailed: it is no http or https URL.

    What is under the name that was asked for is asked of the same machine: with a Host field of a name that leads to
    a shield, a redirect to that name must not turn the check of an origin into one of the shield. The check's own
    fields, which may be secrets, leave neither for another host nor for a connection without TLS after one with.
    """
    here = f"{'https' if target.secure else 'http'}://{target.authority}{target.path}"
    try:
        there = urlsplit(urljoin(here, location.decode("utf-8", "surrogateescape").strip()))
        named, port = there.hostname, there.port
    except ValueError:
        raise _no_url("malformed") from None
    if there.scheme not in ("http", "https") or named is None:
        raise _no_url(f"of scheme {there.scheme[:20]!r}")
    path = quote(there.path or "/", _SAFE, errors="surrogateescape")
    path += "?" + quote(there.query, _SAFE, errors="surrogateescape") if there.query else ""
    if not is_host(named) or len(path) > MOST_TARGET or not path.startswith("/") or port == 0:
        raise _no_url("malformed")
    secure = there.scheme == "https"
    default = DEFAULT_PORT[CheckType.HTTPS if secure else CheckType.HTTP]
    authority = join_authority(named, port or default, default)
    before, before_port = split_authority(target.authority) or (target.host, None)
    same_host = before.lower() == named
    if secure == target.secure and same_host and (before_port or default) == (port or default):
        port, authority = target.port, target.authority  # the port may be another than the name's own
    kept = same_host and (secure or not target.secure)
    server_name = target.server_name if same_host else _server_name((named, port))
    return Target(
        secure, target.host if same_host else named, port or default, authority, path, server_name,
        target.fields if kept else (),
    )  # fmt: skip


def redirect_of(status: int, index: Index) -> bytes | None:
    """The Location of a redirect; None where the response is the last one."""
    return index.get(b"location") if status in REDIRECTS else None


def request_of(check: Check, target: Target) -> bytes:
    """The request as it is sent: one on its connection."""
    fields = [("Host", target.authority), ("User-Agent", check.user_agent)]
    names = {name.lower() for name, _ in target.fields}
    fields += [(name, value) for name, value in (("Accept", "*/*"),) if name.lower() not in names]
    if "accept-encoding" not in names:  # the body is looked into as it comes
        fields.append(("Accept-Encoding", "identity"))
    fields += [*target.fields, ("Connection", "close")]
    lines = field_lines((name.encode("ascii"), value.encode()) for name, value in fields)
    return request_bytes(check.http.method.encode(), target.path.encode("ascii"), lines)


def _server_name(authority: tuple[str, int | None] | None) -> str | None:
    """Addresses are no server names (RFC 6066, 3)."""
    host = authority[0].rstrip(".") if authority is not None else None
    return host if host is not None and read_address(host) is None else None


def _no_url(what: str) -> ProbeFailed:
    return ProbeFailed(Reason.HTTP_INVALID, f"a redirect's Location is {what}")
