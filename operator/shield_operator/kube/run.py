"""The operator's process: watches always; leads when it holds the Lease; stops when it is told to."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kubernetes.aio.client import Configuration

from shield_operator.core.world import FleetKey
from shield_operator.kube.api import Api, ApiError, Unreachable
from shield_operator.kube.apply import Applier
from shield_operator.kube.audit import Audit
from shield_operator.kube.checks import Checks
from shield_operator.kube.children import Children
from shield_operator.kube.collect import Collector
from shield_operator.kube.connection import connect, load_configuration
from shield_operator.kube.counters import Counters, render
from shield_operator.kube.events import Publisher
from shield_operator.kube.health import Health, serve
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import ALERT, CHECK, POD, Kind
from shield_operator.kube.leadership import Leadership, LeaseLost
from shield_operator.kube.lease import LeaseKeeper
from shield_operator.kube.loop import RESYNC_SECONDS, Loop
from shield_operator.kube.observe import Observer
from shield_operator.kube.pods import PodClient
from shield_operator.kube.preflight import until_nothing_is_missing
from shield_operator.kube.progress import Progress
from shield_operator.kube.queue import WorkQueue
from shield_operator.kube.record import RecordStore
from shield_operator.kube.resolve import Resolver
from shield_operator.kube.secrets import SecretKeeper
from shield_operator.kube.settings import Settings
from shield_operator.kube.views import Key
from shield_operator.kube.watch import watch

WORKERS = 4
"""Fleets, or namespaces with checks, reconciled side by side."""
VISITORS = 8
"""Fleets whose pods are visited side by side."""
CATCH_UP_SECONDS = 1.0
"""Between two tries of a new leader to see what stands."""
log = logging.getLogger(__name__)


class Operator:
    """What lives as long as the process: the view of the cluster, the right to write, the numbers."""

    def __init__(self, settings: Settings, configuration: Configuration, api: Api, leadership: Leadership) -> None:
        self._settings = settings
        self._configuration = configuration
        self._api = api
        self._leadership = leadership
        self._progress = Progress()
        self._counters = Counters()
        self._index = Index()
        self._queue: WorkQueue[Key] | None = None
        self._collector: Collector | None = None
        self._audit = Audit(api, self._index, self._progress, self._concern)
        self._lease = LeaseKeeper(api, settings.installation.namespace, settings.identity, leadership, self._progress)

    async def run(self) -> None:
        """Runs until it is cancelled; then gives the Lease back."""
        health = Health(self._progress, self._unready, self._metrics)
        try:
            async with serve(health, self._settings.health_port), asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                group.create_task(self._lead_for_ever())
        finally:
            await self._lease.release()

    async def _watch(self) -> None:
        await until_nothing_is_missing(self._api)
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(self._configuration, self._see, lambda: until_nothing_is_missing(self._api)))
            group.create_task(self._audit.run())

    def _see(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        change = self._index.drop if event == "DELETED" else self._index.put
        keys = change(kind, body)
        self._concern(keys)
        if kind is POD and self._collector is not None:
            for key in keys:
                if isinstance(key, FleetKey):
                    self._collector.wake(key)

    def _concern(self, keys: frozenset[Key]) -> None:
        if self._queue is not None:
            for key in keys:
                self._queue.add(key)

    async def _lead_for_ever(self) -> None:
        """Leads whenever the Lease is to be had and the view is complete. A leader that lost it begins anew."""
        while True:
            await self._audit.complete.wait()
            await self._lease.acquire()
            try:
                await self._lead()
            except* LeaseLost as several:
                log.warning("no longer leading: %s", several.exceptions[0])
            finally:
                self._leadership.end()
                self._queue = self._collector = None
                self._progress.end("reconcile")
                self._progress.end("collect")

    async def _lead(self) -> None:
        """Everything that writes; ends with LeaseLost."""
        queue: WorkQueue[Key] = WorkQueue()
        keeper = SecretKeeper(self._api, self._settings.installation.namespace)
        client = PodClient(self._leadership.check, self._settings.internal_port)
        resolver = Resolver()
        store = RecordStore(self._api, self._index)
        collector = Collector(client, keeper, self._index, self._concern, self._progress, self._counters)
        observer = Observer(
            self._settings.installation, self._index, store, collector, resolver, self._lease, self._leadership
        )
        publisher = Publisher(self._api, self._settings.identity)
        children = Children(self._api, self._index, self._concern)
        applier = Applier(self._api, self._index, children, keeper, store, collector, publisher)
        checks = Checks(self._settings.installation, self._api, self._index, children, publisher, self._counters)
        loop = Loop(observer, applier, checks, self._progress, self._counters)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease.renew_until_lost())
                await self._catch_up()
                self._queue, self._collector = queue, collector
                group.create_task(self._resync(queue, keeper))
                for _ in range(WORKERS):
                    group.create_task(queue.work(loop.lap))
                for _ in range(VISITORS):
                    group.create_task(collector.work())
        finally:
            await resolver.close()
            await client.close()

    async def _catch_up(self) -> None:
        """What is told of checks depends on what was told: nothing of either is older than this leader."""
        while True:
            try:
                return await self._audit.catch_up((CHECK, ALERT))
            except (ApiError, Unreachable) as error:
                log.warning("health checks and alerts can't be listed: %s", error)
                await asyncio.sleep(CATCH_UP_SECONDS)

    async def _resync(self, queue: WorkQueue[Key], keeper: SecretKeeper) -> None:
        """Everything now and then, at first also fleets of which nothing is left but what is kept for them."""
        left: frozenset[FleetKey] | None = None
        while True:
            if left is None:
                try:
                    left = await keeper.fleets()
                except (ApiError, Unreachable) as error:
                    log.warning("Secrets kept for fleets can't be listed: %s", error)
            if not queue.waiting:
                self._progress.mark("reconcile")
            for key in self._index.keys() | (left or frozenset()):
                queue.add(key)
            if left:
                left = frozenset()
            await asyncio.sleep(RESYNC_SECONDS)

    def _unready(self) -> str | None:
        return None if self._audit.complete.is_set() else "the cluster has not been listed yet"

    def _metrics(self) -> str:
        queued = self._queue.waiting if self._queue is not None else 0
        held, count = self._leadership.held, self._leadership.transitions
        keys = self._index.keys()
        fleets = sum(isinstance(key, FleetKey) for key in keys)
        return render(self._counters, held, count, queued, fleets)


async def run(settings: Settings) -> int:
    """Runs the operator until SIGTERM or SIGINT. NoCluster where nothing says where the API server is."""
    configuration = await load_configuration(settings.kubeconfig)
    leadership = Leadership()
    async with connect(configuration, leadership.check) as api:
        operator = Operator(settings, configuration, api, leadership)
        return await _until_told_to_stop(operator.run)


async def _until_told_to_stop(work: Callable[[], Awaitable[None]]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
    return 0
