"""Probers whose clocks are wrong, as an operator sees them that has just begun to lead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.world import ChecksKey
from shield_operator.core.world import Installation
from shield_operator.kube.api import Api
from shield_operator.kube.checks import Checks
from shield_operator.kube.children import Children
from shield_operator.kube.counters import Counters
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHECK, LEASE, NODE
from shield_proxy.config.checks.contract import LEASE_SECONDS, RENEW_SECONDS

PLACES = {"eu/a": "Healthy", "us/b": "Unhealthy", "us/c": "Unhealthy"}
"""Region eu is healthy, us is not; a verdict of both is a tie, of one alone it is that one's."""
CHECKS = ChecksKey("shop")


class Shop:
    """One check that stood Healthy, and the three Leases of its probers; `wrong`: seconds that eu's clock is ahead."""

    def __init__(self, wrong: float) -> None:
        self.now, self.version = 1000.0, 10
        self.wrong = wrong
        self.index = Index(lambda: self.now)
        for place in PLACES:
            region, _, zone = place.partition("/")
            labels = {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone}
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            self.put(NODE, {"name": f"n-{zone}", "labels": labels}, spec={}, status=ready)
        self.status: dict[str, Any] = {
            "status": "Healthy",
            "shard": 0,
            "regions": [{"name": "eu", "health": "Healthy"}, {"name": "us", "health": "Unhealthy"}],
            "probes": [
                {"dataCenter": key, "health": health, "observedGeneration": 1} for key, health in PLACES.items()
            ],
        }
        self.check()
        for place in PLACES:
            self.renew(place)
        client: Any = None  # Nothing is sent.
        api, installation = Api(client), Installation("smart-shield", "shield:1", "redis:8", "1", BUILT_IN)
        children, publisher = Children(api, self.index, lambda _: None), Publisher(api, "operator")
        clock = lambda: self.now  # noqa: E731 - the same as the index'
        self.checks = Checks(installation, api, self.index, children, publisher, Counters(), clock)

    def put(self, kind: Any, metadata: dict[str, Any], **body: Any) -> None:
        self.version += 1
        metadata = {"uid": metadata["name"], "resourceVersion": str(self.version), **metadata}
        self.index.put(kind, {"metadata": metadata, **body})

    def check(self) -> None:
        metadata = {"name": "origin", "namespace": "shop", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.put(CHECK, metadata, spec={"address": "origin.example.com"}, status=self.status)

    def renew(self, place: str) -> None:
        """By the clock of the data centre's node, of which eu's is wrong."""
        labels = {
            naming.LABEL_MANAGED_BY: naming.MANAGED_BY,
            naming.LABEL_COMPONENT: "prober",
            naming.LABEL_DATA_CENTER: naming.data_center_label(place),
        }
        off = timedelta(seconds=self.now - 1000.0 + (self.wrong if place == "eu/a" else 0.0))
        at = (datetime.now(UTC) + off).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = {"name": naming.prober(place, 0), "namespace": "shop", "labels": labels}
        self.put(LEASE, metadata, spec={"holderIdentity": f"run-{place}", "renewTime": at})

    def look(self) -> ChecksPlan:
        """One look of the operator, of whose outcome the check's status tells afterwards."""
        plan = make_checks_plan(self.checks.observe(CHECKS))
        for status in plan.statuses.values():
            self.status = {**status, "probes": self.status["probes"]}
            self.check()
        return plan


@pytest.mark.parametrize("wrong", [0.0, -30.0, 30.0, -600.0, 600.0])
def test_a_clock_that_is_wrong_costs_no_vote_and_no_run(wrong: float) -> None:
    shop = Shop(wrong)
    for second in range(2 * LEASE_SECONDS):
        plan = shop.look()
        assert (shop.status["status"], shop.status["healthy"]) == ("Healthy", "1/2")
        assert not [name for name in plan.starts if name.startswith(naming.prober("eu/a", 0)[:14])]
        assert not [each for each in plan.happenings if each.reason in ("Unhealthy", "HealthUnknown", "RegionHealthy")]
        shop.now += 1
        if second % RENEW_SECONDS == RENEW_SECONDS - 1:
            for place in PLACES:
                shop.renew(place)


@pytest.mark.parametrize("wrong", [0.0, -30.0, 30.0, -600.0, 600.0])
def test_who_is_dead_is_silent_in_time_whatever_his_clock_said(wrong: float) -> None:
    shop = Shop(wrong)
    told = []
    for _ in range(LEASE_SECONDS + 5):
        shop.look()
        told.append(shop.status["status"])
        shop.now += 1
        for place in ("us/b", "us/c"):
            shop.renew(place)
    assert told == ["Healthy"] * LEASE_SECONDS + ["Unhealthy"] * 5


def test_who_was_long_silent_when_this_operator_only_listened_is_given_the_same_time() -> None:
    """The API server may have been away from both: what nobody could hear is no silence."""
    shop = Shop(0.0)
    shop.renew("eu/a")
    shop.now += 100
    shop.checks._began = shop.now
    shop.look()
    assert shop.status["status"] == "Healthy"
    shop.renew("eu/a")
    shop.now += LEASE_SECONDS - 1
    shop.look()
    assert shop.status["status"] == "Healthy"
