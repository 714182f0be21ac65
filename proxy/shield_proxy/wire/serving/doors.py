"""How a port lets clients in: how many, what comes before their first request, and whom it believes."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.trusted import NOBODY, TrustedProxies, normal_address
from shield_proxy.wire.serving.turns import Turns
from shield_proxy.wire.tls.certificates import Certificates

RESULTS = (
    "agreed",
    "resumed",
    "unknown-name",
    "no-name",
    "not-tls",
    "plain-http",
    "malformed",
    "failed",
    "timeout",
    "left",
    "crowded",
    "proxy-malformed",
    "proxy-untrusted",
)
"""How the beginning of a connection can end, where there is one."""


class Room:
    """Connections that may be open at a time; ports may share it."""

    __slots__ = ("most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    def enter(self) -> bool:
        """Takes a place, if one is left; leave() gives it back."""
        if self.taken >= self.most:
            return False
        self.taken += 1
        return True

    def leave(self) -> None:
        """A place is free again."""
        self.taken -= 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a port asks of its clients before their first request."""

    proxy_protocol: bool = False
    """A PROXY header; where proxies are trusted, from them alone."""
    trusted: TrustedProxies = NOBODY
    """Whose word on the client counts."""
    certificates: Certificates | None = None
    """TLS, with one of these."""
    seconds: float = 10
    """From accepting the connection to the end of the handshake."""
    openings: int = 2048
    """Connections that have not come so far; for each one more the oldest has to go."""


class Entering(Protocol):
    """A connection that can't carry requests yet."""

    since: float
    """When it came, by the door's clock."""

    def cut(self, result: str) -> None:
        """Ends it at once, for one of RESULTS."""
        ...


class Door:
    """One port's. `connection` makes the protocol that requests are read by."""

    def __init__(
        self,
        entry: Entry,
        room: Room,
        clock: Callable[[], float],
        connection: Callable[[Arrival], asyncio.Protocol],
    ) -> None:
        self.entry, self.room, self.clock, self.connection = entry, room, clock, connection
        self.proxy_protocol, self.trusted = entry.proxy_protocol, entry.trusted
        self.encrypted = entry.certificates is not None
        self.outgoing = ssl.MemoryBIO()
        """Of all connections: see TlsTransport."""
        self.turns = Turns()
        self.refused = 0
        """Connections that found no room."""
        self.results = dict.fromkeys(RESULTS, 0)
        self._openings: dict[Entering, None] = {}

    @property
    def direct(self) -> bool:
        """Requests are the first thing that comes."""
        return not self.proxy_protocol and not self.encrypted

    @property
    def openings(self) -> int:
        """Connections that can't carry requests yet."""
        return len(self._openings)

    def arrival(self, address: Sequence[Any] | None) -> Arrival:
        """Of a connection whose first bytes are a request; `address` as the socket tells it."""
        peer = normal_address(str(address[0])) if address else ""
        return Arrival(peer, self.trusted.covers(peer))

    def context(self, server_name: str) -> ssl.SSLContext | None:
        """What a connection for the name is secured with."""
        return self.entry.certificates.find(server_name) if self.entry.certificates is not None else None

    def admit(self, opening: Entering) -> bool:
        """Keeps it, if there is room; the oldest gives way where too many have not got further."""
        if not self.room.enter():
            self.refused += 1
            return False
        self._openings[opening] = None
        if len(self._openings) > self.entry.openings:
            oldest = next(iter(self._openings))
            self.forget(oldest)
            oldest.cut("crowded")
        return True

    def forget(self, opening: Entering) -> None:
        """It has ended, or carries requests now."""
        if opening in self._openings:
            del self._openings[opening]
            self.room.leave()

    def count(self, result: str) -> None:
        """A connection's beginning ended so."""
        self.results[result] += 1

    def sweep(self, now: float) -> None:
        """Ends what has taken too long."""
        for opening in tuple(self._openings):
            if now - opening.since <= self.entry.seconds:
                break  # the oldest come first
            opening.cut("timeout")

    def cut(self) -> None:
        """Ends all that carry no requests yet."""
        for opening in tuple(self._openings):
            opening.cut("timeout")
