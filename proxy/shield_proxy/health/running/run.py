"""One run: a data centre's probes of one shard of a namespace's checks, from its start until the next run has them."""

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.sample import Sample, in_milliseconds
from shield_proxy.config.checks.samples import read_samples
from shield_proxy.health.running.assigned import Assigned, read_assigned
from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.holding import Holding, Named
from shield_proxy.health.running.lease import Lease, Remembered
from shield_proxy.health.running.ledger import Change, Ledger
from shield_proxy.health.running.reporting import Reporter
from shield_proxy.health.running.rota import Probe, Rota
from shield_proxy.health.running.standing import Place
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.follow import Follower

CHECKS = "/apis/smartshield.io/v1alpha1"
DRAIN_SECONDS = 3.0
"""That reports have to leave before the run does."""
AGAIN_SECONDS = 10.0
"""Between two looks whether the status shows what was reported."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What the operator made the run for."""

    namespace: str
    place: Place
    shard: int
    lease: str


class Run:
    """`run` is its name, which no other run ever had; `tell` takes a line for each change of a verdict, `feed`
    each sample."""

    def __init__(
        self,
        duty: Duty,
        run: str,
        api: Api,
        probe: Probe,
        wall: Callable[[], float],
        tell: Callable[[str], None],
        feed: Callable[[Assigned, Sample], None] | None = None,
    ) -> None:
        self._duty, self._api, self._tell, self._feed = duty, api, tell, feed
        self.figures = Figures()
        self._checks = Collection(CHECKS, duty.namespace, "healthchecks")
        self._ledger = Ledger()
        self._assigned: Mapping[str, Assigned] | None = None
        self._missed_before = 0
        self._wall, self._until = wall, math.inf
        self._samples: dict[str, Sample] = {}
        self._rota = Rota(probe, self._sampled, self.figures, wall)
        self._reporter = Reporter(api, self._checks, duty.place, self.figures)
        self._holding = Holding(api, Named(duty.namespace, duty.lease), run, self, self.figures, wall)

    async def run(self) -> str:
        """Probes until another run has the Lease, or end() is called; why it has ended."""
        # A definition of before this field could be selected may still be there: then the run takes its checks of all.
        mine = replace(self._checks, selector=f"status.shard={self._duty.shard}")
        follower = Follower(self._api, mine, self._read, self._assign, otherwise=self._checks)
        async with asyncio.TaskGroup() as group:
            forever = (follower.run(), self._rota.run(), self._reporter.run(), self._say_again())
            lasting = [group.create_task(each) for each in forever]
            why = await self._holding.run()
            await self._reporter.drain(DRAIN_SECONDS)
            for task in lasting:
                task.cancel()
        return why

    def end(self) -> None:
        """It begins no more probes, hands its counters on, and run() returns within a few seconds."""
        self._holding.end()

    def own(self, after: float, until: float) -> None:
        """The slots in (after, until] are this run's."""
        self._until = until
        self._rota.own(after, until)

    def gap(self, since: float, until: float) -> None:
        """Nobody, it seems, probed the slots in this time."""
        self._rota.gap(since, until)

    def settle(self, lease: Lease) -> None:
        """The runs before have counted what the Lease says."""
        self._missed_before = lease.missed
        self._samples = {**read_samples(lease.samples), **self._samples}
        self._rota.settle(lease.counters)
        self._publish(self._ledger.settle(lease.counters))
        self._forget_others()
        self._say_unsaid()

    def knows(self) -> bool:
        """Which checks are the run's."""
        return self._assigned is not None

    def idle(self, now: float) -> bool:
        """No probe runs, and no slot that this run owns is left."""
        return self._rota.idle(now)

    def counters(self) -> Mapping[str, Remembered]:
        """To be handed on."""
        return self._ledger.counters

    def missed(self) -> int:
        """Slots that nobody probed, of all runs."""
        return self._missed_before + self.figures.missed.total()

    def samples(self) -> Mapping[str, Sample]:
        """The last of each check, of this run or of those before."""
        return self._samples

    def verdicts(self) -> Iterable[tuple[str, float]]:
        """Names of the checks that something is known of, with 1 where they are healthy and 0 where not."""
        for assigned in (self._assigned or {}).values():
            remembered = self._ledger.counters.get(assigned.id)
            if remembered is not None and remembered.counters.verdict is not Health.UNKNOWN:
                yield assigned.name, float(remembered.counters.verdict is Health.HEALTHY)

    def _read(self, resource: Mapping[str, Any]) -> Assigned | None:
        return read_assigned(resource, self._duty.place, self._duty.shard)

    def _assign(self, checks: Mapping[str, Assigned]) -> None:
        self._assigned = checks
        self._rota.assign(checks)
        self._holding.look()
        self._forget_others()
        self._say_unsaid()

    def _say_unsaid(self) -> None:
        """What the status doesn't show, or no longer, is reported. When the next run probes, it is that one's turn."""
        if self._wall() <= self._until:
            for change in self._ledger.unsaid((self._assigned or {}).values()):
                self._reporter.say(change.assigned, change.entry)

    async def _say_again(self) -> None:
        """Nobody tells of an entry that was overwritten before this run had heard of its own."""
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            self._say_unsaid()

    def _forget_others(self) -> None:
        if self._assigned is not None:
            ids = {each.id for each in self._assigned.values()}
            self._reporter.keep(ids)
            self._samples = {id_: each for id_, each in self._samples.items() if id_ in ids}
            if self._ledger.settled:
                self._ledger.keep(ids)

    def _sampled(self, assigned: Assigned, sample: Sample) -> None:
        self._samples[assigned.id] = sample
        if self._feed is not None:
            self._feed(assigned, sample)
        change = self._ledger.count(assigned, sample)
        self._publish([change] if change is not None else [])
        self._holding.look()

    def _publish(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._reporter.say(change.assigned, change.entry)
            self._tell(told(change, self._duty))


def told(change: Change, duty: Duty) -> str:
    """A change as a line of JSON."""
    before, entry = change.before, change.entry
    line = {
        "event": "health",
        "namespace": duty.namespace,
        "check": change.assigned.name,
        "id": change.assigned.id,
        "dataCenter": duty.place.data_centre,
        "before": before.verdict if before is not None else None,
        "health": entry.verdict,
        "reason": entry.reason,
        "detail": entry.detail,
        "code": entry.code,
        "address": entry.address,
        "since": entry.since,
        "generation": entry.generation,
        **in_milliseconds(entry.waterfall),
    }
    return json.dumps({name: value for name, value in line.items() if value not in (None, "")}, ensure_ascii=False)
