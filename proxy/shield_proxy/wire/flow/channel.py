"""A transport with flow control both ways: what a connection of the server and one to an upstream have in common."""

import asyncio
import ssl
from collections.abc import Callable

WRITE_BUFFER = 256 << 10
"""Bytes queued for a slow peer above which writers wait."""


class Channel:
    """A transport until it is lost. A peer that reads slowly makes drained() wait; pause() makes the peer wait."""

    __slots__ = ("_clock", "_paused", "_waiters", "stalled_since", "transport")

    def __init__(self, transport: asyncio.Transport, clock: Callable[[], float]) -> None:
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.transport = transport
        self._clock = clock
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self.stalled_since: float | None = None
        """When the peer stopped taking bytes."""

    @property
    def usable(self) -> bool:
        """Bytes can be queued."""
        return not self.transport.is_closing()

    def pause(self) -> None:
        """No bytes are read until resume()."""
        if not self._paused:
            self._paused = True
            if not self.transport.is_closing():
                self.transport.pause_reading()

    def resume(self) -> None:
        """Bytes are read again."""
        if self._paused:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    @property
    def properly_ended(self) -> bool:
        """Of a connection that was lost: whether the peer has ended it. Over TLS only its closure alert proves that
        nothing was cut off (RFC 9112, 9.8); the event loops don't tell, so OpenSSL is asked."""
        tls: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return tls.read(1) == b""
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False

    def leave(self) -> None:
        """The connection is somebody else's from now on, who finds it paused; nobody waits here any more."""
        self.pause()
        self.stalled_since = None

    @property
    def paused(self) -> bool:
        """No bytes are read."""
        return self._paused

    def stall(self) -> None:
        """The peer takes no more bytes for now."""
        self.stalled_since = self._clock()

    def flow(self) -> None:
        """The peer takes bytes again."""
        self.stalled_since = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def drained(self) -> None:
        """Waits until the peer takes bytes; raises what lost() was given."""
        if self.stalled_since is None:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            del waiter  # it keeps what it raises, which leads to this frame

    def lost(self, failure: Exception) -> None:
        """The connection has ended: whoever waits to write fails."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(failure)
