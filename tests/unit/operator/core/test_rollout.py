"""New templates, one data centre at a time."""

from shield_operator.core.decode_fleet import BUILT_IN, fleet_object
from shield_operator.core.rollout import STALLED_SECONDS


def rolled(cluster):
    return [where for where, image in sorted(cluster.images().items()) if image == cluster.image]


def sequence(cluster, steps):
    """The order in which Deployments got the new image."""
    seen = []
    for _ in range(steps):
        cluster.step()
        seen += [where for where in rolled(cluster) if where not in seen]
    return seen


def test_the_order_is_lower_only_then_runner_up_then_the_assigned_one(served):
    served.image = "shield:2"
    assert sequence(served, 20) == [
        ("lower", "us/a"),
        ("lower", "us/b"),
        ("lower", "eu/b"),
        ("upper", "eu/b"),
        ("lower", "eu/a"),
        ("upper", "eu/a"),
    ]
    assert ("shop", "RolloutStarted") in served.happenings
    assert ("shop", "RolloutFinished") in served.happenings


def test_never_more_than_one_deployment_changes_in_a_plan(served):
    served.image = "shield:2"
    for _ in range(20):
        before = set(rolled(served))
        served.step()
        assert len(set(rolled(served)) - before) <= 1


def test_a_rollout_that_is_stuck_stops_there_and_says_so(served):
    served.image = "shield:2"
    served.stuck = {("lower", "us/b")}
    served.run(20)
    assert rolled(served) == [("lower", "us/a"), ("lower", "us/b")]
    assert served.condition("Ready") == ("True", "Serving")
    assert served.condition("Reconciling") == ("True", "RollingOut")
    assert served.condition("Stalled")[0] == "False"
    for _ in range(11):
        served.step(STALLED_SECONDS / 10)
    assert served.condition("Stalled") == ("True", "RolloutStuck")
    assert served.happenings.count(("shop", "RolloutStalled")) == 1
    served.stuck = set()
    served.run(20)
    assert len(rolled(served)) == 6
    assert served.condition("Stalled")[0] == "False"


def test_a_bad_image_is_replaced_by_a_good_one_where_it_got_stuck(served):
    served.image = "shield:bad"
    served.stuck = {("lower", "us/a")}
    served.run(5)
    served.image = "shield:3"
    served.stuck = set()
    served.run(20)
    assert set(served.images().values()) == {"shield:3"}


def test_pods_that_do_not_acknowledge_hold_the_rollout(served):
    served.image = "shield:2"
    served.deaf = {"lower"}
    served.run(20)
    assert rolled(served) == [("lower", "us/a")]


def test_more_replicas_come_everywhere_at_once(served):
    served.replicas = 2
    served.step()
    sizes = {
        obj["spec"]["replicas"]
        for (kind, name), obj in served.objects.items()
        if "-lower-" in name and kind == "Deployment"
    }
    assert sizes == {2}


def test_a_data_centre_without_a_usable_node_does_not_hold_the_rollout(served):
    served.add_node("us/a", name="node-us/a", ready=False)
    served.run(3)
    served.image = "shield:2"
    served.run(20)
    assert len(rolled(served)) == 6


def test_a_held_deployment_is_kept(served):
    served.image = "shield:2"
    plan = served.step()
    applied = {obj["metadata"]["name"] for obj in plan.objects if obj["kind"] == "Deployment"}
    kept = {name for kind, name in plan.keep if kind == "Deployment"}
    assert applied < kept
    assert len(kept) == 10


def test_the_fleets_own_events_come_on_the_fleet(served):
    served.fleet = fleet_object({"metadata": {"uid": "f", "generation": 1}, "spec": {}}, BUILT_IN)
    served.run(2)
    served.image = "shield:2"
    served.run(20)
    assert ("default", "RolloutStarted") in served.happenings
    assert served.fleet.status["lower"] == "4/4"
    assert served.fleet.status["upper"] == "2/2"


def test_a_zone_that_comes_during_a_rollout_is_made_an_owner_of_what_waits(served, new_zone):
    served.image = "shield:2"
    served.stuck = {("lower", "us/a")}
    served.run(3)
    served.zones["blog"] = new_zone("blog", created="2026-02-01T00:00:00Z")
    plan = served.step()
    assert len(plan.held) == 5
    assert {owner["name"] for owner in plan.secrets.owners} == {"shop", "blog"}
