"""A health check as a value: what is probed, how, and what is expected."""

from dataclasses import dataclass
from enum import StrEnum

USER_AGENT = "Mozilla/5.0 (compatible;SmartShield-Healthchecks/1.0;+https://smartshield.io/; healthcheck-id: {})"


class CheckType(StrEnum):
    """How far a probe goes."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"


DEFAULT_CODES = ("200",)
DEFAULT_PORT = {CheckType.HTTP: 80, CheckType.HTTPS: 443, CheckType.TCP: 80}


class Method(StrEnum):
    """Of an HTTP probe's request."""

    GET = "GET"
    HEAD = "HEAD"


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The request of HTTP and HTTPS, and the response that is healthy."""

    method: Method = Method.GET
    path: str = "/"
    """With its query, as it is sent."""
    port: int | None = None
    """None: the type's own."""
    expected_codes: tuple[str, ...] = DEFAULT_CODES
    """`200` is this code, `2xx` its class."""
    expected_body: str | None = None
    """That the beginning of the body holds, in letters of any case."""
    follow_redirects: bool = False
    allow_insecure: bool = False
    """Certificates are not verified."""
    header: tuple[tuple[str, str], ...] = ()
    """Further fields; a name may be repeated. At most one Host, no User-Agent, none of the connection's own."""

    @property
    def host(self) -> str | None:
        """What Host is set to."""
        return next((value for name, value in self.header if name.lower() == "host"), None)


@dataclass(frozen=True, slots=True)
class TcpConfig:
    """A connection that is established is healthy."""

    port: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One health check."""

    id: str
    """32 hexadecimal digits."""
    name: str
    address: str
    """A host name, or an IP address without brackets."""
    type: CheckType = CheckType.HTTP
    regions: tuple[str, ...] = ()
    """Where from; empty: chosen for it."""
    interval: float = 60
    timeout: float = 5
    """Seconds that one attempt has in all, redirects included."""
    retries: int = 2
    """Further attempts, at once, when one timed out."""
    consecutive_fails: int = 1
    consecutive_successes: int = 1
    suspended: bool = False
    http: HttpConfig = HttpConfig()
    tcp: TcpConfig = TcpConfig()

    @property
    def port(self) -> int:
        """That is connected to."""
        chosen = self.tcp.port if self.type is CheckType.TCP else self.http.port
        return DEFAULT_PORT[self.type] if chosen is None else chosen

    @property
    def user_agent(self) -> str:
        """Rules of firewalls match the first 16 digits of the id in it."""
        return USER_AGENT.format(self.id[:16])
