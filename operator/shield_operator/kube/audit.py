"""The index compared with the API server: fills it at the start, and proves or mends what the watches told since.

A watch that is re-listed after an interruption does not tell which objects went meanwhile; here they are found.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shield_operator.kube.api import Api, ApiError, Unreachable
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHILD_SELECTOR, WATCHED, Kind
from shield_operator.kube.progress import Progress
from shield_operator.kube.views import Key

EVERY_SECONDS = 60.0
GRACE_SECONDS = 5.0
"""A watch may be this much behind."""
log = logging.getLogger(__name__)


class Audit:
    """Lists every kind now and then."""

    def __init__(self, api: Api, index: Index, progress: Progress, concern: Callable[[frozenset[Key]], None]):
        self._api = api
        self._index = index
        self._progress = progress
        self._concern = concern
        self.complete = asyncio.Event()
        """The index has held everything once: before that, nothing may be concluded from an absence."""

    async def run(self) -> None:
        """Audits for ever; an API server that does not answer is asked again."""
        while True:
            self._progress.mark("audit")
            try:
                late = [kind.resource for kind in WATCHED if await self.check(kind)]
            except (ApiError, Unreachable) as error:
                log.warning("the audit of what was watched failed: %s", error)
                self._progress.mark("watch")  # Nobody's fault but the API server's: a new start would not help.
                await asyncio.sleep(GRACE_SECONDS)
                continue
            if late and self.complete.is_set():
                log.warning("the watches of %s had missed changes, which the audit has found", ", ".join(late))
            else:
                self._progress.mark("watch")
            self.complete.set()
            await asyncio.sleep(EVERY_SECONDS)

    async def catch_up(self, kinds: Iterable[Kind]) -> None:
        """The index holds nothing of these kinds that is older than this call. Whoever led until now may have written,
        and told, what the watches bring later, and of each kind at its own time. ApiError or Unreachable."""
        for kind in kinds:
            before = _versions(self._index.all(kind))
            listed = await self._api.items(kind, selector=CHILD_SELECTOR if kind.child else None)
            current = {item["metadata"]["uid"] for item in listed}
            held = [body for body in self._index.all(kind).values() if body["metadata"]["uid"] in before]
            self._take(kind, listed, [body for body in held if body["metadata"]["uid"] not in current])

    async def check(self, kind: Kind) -> bool:
        """Whether the watch of this kind has missed something; if so it is mended."""
        selector = CHILD_SELECTOR if kind.child else None
        before = _versions(self._index.all(kind))
        listed = await self._api.items(kind, selector=selector)
        current = {item["metadata"]["uid"] for item in listed}
        if not self.complete.is_set():
            self._take(kind, listed, [])
            return False
        behind = self._behind(kind, before, listed, current)
        if not behind:
            return False
        # Ask the index again after a while: the watch may just have been slower than the list.
        await asyncio.sleep(GRACE_SECONDS)
        still = self._behind(kind, before, listed, current)
        gone = [body for body in still if body["metadata"]["uid"] not in current]
        self._take(kind, [body for body in still if body["metadata"]["uid"] in current], gone)
        return bool(still)

    def _behind(
        self, kind: Kind, before: Mapping[str, int], listed: list[dict[str, Any]], current: set[str]
    ) -> list[dict[str, Any]]:
        """Listed objects that the index has not seen in this version, and objects of the index that are not listed."""
        now = _versions(self._index.all(kind))
        unseen = [
            item
            for item in listed
            if now.get(item["metadata"]["uid"], -1) < int(item["metadata"]["resourceVersion"])
            and not self._index.knows_gone(item)
        ]
        held = [body for body in self._index.all(kind).values() if body["metadata"]["uid"] in before]
        return unseen + [body for body in held if body["metadata"]["uid"] not in current]

    def _take(self, kind: Kind, listed: list[dict[str, Any]], gone: list[dict[str, Any]]) -> None:
        keys: frozenset[Key] = frozenset()
        for body in listed:
            keys |= self._index.put(kind, body)
        for body in gone:
            keys |= self._index.drop(kind, body)
        self._concern(keys)


def _versions(objects: Mapping[Any, Mapping[str, Any]]) -> dict[str, int]:
    return {body["metadata"]["uid"]: int(body["metadata"]["resourceVersion"]) for body in objects.values()}
