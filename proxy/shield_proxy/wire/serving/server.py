"""The server's connection: an asyncio.Protocol that answers hits inside data_received, in order and without tasks.

What can't be answered at once becomes the connection's one task; what arrives meanwhile is held back, bounded.
"""

import asyncio
from collections.abc import Coroutine
from typing import cast

from shield_proxy.wire.flow.channel import Channel
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.flow.tunnel import Leg
from shield_proxy.wire.http.message import NoBody, Refused
from shield_proxy.wire.http.parse import judge_partial, parse_request
from shield_proxy.wire.serving.answering import answered
from shield_proxy.wire.serving.arrival import NOWHERE, Arrival
from shield_proxy.wire.serving.deadlines import Due, due
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.intake import Intake
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.replying import Replying
from shield_proxy.wire.tls.hops import peer_identity


class ServerConnection(Replying):
    """One client connection."""

    __slots__ = ("_exchange", "_half", "_intake", "_task")

    def __init__(self, listener: Listener, arrival: Arrival | None = None) -> None:
        """`arrival` where something came before the first request; else it is told by the transport."""
        super().__init__(listener, arrival)
        self._exchange: Exchange | None = None
        self._intake: Intake | None = None
        self._task: asyncio.Task[None] | None = None
        self._half = False
        """The client sends no more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admits the connection or ends it."""
        self._channel = Channel(cast(asyncio.Transport, transport), self._listener.clock)
        if self.arrival is NOWHERE:
            self.arrival = self._listener.door.arrival(transport.get_extra_info("peername"))
        if self._listener.mutual:
            self.identity = peer_identity(transport.get_extra_info("ssl_object"))
        if not self._listener.admit(self, self.identity):
            self._ending = True
            self.cut()

    def connection_lost(self, _failure: Exception | None) -> None:
        """Tells whoever reads or writes here; a running exchange notices at its next step."""
        channel, self._channel = self._channel, None
        self._held = b""
        self._listener.forget(self)
        if self._exchange is not None and self._exchange.body is not None:
            self._exchange.body.fail(ClientGone())
        if channel is not None:
            channel.lost(ClientGone())

    def eof_received(self) -> bool:
        """A client that has sent all still gets its answers, unless its body was cut short."""
        self._half = True
        exchange = self._exchange
        if exchange is None:
            waits = self._channel is not None and self._channel.stalled_since is not None
            return waits and not self._listener.mutual
        if exchange.body is not None and not exchange.body.ended:
            exchange.body.fail(ClientGone())
        if not self._held:
            exchange.close_after = True
        return not self._listener.mutual

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._channel is not None:
            self._channel.flow()
            self._go_on()

    def data_received(self, received: bytes) -> None:
        """Answers, or holds, or feeds the body of the request that is being answered."""
        self._active = now = self._listener.clock()
        if self._exchange is None and not self._ending:
            held, self._held = self._held, b""
            self._advance(held + received if held else received, now, len(held))
        elif self._exchange is not None and self._intake is not None and self._intake.open:
            self._feed(self._exchange, self._intake, received)
        elif self._exchange is not None:
            self._hold(received)

    def _advance(self, buffer: bytes, now: float, known: int = 0) -> None:
        """Answers what it can of the requests in `buffer`, of whose first bytes `known` were looked at before."""
        listener, channel, position = self._listener, self._channel, 0
        client = self._client
        if client is None:
            client = self._client = listener.introduce(self.arrival)
        while position < len(buffer) and channel is not None and not self._ending:
            if channel.stalled_since is not None:
                self._hold(buffer[position:])
                return
            if known and buffer.find(b"\r\n\r\n", max(known - 3, 0)) < 0:
                self._keep_partial(buffer, known)
                return
            known = 0
            if listener.fast is not None:
                out: list[bytes] = []
                position = listener.fast.serve(buffer, position, now, out, client)
                if out:
                    if len(out) == 1:
                        channel.transport.write(out[0])
                    elif listener.pages is None or not listener.pages.write(channel.transport, out, now):
                        channel.transport.writelines(out)
                    continue
            if buffer.startswith(b"\r\n", position):
                position += 2  # an empty line before a request is tolerated (RFC 9112, 2.2)
                continue
            end = buffer.find(b"\r\n\r\n", position) + 4
            if end == 3:
                self._keep_partial(buffer[position:], 0)
                return
            client.left -= 1
            if not self._start(buffer[position:], end - position, now):
                return
            buffer, self._held, position = self._held, b"", 0

    def _go_on(self) -> None:
        """Answers what was held back, if nothing hinders; then reads on, or closes if the client has sent all."""
        if self._exchange is not None or self._ending or self._channel is None:
            return
        if self._held:
            held, self._held = self._held, b""
            self._advance(held, self._listener.clock())
        channel = self._channel
        if self._exchange is None and channel is not None and channel.stalled_since is None and not self._ending:
            if self._half:
                self._close(unread=False)
            else:
                channel.resume()

    def _keep_partial(self, buffer: bytes, known: int) -> None:
        try:
            judge_partial(buffer, known, self._listener.limits.head)
        except Refused as refused:
            self._refuse(refused.status, refused.reason)
            return
        if not known:
            self._held_since = self._active
        self._hold(buffer)

    def _start(self, buffer: bytes, end: int, now: float) -> bool:
        """Begins the exchange of the request whose head ends at `end`; True if it has ended and the next may come."""
        try:
            head = parse_request(buffer[:end], self._listener.limits.head)
        except Refused as refused:
            self._refuse(refused.status, refused.reason)
            return False
        rest = buffer[end:]
        if isinstance(head.framing, NoBody) or self._channel is None:
            self._exchange = exchange = Exchange(self, head, None, now)
            self._held = rest
        else:
            self._intake = intake = Intake(head.framing, self._channel)
            self._exchange = exchange = Exchange(self, head, intake.body, now)
            if rest:
                self._feed(exchange, intake, rest)
        try:
            later = self._listener.service.answer(exchange)
        except ClientGone:
            later = None
        if later is None and not exchange.awaited:
            return self._finish()
        self._listener.running += 1
        if later is not None:
            self._run(exchange, later)
        return False

    def _feed(self, exchange: Exchange, intake: Intake, received: bytes) -> None:
        rest = intake.feed(received)
        if intake.broken:
            exchange.close_after = True
        elif rest:
            self._hold(rest)

    def _hold(self, received: bytes) -> None:
        self._held += received
        if len(self._held) > self._listener.limits.held and self._channel is not None:
            self._channel.pause()

    def _responded(self) -> None:
        self._listener.running -= 1
        self._task = None
        if self._finish():
            self._go_on()

    def _run(self, exchange: Exchange, later: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(answered(exchange, later, self._refusal, self._responded))

    def go_on(self, later: Coroutine[None, None, None] | None) -> None:
        """See Outlet."""
        if later is not None and self._exchange is not None:
            self._run(self._exchange, later)
        else:
            self._responded()

    def _finish(self) -> bool:
        """After an exchange: True if the connection goes on with the next request."""
        exchange, self._exchange, self._intake = self._exchange, None, None
        self._active = self._held_since = self._listener.clock()
        if self._channel is None:
            return False
        if exchange is not None and exchange.close_after:
            self._close(unread=exchange.body is not None and not exchange.body.ended)
            return False
        if not self._half:
            self._channel.resume()
        return True

    def leave_http(self, *, ended: bool) -> Leg:
        """See Outlet."""
        channel = self._channel
        if channel is None or not channel.usable:
            raise ClientGone
        channel.leave()
        held, self._held = self._held, b""
        return Leg(channel.transport, self, held, ended or self._half, framed=self._listener.mutual)

    def sweep(self, now: float) -> None:
        """Ends the connection if a deadline of its present state has passed."""
        exchange, limits = self._exchange, self._listener.limits
        stalled = self._channel.stalled_since if self._channel is not None else None
        overdue = due(limits, now, self._active, self._held_since, stalled, self._ending, exchange, bool(self._held))
        if overdue is Due.NOTHING and self._intake is not None and exchange is not None and not exchange.status:
            overdue = Due.SLOW if self._intake.too_slow(now, limits) else overdue  # answered, it may be a conversation
        if overdue is Due.CUT:
            self.cut()
        elif overdue in (Due.BODY, Due.SLOW) and exchange is not None and exchange.body is not None:
            exchange.body.fail(Refused(408, overdue.value))
        elif overdue is Due.HEAD:
            self._refuse(408, overdue.value)
        elif overdue is Due.REQUEST:
            self.close_idle()

    def close_idle(self) -> None:
        """Closes a connection between two requests."""
        if self._exchange is None and not self._held and self._channel is not None:
            self._channel.transport.close()
