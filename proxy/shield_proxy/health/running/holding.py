"""Keeps a run's place in its Lease: sees each version, decides (`handover.py`), writes, until the run may leave."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.handover import POLITE, Act, Step, Tenure, decide, ending, observed, promising
from shield_proxy.health.running.lease import Lease, Remembered, newer, read_lease
from shield_proxy.health.running.patches import new_lease, patch_of
from shield_proxy.health.sample import Sample
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import ApiError, Conflict, NotThere, Unreachable
from shield_proxy.kube.follow import Follower

LEASES = "/apis/coordination.k8s.io/v1"
LOOK = 1.0
"""Seconds after which time is looked at again, whatever it was waited for."""
LEAST_PAUSE, MOST_PAUSE = 0.2, 5.0
"""Seconds between two tries of a write, twice as many after each that failed."""
GIVING_UP = 5.0
"""Seconds beyond POLITE in which an ending run tries to write its last words."""
log = logging.getLogger(__name__)


class Probing(Protocol):
    """What a run does while its place in the Lease is kept."""

    def own(self, after: float, until: float) -> None:
        """The slots in (after, until] are the run's."""

    def gap(self, since: float, until: float) -> None:
        """Nobody, it seems, probed the slots in this time."""

    def settle(self, lease: Lease) -> None:
        """What the lease says that runs before have counted is all there will be. Once in a run."""

    def knows(self) -> bool:
        """Which checks are the run's, at least as they were a while ago."""

    def idle(self, now: float) -> bool:
        """No probe runs, and no slot that the run owns is left."""

    def counters(self) -> Mapping[str, Remembered]:
        """To be handed on."""

    def missed(self) -> int:
        """Slots that nobody probed, of all runs."""

    def samples(self) -> Mapping[str, Sample]:
        """The last of each check, for people to read."""


@dataclass(frozen=True, slots=True)
class Named:
    """A Lease by name."""

    namespace: str
    name: str

    @property
    def collection(self) -> Collection:
        """That holds it alone: whoever may only see this one may watch that."""
        return Collection(LEASES, self.namespace, "leases", f"metadata.name={self.name}")


