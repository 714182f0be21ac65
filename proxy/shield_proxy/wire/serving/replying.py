"""A client's connection as far as it is written to: sent answers and refusals, and closed in good order."""

import asyncio

from shield_proxy.config.identity import Identity
from shield_proxy.wire.fast import Client
from shield_proxy.wire.flow.channel import Channel
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.serving.arrival import NOWHERE, Arrival
from shield_proxy.wire.serving.listener import Listener


class Replying(asyncio.Protocol):
    """What reads it is a ServerConnection. A class beneath it and no object beside it: idle connections are many."""

    __slots__ = (
        "_active",
        "_channel",
        "_client",
        "_ending",
        "_held",
        "_held_since",
        "_listener",
        "arrival",
        "identity",
    )

    def __init__(self, listener: Listener, arrival: Arrival | None = None) -> None:
        """`arrival` where something came before the first request; else it is told by the transport."""
        self._listener = listener
        self._channel: Channel | None = None
        self._held = b""
        """What came and must wait."""
        self._held_since = self._active = listener.clock()
        self._ending = False
        """Nothing more is read, lingering until the client has seen the last answer."""
        self._client: Client | None = None
        self.identity: Identity | None = None
        self.arrival = arrival or NOWHERE

    def pause_writing(self) -> None:
        """The client reads slowly: nothing more is answered until it catches up."""
        if self._channel is not None:
            self._channel.stall()

    @property
    def persistent(self) -> bool:
        """See Outlet."""
        return not self._listener.draining and (self._client is None or self._client.left > 0)

    def send(self, *parts: bytes) -> None:
        """See Outlet."""
        if self._channel is None or not self._channel.usable:
            raise ClientGone
        self._channel.transport.writelines(parts)

    async def drained(self) -> None:
        """See Outlet."""
        if self._channel is not None:
            await self._channel.drained()

    def cut(self) -> None:
        """See Outlet."""
        if self._channel is not None:
            self._channel.transport.abort()

    def _refusal(self, status: int, reason: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return self._listener.service.refusal(status, reason, self.arrival.peer, request_id)

    def _refuse(self, status: int, reason: str) -> None:
        """Answers what is not a request, and closes."""
        lines, body = self._refusal(status, reason)
        if self._channel is not None:
            framing = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            self._channel.transport.writelines([lines, framing, body])
            self._close(unread=True)

    def _close(self, unread: bool) -> None:
        """Ends the connection after what is queued; lingers where a reset could destroy the answer (RFC 9112, 9.6)."""
        self._held, self._ending = b"", True
        self._active = self._held_since = self._listener.clock()
        if self._channel is None:
            return
        if unread and not self._listener.mutual and self._channel.usable:
            self._channel.transport.write_eof()
            self._channel.resume()
        else:
            self._channel.transport.close()
