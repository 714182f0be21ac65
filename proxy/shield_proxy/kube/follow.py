"""A collection as it is now: listed, then watched, for as long as it is wanted."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import ApiError, BadRequest, Expired, Unreachable

WATCH_SECONDS = 300
LEAST_PAUSE, MOST_PAUSE = 0.5, 15.0
"""Seconds between two tries."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class Pauses:
    """Seconds until the next try: twice as many after each, from the least again after a watch that lasted, and when a
    server that had been silent answers. (The first thing it says may be that it knows of no version any more.)"""

    def __init__(self) -> None:
        self._next, self._answered = LEAST_PAUSE, True

    def after(self, answered: bool, lasted: float) -> float:
        """After a try whose watch was on for so many seconds."""
        if lasted > MOST_PAUSE or (answered and not self._answered):
            self._next = LEAST_PAUSE
        self._answered = answered
        pause, self._next = self._next, min(MOST_PAUSE, self._next * 2)
        return pause


@dataclass(slots=True)
class Follower(Generic[T]):
    """Keeps what `read` makes of each object, by name; what it makes None of is left out. `news` is told after each
    list and each event that changed something."""

    api: Api
    collection: Collection
    read: Callable[[Mapping[str, Any]], T | None]
    news: Callable[[Mapping[str, T]], None]
    otherwise: Collection | None = None
    """What is followed instead where the server can't select by the collection's field: all of it, of which `read`
    leaves out the rest."""
    _seen: dict[str, T] = field(default_factory=dict)
    _version: str = ""

    async def run(self) -> None:
        """Never returns."""
        pauses = Pauses()
        while True:
            began: float | None = None  # the watch: a list that takes long is no sign of a server that is well
            answered, asked = True, 0.0
            try:
                if not self._version:
                    await self._list()
                began = asyncio.get_running_loop().time()
                await self._watch()
            except Expired:
                self._version = ""
            except (ApiError, Unreachable) as error:
                if isinstance(error, BadRequest) and self.otherwise is not None:
                    log.warning(
                        "all %s are watched, not %s: %s", self.collection.plural, self.collection.selector, error
                    )
                    self.collection, self.otherwise, self._version = self.otherwise, None, ""
                    continue
                if isinstance(error, ApiError):
                    self._version = ""
                    asked = error.retry_after or 0.0
                else:
                    answered = False
                log.warning("%s can't be watched: %s", self.collection.plural, error)
            lasted = 0.0 if began is None else asyncio.get_running_loop().time() - began
            pause = pauses.after(answered, lasted)
            await asyncio.sleep(asked + pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load

    async def _list(self) -> None:
        found: dict[str, T] = {}

        def take(resource: Mapping[str, Any]) -> None:
            value = self.read(resource)
            if value is not None:
                found[_name(resource)] = value

        self._version = await self.api.list(self.collection, take)
        self._seen = found
        self.news(found)

    async def _watch(self) -> None:
        await self.api.watch(self.collection, self._version, WATCH_SECONDS, self._take)

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, resource = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            code = int(resource.get("code") or 500)
            raise (Expired if code == 410 else ApiError)(code, str(resource.get("message") or "the watch failed"))
        self._version = str((resource.get("metadata") or {}).get("resourceVersion") or self._version)
        if kind == "BOOKMARK":
            return
        name, value = _name(resource), None if kind == "DELETED" else self.read(resource)
        if value is not None:
            self._seen[name] = value
        elif self._seen.pop(name, None) is None:
            return
        self.news(self._seen)


def _name(resource: Mapping[str, Any]) -> str:
    return str((resource.get("metadata") or {}).get("name"))
