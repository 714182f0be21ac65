"""A body on its way from a socket to whoever reads it: bounded, so that a slow reader slows the sender down."""

import asyncio
from collections import deque
from collections.abc import Callable

from shield_proxy.wire.http.message import Fields, Refused

HIGH_WATER = 256 << 10


class ClientGone(Exception):
    """The client's connection ended before its response did."""


class Inflow:
    """Pieces of one body. The connection pushes, one reader reads; past HIGH_WATER the connection is paused."""

    __slots__ = (
        "_failure",
        "_most",
        "_pause",
        "_paused",
        "_pieces",
        "_resume",
        "_size",
        "_waiter",
        "ended",
        "total",
        "trailers",
    )

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._pause, self._resume = pause, resume
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._most: int | None = None
        self.total = 0
        """Bytes pushed so far."""
        self.ended = False
        """The last piece has been pushed."""
        self.trailers: Fields = ()
        """What followed the body, once it has ended."""

    @property
    def wanted(self) -> bool:
        """A reader waits for bytes, so silence of the sender is its fault."""
        return self._waiter is not None

    @property
    def waiting(self) -> int:
        """Bytes pushed and not yet read."""
        return self._size

    def push(self, piece: bytes) -> None:
        """Adds a piece, which must not be empty."""
        if self._failure is not None:
            return  # nobody reads on: what still comes is not kept
        self._pieces.append(piece)
        self._size += len(piece)
        self.total += len(piece)
        if self._most is not None and self.total > self._most:
            self._exceed()
            return
        if self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def limit(self, most: int) -> None:
        """A body of more bytes fails with Refused(413), and nothing of it is read any more."""
        self._most = most
        if self.total > most:
            self._exceed()

    def _exceed(self) -> None:
        self._pieces.clear()
        self._size = 0
        self.ended = False
        self.fail(Refused(413, "request-too-large"))

    def end(self, trailers: Fields = ()) -> None:
        """The body is complete: the connection goes on with its next message, whenever this one is read."""
        if self._failure is not None:
            return
        self.ended, self.trailers = True, trailers
        if self._paused:
            self._paused = False
            self._resume()
        self._wake()

    def fail(self, failure: Exception) -> None:
        """The body was cut short: reading raises `failure` once the pieces that came are read."""
        if not self.ended and self._failure is None:
            self._failure = failure
            self._wake()

    async def read(self) -> bytes:
        """The next bytes; b"" at the end. Raises what fail() was given."""
        while not self._pieces:
            if self.ended:
                return b""
            await self._more()
        return self._take()

    async def gathered(self, size: int) -> None:
        """Waits until so many bytes (at most HIGH_WATER) are here, or the whole body. Raises what fail() was given."""
        while self._size < size and not self.ended:
            await self._more()

    async def _more(self) -> None:
        if self._failure is not None:
            raise _another(self._failure)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def read_now(self) -> bytes:
        """All bytes that are here; b"" when there are none."""
        return self._take() if self._pieces else b""

    def _take(self) -> bytes:
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._resume()
        return taken

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _another(failure: Exception) -> Exception:
    """The same once more. What is raised leads to all who read here: if that were what is kept here, it would be a
    cycle that holds a connection until the collector comes by."""
    other = type(failure).__new__(type(failure), *failure.args)
    other.__dict__.update(failure.__dict__)
    return other


def arrived(body: bytes) -> Inflow:
    """A body that came as a whole."""
    whole = Inflow(_nothing, _nothing)
    if body:
        whole.push(body)
    whole.ended = True
    return whole


def _nothing() -> None:
    """There is nobody to pause."""
