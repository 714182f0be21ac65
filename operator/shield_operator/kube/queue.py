"""Which fleet is looked at when: each key at most once at a time, several keys side by side, failures ever more seldom.

Schedule decides and knows no clock; WorkQueue waits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SETTLE_SECONDS = 0.1
"""Events that come together within this are one reconcile."""
FIRST_BACKOFF = 0.5
MOST_BACKOFF = 60.0


@dataclass(frozen=True, slots=True)
class Lap:
    """How one run ended."""

    failed: bool = False
    """It is tried again after a growing pause."""
    again_after: float | None = None
    """Seconds after which it runs again even if nothing happens."""


class Schedule(Generic[K]):
    """When each key is due. A key that is running is not taken again before it is done."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._running: set[K] = set()
        self._failures: dict[K, int] = {}

    def waiting(self, now: float) -> int:
        """How many keys are due and not yet taken."""
        return sum(at <= now for at in self._due.values())

    def add(self, key: K, at: float) -> None:
        """The key is due at `at`, or earlier if it already was."""
        self._due[key] = min(at, self._due.get(key, at))

    def take(self, now: float) -> K | None:
        """The key that has been due longest and is not running; it is running from now on."""
        ready = [
            (at, i, key) for i, (key, at) in enumerate(self._due.items()) if at <= now and key not in self._running
        ]
        if not ready:
            return None
        key = min(ready, key=lambda item: item[:2])[2]
        del self._due[key]
        self._running.add(key)
        return key

    def next_due(self) -> float | None:
        """When the next key that is not running is due."""
        return min((at for key, at in self._due.items() if key not in self._running), default=None)

    def succeeded(self, key: K, again_at: float | None = None) -> None:
        """The key has run; it is due again at `again_at`, or when something happens."""
        self._running.discard(key)
        self._failures.pop(key, None)
        if again_at is not None:
            self.add(key, again_at)

    def failed(self, key: K, now: float) -> float:
        """The key has failed and is due again after a time that doubles with each failure. Returns that time."""
        self._running.discard(key)
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        pause = min(MOST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(count, 16))
        self.add(key, now + pause)
        return pause


class WorkQueue(Generic[K]):
    """A schedule with a clock and workers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule: Schedule[K] = Schedule()
        self._clock: Callable[[], float] = clock
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many keys are due and not yet taken."""
        return self._schedule.waiting(self._clock())

    def add(self, key: K, after: float = SETTLE_SECONDS) -> None:
        """The key will run in `after` seconds, or earlier if it already was to."""
        self._schedule.add(key, self._clock() + after)
        self._changed.set()

    async def work(self, reconcile: Callable[[K], Awaitable[Lap]]) -> None:
        """One worker: runs `reconcile` for keys that are due, for ever. What it raises ends the worker."""
        while True:
            key = self._schedule.take(self._clock())
            if key is None:
                await self._wait()
                continue
            lap = await reconcile(key)
            now = self._clock()
            if lap.failed:
                self._schedule.failed(key, now)
            else:
                self._schedule.succeeded(key, None if lap.again_after is None else now + lap.again_after)
            self._changed.set()

    async def _wait(self) -> None:
        due = self._schedule.next_due()
        self._changed.clear()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            pass
