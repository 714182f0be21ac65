"""Bytes both ways between two connections that have left HTTP: a tunnel.

Each side's bytes are written to the other as they come, without tasks. A side that takes them slowly pauses the other,
so that a direction holds WRITE_BUFFER and one read of the event loop at most.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.wire.http.body import ChunkedDecoder
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.serialise import LAST_CHUNK, chunk

WRITE_BUFFER = 64 << 10
"""Bytes queued for one side above which the other is not read."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A connection that leaves HTTP."""

    transport: asyncio.Transport
    former: asyncio.Protocol
    """Is still told when the connection is lost."""
    early: bytes
    """What came before the change of protocols was done."""
    ended: bool
    """The other end sends no more."""
    framed: bool
    """Between pods: both directions are chunked, because TLS here can't be ended one way only."""


class Tunnel:
    """Two legs until both are closed. Whoever makes it calls begin(), waits for `over`, and looks at sweep()."""

    __slots__ = ("_clock", "_closing_since", "_far", "_near", "active", "how", "over")

    def __init__(self, near: Leg, far: Leg, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._near, self._far = _Side(self, near), _Side(self, far)
        self._near.other, self._far.other = self._far, self._near
        self._closing_since: float | None = None
        self.active = clock()
        """When bytes moved last."""
        self.how = ""
        """Why it ended: closed, broken, or what end() was told."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Both connections are gone."""

    @property
    def to_near(self) -> int:
        """Bytes that came from the far side."""
        return self._far.came

    @property
    def half(self) -> bool:
        """One side sends no more."""
        return self._near.ended or self._far.ended

    def begin(self) -> None:
        """Bytes move from now on."""
        for side in (self._near, self._far):
            side.take_over()
        for side in (self._near, self._far):
            side.begin()

    def end(self, how: str) -> None:
        """Closes both sides after what is queued for them."""
        if not self.how:
            self.how = how
            self._closing_since = self._clock()
        self._near.close()
        self._far.close()

    def cut(self) -> None:
        """Ends both connections at once."""
        self.how = self.how or "broken"
        self._near.leg.transport.abort()
        self._far.leg.transport.abort()

    def sweep(self, now: float, idle: float, linger: float) -> None:
        """Ends the tunnel after `idle` seconds of silence; what `linger` seconds did not deliver is given up."""
        if self._closing_since is not None:
            if now - self._closing_since > linger:
                self.cut()
        elif now - self.active > idle:
            self.end("idle")

    # -- the sides' side

    def moved(self) -> None:
        """Bytes came."""
        self.active = self._clock()

    def half_ended(self) -> None:
        """A side sends no more."""
        if self._near.ended and self._far.ended:
            self.end("closed")

    def lost(self, side: "_Side", failure: Exception | None) -> None:
        """A connection is gone; what it sent last is still delivered, unless it broke."""
        if failure is None and side.ended:
            self.end("closed")
        elif not self.how:
            self.how = "broken"
            self._closing_since = self._clock()
            side.other.leg.transport.abort()
        if self._near.gone and self._far.gone and not self.over.done():
            self.over.set_result(None)
            for gone in (self._near, self._far):
                gone.let_go()


class _Side(asyncio.Protocol):
    """The protocol of one leg."""

    __slots__ = ("_decoder", "_finished", "_one_way", "_tunnel", "came", "ended", "gone", "leg", "other")

    other: "_Side"

    def __init__(self, tunnel: Tunnel, leg: Leg) -> None:
        self._tunnel = tunnel
        self._decoder = ChunkedDecoder() if leg.framed else None
        self._one_way = leg.transport.get_extra_info("ssl_object") is None
        """One direction can be ended while the other goes on."""
        self._finished = False
        """Nothing more is sent to it."""
        self.leg = leg
        self.came = 0
        self.ended = False
        """Nothing more comes from it."""
        self.gone = False

    def let_go(self) -> None:
        """Both connections are gone: what is left of them is freed at once, not when the collector comes by."""
        del self._tunnel, self.other

    def take_over(self) -> None:
        """The transport talks to this side; nothing is read yet."""
        transport = self.leg.transport
        transport.set_protocol(self)
        if not transport.is_closing():
            transport.set_write_buffer_limits(high=WRITE_BUFFER)

    def begin(self) -> None:
        """What came early goes first."""
        if self.leg.early:
            self.data_received(self.leg.early)
        if self.leg.ended:
            self._end()
        if not self.leg.transport.is_closing() and not self.other.full:
            self.leg.transport.resume_reading()

    @property
    def full(self) -> bool:
        """More is queued for it than it took."""
        return self.leg.transport.get_write_buffer_size() > WRITE_BUFFER

    def data_received(self, received: bytes) -> None:
        """Writes it to the other side."""
        self._tunnel.moved()
        if self._decoder is None:
            self.came += len(received)
            self.other.send(received)
            return
        try:
            pieces, rest = self._decoder.feed(received)
        except Refused:
            self._tunnel.cut()
            return
        for piece in pieces:
            self.came += len(piece)
            self.other.send(piece)
        if rest:
            self._tunnel.cut()
        elif self._decoder.done:
            self._end()

    def send(self, piece: bytes) -> None:
        """Queues bytes."""
        transport = self.leg.transport
        if not self._finished and not transport.is_closing():
            transport.writelines(chunk(piece) if self.leg.framed else (piece,))

    def _end(self) -> None:
        """The peer sends no more: neither does the other side, and the tunnel goes on the other way."""
        if not self.ended:
            self.ended = True
            self.other.finish()
            self._tunnel.half_ended()

    def finish(self) -> None:
        """Nothing more will be sent: tells the peer so. Where that can't be said one way, the connection closes."""
        transport = self.leg.transport
        if self._finished or transport.is_closing():
            return
        self._finished = True
        if self.leg.framed:
            transport.write(LAST_CHUNK)
        elif self._one_way:
            transport.write_eof()
        else:
            self._tunnel.end("closed")

    def close(self) -> None:
        """Closes after what is queued."""
        if not self.leg.transport.is_closing():
            if self.leg.framed and not self._finished:
                self._finished = True
                self.leg.transport.write(LAST_CHUNK)
            self.leg.transport.close()

    def eof_received(self) -> bool:
        """The peer sends no more, or without the last chunk that says so is gone."""
        if self.leg.framed and not self.ended:
            self._tunnel.cut()
            return False
        self._end()
        return self._one_way

    def pause_writing(self) -> None:
        """The peer takes bytes slowly: the other is not read meanwhile."""
        if not self.other.leg.transport.is_closing():
            self.other.leg.transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if not self.other.leg.transport.is_closing():
            self.other.leg.transport.resume_reading()

    def connection_lost(self, failure: Exception | None) -> None:
        """The connection is gone."""
        self.gone = True
        self.leg.former.connection_lost(failure)
        self._tunnel.lost(self, failure)
