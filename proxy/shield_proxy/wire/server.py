"""The server's connection: an asyncio.Protocol that answers hits inside data_received, in order and without tasks.

Everything that can't be answered at once becomes one task per connection; what arrives meanwhile is held back, bounded.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Protocol, cast

from shield_proxy.config.identity import Identity
from shield_proxy.wire.body import BodyDecoder, decoder_for
from shield_proxy.wire.exchange import ClientGone, Exchange, wait_drained
from shield_proxy.wire.inflow import Inflow
from shield_proxy.wire.listener import Listener
from shield_proxy.wire.message import NoBody, Refused, RequestHead
from shield_proxy.wire.parse import judge_partial, parse_request
from shield_proxy.wire.plain import Plain
from shield_proxy.wire.tls import peer_identity

log = logging.getLogger(__name__)
HELD = 64 << 10
"""Bytes kept of requests behind one that is being answered, before the client is paused."""


class Service(Protocol):
    """What a server asks. Methods that are not coroutines run inside the read callback and must be short."""

    def hit(self, plain: Plain, target: bytes, now: float, peer: str) -> list[bytes] | None:
        """The parts of a whole response to a plain GET, or None."""
        ...

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        """Replies at once, or gives what will reply (ClientGone may pass)."""
        ...

    def refusal(self, status: int, reason: str, peer: str) -> tuple[bytes, bytes]:
        """Head lines (without framing) and body of an error answer."""
        ...


class ServerConnection(asyncio.Protocol):
    """One client connection."""

    __slots__ = (
        "_active",
        "_decoder",
        "_drain_waiters",
        "_exchange",
        "_held",
        "_held_since",
        "_lingering",
        "_listener",
        "_paused",
        "_service",
        "_stalled",
        "_task",
        "_transport",
        "identity",
        "peer",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._service = listener.service
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._decoder: BodyDecoder | None = None
        self._task: asyncio.Task[None] | None = None
        self._held = b""
        self._held_since = self._active = listener.clock()
        self._stalled: float | None = None
        self._lingering = False
        self._paused = False
        self._drain_waiters: list[asyncio.Future[None]] = []
        self.identity: Identity | None = None
        self.peer = ""

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admits the connection or ends it."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=256 << 10)
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        if self._listener.mutual:
            self.identity = peer_identity(transport.get_extra_info("ssl_object"))
        if not self._listener.admit(self, self.identity):
            self._transport.abort()

    def connection_lost(self, _failure: Exception | None) -> None:
        """Tells whoever reads or writes here; a running exchange notices at its next step."""
        self._transport = None
        self._held = b""
        self._listener.forget(self)
        if self._exchange is not None and self._exchange.body is not None:
            self._exchange.body.fail(ClientGone())
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_exception(ClientGone())

    def eof_received(self) -> bool:
        """A client that has sent all still gets its answer, unless its body was cut short."""
        if self._exchange is not None and self._exchange.body is not None and not self._exchange.body.ended:
            self._exchange.body.fail(ClientGone())
        if self._exchange is None:
            return False
        self._exchange.close_after = True
        return not self._listener.mutual

    def pause_writing(self) -> None:
        """The client reads slowly: nothing more is answered until it catches up."""
        self._stalled = self._listener.clock()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stalled = None
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._exchange is None and self._held:
            held, self._held = self._held, b""
            self._advance(held, self._listener.clock())

    def data_received(self, received: bytes) -> None:
        """Answers, or holds, or feeds the body of the request that is being answered."""
        self._active = now = self._listener.clock()
        if self._exchange is None and not self._held:
            if not self._lingering:
                self._advance(received, now)
        elif self._decoder is not None and not self._decoder.done:
            self._feed(received)
        elif self._exchange is None and not self._lingering and self._stalled is None:
            held, self._held = self._held, b""
            self._advance(held + received, now, len(held))
        else:
            self._hold(received)

    # -- requests

    def _advance(self, buffer: bytes, now: float, known: int = 0) -> None:
        """Answers what it can of the requests in `buffer`, of whose first bytes `known` were looked at before."""
        listener, transport = self._listener, self._transport
        out: list[bytes] = []
        while buffer and transport is not None:
            end = buffer.find(b"\r\n\r\n", max(known - 3, 0)) + 4
            if end == 3 or self._stalled is not None:
                if end == 3 and self._bad_partial(buffer, known, out):
                    return
                self._hold(buffer)
                break
            line = buffer.find(b"\r\n")
            if buffer[:4] == b"GET " and buffer[line - 9 : line] == b" HTTP/1.1":
                block = buffer[line:end]
                plain = listener.blocks.get(block) or (listener.blocks.judge(block) if listener.fast else None)
                if plain is not None:
                    parts = self._service.hit(plain, buffer[4 : line - 9], now, self.peer)
                    if parts is not None:
                        out += parts
                        buffer = buffer[end:]
                        known = 0
                        continue
            if out:
                transport.writelines(out)
                out = []
            if line == 0:
                buffer, known = buffer[2:], 0  # an empty line before a request is tolerated (RFC 9112, 2.2)
                continue
            known = 0
            if not self._start(buffer, end, now):
                return
            buffer, self._held = self._held, b""
        if out and transport is not None:
            transport.writelines(out)

    def _bad_partial(self, buffer: bytes, known: int, out: list[bytes]) -> bool:
        try:
            judge_partial(
                buffer.removeprefix(b"\r\n"), 0 if buffer[:2] == b"\r\n" else known, self._listener.limits.head
            )
        except Refused as refused:
            if out and self._transport is not None:
                self._transport.writelines(out)
            self._refuse(refused.status, refused.reason)
            return True
        if not known:
            self._held_since = self._active
        return False

    def _start(self, buffer: bytes, end: int, now: float) -> bool:
        """Begins the exchange of the request whose head ends at `end`; True if it has ended already."""
        limits = self._listener.limits
        try:
            head = parse_request(buffer[:end], limits.head)
        except Refused as refused:
            self._refuse(refused.status, refused.reason)
            return False
        body = self._open_body(head)
        self._exchange = exchange = Exchange(self, head, body, now)
        rest = buffer[end:]
        if body is None:
            self._held = rest
        elif rest:
            self._feed(rest)
        if self._exchange is not exchange:
            return False  # its body was malformed
        try:
            later = self._service.answer(exchange)
        except ClientGone:
            return self._finish()
        if later is None:
            return self._finish()
        self._listener.running += 1
        self._task = asyncio.get_running_loop().create_task(self._respond(exchange, later))
        return False

    def _open_body(self, head: RequestHead) -> Inflow | None:
        if isinstance(head.framing, NoBody):
            self._decoder = None
            return None
        self._decoder = decoder_for(head.framing)
        return Inflow(self._pause_reading, self._resume_reading)

    def _feed(self, received: bytes) -> None:
        exchange, decoder = self._exchange, self._decoder
        if exchange is None or decoder is None or exchange.body is None:
            return
        try:
            pieces, rest = decoder.feed(received)
        except Refused as refused:
            exchange.body.fail(refused)
            decoder.done = True
            exchange.close_after = True
            return
        for piece in pieces:
            exchange.body.push(piece)
        if decoder.done:
            exchange.body.end()
            if rest:
                self._hold(rest)

    def _hold(self, received: bytes) -> None:
        self._held += received
        if len(self._held) > HELD:
            self._pause_reading()

    async def _respond(self, exchange: Exchange, later: Coroutine[None, None, None]) -> None:
        """The shell of one request: whatever goes wrong ends here, with an answer if none has begun."""
        try:
            await later
        except ClientGone:
            exchange.abort()
        except Refused as refused:
            self._own_error(exchange, refused.status, refused.reason)
        except Exception:
            log.exception("request failed")
            self._own_error(exchange, 500, "internal")
        finally:
            self._listener.running -= 1
            if not exchange.ended:
                exchange.abort()
            self._task = None
            if self._finish() and self._held:
                held, self._held = self._held, b""
                self._advance(held, self._listener.clock())

    def _own_error(self, exchange: Exchange, status: int, reason: str) -> None:
        if exchange.status or self._transport is None:
            exchange.abort()
            return
        exchange.close_after = True
        lines, body = self._service.refusal(status, reason, self.peer)
        exchange.reply(status, lines, body)

    def _finish(self) -> bool:
        """After an exchange: True if the connection goes on with the next request."""
        exchange, self._exchange, self._decoder = self._exchange, None, None
        self._active = self._held_since = self._listener.clock()
        if self._transport is None:
            return False
        if exchange is not None and exchange.close_after:
            self._close(unread=exchange.body is not None and not exchange.body.ended)
            return False
        self._resume_reading()
        return True

    def _refuse(self, status: int, reason: str) -> None:
        """Answers what is not a request, and closes."""
        lines, body = self._service.refusal(status, reason, self.peer)
        if self._transport is not None:
            self._transport.writelines(
                [lines, b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body), body],
            )
            self._close(unread=True)

    def _close(self, unread: bool) -> None:
        """Ends the connection after what is queued; lingers where a reset could destroy the answer (RFC 9112, 9.6)."""
        self._held = b""
        if self._transport is None:
            return
        if not unread or self._listener.mutual:
            self._transport.close()
            return
        self._lingering = True
        self._active = self._listener.clock()
        self._transport.write_eof()
        self._resume_reading()

    # -- the exchange's side

    @property
    def persistent(self) -> bool:
        """See Outlet."""
        return not self._listener.draining

    def send(self, *parts: bytes) -> None:
        """See Outlet."""
        if self._transport is None or self._transport.is_closing():
            raise ClientGone
        self._transport.writelines(parts)

    async def drained(self) -> None:
        """See Outlet."""
        if self._stalled is not None:
            await wait_drained(self._drain_waiters)

    def cut(self) -> None:
        """See Outlet."""
        if self._transport is not None:
            self._transport.abort()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    # -- the listener's side

    @property
    def idle(self) -> bool:
        """No request is being read or answered."""
        return self._exchange is None and not self._held

    def sweep(self, now: float) -> None:
        """Ends the connection if a deadline of its present state has passed."""
        limits = self._listener.limits
        exchange = self._exchange
        if self._lingering:
            if now - self._active > limits.linger or now - self._held_since > 5 * limits.linger:
                self.cut()
        elif self._stalled is not None:
            if now - self._stalled > limits.send:
                self.cut()
        elif exchange is not None:
            if exchange.body is not None and exchange.body.wanted and now - self._active > limits.send:
                exchange.body.fail(Refused(408, "request-body-timeout"))
        elif self._held:
            if now - self._held_since > limits.request_head:
                self._refuse(408, "request-head-timeout")
        elif now - self._active > limits.keep_alive:
            self.close_idle()

    def close_idle(self) -> None:
        """Closes a connection between two requests."""
        if self.idle and self._transport is not None:
            self._transport.close()
