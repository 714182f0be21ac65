"""Writes entries of `status.probes`: what is news, each once, the latest of a check, with patience where it fails."""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.standing import Entry, Place
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import ApiError, Conflict, NotThere, Unreachable

AT_ONCE = 4
"""Writes that are on their way."""
LEAST_PAUSE, MOST_PAUSE = 0.5, 10.0
"""Seconds between two tries of an entry, twice as many after each that failed."""
QUIET = 10.0
"""Seconds in which an entry that was written is not written again: watches tell old news for a while."""
MOST_MANAGER = 128
"""Letters of a field manager that the API takes."""
API_VERSION, KIND = "smartshield.io/v1alpha1", "HealthCheck"
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """What is to be said of a check, and how that went."""

    name: str
    uid: str
    entry: Entry
    written: float = -QUIET
    """Monotonic seconds."""
    pause: float = LEAST_PAUSE
    waits: bool = False
    """It is in the queue, or will be."""


class Reporter:
    """Runs from run() on, until that is cancelled."""

    def __init__(self, api: Api, checks: Collection, place: Place, figures: Figures) -> None:
        self._api, self._checks, self._place, self._figures = api, checks, place, figures
        self._said: dict[str, _Said] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._pending = 0
        self._silent = asyncio.Event()
        self._silent.set()

    @property
    def manager(self) -> str:
        """The field manager: one for each data centre, its end hashed where it is too long."""
        name = f"shield-prober-{self._place.data_centre}"
        if len(name) <= MOST_MANAGER:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return f"{name[: MOST_MANAGER - 17]}-{digest}"

    def say(self, assigned: Assigned, entry: Entry) -> None:
        """The entry will be written, unless a later one of the check comes before."""
        said = self._said.get(assigned.id)
        if said is None:
            said = self._said[assigned.id] = _Said(assigned.name, assigned.uid, entry)
        elif said.waits:
            said.entry = entry
            return
        elif said.entry == entry and time.monotonic() - said.written < QUIET:
            return
        said.entry = entry
        self._enqueue(assigned.id, said)

    def keep(self, ids: set[str]) -> None:
        """Forgets all checks but these."""
        for gone in self._said.keys() - ids:
            self._settle(self._said.pop(gone))

    async def drain(self, seconds: float) -> None:
        """All is said, or so many seconds are over."""
        try:
            async with asyncio.timeout(seconds):
                await self._silent.wait()
        except TimeoutError:
            pass

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(group))

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while True:
            id_ = await self._queue.get()
            said = self._said.get(id_)
            if said is not None:
                await self._write(id_, said, group)

    def _enqueue(self, id_: str, said: _Said) -> None:
        if not said.waits:
            said.waits = True
            self._pending += 1
            self._silent.clear()
        self._queue.put_nowait(id_)

    async def _write(self, id_: str, said: _Said, group: asyncio.TaskGroup) -> None:
        entry, wait = said.entry, 0.0
        try:
            await self._api.apply(self._checks.at(said.name, "status"), self._document(said), self.manager)
            outcome = "written"
        except (NotThere, Conflict):
            outcome = "dropped"  # the check is gone, or another has its name
        except (ApiError, Unreachable) as error:
            outcome = "failed"
            asked = error.retry_after if isinstance(error, ApiError) else None
            wait = asked or said.pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
            log.warning("the entry of %s was not written: %s", said.name, error)
        self._figures.reports[outcome] += 1
        if self._said.get(id_) is not said:
            return
        if outcome == "failed":
            said.pause = min(MOST_PAUSE, said.pause * 2)
            group.create_task(self._later(id_, said, wait))
            return
        said.pause, said.written = LEAST_PAUSE, time.monotonic()
        if said.entry != entry and outcome == "written":
            self._queue.put_nowait(id_)
            return
        self._settle(said)

    def _settle(self, said: _Said) -> None:
        self._pending -= said.waits
        said.waits = False
        if not self._pending:
            self._silent.set()

    async def _later(self, id_: str, said: _Said, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._said.get(id_) is said:
            self._queue.put_nowait(id_)

    def _document(self, said: _Said) -> Mapping[str, Any]:
        """Conditional on the check being the same one still."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": said.name, "uid": said.uid},
            "status": {"probes": [said.entry.document(self._place)]},
        }
