"""A connection to an origin or to another pod: one request at a time, bodies streaming both ways."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from shield_proxy.wire.body import BodyDecoder, decoder_for
from shield_proxy.wire.exchange import ClientGone, wait_drained
from shield_proxy.wire.inflow import Inflow
from shield_proxy.wire.message import NoBody, Refused, ResponseHead
from shield_proxy.wire.parse import HeadLimits, parse_response
from shield_proxy.wire.serialise import LAST_CHUNK, chunk

NOT_CONNECTED = frozenset(("unresolved", "refused", "unreachable", "connect-timeout", "tls", "identity", "exhausted"))
MOST_INTERIM = 16
"""1xx heads before one response."""


class UpstreamFailed(Exception):
    """No response, or not a whole one.

    `kind`: one of NOT_CONNECTED (nothing was sent), or closed, response-timeout, idle-timeout, malformed, truncated
    (the request may have had effects).
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind

    @property
    def connected(self) -> bool:
        """The peer may have seen the request."""
        return self.kind not in (
            "unresolved",
            "refused",
            "unreachable",
            "connect-timeout",
            "tls",
            "identity",
            "exhausted",
        )


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Seconds and sizes of the upstream side."""

    connect: float = 19
    response: float = 100
    """From the whole request to the response's head."""
    idle: float = 900
    """Unused in the pool, or silent amid a body."""
    send: float = 30
    """The peer takes no byte of the request."""
    per_address: int = 4096
    idle_per_address: int = 256
    head: HeadLimits = field(default_factory=lambda: HeadLimits(head=64 << 10))


class UpstreamConnection(asyncio.Protocol):
    """One keep-alive connection; `on_free` is told when it can take another request, `on_lost` when it ended."""

    __slots__ = (
        "_answer",
        "_body",
        "_buffer",
        "_clock",
        "_decoder",
        "_drain_waiters",
        "_head",
        "_interim",
        "_interims",
        "_limits",
        "_method",
        "_on_free",
        "_on_lost",
        "_sending",
        "_silent_since",
        "_transport",
        "_whole",
        "deadline",
        "served",
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
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._method = b""
        self._whole = True
        self._answer: asyncio.Future[tuple[ResponseHead, Inflow]] | None = None
        self._head: ResponseHead | None = None
        self._decoder: BodyDecoder | None = None
        self._body: Inflow | None = None
        self._interim: Callable[[ResponseHead], None] | None = None
        self._interims = 0
        self._sending = False
        self._drain_waiters: list[asyncio.Future[None]] = []
        self._silent_since = clock()
        self.deadline = 0.0
        """Of the awaited head, on the clock."""
        self.served = 0
        """Requests this connection has been given."""

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a request."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=256 << 10)

    def connection_lost(self, failure: Exception | None) -> None:
        """Ends what is under way: a body that only ends so is complete, everything else is cut short."""
        self._transport = None
        if self._body is not None and self._decoder is not None and self._decoder.by_close and failure is None:
            self._body.end()
        self._fail(UpstreamFailed("closed" if self._head is None else "truncated", str(failure or "")))
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The peer takes the request's body slowly; drain() waits."""
        self._sending = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._sending = False
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_result(None)

    def data_received(self, received: bytes) -> None:
        """Head first, then the body; bytes nobody asked for end the connection."""
        self._silent_since = self._clock()
        if self._decoder is not None:
            self._feed(received)
            return
        if self._answer is None:
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
            if head.status >= 200:
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
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            self.cut()
            return
        self._head = head
        self._body = body = Inflow(self._pause_reading, self._resume_reading)
        self._decoder = decoder_for(head.framing)
        answer.set_result((head, body))
        if isinstance(head.framing, NoBody):
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
        body.end()
        if rest or not head.keep_alive:
            self._close()
        elif self._whole:
            self._free()

    def _free(self) -> None:
        """Both directions are complete: back to the pool."""
        self._decoder = self._body = self._head = None
        self._resume_reading()
        if self._transport is not None and not self._transport.is_closing():
            self._on_free(self)

    # -- the caller's side

    async def ask(
        self,
        request: bytes,
        method: bytes,
        deadline: float,
        interim: Callable[[ResponseHead], None] | None = None,
        *,
        whole: bool = True,
    ) -> tuple[ResponseHead, Inflow]:
        """The response's head and its body to read; UpstreamFailed.

        Without `whole`, send_body() must follow; the deadline counts from its end, at the limit for responses.
        """
        if self._transport is None or self._transport.is_closing():
            raise UpstreamFailed("closed")
        self.served += 1
        self.deadline = deadline if whole else float("inf")
        self._silent_since = self._clock()
        self._method, self._interim, self._interims, self._whole = method, interim, 0, whole
        answer: asyncio.Future[tuple[ResponseHead, Inflow]] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._transport.write(request)
        try:
            return await answer
        finally:
            if self._answer is answer:  # failed or cancelled: what still comes is nobody's
                self._answer = None
                self.cut()

    def sent_whole(self) -> None:
        """The request has been sent to its end; the connection may serve another once the response is read."""
        self._whole = True
        self.deadline = self._clock() + self._limits.response
        if self._decoder is not None and self._decoder.done and self._head is not None and self._head.keep_alive:
            self._free()

    async def send_body(self, body: Inflow, *, chunked: bool) -> None:
        """Sends a request's body as it comes; returns early when the connection ends. Raises what the body raises."""
        try:
            while piece := await body.read():
                if self._transport is None or self._transport.is_closing():
                    return
                self._silent_since = self._clock()
                if chunked:
                    self._transport.writelines(chunk(piece))
                else:
                    self._transport.write(piece)
                if self._sending:
                    await wait_drained(self._drain_waiters)
            if chunked and self._transport is not None:
                self._transport.write(LAST_CHUNK)
        except (ClientGone, Refused):
            self.cut()
            raise
        self.sent_whole()

    def cut(self) -> None:
        """Ends the connection at once: whoever waits for it fails."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        """Open and between two requests."""
        return self._transport is not None and not self._transport.is_closing() and self._answer is None

    @property
    def idle_since(self) -> float:
        """The last time bytes moved."""
        return self._silent_since

    def sweep(self, now: float) -> None:
        """Fails what has waited too long."""
        limits = self._limits
        if self._answer is not None:
            if now > self.deadline:
                self._fail(UpstreamFailed("response-timeout"))
                self.cut()
        elif self._body is not None and not self._body.ended:
            if self._body.wanted and now - self._silent_since > limits.idle:
                self._fail(UpstreamFailed("idle-timeout"))
                self.cut()
        elif self._body is None and now - self._silent_since > limits.idle:
            self._close()
        if self._sending and now - self._silent_since > limits.send:
            self._fail(UpstreamFailed("response-timeout", "the request was not taken"))
            self.cut()

    def _malformed(self, reason: str) -> None:
        self._fail(UpstreamFailed("malformed", reason))
        self.cut()

    def _fail(self, failure: UpstreamFailed) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        if self._body is not None:
            self._body.fail(failure)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