class Holding:
    """One run's part in a Lease, until run() returns."""

    def __init__(
        self,
        api: Api,
        named: Named,
        run: str,
        probing: Probing,
        figures: Figures,
        wall: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._named, self._probing, self._figures = api, named, probing, figures
        self._wall, self._clock = wall, clock
        self._tenure = Tenure(run)
        self._lease: Lease | None = None
        self._known = False
        self._renewal_seen = clock()
        self._settled = False
        self._taken_after = 0.0
        """The last renewal of the run that this one took the Lease from."""
        self._unprobed: float | None = None
        """Since when nobody probed before this run claimed the Lease, told once it is known to have it so."""
        self._changed = asyncio.Event()

    def end(self) -> None:
        """The run begins no more probes, and leaves within a few seconds."""
        self._tenure = ending(self._tenure, self._wall())
        self.look()

    def look(self) -> None:
        """Something has changed that it may wait for."""
        self._changed.set()

    async def run(self) -> str:
        """Returns, with the reason, when nothing is left to be done."""
        follower = Follower(self._api, self._named.collection, read_lease, self._news)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(follower.run())
            why = await self._keep()
            following.cancel()
        return why

    async def _keep(self) -> str:
        pause = LEAST_PAUSE
        while True:
            self._changed.clear()
            now = self._wall()
            if self._tenure.ending is not None and now > self._tenure.ending + POLITE + GIVING_UP:
                return "told to end; the Lease could not be written"
            if not self._known:
                if self._tenure.ending is not None:
                    return "told to end before the Lease was seen"
                await self._wait(LOOK)
                continue
            self._observe(now)
            silent = self._clock() - self._renewal_seen
            step = decide(self._tenure, self._lease, now, silent, self._probing.idle(now), self._probing.knows())
            if step.act is Act.LEAVE:
                return step.why
            if step.act is Act.WAIT:
                await self._wait(step.at - now)
                continue
            if await self._write(step):
                pause = LEAST_PAUSE
            else:
                await self._wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
                pause = min(MOST_PAUSE, pause * 2)

    def _observe(self, now: float) -> None:
        tenure, lease = observed(self._tenure, self._lease, now), self._lease
        self._tenure = tenure
        if tenure.after is None:
            return
        self._probing.own(tenure.after, tenure.until)
        if self._unprobed is not None:
            self._probing.gap(self._unprobed, tenure.after)
            self._unprobed = None
        if lease is not None and lease.holder == tenure.run and not lease.predecessor:
            self._settle(lease)

    def _settle(self, lease: Lease) -> None:
        if not self._settled:
            self._settled = True
            self._probing.settle(lease)

    async def _write(self, step: Step) -> bool:
        """Whether the step was made, or the Lease has become another."""
        decided_on = self._lease
        try:
            await self._make(step, self._wall())
            self._figures.lease[step.act.value] += 1
        except (Conflict, NotThere):
            self._figures.lease["conflict"] += 1
            return await self._read_again(decided_on)
        except (ApiError, Unreachable) as error:
            self._figures.lease["failed"] += 1
            log.warning("the Lease was not written (%s): %s", step.act, error)
            return False
        if step.act is not Act.RENEW:
            log.info("%s %s %s", self._tenure.run, step.act, step.why)
        if step.act is Act.SETTLE and self._tenure.after is not None:  # it has died before the end of its slots
            self._probing.gap(self._taken_after, self._tenure.after)
        return True

    async def _make(self, step: Step, now: float) -> None:
        lease = self._lease
        # A claim that failed may have been written, so it is forgotten only when the Lease is sought in another way.
        self._unprobed = lease.renewed if step.act is Act.CLAIM and lease is not None and lease.holder else None
        if step.act is Act.CREATE:
            made = new_lease(self._named.namespace, self._named.name, self._tenure, step.at, now)
            self._see(read_lease(await self._api.create(self._named.collection.path, made)))
            return
        assert lease is not None
        if step.act is Act.GRANT:
            self._tenure = promising(self._tenure, lease, step.at)
            self._observe(now)
        elif step.act is Act.TAKE:  # whether or not the answer arrives
            self._taken_after = lease.renewed
        if step.act in (Act.SETTLE, Act.RELEASE):
            self._settle(lease)
        mine = self._probing
        patch = patch_of(step, self._tenure, lease, now, mine.counters(), mine.missed(), mine.samples())
        self._see(read_lease(await self._api.merge(self._named.collection.at(self._named.name), patch)))

    async def _read_again(self, decided_on: Lease | None) -> bool:
        """Whether the Lease is another than the one that was decided on."""
        try:
            found = await self._api.read(self._named.collection.at(self._named.name))
        except (ApiError, Unreachable) as error:
            log.warning("the Lease can't be read: %s", error)
            return False
        if found is None:
            self._lease = None
        elif self._lease is decided_on:
            # As it is now, though its version may be lower: of a backup that was restored.
            self._take(read_lease(found))
        else:
            self._see(read_lease(found))  # what was heard meanwhile may be later
        return _version(self._lease) != _version(decided_on)

    def _news(self, view: Mapping[str, Lease]) -> None:
        self._known = True
        lease = view.get(self._named.name)
        if lease is None:
            self._lease = None
        else:
            self._see(lease)
            self._observe(self._wall())  # a write may be on its way for seconds
        self.look()

    def _see(self, lease: Lease) -> None:
        if self._lease is None or newer(lease.version, self._lease.version):
            self._take(lease)

    def _take(self, lease: Lease) -> None:
        before = self._lease
        if before is None or (before.holder, before.renewed) != (lease.holder, lease.renewed):
            self._renewal_seen = self._clock()
        self._lease = lease

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(max(seconds, 0.01), LOOK)):
                await self._changed.wait()
        except TimeoutError:
            pass


def _version(lease: Lease | None) -> str | None:
    return lease.version if lease is not None else None
