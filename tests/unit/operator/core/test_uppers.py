"""Upper tiers in time: what pods are told, and what the status says, when the way to the origin changes."""

from dataclasses import replace

NEAR_US = {"eu/a": 80.0, "eu/b": 90.0, "us/a": 5.0, "us/b": 9.0}


def test_the_status_says_which_data_centre_how_fast_and_why(served):
    entry = served.upper()
    assert (entry["dataCenter"], entry["runnerUp"], entry["latencyMilliseconds"], entry["reason"]) == (
        "eu/a",
        "eu/b",
        5.0,
        "Measured",
    )
    assert served.zones["shop"].status["summary"]["upper"] == "eu/a"


def test_a_move_happens_after_the_hold_with_its_reason(served):
    served.milliseconds = NEAR_US
    served.run(29)
    assert served.upper()["dataCenter"] == "eu/a"
    served.run(10)
    entry = served.upper()
    assert (entry["dataCenter"], entry["reason"], entry["latencyMilliseconds"]) == ("us/a", "Closer", 5.0)
    assert served.order()[0] == "us/a"
    assert served.happenings.count(("shop", "Reassigned")) == 1


def test_after_a_move_only_assigned_and_runner_up_keep_upper_pods(served):
    served.milliseconds = NEAR_US
    served.run(90)
    assert served.order() == ("us/a", "us/b")
    assert served.running("upper") == {"us/a", "us/b"}


def test_the_old_upper_tier_serves_until_the_new_one_is_ready(served):
    served.milliseconds = NEAR_US
    served.stuck = {("upper", "us/a")}
    served.run(60)
    assert served.upper()["dataCenter"] == "us/a"
    assert served.order()[:2] == ("eu/a", "us/a")
    assert served.zones["shop"].status["summary"]["upper"] == "eu/a"
    assert served.condition("Reconciling") == ("True", "Reassigning")
    assert served.condition("Ready") == ("True", "Serving")
    served.stuck = set()
    served.run(5)
    assert served.order()[0] == "us/a"
    assert served.condition("Reconciling") == ("False", "UpToDate")


def test_the_old_upper_tier_keeps_its_pods_until_every_lower_pod_knows_of_the_move(served):
    served.milliseconds = NEAR_US
    served.run(30)
    served.deaf = {"lower"}
    served.run(60)
    assert served.order()[0] == "us/a"
    assert "eu/a" in served.running("upper")
    served.deaf = set()
    served.run(5)
    assert "eu/a" not in served.running("upper")


def test_every_data_centre_in_the_order_has_upper_pods_and_once_one_is_ready_a_service(served):
    for milliseconds in (NEAR_US, {"eu/a": 5.0, "us/b": 7.0}, {"eu/b": 3.0, "eu/a": None, "us/a": 50.0}):
        served.milliseconds = milliseconds
        for _ in range(100):
            served.step()
            uppers = {dc.key for dc in served.record.state.data_centers if "upper" in dc.services}
            assert set(served.order()) | uppers <= served.running("upper")
        served.run(3)
        uppers = {dc.key for dc in served.record.state.data_centers if "upper" in dc.services}
        assert uppers == served.running("upper")


def test_an_origin_that_only_others_reach_moves_at_once_to_the_runner_up(served):
    served.milliseconds["eu/a"] = None
    served.run(2)
    assert (served.order()[0], served.upper()["reason"]) == ("eu/b", "Unreachable")


def test_an_unreachable_origin_is_assigned_in_order_after_the_patience_and_confirmed_when_it_returns(cluster):
    cluster.milliseconds = dict.fromkeys(cluster.milliseconds)
    cluster.run(14)
    assert cluster.order() == ()
    assert cluster.condition("Ready") == ("False", "Assigning")
    cluster.run(10)
    assert (cluster.order()[0], cluster.upper()["reason"]) == ("eu/a", "NotMeasured")
    assert "latencyMilliseconds" not in cluster.upper()
    cluster.milliseconds = {"eu/a": 5.0, "eu/b": 6.0}
    cluster.run(2)
    assert (cluster.upper()["reason"], cluster.upper()["latencyMilliseconds"]) == ("Measured", 5.0)


def test_a_lost_status_keeps_the_assignment_of_the_record(served):
    before = served.order()
    served.zones["shop"] = replace(served.zones["shop"], status={})
    served.run(3)
    assert served.order() == before
    assert served.upper()["dataCenter"] == "eu/a"


def test_a_lost_record_keeps_the_assignment_of_the_status(served):
    served.milliseconds = {"eu/a": 9.0, "eu/b": 5.5}
    generation = served.record.generation
    served.record = None
    served.run(3)
    assert served.order() == ("eu/a", "eu/b")
    assert served.record.generation > generation


def test_a_forged_status_does_not_move_the_upper_tier(served):
    entry = {**served.upper(), "dataCenter": "us/b"}
    served.zones["shop"] = replace(served.zones["shop"], status={**served.zones["shop"].status, "upperTiers": [entry]})
    served.run(3)
    assert served.upper()["dataCenter"] == "eu/a"


def test_each_origin_has_its_own_upper_tier(cluster, new_zone):
    origins = [{"name": "main", "address": "a.example.com"}, {"name": "images", "service": {"name": "images"}}]
    cluster.zones = {"shop": new_zone("shop", origins=origins)}
    cluster.run(10)
    assert [entry["backend"] for entry in cluster.zones["shop"].status["upperTiers"]] == ["main", "images"]
    assert cluster.part().origins[1].host == "images.shop.svc"


def test_a_runner_up_has_one_pod_and_gets_all_before_it_is_first(served):
    served.replicas = 3
    served.run(30)
    sizes = {
        obj["metadata"]["annotations"]["smartshield.io/data-center"]: obj["spec"]["replicas"]
        for (kind, name), obj in served.objects.items()
        if kind == "Deployment" and "-upper-" in name
    }
    assert sizes == {"eu/a": 3, "eu/b": 1}
    served.milliseconds = {"eu/a": 50.0, "eu/b": 5.0}
    served.stuck = {("upper", "eu/b")}
    served.run(40)
    assert (served.upper()["dataCenter"], served.order()[0]) == ("eu/b", "eu/a")
    served.stuck = set()
    served.run(3)
    assert served.order() == ("eu/b", "eu/a")
