"""Writes `status.targets` of alerts: what is news, the latest of an alert, and again what others have overwritten."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shield_courier.core.trying import told
from shield_courier.running.figures import Figures
from shield_proxy.config.alerts.contract import COURIER
from shield_proxy.config.alerts.notification import TargetStatus
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.writing import Write, Writer

MOST_PAUSE = 30.0
"""Seconds between two tries of an alert."""
QUIET = 10.0
"""Seconds after a write in which what watches tell may be older than it."""
API_VERSION, KIND = "smartshield.io/v1alpha1", "HealthAlert"
Statuses = Sequence[TargetStatus]
Content = Mapping[str, object]


@dataclass(slots=True)
class _Entry:
    """Of an alert."""

    name: str
    uid: str
    known: Content
    """As the API has it, or as it was written last."""
    wanted: Statuses | None = None
    shown: Content | None = None
    """What a watch has told too soon after a write to be believed."""
    written: float = -math.inf
    """Monotonic seconds."""


class StatusWriter:
    """Runs from run() on, until that is cancelled."""

    def __init__(self, api: Api, alerts: Collection, figures: Figures, quiet: float = QUIET) -> None:
        self._alerts, self._quiet = alerts, quiet
        self._entries: dict[str, _Entry] = {}
        self._writer: Writer[Content] = Writer(api, COURIER, MOST_PAUSE, figures.writes, self._ended)

    def seen(self, name: str, uid: str, statuses: Statuses) -> None:
        """What the API has of an alert; where somebody else has changed it, it is written again."""
        entry = self._entries.get(uid)
        if entry is None:
            self._entries[uid] = _Entry(name, uid, content(statuses))
        else:
            entry.shown = content(statuses)
            self._believe(entry)

    def say(self, uid: str, statuses: Statuses) -> None:
        """This will be written, unless the API has it, or something later of the alert comes before."""
        entry = self._entries.get(uid)
        if entry is not None:
            entry.wanted = statuses
            self._put(entry)

    def keep(self, uids: set[str]) -> None:
        """Forgets all alerts but these."""
        for gone in self._entries.keys() - uids:
            del self._entries[gone]
        self._writer.keep(uids)

    async def drain(self, seconds: float) -> bool:
        """Whether all is written within so many seconds."""
        return await self._writer.drain(seconds)

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._writer.run())
            # A courier that this one has followed may have written after it, and no further event tells of that.
            while True:
                await asyncio.sleep(self._quiet)
                for entry in self._entries.values():
                    self._believe(entry)

    def _believe(self, entry: _Entry) -> None:
        """What was shown last counts, once nothing older can be told any more."""
        quiet = not self._writer.waits(entry.uid) and time.monotonic() - entry.written >= self._quiet
        if entry.shown is not None and quiet:
            entry.known, entry.shown = entry.shown, None
            self._put(entry)

    def _put(self, entry: _Entry) -> None:
        if entry.wanted is None:
            return
        wanted = content(entry.wanted)
        if wanted != entry.known or self._writer.waits(entry.uid):
            self._writer.put(entry.uid, self._write(entry, entry.wanted, wanted))

    def _ended(self, uid: str, written: Content) -> None:
        entry = self._entries[uid]
        entry.known, entry.written = written, time.monotonic()

    def _write(self, entry: _Entry, statuses: Statuses, wanted: Content) -> Write[Content]:
        """Conditional on the alert being the same one still."""
        document = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": entry.name, "uid": entry.uid},
            "status": {"targets": [each.to_json() for each in told(statuses)]},
        }
        return Write(f"the status of {entry.name}", self._alerts.at(entry.name, "status"), document, wanted)


def content(statuses: Statuses) -> Content:
    """What they say, equal in whatever order they say it."""
    return {
        each.name: (frozenset(each.settled), frozenset(each.given_up), each.last_delivery, each.last_error)
        for each in told(statuses)
    }
