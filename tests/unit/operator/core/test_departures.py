"""A zone goes from one fleet to another: it is served by one of them at every moment."""

from dataclasses import replace

import pytest

from shield_operator.core import naming
from shield_operator.core.departures import LINGER_SECONDS
from shield_operator.core.planning import make_plan

LATER = "2026-02-01T00:00:00Z"
EDGE = ("Service", naming.edge("shop"))


def fleet_of_edge(cluster):
    """The fleet whose pods the zone's Service selects, as this fleet's plans last wrote it."""
    return cluster.objects[EDGE]["spec"]["selector"][naming.LABEL_FLEET]


@pytest.fixture
def left(served, new_zone):
    """A settled fleet whose zone `shop` has just named another fleet; `blog` stays."""
    served.zones["blog"] = new_zone("blog", created=LATER)
    served.run(10)
    zone = served.zones.pop("shop")
    served.leaving = {"shop": replace(zone, spec=replace(zone.spec, fleet="other"))}
    return served


@pytest.fixture
def entered(cluster):
    """A fleet that a zone is about to enter whose Service leads to the fleet `former`."""
    cluster.led = {"shop": "former"}
    cluster.objects[EDGE] = {
        "metadata": {"labels": {}},
        "spec": {"selector": naming.edge_selector("former"), "ports": []},
    }
    return cluster


def test_the_former_fleet_serves_on_while_the_service_leads_to_it(left):
    before = left.part("shop")
    plan = left.run(100)
    assert left.part("shop") == before
    assert left.order("shop") == before.uppers["main"]
    assert EDGE in plan.keep
    assert "shop" not in plan.statuses
    assert EDGE not in {(obj["kind"], obj["metadata"]["name"]) for obj in plan.objects}
    owners = {owner["name"] for obj in plan.objects for owner in obj["metadata"]["ownerReferences"]}
    assert owners == {"shop", "blog"}


def test_the_former_fleet_stays_whole_when_its_only_zone_leaves(served):
    zone = served.zones.pop("shop")
    served.leaving = {"shop": replace(zone, spec=replace(zone.spec, fleet="other", data_centers=("us/b",)))}
    before = dict(served.objects)
    plan = served.run(50)
    assert served.objects == before
    assert plan.again_after <= 5
    served.led = {"shop": "other"}
    plan = served.run(int(LINGER_SECONDS) + 2)
    assert (plan.secrets, plan.state, plan.keep) == (None, None, frozenset())


def test_the_former_fleet_lets_go_a_while_after_the_service_leads_elsewhere(left):
    left.step()
    left.led = {"shop": "other"}
    left.run(int(LINGER_SECONDS) - 1)
    assert left.part("shop") is not None
    left.run(3)
    assert left.part("shop") is None
    assert left.part("blog") is not None


def test_a_host_that_another_zone_has_now_is_given_up_also_by_a_zone_that_leaves(left, new_zone):
    left.zones["thief"] = new_zone("thief", created="2025-01-01T00:00:00Z", hosts=["shop.example.com"])
    left.run(3)
    assert left.part("shop") is None


def test_the_new_fleet_takes_the_service_over_once_it_can_serve_the_zone(entered):
    entered.stuck = {("lower", "us/b")}
    entered.run(30)
    assert fleet_of_edge(entered) == "former"
    entered.stuck = set()
    for _ in range(30):
        if fleet_of_edge(entered) == "default":
            break
        entered.step()
    assert fleet_of_edge(entered) == "default"
    assert entered.condition("Ready") == ("True", "Serving")
    assert {tier for tier in ("lower", "upper") if entered.running(tier)} == {"lower", "upper"}


@pytest.mark.parametrize("what", ["deaf", "refused", "paused"])
def test_the_new_fleet_leaves_the_service_where_it_leads_while_it_cannot_serve(entered, new_zone, what):
    if what == "deaf":
        entered.deaf = {"upper"}
    elif what == "refused":
        entered.change(placement={"dataCenters": ["mars"]})
    else:
        entered.change(paused=True)
    entered.run(60)
    assert fleet_of_edge(entered) == "former"
    assert EDGE in make_plan(entered.world()).keep


def test_once_taken_over_the_service_is_not_given_back_for_a_pod_that_is_lost(entered):
    entered.run(20)
    entered.led = {}
    entered.stuck = {("lower", "us/b")}
    entered.pods = {name: held for name, held in entered.pods.items() if held[0].data_center != "us/b"}
    entered.run(5)
    assert entered.condition("Ready")[0] == "False"
    assert fleet_of_edge(entered) == "default"
