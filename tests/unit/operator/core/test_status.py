"""What a zone's status says, and when it changes."""

from shield_operator.core.conditions import Finding, set_conditions
from shield_operator.core.status import GRACE_SECONDS


def test_a_transition_time_moves_only_with_the_status():
    first = set_conditions({}, [Finding("Ready", False, "Waiting")], 1, "t1")
    second = set_conditions({"conditions": first}, [Finding("Ready", False, "Other", "more")], 2, "t2")
    third = set_conditions({"conditions": second}, [Finding("Ready", True, "Serving")], 2, "t3")
    assert [c["lastTransitionTime"] for c in (*first, *second, *third)] == ["t1", "t1", "t3"]
    assert second[0]["observedGeneration"] == 2


def test_the_first_condition_says_what_is_waited_for(cluster):
    cluster.step()
    assert cluster.condition("Ready") == ("False", "PodsNotReady")
    assert cluster.condition("Reconciling") == ("True", "Starting")
    assert cluster.condition("Degraded") == ("False", "NotServed")


def test_a_zone_is_ready_only_when_every_data_centre_and_tier_has_a_pod_that_knows_it(cluster):
    cluster.stuck = {("lower", "us/b")}
    cluster.run(20)
    assert cluster.condition("Ready") == ("False", "PodsNotReady")
    cluster.stuck = set()
    cluster.run(3)
    assert cluster.condition("Ready") == ("True", "Serving")
    assert cluster.zones["shop"].status["pods"] == "6/6"


def test_a_new_spec_is_not_called_ready_before_pods_acknowledge_it(served):
    served.deaf = {"lower"}
    served.change(hosts=["new.example.com"])
    served.run(3)
    ready = served.zones["shop"].status["conditions"][0]
    assert (ready["status"], ready["observedGeneration"]) == ("True", 1)
    assert served.zones["shop"].status["observedGeneration"] == 2
    assert served.condition("Reconciling") == ("True", "Propagating")
    served.run(int(GRACE_SECONDS) + 2)
    assert served.condition("Ready") == ("False", "NotAcknowledged")
    served.deaf = set()
    served.run(3)
    ready = served.zones["shop"].status["conditions"][0]
    assert (ready["status"], ready["observedGeneration"]) == ("True", 2)


def test_a_change_does_not_make_a_ready_zone_flap(served):
    before = served.zones["shop"].status["conditions"][0]["lastTransitionTime"]
    served.happenings.clear()
    for i in range(5):
        served.change(hosts=[f"h{i}.example.com"])
        served.run(2)
    assert served.zones["shop"].status["conditions"][0]["lastTransitionTime"] == before
    assert served.happenings == []


def test_the_loss_of_one_of_two_pods_degrades_only(served):
    served.replicas = 2
    served.run(10)
    assert served.condition("Degraded") == ("False", "Complete")
    name = next(name for name, (pod, _) in served.pods.items() if pod.tier == "lower")
    served.stuck = {("lower", served.pods[name][0].data_center)}
    del served.pods[name]
    served.run(2)
    assert served.condition("Ready") == ("True", "Serving")
    assert served.condition("Degraded") == ("True", "PodsUnavailable")
    served.stuck = set()
    served.run(2)
    assert served.happenings[-2:] == [("shop", "Degraded"), ("shop", "Recovered")]


def test_the_acknowledged_generation_follows_the_state(served):
    assert served.zones["shop"].status["generations"] == {
        "state": served.part().generation,
        "acknowledged": served.part().generation,
    }
    served.deaf = {"upper"}
    before = served.part().generation
    served.change(hosts=["new.example.com"])
    served.run(3)
    found = served.zones["shop"].status["generations"]
    assert (found["acknowledged"], found["state"]) == (before, served.part().generation)


def test_the_endpoints_are_those_of_the_zones_service(served):
    assert served.zones["shop"].status["endpoints"] == [
        {
            "address": "shield-edge-shop-e2cb95ef.shop.svc",
            "clusterIP": "10.0.0.1",
            "port": 80,
            "scheme": "http",
            "nodePort": 30080,
        }
    ]


def test_the_data_centres_show_their_pods_and_role(served):
    assert served.zones["shop"].status["dataCenters"] == [
        {"name": "eu/a", "region": "eu", "zone": "a", "lower": "1/1", "upper": "1/1", "upperRole": "Assigned"},
        {"name": "eu/b", "region": "eu", "zone": "b", "lower": "1/1", "upper": "1/1", "upperRole": "Standby"},
        {"name": "us/a", "region": "us", "zone": "a", "lower": "1/1"},
        {"name": "us/b", "region": "us", "zone": "b", "lower": "1/1"},
    ]


def test_the_summary_counts_further_hosts(served):
    served.change(hosts=["a.example.com", "b.example.com", "c.example.com"])
    served.run(2)
    assert served.zones["shop"].status["summary"] == {"upper": "eu/a", "hosts": "a.example.com +2"}


def test_each_event_is_told_once(served):
    served.run(30)
    assert served.happenings == [("shop", "Assigned"), ("shop", "ZoneReady")]


def test_a_lost_data_centre_makes_the_zone_not_ready_and_says_where(served):
    served.stuck = {("lower", "us/a")}
    served.pods = {name: held for name, held in served.pods.items() if held[0].data_center != "us/a"}
    served.run(2)
    assert served.condition("Ready") == ("False", "PodsNotReady")
    assert served.condition("Degraded") == ("True", "PodsUnavailable")
    assert ("shop", "ZoneNotReady") in served.happenings


def test_a_zone_without_any_usable_node_is_not_ready(served):
    for key in ("eu/a", "eu/b", "us/a", "us/b"):
        served.add_node(key, ready=False)
    served.run(3)
    assert served.condition("Ready") == ("False", "PodsNotReady")
    assert served.order()[0] == "eu/a"
    for key in ("eu/a", "eu/b", "us/a", "us/b"):
        served.add_node(key)
    served.run(3)
    assert served.condition("Ready") == ("True", "Serving")
    assert served.order()[0] == "eu/a"


def test_a_zone_is_ready_only_when_lower_pods_know_where_its_upper_tier_is(cluster):
    cluster.stuck = {("upper", "eu/a")}
    cluster.run(10)
    cluster.stuck, cluster.deaf = set(), {"lower"}
    cluster.run(10)
    assert ("upper" in {tier for dc in cluster.record.state.data_centers for tier in dc.services}) is True
    assert cluster.condition("Ready")[0] == "False"
    cluster.deaf = set()
    cluster.run(2)
    assert cluster.condition("Ready") == ("True", "Serving")
