"""A connection to an origin or to another pod: one request at a time, bodies streaming both ways."""

import asyncio
from collections.abc import Callable
from typing import cast

from shield_proxy.wire.flow.channel import Channel
from shield_proxy.wire.flow.inflow import Inflow, arrived
from shield_proxy.wire.flow.tunnel import Leg
from shield_proxy.wire.http.body import BodyDecoder, decoder_for
from shield_proxy.wire.http.message import Length, NoBody, Refused, ResponseHead
from shield_proxy.wire.http.parse import parse_response
from shield_proxy.wire.upstream.asking import Asking
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import MOST_INTERIM, UpstreamLimits, overdue


class UpstreamConnection(asyncio.Protocol):
    """One keep-alive connection; `on_free` is told when it can take another request, `on_lost` when it ended."""

    __slots__ = (
        "_asking",
        "_body",
        "_buffer",
        "_channel",
        "_clock",
        "_decoder",
        "_head",
        "_interim",
        "_interims",
        "_limits",
        "_method",
        "_on_free",
        "_on_lost",
        "_silent_since",
        "_upgrade",
        "_whole",
        "deadline",
        "used",
    )

    def __init__(
        self,
        limits: UpstreamLimits,
        clock: Callable[[], float],
        on_free: Callable[["UpstreamConnection"], None],
        on_lost: Callable[["UpstreamConnection"], None],
    ) -> None:
        self._limits, self._clock = limits, clock
        self._on_free, self._on_lost = on_free, on_lost
        self._channel: Channel | None = None
        self._buffer = b""
        self._method = b""
        self._whole = True
        self._asking: Asking | None = None
        self._head: ResponseHead | None = None
        self._decoder: BodyDecoder | None = None
        self._body: Inflow | None = None
        self._interim: Callable[[ResponseHead], None] | None = None
        self._interims = 0
        self._upgrade = False
        """The request offers to change protocols: the connection serves it alone."""
        self._silent_since = clock()
        self.deadline = 0.0
        """Of the awaited head, on the clock."""
        self.used = False
        """It has served a request: the peer may be closing it by now."""

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a request."""
        self._channel = Channel(cast(asyncio.Transport, transport), self._clock)

    def connection_lost(self, failure: Exception | None) -> None:
        """Ends what is under way: a body that only ends so is complete, everything else is cut short."""
        channel, self._channel = self._channel, None
        by_close = self._decoder is not None and self._decoder.by_close and failure is None
        if by_close and self._body is not None and channel is not None and channel.properly_ended:
            self._body.end()
        self._fail(UpstreamFailed("closed" if self._head is None else "truncated", str(failure or "")))
        if channel is not None:
            channel.lost(UpstreamFailed("closed"))
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The peer takes the request's body slowly: sending waits."""
        if self._channel is not None:
            self._channel.stall()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._channel is not None:
            self._channel.flow()

    def data_received(self, received: bytes) -> None:
        """Head first, then the body; bytes nobody asked for end the connection."""
        self._silent_since = self._clock()
        if self._decoder is not None:
            self._feed(received)
            return
        if self._asking is None:
            if self._upgrade and self._head is not None:
                self._buffer += received  # of the new protocol, until leave_http()
                return
            self.cut()
            return
        buffer = self._buffer + received if self._buffer else received
        while (end := buffer.find(b"\r\n\r\n") + 4) > 3:
            try:
                head = parse_response(buffer[:end], self._method, self._limits.head)
            except Refused as refused:
                self._malformed(refused.reason)
                return
            buffer = buffer[end:]
            if head.status >= 200 or (head.status == 101 and self._upgrade):
                self._buffer = b""
                self._start_body(head, buffer)
                return
            self._interims += 1
            if head.status == 101 or self._interims > MOST_INTERIM:
                self._malformed("interim")
                return
            if self._interim is not None:
                self._interim(head)
        self._buffer = buffer
        if len(buffer) > self._limits.head.head:
            self._malformed("head-too-large")

    def _start_body(self, head: ResponseHead, rest: bytes) -> None:
        asking, self._asking, self._interim = self._asking, None, None
        self.used = True
        channel = self._channel
        if asking is None or channel is None:
            self.cut()
            return
        framing = head.framing
        if self._whole and head.keep_alive and not self._upgrade and channel.usable:
            size = framing.size if isinstance(framing, Length) else 0 if isinstance(framing, NoBody) else -1
            if size == len(rest):  # all is here: others may use the connection at once
                self.used = True
                channel.resume()
                self._on_free(self)
                asking.answered(head, arrived(rest))
                return
        self._head = head
        if head.status == 101:
            self._buffer = rest
            channel.pause()
            body = Inflow(channel.pause, channel.resume)
            body.end()
            asking.answered(head, body)
            return
        self._body = body = Inflow(channel.pause, channel.resume)
        self._decoder = decoder_for(framing)
        asking.answered(head, body)
        if isinstance(framing, NoBody):
            self._complete(rest)
        elif rest:
            self._feed(rest)

    def _feed(self, received: bytes) -> None:
        if self._decoder is None or self._body is None:
            return
        try:
            pieces, rest = self._decoder.feed(received)
        except Refused as refused:
            self._malformed(refused.reason)
            return
        for piece in pieces:
            self._body.push(piece)
        if self._decoder.done:
            self._complete(rest)

    def _complete(self, rest: bytes) -> None:
        head, body = self._head, self._body
        if head is None or body is None:
            return
        body.end(self._decoder.trailers if self._decoder is not None else ())
        if rest or not head.keep_alive or self._upgrade:
            self._close()
        elif self._whole:
            self._free()

    def _free(self) -> None:
        """Both directions are complete: back to the pool."""
        self._decoder = self._body = self._head = None
        if self._channel is not None and self._channel.usable:
            self._channel.resume()
            self._on_free(self)

    # -- the caller's side

    def send(
        self,
        asking: Asking,
        request: bytes,
        method: bytes,
        deadline: float,
        interim: Callable[[ResponseHead], None] | None = None,
        *,
        whole: bool = True,
        upgrade: bool = False,
    ) -> None:
        """Sends a request for `asking`, who may be told of a failure at once.

        With `upgrade` it may be a 101: then leave_http() must follow. Without `whole`, outflow.send_body()
        must follow; the deadline counts from its end.
        """
        channel = self._channel
        if channel is None or not channel.usable:
            asking.failed(UpstreamFailed("closed"))
            return
        self.deadline = deadline if whole else float("inf")
        self._silent_since = self._clock()
        self._method, self._interim, self._interims, self._whole = method, interim, 0, whole
        self._upgrade = upgrade
        self._asking = asking
        channel.transport.write(request)

    def abandon(self, asking: Asking) -> None:
        """Nobody waits for the answer any more: if it has not come, what still comes is nobody's."""
        if self._asking is asking:
            self._asking = None
            self.cut()

    def sent_whole(self, patience: float) -> None:
        """The request has been sent to its end, and `patience` seconds are left for the response's head; the
        connection may serve another request once the response is read."""
        self._whole = True
        self.deadline = self._clock() + patience
        if self._decoder is not None and self._decoder.done and self._head is not None and self._head.keep_alive:
            self._free()

    def leave_http(self, *, framed: bool) -> Leg:
        """After a 101: the connection for a tunnel; UpstreamFailed when it has ended."""
        channel, early = self._channel, self._buffer
        if channel is None or not channel.usable:
            raise UpstreamFailed("closed")
        channel.leave()
        self._buffer = b""
        self._on_lost(self)  # whoever tunnels bounds, watches and closes it from now on
        return Leg(channel.transport, self, early, ended=False, framed=framed)

    def write(self, *parts: bytes) -> bool:
        """Queues bytes of a request's body; False when the connection has ended, which whoever asked is told."""
        if self._channel is None or not self._channel.usable:
            return False
        self._silent_since = self._clock()
        self._channel.transport.writelines(parts)
        return True

    async def drained(self) -> None:
        """Waits until the peer takes bytes; UpstreamFailed when it ends meanwhile."""
        if self._channel is not None:
            await self._channel.drained()

    def cut(self) -> None:
        """Ends the connection at once: whoever waits for it fails."""
        if self._channel is not None:
            self._channel.transport.abort()

    @property
    def usable(self) -> bool:
        """Open and between two requests."""
        return self._channel is not None and self._channel.usable and self._asking is None

    @property
    def idle_since(self) -> float:
        """The last time bytes moved."""
        return self._silent_since

    def sweep(self, now: float) -> None:
        """Fails what has waited too long; closes what nobody has used for long."""
        body, limits = self._body, self._limits
        wanted = body is not None and not body.ended and body.wanted
        deadline = self.deadline if self._asking is not None else None
        stalled = self._channel.stalled_since if self._channel is not None else None
        kind = overdue(limits, now, self._silent_since, deadline=deadline, wanted=wanted, stalled=stalled)
        if kind is not None:
            self._fail(UpstreamFailed(kind))
            self.cut()
        elif self._asking is None and body is None and now - self._silent_since > limits.idle:
            self._close()

    def _malformed(self, reason: str) -> None:
        self._fail(UpstreamFailed("malformed", reason))
        self.cut()

    def _fail(self, failure: UpstreamFailed) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.failed(failure)
        if self._body is not None:
            self._body.fail(failure)

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.transport.close()
