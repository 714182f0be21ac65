"""A connection to Redis: commands leave at once, replies come in order, and nothing is waited for beyond a deadline."""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis


class RedisFailed(Exception):
    """No reply: not connected, closed, too late, or an error of the server."""


def pack(*words: str | bytes | int) -> bytes:
    """A command as bytes."""
    return cast(bytes, hiredis.pack_command(cast(Any, words)))


class _Waiting:
    __slots__ = ("deadline", "future", "missing", "replies")

    def __init__(self, missing: int, deadline: float, future: "asyncio.Future[list[Any]] | None") -> None:
        self.missing = missing
        self.replies: list[Any] = []
        self.deadline = deadline
        self.future = future


class RedisConnection(asyncio.Protocol):
    """One connection. It closes itself when a reply is late: a reply that still came would be taken for another's."""

    __slots__ = ("_loop", "_reader", "_timer", "_transport", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for commands."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _failure: Exception | None) -> None:
        """All who wait fail."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            future = self._waiting.popleft().future
            if future is not None and not future.done():
                future.set_exception(RedisFailed("closed"))

    def data_received(self, received: bytes) -> None:
        """Gives replies to those who wait, in order."""
        self._reader.feed(received)
        try:
            while (reply := self._reader.gets()) is not False:
                if not self._waiting:
                    raise hiredis.ProtocolError("a reply to nothing")
                first = self._waiting[0]
                first.replies.append(reply)
                first.missing -= 1
                if not first.missing:
                    self._waiting.popleft()
                    if first.future is not None and not first.future.done():
                        first.future.set_result(first.replies)
        except hiredis.ProtocolError:
            self.cut()

    @property
    def usable(self) -> bool:
        """Open."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def queued(self) -> int:
        """Bytes not yet taken by the kernel."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def ask(self, commands: bytes, replies: int, seconds: float) -> "asyncio.Future[list[Any]]":
        """Sends packed commands; the future gets all their replies, or RedisFailed."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(RedisFailed("closed"))
            return future
        self._transport.write(commands)
        deadline = self._loop.time() + seconds
        self._waiting.append(_Waiting(replies, deadline, future))
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._look)
        return future

    def cut(self) -> None:
        """Ends the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """The one timer: ends the connection if the oldest reply is late, else comes back when it would be."""
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0].deadline - self._loop.time()
        if left <= 0.0005:
            self.cut()
        else:
            self._timer = self._loop.call_later(left, self._look)
