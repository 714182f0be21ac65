"""What pods say, and the record to those that are behind: one lap after another for each fleet."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shield_operator.core.world import FleetKey, Pod, Report
from shield_operator.kube.api import ApiError, Unreachable
from shield_operator.kube.certificates import InvalidAuthority, Leaf
from shield_operator.kube.counters import Counters
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import POD
from shield_operator.kube.pods import NoAnswer, PodClient, pod_context
from shield_operator.kube.progress import Progress
from shield_operator.kube.queue import Lap, WorkQueue
from shield_operator.kube.record import Held, decode_record
from shield_operator.kube.secrets import SecretKeeper
from shield_operator.kube.views import Key, pod_of
from shield_proxy.config.record import InvalidRecord, digest_of

EVERY_SECONDS = 5.0
QUICK_SECONDS = 1.0
"""Between laps while a pod does not hold the record or a backend has no measurement..."""
QUICK_FOR = 180.0
"""...but no longer than this after the record or the set of pods changed."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Crew:
    """A fleet's pods as last heard, and the record they should hold."""

    reports: dict[str, Report] = field(default_factory=dict)
    held: Held | None = None
    unmeasured: bool = False
    addresses: frozenset[str] = frozenset()
    changed: float = 0.0
    trust: tuple[Leaf, ssl.SSLContext] | None = None
    visited: asyncio.Event = field(default_factory=asyncio.Event)


class Collector:
    """Visits the pods of every fleet. `concern` is told of fleets whose reports changed so that a plan may change."""

    def __init__(
        self,
        client: PodClient,
        keeper: SecretKeeper,
        index: Index,
        concern: Callable[[frozenset[Key]], None],
        progress: Progress,
        counters: Counters,
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._index = index
        self._concern = concern
        self._progress = progress
        self._counters = counters
        self._crews: dict[FleetKey, Crew] = {}
        self._laps: WorkQueue[FleetKey] = WorkQueue()

    def reports(self, key: FleetKey) -> Mapping[str, Report]:
        """Pod name -> what it said in the last lap; absent where it did not answer."""
        crew = self._crews.get(key)
        return dict(crew.reports) if crew else {}

    def expect(self, key: FleetKey, held: Held | None, unmeasured: bool) -> None:
        """From now on pods that hold less than this record get it; a lap begins at once where that is news."""
        if held is None and key not in self._crews:
            return  # A fleet that is gone is not visited any more.
        crew = self._crew(key)
        news = held is not None and (crew.held is None or crew.held.content != held.content)
        crew.held, crew.unmeasured = held, unmeasured
        if news:
            crew.changed = time.monotonic()
            self.wake(key)

    def wake(self, key: FleetKey) -> None:
        """A lap of the fleet begins soon."""
        self._laps.add(key)

    async def heard(self, key: FleetKey, seconds: float) -> None:
        """Waits until the fleet's pods were visited once, at most `seconds`."""
        crew = self._crew(key)
        if not crew.visited.is_set():
            self._laps.add(key, 0.0)
            try:
                async with asyncio.timeout(seconds):
                    await crew.visited.wait()
            except TimeoutError:
                pass

    async def recover(self, key: FleetKey) -> Held | None:
        """The latest sound record that any pod of the fleet holds."""
        context = await self._context(key)

        async def ask(pod: Pod) -> Held | None:
            try:
                return decode_record(await self._client.state(pod, context))
            except (NoAnswer, InvalidRecord):
                return None

        answers = await asyncio.gather(*(ask(pod) for pod in self._pods(key)))
        found = [held for held in answers if held is not None]
        return max(found, key=lambda held: (held.record.lease, held.record.generation), default=None)

    async def work(self) -> None:
        """One worker of the laps, for ever."""
        await self._laps.work(self._lap)

    async def _lap(self, key: FleetKey) -> Lap:
        self._progress.mark("collect")
        pods = self._pods(key)
        crew = self._crew(key)
        addresses = frozenset(pod.address for pod in pods)
        if addresses != crew.addresses:
            crew.addresses, crew.changed = addresses, time.monotonic()
        before = crew.reports
        try:
            context = await self._context(key) if pods else None
        except (ApiError, Unreachable, InvalidAuthority) as error:
            log.warning("pods of %s/%s can't be asked: %s", key.namespace, key.name, error)
            return Lap(failed=True)
        answers = await asyncio.gather(*(self._visit(pod, crew, context) for pod in pods if context))
        crew.reports = {pod.name: report for pod, report in zip(pods, answers, strict=False) if report is not None}
        crew.visited.set()
        if news(before, crew.reports):
            self._concern(frozenset({key}))
        if not pods and not self._index.has(key):
            self._crews.pop(key, None)
            if not self._crews:
                self._progress.end("collect")
            return Lap()
        quick = time.monotonic() - crew.changed < QUICK_FOR and (
            crew.unmeasured or any(answer is None or behind(answer, crew.held) for answer in answers)
        )
        return Lap(again_after=QUICK_SECONDS if quick else EVERY_SECONDS)

    async def _visit(self, pod: Pod, crew: Crew, context: ssl.SSLContext) -> Report | None:
        try:
            report = await self._client.report(pod, context)
            if crew.held is not None and behind(report, crew.held) and not pod.deleting:
                report = replace(report, acknowledgement=await self._client.push(pod, context, crew.held.content))
                self._counters.pushes += 1
        except NoAnswer as error:
            log.debug("no answer: %s", error)
            self._counters.silent += 1
            return None
        return report

    async def _context(self, key: FleetKey) -> ssl.SSLContext:
        leaf = await self._keeper.own_leaf(time.monotonic())
        crew = self._crew(key)
        if crew.trust is None or crew.trust[0] is not leaf:
            crew.trust = (leaf, pod_context(leaf, key))
        return crew.trust[1]

    def _pods(self, key: FleetKey) -> list[Pod]:
        return [pod for body in self._index.of_fleet(key, POD) if (pod := pod_of(body)) is not None]

    def _crew(self, key: FleetKey) -> Crew:
        return self._crews.setdefault(key, Crew())


def behind(report: Report, held: Held | None) -> bool:
    """Whether the pod lacks the record or holds other bytes in its place, or nobody has confirmed to it that what it
    holds is the newest."""
    if held is None:
        return False
    said = report.acknowledgement
    order = (held.record.lease, held.record.generation)
    other = (said.lease, said.generation) == order and said.digest not in ("", digest_of(held.content))
    return (said.lease, said.generation) < order or other or not said.confirmed


def news(before: Mapping[str, Report], after: Mapping[str, Report]) -> bool:
    """Whether a plan may change: another pod, another acknowledgement, or a latency that moved by 5 % and 0.5 ms."""
    if before.keys() != after.keys():
        return True
    return any(_differs(before[name], report) for name, report in after.items())


def _differs(before: Report, after: Report) -> bool:
    old = {(m.zone, m.backend): m for m in before.measurements}
    new = {(m.zone, m.backend): m for m in after.measurements}
    if before.acknowledgement != after.acknowledgement or old.keys() != new.keys():
        return True
    return any(
        _moved(old[key].connect_seconds, measured.connect_seconds) or old[key].error != measured.error
        for key, measured in new.items()
    )


def _moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) > max(0.0005, 0.05 * before)
