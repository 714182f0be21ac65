"""Whom an upstream connection leads to, and how one is made. Values."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.config.identity import Identity


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """What makes two TLS connections interchangeable: who we expect there, whom we trust and who we are."""

    server_name: str | None
    """SNI and the name to verify; None on hops."""
    verify: bool = True
    ca_bundle: str | None = None
    client_certificate: str | None = None
    """Toward origins: the name of what is shown to them."""
    tier: str | None = None
    """On hops: the tier the peer's certificate must name."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom to connect to. Connections are shared only between equal endpoints: the same scheme (security), address,
    name and trust, and egress."""

    host: str
    port: int
    security: TlsIdentity | None = None
    egress: str | None = None
    """Our own address that connections leave from; None: the system's choice."""

    def __hash__(self) -> int:
        """Quick, as it is asked for with each request: few endpoints differ in nothing but trust."""
        return hash(self.host) ^ self.port

    @property
    def hop(self) -> bool:
        """It is a pod of this fleet."""
        return self.security is not None and self.security.tier is not None

    def shows(self, client_certificate: str) -> bool:
        """Whether it is shown the client certificate of that name."""
        return self.security is not None and self.security.client_certificate == client_certificate


@dataclass(frozen=True, slots=True)
class Connecting:
    """How a connection to an endpoint is made, and what is waited for."""

    seconds: float
    """For name, TCP and TLS together."""
    network: float | None = None
    """For TCP alone, where that is less."""
    context: ssl.SSLContext | None = None
    accepts: Callable[[Identity | None], bool] | None = None
    """Of the peer's identity after the handshake."""
    most: int = 4096
    """Connections to the endpoint at one time; further requests wait for one of them."""
    fresh: bool = False
    """One that has served no request."""
    learned: Callable[[float], None] | None = None
    """Told the seconds that TCP took: a round trip."""
