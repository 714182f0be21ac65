"""What a run has counted of all its checks, and what it reports. Mutable, but without clock, I/O or tasks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.lease import Remembered
from shield_proxy.health.running.standing import Entry, counted, remembered_of, reported
from shield_proxy.health.sample import Sample

MOST_WAITING = 1_000
"""Samples that wait for the counters of the run before."""


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that tells something new."""

    assigned: Assigned
    before: Entry | None
    entry: Entry


class Ledger:
    """Until the counters of the run before are known, samples wait; then all are counted in their order."""

    def __init__(self) -> None:
        self._remembered: dict[str, Remembered] = {}
        self._entries: dict[str, Entry] = {}
        self._waiting: list[tuple[Assigned, Sample]] = []
        self.settled = False

    @property
    def counters(self) -> Mapping[str, Remembered]:
        """By the check's id."""
        return self._remembered

    def settle(self, before: Mapping[str, Remembered]) -> list[Change]:
        """The counters go on from these. What the samples that waited changed."""
        self.settled, self._remembered = True, dict(before)
        waiting, self._waiting = self._waiting, []
        return [change for each in waiting if (change := self.count(*each)) is not None]

    def count(self, assigned: Assigned, sample: Sample) -> Change | None:
        """What one more sample changed."""
        if not self.settled:
            self._waiting = [*self._waiting[-MOST_WAITING + 1 :], (assigned, sample)]
            return None
        fails, successes = assigned.thresholds
        known = self._remembered.get(assigned.id) or remembered_of(assigned.entry)
        now = counted(known, sample, assigned.generation, fails, successes)
        self._remembered[assigned.id] = now
        own = self._entries.get(assigned.id)
        before = own or assigned.entry
        entry = reported(before, now, sample)
        if entry is None:
            return None
        if own is None or entry.news_after(own):  # also what is no news: it may be, once the run before has written
            self._entries[assigned.id] = entry
        return Change(assigned, before, entry) if entry.news_after(before) else None

    def unsaid(self, checks: Iterable[Assigned]) -> list[Change]:
        """Entries of this run that the checks' status doesn't show, or no longer."""
        return [
            Change(each, each.entry, entry)
            for each in checks
            if (entry := self._entries.get(each.id)) is not None and entry.news_after(each.entry)
        ]

    def keep(self, ids: Iterable[str]) -> None:
        """Forgets all checks but these."""
        kept = set(ids)
        self._remembered = {id_: each for id_, each in self._remembered.items() if id_ in kept}
        self._entries = {id_: each for id_, each in self._entries.items() if id_ in kept}
        self._waiting = [each for each in self._waiting if each[0].id in kept]
