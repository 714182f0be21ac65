"""One request and its response on a connection: what a service sees of the server."""

from collections.abc import Coroutine
from typing import Protocol

from shield_proxy.config.identity import Identity
from shield_proxy.wire.flow.inflow import Inflow
from shield_proxy.wire.flow.tunnel import Leg
from shield_proxy.wire.http.message import Fields, Length, RequestHead
from shield_proxy.wire.http.serialise import CONTINUE, chunk
from shield_proxy.wire.http.tracecontext import Trace
from shield_proxy.wire.http.trailers import last_chunk
from shield_proxy.wire.serving.arrival import Arrival

SLICE = 256 << 10
"""Bytes of a large body given to the transport at a time."""


class Outlet(Protocol):
    """The connection an exchange writes to."""

    arrival: Arrival
    identity: Identity | None

    @property
    def persistent(self) -> bool:
        """Whether the connection may stay open after this exchange."""
        ...

    def send(self, *parts: bytes) -> None:
        """Queues bytes; ClientGone when the connection ended."""
        ...

    async def drained(self) -> None:
        """Waits until few bytes are queued; ClientGone when the connection ends meanwhile."""
        ...

    def cut(self) -> None:
        """Ends the connection at once, so that the client sees that the response is not complete."""
        ...

    def go_on(self, later: Coroutine[None, None, None] | None) -> None:
        """The awaited exchange has ended, or `later` ends it."""
        ...

    def leave_http(self, *, ended: bool) -> Leg:
        """The connection for a tunnel, `ended` where the client sends no more; ClientGone when it has ended."""
        ...


