"""In which order the statuses of checks are written, what becomes of those for which there was no time, and of what
else a look had no answer for."""

from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from shield_operator.core.alerts.planning import AlertsPlan
from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.world import ChecksKey, ChecksMemory
from shield_operator.core.world import Installation
from shield_operator.kube import checks
from shield_operator.kube.api import Api, Unreachable
from shield_operator.kube.children import Children, Done, Refused
from shield_operator.kube.counters import Counters
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHECK, LEASE, NODE, kind_of
from shield_proxy.config.checks.contract import MISSED

SHOP = ChecksKey("shop")


@pytest.mark.parametrize(
    ("names", "told", "news"), [("ab", "ab", True), ("ab", "a", True), ("ab", "", True), ("", "", False)]
)
async def test_statuses_for_which_there_was_no_time_are_written_at_the_next_look_at_once(
    monkeypatch: pytest.MonkeyPatch, names: str, told: str, news: bool
) -> None:
    monkeypatch.setattr(checks, "STATUS_SECONDS", 0.0)
    client: Any = None  # Nothing is sent: there is no time for it.
    api, index = Api(client), Index()
    children = Children(api, index, lambda _: None)
    installation = Installation("smart-shield", "shield:1", "redis:8", "1", BUILT_IN)
    one = checks.Checks(installation, api, index, children, Publisher(api, "operator"), Counters())
    statuses = {name: {"status": "Unhealthy"} for name in names}
    plan = ChecksPlan(
        objects=(),
        keep=frozenset(),
        statuses=statuses,
        standing={},
        forget={},
        starts=(),
        expired=(),
        happenings=(),
        memory=ChecksMemory(),
        again_after=30.0,
    )
    alerts = AlertsPlan((), frozenset(), {}, frozenset(told), (), 30.0)
    written = await one._apply(ChecksKey("shop"), plan, alerts, {}, Done())
    assert written.news is news


class Shop:
    """A namespace with one check and one data centre, and an API server that does not answer writes at paths with
    `silent` in them, and refuses those with `refused`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.version, self.silent, self.refused = 1_790_000_000.0, 10, "nowhere", "nowhere"
        self.made: list[dict[str, Any]] = []
        monkeypatch.setattr(checks, "time", SimpleNamespace(time=self.clock, monotonic=self.clock))
        client: Any = self
        api, self.index = Api(client), Index(self.clock)
        children = Children(api, self.index, lambda _: None)
        installation = Installation("smart-shield", "shield:1", "redis:8", "1", BUILT_IN)
        publisher, self.counters = Publisher(api, "operator", self.clock), Counters()
        self.checks = checks.Checks(installation, api, self.index, children, publisher, self.counters, self.clock)
        labels = {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "a"}
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.put(NODE, {"name": "n", "labels": labels}, spec={}, status=ready)
        self.check(1)

    def clock(self) -> float:
        return self.now

    async def request(self, method: str, path: str, body: Any, **_: Any) -> Any:
        if self.silent in path:
            raise aiohttp.ServerTimeoutError
        if self.refused in path:
            raise ApiException(status=403, reason="no")
        self.version += 1
        metadata = body["metadata"]
        if method == "post":
            self.made.append(body)
            return body
        seen = self.index.get(kind_of(body), metadata["namespace"], metadata["name"]) or {"metadata": {}}
        own = {"uid": f"{body['kind']}-{metadata['name']}", **seen["metadata"], **metadata}
        return {**seen, **body, "metadata": {**own, "resourceVersion": str(self.version)}}

    def put(self, kind: Any, metadata: dict[str, Any], **body: Any) -> None:
        self.version += 1
        metadata = {"uid": metadata["name"], **metadata, "resourceVersion": str(self.version)}
        self.index.put(kind, {"metadata": metadata, **body})

    def check(self, generation: int) -> None:
        """As somebody made or changed it: its status is another after the next look."""
        created = {"generation": generation, "creationTimestamp": "2026-01-01T00:00:00Z"}
        uid = "00000000-0000-4000-8000-000000000000"
        metadata = {"name": "origin", "namespace": "shop", "uid": uid, **created}
        self.put(CHECK, metadata, spec={"address": "origin.example.com"})

    def renew(self, missed: int) -> None:
        """By a run that knows of so many slots that nobody probed."""
        (lease,) = self.index.of_fleet(SHOP, LEASE)
        notes = {**lease["metadata"]["annotations"], MISSED: str(missed)}
        spec = {"holderIdentity": "run", "renewTime": str(self.now)}
        self.put(LEASE, {**lease["metadata"], "annotations": notes}, spec=spec)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for body in self.made if body["kind"] == kind]

    def told(self, reason: str) -> list[str]:
        return [body["message"] for body in self.of("Event") if body["reason"] == reason]

    async def look(self) -> None:
        await self.checks.reconcile(SHOP, Done())


@pytest.mark.parametrize("silent", ["/status", "/jobs", "/cronjobs"])
async def test_a_job_of_which_the_server_did_not_hear_was_not_started(
    monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """It is started as soon as the server answers, and nobody is told that its Events say why it has no pod."""
    shop = Shop(monkeypatch)
    shop.silent = silent
    for _ in range(200):
        with pytest.raises(Unreachable):
            await shop.look()
        shop.now += 1
    shop.silent = "nowhere"
    await shop.look()
    assert len(shop.of("Job")) == 1
    seen = shop.index.get(CHECK, "shop", "origin")
    assert seen is not None
    assert "PodsNotCreated" not in str(seen["status"])


async def test_a_job_that_was_refused_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(monkeypatch)
    shop.refused = "/jobs"
    with pytest.raises(Refused):
        await shop.look()
    shop.refused = "nowhere"
    shop.now += 59
    await shop.look()
    assert not shop.of("Job")
    shop.now += 1
    await shop.look()
    assert len(shop.of("Job")) == 1


async def test_a_look_that_does_not_come_to_its_starts_leaves_the_tries_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(monkeypatch)
    await shop.look()
    shop.now += 60
    shop.check(2)
    shop.silent = "/status"
    with pytest.raises(Unreachable):
        await shop.look()
    shop.silent = "nowhere"
    for _ in range(200):
        shop.now += 1
        await shop.look()
    assert len(shop.of("Job")) == 3


async def test_missed_slots_that_a_look_could_not_tell_of_are_told_and_counted_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(monkeypatch)
    await shop.look()
    for missed in (0, 0):
        shop.now += 1
        shop.renew(missed)
        await shop.look()
    shop.now += 1
    shop.renew(7)
    shop.check(2)
    shop.silent = "/status"
    with pytest.raises(Unreachable):
        await shop.look()
    assert (shop.told("ProbesMissed"), shop.counters.missed) == ([], 0)
    shop.silent = "nowhere"
    for _ in range(2):
        await shop.look()
    assert [message.split()[1] for message in shop.told("ProbesMissed")] == ["7"]
    assert shop.counters.missed == 7
