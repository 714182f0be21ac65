"""Writes `status.targets` of alerts: what is news, the latest of an alert, with patience where it fails."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shield_courier.core.trying import told
from shield_courier.running.figures import Figures
from shield_proxy.config.alerts.contract import COURIER
from shield_proxy.config.alerts.notification import TargetStatus
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import ApiError, Conflict, NotThere, Unreachable

AT_ONCE = 4
"""Writes that are on their way."""
LEAST_PAUSE, MOST_PAUSE = 0.5, 30.0
"""Seconds between two tries of an alert, twice as many after each that failed."""
QUIET = 10.0
"""Seconds after a write in which what watches tell may be older than it."""
API_VERSION, KIND = "smartshield.io/v1alpha1", "HealthAlert"
log = logging.getLogger(__name__)
Statuses = Sequence[TargetStatus]


@dataclass(slots=True)
class _Entry:
    """Of an alert."""

    name: str
    uid: str
    known: Statuses = ()
    """As the API has it, or as it was written last."""
    wanted: Statuses | None = None
    shown: Statuses | None = None
    """What a watch has told too soon after a write to be believed."""
    written: float = -math.inf
    """Monotonic seconds."""
    pause: float = LEAST_PAUSE
    waits: bool = False
    """It is in the queue, being written, or will be."""

    @property
    def behind(self) -> bool:
        """Whether there is something to write."""
        return self.wanted is not None and not same(self.wanted, self.known)


class StatusWriter:
    """Runs from run() on, until that is cancelled."""

    def __init__(self, api: Api, alerts: Collection, figures: Figures, quiet: float = QUIET) -> None:
        self._api, self._alerts, self._figures, self._quiet = api, alerts, figures, quiet
        self._entries: dict[str, _Entry] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._pending = 0
        self._silent = asyncio.Event()
        self._silent.set()

    def seen(self, name: str, uid: str, statuses: Statuses) -> None:
        """What the API has of an alert; where somebody else has changed it, it is written again."""
        entry = self._entries.get(uid)
        if entry is None:
            self._entries[uid] = _Entry(name, uid, statuses)
        else:
            entry.shown = statuses
            self._believe(entry)

    def say(self, uid: str, statuses: Statuses) -> None:
        """This will be written, unless the API has it, or something later of the alert comes before."""
        entry = self._entries.get(uid)
        if entry is not None:
            entry.wanted = statuses
            self._enqueue(entry)

    def keep(self, uids: set[str]) -> None:
        """Forgets all alerts but these."""
        for gone in self._entries.keys() - uids:
            self._settle(self._entries.pop(gone))

    async def drain(self, seconds: float) -> bool:
        """Whether all is written within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._silent.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(group))
            # A courier that this one has followed may have written after it, and no further event tells of that.
            while True:
                await asyncio.sleep(self._quiet)
                for entry in self._entries.values():
                    self._believe(entry)

    def _believe(self, entry: _Entry) -> None:
        """What was shown last counts, once nothing older can be told any more."""
        if entry.shown is not None and not entry.waits and time.monotonic() - entry.written >= self._quiet:
            entry.known, entry.shown = entry.shown, None
            self._enqueue(entry)

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while True:
            entry = self._entries.get(await self._queue.get())
            if entry is not None and entry.waits:
                await self._write(entry, group)

    def _enqueue(self, entry: _Entry) -> None:
        if entry.waits or not entry.behind:
            return
        entry.waits = True
        self._pending += 1
        self._silent.clear()
        self._queue.put_nowait(entry.uid)

    async def _write(self, entry: _Entry, group: asyncio.TaskGroup) -> None:
        wanted, wait = entry.wanted or (), 0.0
        try:
            await self._api.apply(self._alerts.at(entry.name, "status"), _document(entry, wanted), COURIER)
            outcome = "written"
        except (NotThere, Conflict):
            outcome = "dropped"  # the alert is gone, or another has its name
        except (ApiError, Unreachable) as error:
            outcome = "failed"
            asked = error.retry_after if isinstance(error, ApiError) else None
            wait = asked or entry.pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
            log.warning("the status of %s was not written: %s", entry.name, error)
        self._figures.writes[outcome] += 1
        if self._entries.get(entry.uid) is not entry:
            return
        if outcome == "failed":
            entry.pause = min(MOST_PAUSE, entry.pause * 2)
            group.create_task(self._later(entry, wait))
            return
        entry.pause, entry.known, entry.written = LEAST_PAUSE, wanted, time.monotonic()
        if entry.behind and outcome == "written":
            self._queue.put_nowait(entry.uid)
        else:
            self._settle(entry)

    def _settle(self, entry: _Entry) -> None:
        self._pending -= entry.waits
        entry.waits = False
        if not self._pending:
            self._silent.set()

    async def _later(self, entry: _Entry, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._queue.put_nowait(entry.uid)


def same(one: Statuses, other: Statuses) -> bool:
    """Whether both say the same, in whatever order."""
    return _said(one) == _said(other)


def _said(statuses: Statuses) -> Mapping[str, object]:
    return {each.name: (frozenset(each.settled), each.last_delivery, each.last_error) for each in told(statuses)}


def _document(entry: _Entry, statuses: Statuses) -> dict[str, Any]:
    """Conditional on the alert being the same one still."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": entry.name, "uid": entry.uid},
        "status": {"targets": [each.to_json() for each in told(statuses)]},
    }
