"""What is fetched for a request, and the response that begins to come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.tiers.messages.inbound import Inbound
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot
from shield_proxy.wire.flow.inflow import Inflow
from shield_proxy.wire.flow.tunnel import Leg
from shield_proxy.wire.http.message import Fields, Length, ResponseHead
from shield_proxy.wire.upstream.connection import UpstreamConnection

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))


@dataclass(slots=True)
class Ask:
    """What is to be fetched for a request."""

    inbound: Inbound
    routed: Routed
    snapshot: Snapshot
    key: bytes
    method: bytes
    lines: bytes
    """The client's end-to-end fields as they are sent on."""
    body: Inflow | None = None
    interim: Callable[[ResponseHead], None] | None = None
    upgrade: bytes = b""
    """Protocols it offers to change to; then it gets a connection of its own."""
    lost: bool = False
    """It was sent once and lost with an open connection that turned out to be stale."""
    trailers: bool = False
    """Whether the client takes trailers."""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it (RFC 9110, 9.2.2)."""
        return self.body is None and self.method in IDEMPOTENT


@dataclass(slots=True)
class Reply:
    """A response that has begun. Read its body to the end, then finish(); or give_up()."""

    head: ResponseHead
    body: Inflow
    to: str
    """owner, tier or origin."""
    delay: float
    """Seconds since it was asked for."""
    _connection: UpstreamConnection
    _sending: asyncio.Task[None] | None = None

    @property
    def trusted(self) -> bool:
        """It comes from a pod of this fleet."""
        return self.to != "origin"

    def leave_http(self) -> Leg:
        """After a 101: the connection, for a tunnel. UpstreamFailed when it has ended."""
        return self._connection.leave_http(framed=self.trusted)

    def finish(self) -> None:
        """The response was read; a request body that is still being sent is no use any more."""
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
            self._connection.cut()

    def give_up(self) -> None:
        """The rest is not wanted: ends the connection if anything is left of it."""
        if not self.body.ended:
            self._connection.cut()
        self.finish()


def own_fields(ask: Ask) -> Fields:
    """What the request says of its connection and its framing, anew on each leg."""
    framing = _framing_fields(ask)
    if ask.upgrade:
        return (*framing, (b"Connection", b"Upgrade"), (b"Upgrade", ask.upgrade))
    return (*framing, (b"Connection", b"TE"), (b"TE", b"trailers")) if ask.trailers else framing


def _framing_fields(ask: Ask) -> Fields:
    if ask.body is not None:
        framing = ask.inbound.head.framing
        if isinstance(framing, Length):
            return ((b"Content-Length", b"%d" % framing.size),)
        return ((b"Transfer-Encoding", b"chunked"),)
    if ask.method in (b"POST", b"PUT", b"PATCH"):
        return ((b"Content-Length", b"0"),)
    return ()
