"""Writes entries of `status.probes`: what is news, each once, the latest of a check."""

import hashlib
import math
import time
from dataclasses import dataclass

from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.standing import Entry, Place
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.writing import Write, Writer

MOST_PAUSE = 10.0
"""Seconds between two tries of an entry."""
QUIET, MOST_QUIET = 10.0, 320.0
"""Seconds in which an entry that was written is not written again, for watches tell old news for a while; twice as many
each time that it was: where a watch is far behind, it is the server that does not keep up."""
MOST_MANAGER = 128
"""Letters of a field manager that the API takes."""
API_VERSION, KIND = "smartshield.io/v1alpha1", "HealthCheck"


@dataclass(slots=True)
class _Said:
    """Of a check."""

    entry: Entry
    """The latest."""
    written: float = -math.inf
    """Monotonic seconds."""
    quiet: float = QUIET
    """Seconds from then on in which it is not written again."""


class Reporter:
    """Runs from run() on, until that is cancelled."""

    def __init__(self, api: Api, checks: Collection, place: Place, figures: Figures) -> None:
        self._checks, self._place = checks, place
        self._said: dict[str, _Said] = {}
        self._writer: Writer[Entry] = Writer(api, field_manager(place), MOST_PAUSE, figures.reports, self._ended)

    def say(self, assigned: Assigned, entry: Entry) -> None:
        """The entry will be written, unless a later one of the check comes before."""
        said = self._said.get(assigned.id)
        if said is None:
            said = self._said[assigned.id] = _Said(entry)
        elif said.entry != entry:
            said.entry, said.quiet = entry, QUIET
        elif not self._writer.waits(assigned.id):
            if time.monotonic() - said.written < said.quiet:
                return
            said.quiet = min(MOST_QUIET, 2 * said.quiet)
        self._writer.put(assigned.id, self._write(assigned, entry))

    def keep(self, ids: set[str]) -> None:
        """Forgets all checks but these."""
        for gone in self._said.keys() - ids:
            del self._said[gone]
        self._writer.keep(ids)

    async def drain(self, seconds: float) -> None:
        """All is said, or so many seconds are over."""
        await self._writer.drain(seconds)

    async def run(self) -> None:
        """Never returns."""
        await self._writer.run()

    def _ended(self, id_: str, _: Entry) -> None:
        self._said[id_].written = time.monotonic()

    def _write(self, assigned: Assigned, entry: Entry) -> Write[Entry]:
        """Conditional on the check being the same one still."""
        document = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": assigned.name, "uid": assigned.uid},
            "status": {"probes": [entry.document(self._place)]},
        }
        return Write(f"the entry of {assigned.name}", self._checks.at(assigned.name, "status"), document, entry)


def field_manager(place: Place) -> str:
    """One for each data centre, its end hashed where it is too long."""
    name = f"shield-prober-{place.data_centre}"
    if len(name) <= MOST_MANAGER:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: MOST_MANAGER - 17]}-{digest}"
