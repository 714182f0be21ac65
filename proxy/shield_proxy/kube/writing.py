"""Server-side applies to many objects: few on their way, fewer where the server does not keep up, the latest of each,
with patience where one fails."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shield_proxy.kube.api import Api
from shield_proxy.kube.errors import ApiError, Conflict, NotThere, Unreachable
from shield_proxy.kube.pace import MOST_PATIENCE, PATIENCE, Pace, fell_behind, kept_up, overloaded

LEAST_PAUSE = 0.5
"""Seconds between two tries of an object, twice as many after each that failed, unless the server asks for others, or
was silent and answers again: then what has waited for it goes at once, and the pace holds it back."""
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """What an object is to say. One of equal content says the same."""

    about: str
    """What the log calls it."""
    path: str
    document: Mapping[str, Any]
    content: T


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """An object of which something is in the queue, on its way, or will be."""

    key: str
    latest: Write[T]
    pause: float = LEAST_PAUSE
    limit: asyncio.Timeout | None = None
    """Of the write that is on its way."""
    began: float = 0.0
    """When it set out, by the loop's clock."""

    def overtake(self) -> None:
        """What is on its way is old: where the server is stuck, it must not be what the server begins with again."""
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(self.began + PATIENCE)


class Writer(Generic[T]):
    """Runs from run() on, until that is cancelled.

    `most_pause`: seconds between two tries. `outcomes` counts writes: written, failed (it is repeated), dropped (there
    is no such object, or another). `ended` is told the key and the content of each that was written or dropped, unless
    the object was forgotten meanwhile."""

    def __init__(
        self, api: Api, manager: str, most_pause: float, outcomes: Counter[str], ended: Callable[[str, T], None]
    ) -> None:
        self._api, self._manager, self._most_pause = api, manager, most_pause
        self._outcomes, self._ended = outcomes, ended
        self._waiting: dict[str, _Waiting[T]] = {}
        self._queue: asyncio.Queue[_Waiting[T]] = asyncio.Queue()
        self._silent = asyncio.Event()
        self._silent.set()
        self._pace, self._running = Pace(), 0
        self._free = asyncio.Event()
        self._unanswered = 0
        """Writes in a row. One alone tells of its object, not of the server."""
        self._back = asyncio.Event()
        """Of those that wait while the server is silent: it answers again, whatever it says."""

    def put(self, key: str, write: Write[T]) -> None:
        """This will be written, unless a later one of the same key comes before."""
        found = self._waiting.get(key)
        if found is not None:
            if found.latest.content != write.content:
                found.overtake()
            found.latest = write
            return
        each = self._waiting[key] = _Waiting(key, write)
        self._silent.clear()
        self._queue.put_nowait(each)

    def waits(self, key: str) -> bool:
        """Whether something of the object is yet to be written, or on its way."""
        return key in self._waiting

    def keep(self, keys: set[str]) -> None:
        """Forgets all objects but these."""
        for gone in self._waiting.keys() - keys:
            self._settle(gone)

    async def drain(self, seconds: float) -> bool:
        """Whether nothing waits any more, within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._silent.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            while True:
                each = await self._queue.get()
                while self._running >= self._pace.at_once:
                    self._free.clear()
                    await self._free.wait()
                if self._holds(each):
                    self._running += 1
                    group.create_task(self._write(each, group))

    async def _write(self, each: _Waiting[T], group: asyncio.TaskGroup) -> None:
        write, wait, behind, silent = each.latest, 0.0, False, False
        try:
            await self._apply(each, write)
            outcome = "written"
        except (NotThere, Conflict):
            outcome = "dropped"
        except (ApiError, Unreachable) as error:
            outcome = "failed"
            asked = error.retry_after if isinstance(error, ApiError) else None
            wait = asked or each.pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
            silent = isinstance(error, Unreachable)
            behind = isinstance(error, Unreachable) or overloaded(error.status)
            log.warning("%s was not written: %s", write.about, error)
        self._pace = fell_behind(self._pace) if behind else kept_up(self._pace)
        self._heard(not silent)
        self._running -= 1
        self._free.set()
        self._outcomes[outcome] += 1
        if not self._holds(each):
            return
        if outcome == "failed":
            each.pause = min(self._most_pause, each.pause * 2)
            group.create_task(self._later(each, wait, self._back if silent else None))
            return
        self._ended(each.key, write.content)
        each.pause = LEAST_PAUSE
        if each.latest.content != write.content and outcome == "written":
            self._queue.put_nowait(each)
        else:
            self._settle(each.key)

    async def _apply(self, each: _Waiting[T], write: Write[T]) -> None:
        each.began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._pace.patience) as each.limit:
                await self._api.apply(write.path, write.document, self._manager, MOST_PATIENCE)
        except TimeoutError as error:
            raise Unreachable("no answer in time") from error
        finally:
            each.limit = None

    def _heard(self, answer: bool) -> None:
        if not answer:
            self._unanswered += 1
            return
        if self._unanswered > 1:
            self._back.set()
            self._back = asyncio.Event()
        self._unanswered = 0

    async def _later(self, each: _Waiting[T], seconds: float, unless: asyncio.Event | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await (unless or asyncio.Event()).wait()
            each.pause = LEAST_PAUSE
        except TimeoutError:
            pass
        self._queue.put_nowait(each)

    def _holds(self, each: _Waiting[T]) -> bool:
        """False where it was forgotten, though its key may be in use again."""
        return self._waiting.get(each.key) is each

    def _settle(self, key: str) -> None:
        del self._waiting[key]
        if not self._waiting:
            self._silent.set()
