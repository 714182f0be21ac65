"""make_plan, followed in time on a cluster of values."""

import json
import random
from dataclasses import replace

from shield_operator.core.decode_fleet import BUILT_IN, fleet_object
from shield_operator.core.planning import make_plan


def test_a_new_zone_is_served_after_a_few_plans(cluster):
    cluster.run(10)
    assert cluster.condition("Ready") == ("True", "Serving")
    assert cluster.condition("Reconciling") == ("False", "UpToDate")
    assert cluster.order() == ("eu/a", "eu/b")
    assert cluster.running("lower") == {"eu/a", "eu/b", "us/a", "us/b"}
    assert cluster.running("upper") == {"eu/a", "eu/b"}
    assert cluster.running("redis") == {"eu/a", "eu/b", "us/a", "us/b"}


def test_a_settled_fleet_changes_nothing(served):
    before = (served.record, served.zones["shop"].status, dict(served.objects))
    served.happenings.clear()
    plan = served.run(100)
    assert (served.record, served.zones["shop"].status, served.objects) == before
    assert served.happenings == []
    assert plan.again_after == 10


def test_the_plan_does_not_depend_on_the_order_of_what_is_observed(served, new_zone):
    served.zones["blog"] = new_zone("blog", created="2026-01-02T00:00:00Z")
    served.run(3)
    served.milliseconds = {"eu/a": 100.0, "eu/b": 90.0, "us/a": 8.0, "us/b": 8.0}
    served.run(2)
    world = served.world()
    expected = make_plan(world)
    for seed in range(10):
        rng = random.Random(seed)
        mixed = {
            name: tuple(rng.sample(getattr(world, name), len(getattr(world, name))))
            for name in ("zones", "nodes", "claims", "workloads", "pods")
        }
        assert make_plan(replace(world, **mixed)) == expected


def test_a_zone_never_changes_a_pod_template(served, new_zone):
    before = {ident: obj["spec"]["template"] for ident, obj in served.objects.items() if ident[0] == "Deployment"}
    served.zones["blog"] = new_zone("blog", created="2026-01-02T00:00:00Z")
    served.change(hosts=["shop.example.com", "www.example.com"])
    served.run(5)
    after = {ident: obj["spec"]["template"] for ident, obj in served.objects.items() if ident[0] == "Deployment"}
    assert before == after


def test_a_fleet_without_zones_needs_nothing(served):
    served.zones["shop"] = replace(served.zones["shop"], deleting=True)
    plan = make_plan(served.world())
    assert (plan.secrets, plan.state, plan.objects, plan.keep, dict(plan.statuses)) == (None, None, (), frozenset(), {})


def test_a_deleted_zone_of_a_shared_fleet_leaves_the_state_and_the_owners(served, new_zone):
    served.zones["blog"] = new_zone("blog", created="2026-01-02T00:00:00Z")
    served.run(3)
    served.zones["shop"] = replace(served.zones["shop"], deleting=True)
    plan = make_plan(served.world())
    assert [zone.name for zone in plan.state.zones] == ["blog"]
    owners = {owner["name"] for obj in plan.objects for owner in obj["metadata"]["ownerReferences"]}
    assert owners == {"blog"}


def test_a_data_centre_whose_node_goes_leaves_objects_state_and_status(served):
    del served.nodes["node-us/b"]
    served.run(2)
    assert "us/b" not in served.running("lower")
    assert [dc.key for dc in served.record.state.data_centers] == ["eu/a", "eu/b", "us/a"]
    assert [entry["name"] for entry in served.zones["shop"].status["dataCenters"]] == ["eu/a", "eu/b", "us/a"]
    assert ("shop", "DataCenterGone") in served.happenings
    assert served.condition("Ready") == ("True", "Serving")


def test_a_new_node_brings_its_data_centre(served):
    served.add_node("ap/a")
    served.run(3)
    assert "ap/a" in served.running("lower")
    assert ("shop", "DataCenterAdded") in served.happenings
    assert served.condition("Ready") == ("True", "Serving")


def test_a_node_that_is_not_ready_keeps_its_data_centre_but_no_upper_tier(served):
    served.add_node("eu/a", name="node-eu/a", ready=False)
    served.run(5)
    assert "eu/a" in served.running("lower")
    assert served.order()[0] == "eu/b"
    assert served.upper()["reason"] == "Vanished"
    assert served.condition("Ready") == ("True", "Serving")
    assert served.condition("Degraded") == ("True", "PodsUnavailable")


def test_zones_of_one_fleet_are_placed_in_the_union_of_their_placements(cluster, new_zone):
    cluster.zones = {
        "shop": new_zone("shop", placement={"dataCenters": ["eu/a"]}),
        "blog": new_zone("blog", created="2026-01-02T00:00:00Z", placement={"dataCenters": ["us"]}),
    }
    cluster.run(10)
    assert cluster.running("lower") == {"eu/a", "us/a", "us/b"}
    assert cluster.order("shop") == ("eu/a",)
    assert cluster.order("blog") == ("us/a", "us/b")
    assert [entry["name"] for entry in cluster.zones["shop"].status["dataCenters"]] == ["eu/a"]


def test_the_secrets_are_named_and_kept(served):
    plan = make_plan(served.world())
    names = {*plan.secrets.certificates.values(), plan.secrets.redis}
    assert len(names) == 3
    assert {("Secret", name) for name in names} <= plan.keep
    assert {("ConfigMap", name) for name in plan.record_objects} <= plan.keep


def test_everything_applied_is_kept_and_owned(served):
    plan = make_plan(served.world())
    for obj in plan.objects:
        assert (obj["kind"], obj["metadata"]["name"]) in plan.keep
        assert [owner["uid"] for owner in obj["metadata"]["ownerReferences"]] == ["uid-shop"]
        assert obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "shield-operator"


def test_what_goes_to_the_api_server_is_json(served):
    served.fleet = fleet_object({"metadata": {"uid": "f", "generation": 1}, "spec": {}}, BUILT_IN)
    plan = make_plan(served.world())
    for body in (*plan.objects, *plan.statuses.values(), plan.fleet_status):
        assert json.loads(json.dumps(body)) == body