class Exchange:
    """A request, and the means to answer it once: reply(), or begin(), write() and end(), or abort()."""

    __slots__ = (
        "_chunked",
        "_consented",
        "_mute",
        "_outlet",
        "awaited",
        "body",
        "close_after",
        "ended",
        "head",
        "request_id",
        "sent",
        "started",
        "status",
        "trace",
    )

    def __init__(self, outlet: Outlet, head: RequestHead, body: Inflow | None, started: float) -> None:
        self._outlet = outlet
        self._chunked = False
        self._consented = False
        self._mute = False
        self.head = head
        self.body = body
        """None where the request has no body."""
        self.started = started
        self.status = 0
        """Of the response once its head was sent."""
        self.sent = 0
        """Bytes of the response's body so far."""
        self.ended = False
        self.awaited = False
        """Who was asked to answer does so later without a coroutine, and ends that with go_on()."""
        self.close_after = False
        self.request_id = b""
        """By which errors and the log name it: hex digits; set by the service."""
        self.trace: Trace | None = None
        """Set by the service where requests are traced."""

    @property
    def arrival(self) -> Arrival:
        """Who is at the other end of the connection, and how it came."""
        return self._outlet.arrival

    @property
    def peer(self) -> str:
        """The other end's IP address."""
        return self._outlet.arrival.peer

    @property
    def trusted(self) -> bool:
        """The other end is a proxy whose word on the client counts."""
        return self._outlet.arrival.trusted

    @property
    def identity(self) -> Identity | None:
        """The other end's identity where the connection is mutual TLS."""
        return self._outlet.identity

    @property
    def wants_body(self) -> bool:
        """False for HEAD."""
        return self.head.method != b"HEAD"

    @property
    def awaits_consent(self) -> bool:
        """The client may wait for 100 before it sends the body (RFC 9110, 10.1.1)."""
        return b"expect" in self.head.index and self.head.minor == 1 and self.body is not None

    def body_within(self, most: int) -> bool:
        """False where the request's body is larger than so many bytes; a body of unknown size fails there."""
        if self.body is None:
            return True
        if isinstance(self.head.framing, Length):
            return self.head.framing.size <= most
        self.body.limit(most)
        return self.body.total <= most

    def interim(self, lines: bytes) -> None:
        """Passes on a 1xx head (without its final empty line); HTTP/1.0 clients get none (RFC 9110, 15.2)."""
        if self.head.minor == 1 and not self.status:
            self._outlet.send(lines, b"\r\n")

    def consent(self) -> None:
        """Tells a client that waits for it to send the body; once, and only while that can matter."""
        if self.awaits_consent and not self._consented and self.body is not None and not self.body.total:
            self._consented = True
            self.interim(CONTINUE[:-2])

    def reply(self, status: int, lines: bytes, body: bytes, length: int | None = None) -> None:
        """The whole response. `lines` are status line and fields without framing; HEAD, 204 and 304 send no body."""
        self._start(status)
        self._mute = self.head.method == b"HEAD" or status in (204, 304)
        if status not in (204, 304):
            lines += b"Content-Length: %d\r\n" % (len(body) if length is None else length)
        if self._mute or not body:
            self._outlet.send(lines + self._connection_line())
        else:
            self._outlet.send(lines + self._connection_line(), body)
            self.sent = len(body)
        self.ended = True

    def reply_ready(self, status: int, head: bytes, body: bytes) -> None:
        """The whole response with a head that is finished but for Connection and the empty line."""
        self._start(status)
        if self.head.method == b"HEAD" or not body:
            self._outlet.send(head + self._connection_line())
        else:
            self._outlet.send(head + self._connection_line(), body)
            self.sent = len(body)
        self.ended = True

    def begin(self, status: int, lines: bytes, length: int | None) -> None:
        """The head of a response whose body follows; without a length it is chunked, or ends with the connection."""
        self._start(status)
        self._mute = self.head.method == b"HEAD" or status in (204, 304)
        if length is not None:
            if status not in (204, 304):
                lines += b"Content-Length: %d\r\n" % length
        elif not self._mute:
            if self.head.minor == 1:
                self._chunked = True
                lines += b"Transfer-Encoding: chunked\r\n"
            else:
                self.close_after = True
        self._outlet.send(lines + self._connection_line())

    async def write(self, piece: bytes) -> None:
        """Sends a piece of the body and waits while the client is slow. ClientGone when it left."""
        if not piece or self._mute:
            return
        self.sent += len(piece)
        for start in range(0, len(piece), SLICE) if len(piece) > 2 * SLICE else (0,):
            part = piece[start : start + SLICE] if len(piece) > 2 * SLICE else piece
            if self._chunked:
                self._outlet.send(*chunk(part))
            else:
                self._outlet.send(part)
            await self._outlet.drained()

    def switch(self, lines: bytes) -> Leg:
        """Sends a 101 head (without its final empty line) and gives the connection away. ClientGone."""
        self._start(101)
        self._outlet.send(lines, b"\r\n")
        leg = self._outlet.leave_http(ended=self.close_after)  # before an answer only a client's end sets it
        self.close_after = True
        return leg

    def end(self, trailers: Fields = ()) -> None:
        """The response is complete; trailers are left out where it is not chunked."""
        if self._chunked:
            self._outlet.send(last_chunk(trailers))
        self.ended = True

    def go_on(self, later: Coroutine[None, None, None] | None) -> None:
        """Ends the waiting for an awaited exchange: it has ended, or `later` ends it."""
        self.awaited = False
        self._outlet.go_on(later)

    def abort(self) -> None:
        """The response can't be completed: the connection is cut, so that no client takes it for a whole one."""
        self.ended = True
        self.close_after = True
        self._outlet.cut()

    def _start(self, status: int) -> None:
        if self.status:
            raise RuntimeError(f"answered {self.status} already")
        self.status = status

    def _connection_line(self) -> bytes:
        unread = self.body is not None and not self.body.ended
        if self.close_after or unread or not self.head.keep_alive or not self._outlet.persistent:
            self.close_after = True
            return b"Connection: close\r\n\r\n"
        return b"\r\n" if self.head.minor == 1 else b"Connection: keep-alive\r\n\r\n"
