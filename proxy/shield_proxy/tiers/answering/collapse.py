"""Request collapsing: one fetch per key, and everybody who waits gets the bytes as they arrive."""

import asyncio
from dataclasses import dataclass

from shield_proxy.cache.storable import Storable
from shield_proxy.store.memory import Entry
from shield_proxy.wire.http.message import Index, ResponseHead

WINDOW = 1 << 20
"""Bytes that wait for the slowest reader of a body that is not kept."""
PIECE_COST = 64
"""Bytes around each piece."""
DONT_WAIT_SECONDS = 10.0
"""A key whose response could not be shared is fetched without waiting for so long (hit-for-miss)."""
MOST_REMEMBERED = 20_000


@dataclass(slots=True)
class Opening:
    """A response to be shared, whose body follows."""

    head: ResponseHead
    lines: bytes
    """Of its status and its end-to-end fields."""
    verdict: Storable
    request: Index
    """Of the request that was sent, for Vary."""
    before: bytes | None
    """Cache-Status of the hops nearer the origin."""
    born: float
    """When its age was zero."""
    aged: bool
    """Its age is told: it did not come from the origin for this request (RFC 9111, 5.1)."""
    word: str
    length: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """What was stored already answers: it was confirmed, or its origin is out of reach."""

    entry: Entry
    word: str
    how: bytes


@dataclass(frozen=True, slots=True)
class Released:
    """The response is one client's alone: the others fetch on their own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No response."""

    status: int
    reason: str


Outcome = Opening | Ready | Released | Failed


class CutShort(Exception):
    """The shared body ended before it was complete."""


class Fill:
    """One fetch and its readers."""

    __slots__ = (
        "_base",
        "_closed",
        "_pieces",
        "_readers",
        "_waiters",
        "ended",
        "failed",
        "followers",
        "kept",
        "mark",
        "outcome",
        "size",
    )

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.followers = 0
        self.mark = 0
        """Of the invalidations before it was asked for: see Forgotten."""
        self.kept = True
        """All bytes stay until the end; else only those that a reader has yet to get."""
        self.ended = False
        self.failed = False
        self.size = 0
        """Bytes it keeps."""
        self._pieces: list[bytes] = []
        self._base = 0
        self._closed = False
        self._readers: set[Reader] = set()
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def joinable(self) -> bool:
        """Whether one more may wait for it: what it would read has not been let go."""
        return not self._closed and not self.failed

    def open(self, outcome: Outcome) -> None:
        """Tells all who wait what comes."""
        if self.outcome is None:
            self.outcome = outcome
            self._wake()

    async def opened(self) -> Outcome:
        """What comes."""
        while self.outcome is None:
            await self._wait()
        return self.outcome

    def add(self, piece: bytes) -> None:
        """The next bytes."""
        self._pieces.append(piece)
        self.size += len(piece) + PIECE_COST
        self._wake()

    def end(self) -> None:
        """The body is complete."""
        self.ended = True
        self._wake()

    def fail(self) -> None:
        """The body can't be completed."""
        self.failed = True
        self._wake()

    def let_go(self) -> None:
        """From now on bytes are not kept once all readers have them; nobody else can join."""
        self.kept = False
        self._closed = True
        self._trim()

    def body(self) -> bytes:
        """The whole body, of a fill that was kept."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    async def room(self) -> bool:
        """Waits, where bytes are not kept, until the slowest reader has caught up; False when no reader is left."""
        while not self.kept and self._readers and self.size > WINDOW:
            await self._wait()
        return self.kept or bool(self._readers)

    def reader(self) -> "Reader":
        """A reader from the first byte; close it."""
        reader = Reader(self)
        self._readers.add(reader)
        return reader

    def leave(self, reader: "Reader") -> None:
        """A reader reads no more."""
        self._readers.discard(reader)
        self._trim()
        self._wake()

    async def take(self, reader: "Reader") -> bytes:
        """The next bytes, about WINDOW at most: who lags holds a copy of them. b"" at the end; CutShort."""
        while True:
            at = reader.position - self._base
            if at < len(self._pieces):
                end, size = at + 1, len(self._pieces[at])
                while end < len(self._pieces) and size < WINDOW:
                    size += len(self._pieces[end])
                    end += 1
                taken = self._pieces[at] if end == at + 1 else b"".join(self._pieces[at:end])
                reader.position = self._base + end
                if not self.kept:
                    self._trim()
                    self._wake()
                return taken
            if self.failed:
                raise CutShort
            if self.ended:
                return b""
            await self._wait()

    def _trim(self) -> None:
        if not self.kept:
            least = min((reader.position for reader in self._readers), default=self._base + len(self._pieces))
            gone = least - self._base
            self.size -= sum(map(len, self._pieces[:gone])) + gone * PIECE_COST
            del self._pieces[:gone]
            self._base = least

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Reader:
    """One client's place in a fill."""

    __slots__ = ("_fill", "position")

    def __init__(self, fill: Fill) -> None:
        self._fill = fill
        self.position = 0
        """Pieces read."""

    async def read(self) -> bytes:
        """See Fill.take."""
        return await self._fill.take(self)

    def close(self) -> None:
        """Leaves the fill."""
        self._fill.leave(self)


def fill_name(key: bytes, *, asks_owner: bool) -> bytes:
    """What a fetch is found by. A pod that asks an owner must not be waited for by that owner: those are apart."""
    return (b"\x01" if asks_owner else b"\x00") + key


class Fills:
    """The fetches under way, and the keys for which waiting is of no use."""

    def __init__(self) -> None:
        self._running: dict[bytes, Fill] = {}
        self._alone: dict[int, float] = {}
        """By the key's hash: keys are as long as clients like, and one taken for another costs a wait at most."""

    def running(self, key: bytes) -> Fill | None:
        """The fetch to wait for."""
        fill = self._running.get(key)
        return fill if fill is not None and fill.joinable else None

    def begin(self, key: bytes, fill: Fill | None = None) -> Fill:
        """A fetch that others may find until finish(): a new one, or this."""
        fill = self._running[key] = fill if fill is not None else Fill()
        return fill

    def finish(self, key: bytes, fill: Fill) -> None:
        """The fetch is over, or nobody may join it any more."""
        if self._running.get(key) is fill:
            del self._running[key]

    def detach(self, key: bytes) -> None:
        """Nobody may join the fetches of this key that run."""
        for name in (fill_name(key, asks_owner=False), fill_name(key, asks_owner=True)):
            self._running.pop(name, None)

    def detach_unanswered(self) -> None:
        """Nobody may join a fetch that has no response yet: who comes now would ask somebody else."""
        self._running = {name: fill for name, fill in self._running.items() if fill.outcome is not None}

    def dont_wait(self, key: bytes, now: float) -> None:
        """Remembers that responses of this key are not shared."""
        if len(self._alone) >= MOST_REMEMBERED:
            self._alone = {known: until for known, until in self._alone.items() if until > now}
            if len(self._alone) >= MOST_REMEMBERED:
                self._alone.clear()
        self._alone[hash(key)] = now + DONT_WAIT_SECONDS

    def is_alone(self, key: bytes, now: float) -> bool:
        """Whether requests of this key fetch on their own."""
        until = self._alone.get(hash(key))
        if until is None:
            return False
        if until <= now:
            del self._alone[hash(key)]
            return False
        return True

    def shared(self, key: bytes) -> None:
        """A response of this key could be shared after all."""
        self._alone.pop(hash(key), None)
