"""A connection to Redis: commands leave at once, replies come in order, and nothing is waited for beyond a deadline."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis


class RedisFailed(Exception):
    """No reply: not connected, closed, too late, or an error of the server."""


def pack(*words: str | bytes | int) -> bytes:
    """A command as bytes."""
    return cast(bytes, hiredis.pack_command(cast(Any, words)))


Told = Callable[[list[Any] | None], None]
"""Is told all replies, or None: there won't be any."""


AGAIN = 0.001
"""Seconds between the two looks for late replies."""
FED = 32 << 10
"""Bytes given to the parser at a time: after each reply it moves what is left of them."""
SILENT = 2.0
"""Seconds after its deadline in which a reply may still come, before the connection is ended."""


class _Waiting:
    __slots__ = ("deadline", "missing", "replies", "told")

    def __init__(self, missing: int, deadline: float, told: Told) -> None:
        self.missing = missing
        self.replies: list[Any] = []
        self.deadline = deadline
        self.told: Told | None = told
        """None once it was told: its replies only have to pass."""


class RedisConnection(asyncio.Protocol):
    """One connection. Replies come in order, so late ones are waited for and left aside."""

    __slots__ = ("_leaving", "_looked", "_loop", "_reader", "_timer", "_transport", "_unsent", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._unsent: list[bytes] = []
        self._leaving = 0
        """Bytes in `_unsent`."""
        self._timer: asyncio.TimerHandle | None = None
        self._looked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for commands."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _failure: Exception | None) -> None:
        """All who wait fail."""
        self._transport = None
        self._unsent, self._leaving = [], 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            told = self._waiting.popleft().told
            if told is not None:
                told(None)

    def data_received(self, received: bytes) -> None:
        """Gives replies to those who wait, in order."""
        reader, size = self._reader, len(received)
        try:
            for start in range(0, size, FED):
                reader.feed(received, start, min(FED, size - start))
                while (reply := reader.gets()) is not False:
                    if not self._waiting:
                        raise hiredis.ProtocolError("a reply to nothing")
                    first = self._waiting[0]
                    first.replies.append(reply)
                    first.missing -= 1
                    if not first.missing:
                        self._waiting.popleft()
                        if first.told is not None:
                            first.told(first.replies)
        except hiredis.ProtocolError:
            self.cut()

    @property
    def usable(self) -> bool:
        """Open."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def queued(self) -> int:
        """Bytes not yet taken by the kernel."""
        return self._leaving + self._transport.get_write_buffer_size() if self._transport is not None else 0

    def ask(self, commands: bytes, replies: int, seconds: float) -> "asyncio.Future[list[Any]]":
        """Sends packed commands; the future gets all their replies, or RedisFailed."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()

        def told(answers: list[Any] | None) -> None:
            if future.done():
                return
            if answers is None:
                future.set_exception(RedisFailed("closed"))
            else:
                future.set_result(answers)

        self.send(commands, replies, seconds, told)
        return future

    def send(self, commands: bytes, replies: int, seconds: float, told: Told) -> None:
        """Sends packed commands; what is sent in one step of the loop leaves in one write."""
        if self._transport is None or self._transport.is_closing():
            told(None)
            return
        if not self._unsent:
            self._loop.call_soon(self._leave)
        self._unsent.append(commands)
        self._leaving += len(commands)
        deadline = self._loop.time() + seconds
        self._waiting.append(_Waiting(replies, deadline, told))
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer, self._looked = None, False
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._look)

    def _leave(self) -> None:
        """Writes what was sent since the loop's last step."""
        unsent, self._unsent, self._leaving = self._unsent, [], 0
        if self.usable and self._transport is not None:
            self._transport.writelines(unsent)

    def cut(self) -> None:
        """Ends the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """The one timer. It looks twice: where this process was busy a reply may be here and not yet read, and only the
        second look comes after all that is here was read. Who has waited too long is told; a connection whose oldest
        reply does not come at all is ended."""
        self._timer = None
        now = self._loop.time()
        late = [waiting for waiting in self._waiting if waiting.told is not None and waiting.deadline <= now + 0.0005]
        if late and not self._looked:
            self._looked = True
            self._timer = self._loop.call_later(AGAIN, self._look)
            return
        self._looked = False
        for waiting in late:
            told, waiting.told = waiting.told, None
            if told is not None:
                told(None)
        if self._waiting and now - self._waiting[0].deadline > SILENT:
            self.cut()
            return
        deadlines = [waiting.deadline + (0 if waiting.told is not None else SILENT) for waiting in self._waiting]
        if deadlines and self._timer is None:
            self._timer = self._loop.call_later(max(AGAIN, min(deadlines) - now), self._look)
