"""The health checks of a namespace and its alerts, observed, planned and made true: probers and courier, entries of
those that left, statuses of the checks that alerts tell of, of alerts, of the other checks, runs that begin at once,
Events, in this order, each once."""

import asyncio
import datetime
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from shield_operator.core.alerts.planning import AlertsPlan, make_alerts_plan
from shield_operator.core.health.decode import check_object, sequence
from shield_operator.core.health.objects import job
from shield_operator.core.health.ownservices import bounded
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.starting import missed_since
from shield_operator.core.health.world import ChecksKey, ChecksMemory, ChecksWorld
from shield_operator.core.naming import ALERT_KIND, CHECK_KIND
from shield_operator.core.world import Installation
from shield_operator.kube.alerts import Alerts, Written
from shield_operator.kube.api import Api, ApiError
from shield_operator.kube.children import Children, Done, complaints, refusals, side_by_side
from shield_operator.kube.counters import Counters
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHECK, CRON_JOB, JOB, LEASE, NODE, POD, SERVICE
from shield_operator.kube.probers import addresses_of, lease_of, prober_pod_of
from shield_operator.kube.views import Body, node_of

STATUS_SECONDS = 3.0
"""For the statuses of checks in one reconcile; a healthy API server takes thousands in this time."""


class Checks:
    """Reconciles checks, for as long as this operator leads. Remembers, per namespace, what plans hand on to each
    other."""

    def __init__(
        self,
        installation: Installation,
        api: Api,
        index: Index,
        children: Children,
        publisher: Publisher,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._installation = installation
        self._api = api
        self._index = index
        self._children = children
        self._publisher = publisher
        self._counters = counters
        self._clock = clock
        self._began = clock()
        self._alerts = Alerts(api, index)
        self._memories: dict[ChecksKey, ChecksMemory] = {}
        self._refusals: dict[ChecksKey, Mapping[tuple[str, str], str]] = {}

    async def reconcile(self, key: ChecksKey, done: Done) -> float:
        """The checks are run as they want it. Returns the seconds after which to look again; raises what went wrong."""
        world, seen = self.observe(key), self._alerts.seen(key)
        # By a thread: a thousand checks and hundreds of alerts take longer than the Lease of who leads may wait.
        plan = await asyncio.to_thread(make_checks_plan, world)
        alerts = await asyncio.to_thread(make_alerts_plan, self._alerts.observe(seen, world, plan))
        try:
            written = await self._apply(key, plan, alerts, seen, done)
        finally:
            memory = _as_far_as_done(world.memory, plan, done)
            # A Job that was refused is not tried again at once, and stays refused until it is.
            waiting = {
                (kind, name): why
                for (kind, name), why in world.refusals.items()
                if kind == JOB.kind and name in memory.started and name not in done.asked
            }
            self._memories[key], self._refusals[key] = memory, {**waiting, **refusals(done)}
            self._counters.missed += missed_since(world.memory, memory)
        if not world.checks and not alerts.objects:
            self._memories.pop(key)
            self._refusals.pop(key)
            self._children.forget(key)
        return 0.0 if written.news else min(plan.again_after, alerts.again_after)

    def observe(self, key: ChecksKey) -> ChecksWorld:
        """The checks as they stand, all of one moment."""
        settings, index, now = self._installation, self._index, time.time()
        nodes = (node_of(body, settings.region_label, settings.zone_label) for body in index.all(NODE).values())
        pods = (prober_pod_of(body) for body in index.of_fleet(key, POD))
        leases = (
            lease_of(body, index.silence(key.namespace, body["metadata"]["name"]), now)
            for body in index.of_fleet(key, LEASE)
        )
        cron_jobs = index.of_fleet(key, CRON_JOB)
        return ChecksWorld(
            key=key,
            installation=settings,
            now=now,
            timestamp=datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            checks=tuple(check_object(body) for body in index.of_fleet(key, CHECK)),
            nodes=tuple(sorted((node for node in nodes if node is not None), key=lambda node: node.name)),
            leases={lease.name: lease for lease in leases},
            pods=tuple(pod for pod in pods if pod is not None),
            cron_jobs={
                body["metadata"]["name"]: body["metadata"]["uid"]
                for body in cron_jobs
                if "deletionTimestamp" not in body["metadata"]
            },
            children=frozenset((kind.kind, body["metadata"]["name"]) for kind, body in index.owned(key)),
            services=bounded(address for body in index.all(SERVICE).values() for address in addresses_of(body)),
            refusals=self._refusals.get(key, {}),
            memory=self._memories.get(key, ChecksMemory()),
            since=now - (self._clock() - self._began),
        )

    async def _apply(
        self, key: ChecksKey, plan: ChecksPlan, alerts: AlertsPlan, seen: Mapping[str, Body], done: Done
    ) -> Written:
        for _, group in itertools.groupby((*plan.objects, *alerts.objects), key=lambda body: str(body["kind"])):
            await self._children.apply(key, list(group), done)
        await self._children.prune(key, plan.keep | alerts.keep, done)
        await side_by_side(plan.expired, lambda name: self._expire(key, name, done))
        await side_by_side(plan.forget.items(), lambda item: self._forget(key, *item, done))
        told = {name: status for name, status in plan.statuses.items() if name in alerts.told}
        late = await self._write(key, told, done)
        written = await self._alerts.write(key, seen, alerts, done)
        others = {name: status for name, status in plan.statuses.items() if name not in told}
        if await self._write(key, others, done) or late:
            written = replace(written, news=True)
        await side_by_side(plan.starts, lambda name: self._start(key, name, done))
        refused = [complaint for complaint in complaints(done.refused) if complaint.kind in (CHECK_KIND, ALERT_KIND)]
        await self._publisher.publish(key.namespace, [*alerts.happenings, *plan.happenings, *refused])
        done.told = True
        done.check()
        if written.conflict is not None:
            raise written.conflict
        return written

    async def _write(self, key: ChecksKey, statuses: Mapping[str, Body], done: Done) -> bool:
        """The statuses of checks are written. Whether some are left: what many failures at once are told by must not
        wait until all of them are written."""
        until = time.monotonic() + STATUS_SECONDS
        left = False

        async def one(item: tuple[str, Body]) -> None:
            nonlocal left
            if time.monotonic() < until:
                await self._children.write_status(CHECK, key.namespace, *item, done)
            else:
                left = True

        await side_by_side(statuses.items(), one)
        return left

    async def _expire(self, key: ChecksKey, name: str, done: Done) -> None:
        """A preview is gone, if nothing of it changed meanwhile: then the next look takes it away."""
        seen = self._index.get(CHECK, key.namespace, name)
        if seen is None:
            return
        try:
            done.writes += await self._api.delete(CHECK, seen)
        except ApiError as error:
            done.refused.append(({"kind": CHECK.kind, "metadata": seen["metadata"]}, error))

    async def _forget(self, key: ChecksKey, name: str, gone: Sequence[str], done: Done) -> None:
        """Entries of data centres that probe the check no more are taken out, unless an entry was written meanwhile:
        that brings the check here again."""
        seen = self._index.get(CHECK, key.namespace, name)
        if seen is None:
            return
        kept = [entry for entry in sequence(seen["status"].get("probes")) if entry.get("dataCenter") not in gone]
        patch: dict[str, Any] = {
            "metadata": {"resourceVersion": seen["metadata"]["resourceVersion"]},
            "status": {"probes": kept},
        }
        try:
            after = await self._api.merge(CHECK, key.namespace, name, patch, "status")
        except ApiError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                done.refused.append(({"kind": CHECK.kind, "metadata": seen["metadata"]}, error))
            return
        done.writes += 1
        self._index.put(CHECK, after)

    async def _start(self, key: ChecksKey, name: str, done: Done) -> None:
        """A run of the CronJob begins, if one was not made in the same minute."""
        cron_job = self._index.get(CRON_JOB, key.namespace, name)
        if cron_job is None:
            return
        body = job(cron_job, time.time())
        try:
            await self._api.create(JOB, body)
        except ApiError as error:
            done.asked.add(name)
            if error.status != HTTPStatus.CONFLICT:
                done.refused.append(({"kind": JOB.kind, "metadata": {"name": name}}, error))
            return
        done.asked.add(name)
        done.writes += 1


def _as_far_as_done(before: ChecksMemory, plan: ChecksPlan, done: Done) -> ChecksMemory:
    """What the plan hands on, but for what did not come to pass: a Job for which the API server was not asked, or did
    not answer, was not started, and of slots that no Event told of people know nothing yet."""
    after, left = plan.memory, set(plan.starts) - done.asked
    started = {name: each for name, each in after.started.items() if name not in left}
    started |= {name: each for name, each in before.started.items() if name in left}
    missed = dict(after.missed)
    if not done.told:
        missed |= {name: each for name, each in before.missed.items() if name in missed}
    return replace(after, started=started, missed=missed)
