"""What can't be honoured: the reason, and that what was served before is served on."""

from dataclasses import replace

import pytest

from shield_operator.core import naming
from shield_operator.core.decode_fleet import BUILT_IN, fleet_object
from shield_operator.core.planning import make_plan
from shield_operator.core.world import Claim

OLD, NEW = "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def rival(host="shop.example.com", created=OLD, uid="uid-other"):
    return Claim(host, uid, "elsewhere", "older", created)


def ready(cluster, zone="shop"):
    found = next(c for c in cluster.zones[zone].status["conditions"] if c["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def test_a_host_of_an_older_zone_in_another_namespace_is_refused_and_named(cluster):
    cluster.rivals = (rival(),)
    cluster.run(3)
    status, reason, message = ready(cluster)
    assert (status, reason) == ("False", "HostConflict")
    assert "shop.example.com" in message
    assert "elsewhere/older" in message
    assert cluster.part() is None
    assert cluster.happenings.count(("shop", "HostConflict")) == 1


@pytest.mark.parametrize(
    ("created", "uid", "wins"),
    [(NEW, "a", True), (OLD, "z", False), ("2026-01-01T00:00:00Z", "z", True), ("2026-01-01T00:00:00Z", "a", False)],
)
def test_the_oldest_wins_then_the_lower_uid(cluster, created, uid, wins):
    cluster.rivals = (rival(created=created, uid=uid),)
    cluster.run(3)
    assert (cluster.part() is not None) is wins


def test_a_zone_that_loses_one_of_its_hosts_serves_the_others_as_before(cluster):
    cluster.change(hosts=["shop.example.com", "www.example.com"])
    cluster.run(10)
    cluster.rivals = (rival("www.example.com"),)
    cluster.change(hosts=["shop.example.com", "www.example.com", "new.example.com"])
    cluster.run(2)
    assert ready(cluster)[1] == "HostConflict"
    assert cluster.part().hosts == ("shop.example.com",)
    assert cluster.order() == ("eu/a", "eu/b")


def test_a_host_that_a_zone_gave_up_goes_to_the_one_that_waits_in_the_same_generation(served, new_zone):
    served.zones["blog"] = new_zone("blog", created=NEW, hosts=["shop.example.com"])
    served.run(3)
    assert served.condition("Ready", "blog") == ("False", "HostConflict")
    served.change(hosts=["other.example.com"])
    served.step()
    assert {zone.name: zone.hosts for zone in served.record.state.zones} == {
        "shop": ("other.example.com",),
        "blog": ("shop.example.com",),
    }


def test_a_deleted_zone_gives_its_hosts_up(served, new_zone):
    served.zones["blog"] = new_zone("blog", created=NEW, hosts=["shop.example.com"])
    served.run(2)
    served.zones["shop"] = replace(served.zones["shop"], deleting=True)
    served.step()
    assert [(zone.name, zone.hosts) for zone in served.record.state.zones] == [("blog", ("shop.example.com",))]


def test_a_host_is_never_served_by_two_zones_of_a_fleet_even_if_the_one_that_lost_it_is_broken(served, new_zone):
    served.change(hosts=["a.example.com"], placement={"dataCenters": ["mars"]})
    served.zones["blog"] = new_zone("blog", created=NEW, hosts=["shop.example.com"])
    served.run(2)
    assert served.condition("Ready", "shop") == ("False", "UnknownDataCenter")
    assert [(zone.name, zone.hosts) for zone in served.record.state.zones] == [("blog", ("shop.example.com",))]


def test_an_unknown_data_centre_is_named_and_nothing_changes(served):
    before = served.record
    served.change(hosts=["new.example.com"], placement={"dataCenters": ["eu", "mars/base"]})
    served.run(3)
    status, reason, message = ready(served)
    assert (status, reason) == ("False", "UnknownDataCenter")
    assert "mars/base" in message
    assert served.record == before
    assert served.running("lower") == {"eu/a", "eu/b", "us/a", "us/b"}


def test_an_invalid_spec_is_named_and_nothing_changes(served):
    before = (served.record, dict(served.objects))
    served.change(origins=[])
    served.run(3)
    assert ready(served)[:2] == ("False", "InvalidSpec")
    assert "spec.origins" in ready(served)[2]
    assert (served.record, served.objects) == before


def test_a_broken_zone_still_follows_the_way_to_its_origin(served):
    served.change(origins=[])
    served.milliseconds["eu/a"] = None
    served.run(5)
    assert served.order()[0] == "eu/b"


def test_an_origin_that_never_resolved_is_refused(cluster):
    cluster.errors = {("uid-shop", "main"): "no such name"}
    cluster.run(3)
    status, reason, message = ready(cluster)
    assert (status, reason) == ("False", "OriginUnresolvable")
    assert "spec.origins[0].address" in message
    assert "origin.example.com" in message
    assert cluster.part() is None


def test_an_origin_that_did_resolve_once_is_a_condition_only(served):
    served.errors = {("uid-shop", "main"): "no such name"}
    served.run(3)
    assert served.condition("Ready") == ("True", "Serving")
    assert served.condition("OriginUnresolvable") == ("True", "NotResolved")
    assert served.happenings.count(("shop", "OriginUnresolvable")) == 1


def test_a_change_to_an_origin_that_does_not_resolve_keeps_the_one_before(served):
    served.errors = {("uid-shop", "main"): "no such name"}
    served.change(origins=[{"name": "main", "address": "typo.example.com"}])
    served.run(3)
    assert ready(served)[:2] == ("False", "OriginUnresolvable")
    assert served.part().origins[0].host == "origin.example.com"


def test_without_labelled_nodes_the_message_names_the_labels(cluster):
    cluster.nodes = {}
    cluster.run(2)
    status, reason, message = ready(cluster)
    assert (status, reason) == ("False", "NoNodes")
    assert "topology.kubernetes.io/region" in message


def test_nodes_that_lose_their_labels_all_at_once_take_nothing_away(served):
    before, record, nodes = dict(served.objects), served.record, dict(served.nodes)
    served.nodes = {}
    served.run(3)
    assert ready(served)[:2] == ("False", "NoNodes")
    assert (served.objects, served.record) == (before, record)
    served.nodes = nodes
    served.run(3)
    assert ready(served)[:2] == ("True", "Serving")
    assert served.record == record


def test_a_service_that_the_api_server_refused_is_no_ready_zone(served):
    name = naming.edge("shop")
    why = "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"
    plan = make_plan(replace(served.world(), refusals={("Service", name): why}))
    found = next(c for c in plan.statuses["shop"]["conditions"] if c["type"] == "Ready")
    assert (found["status"], found["reason"]) == ("False", "ServiceRefused")
    assert "spec.exposure" in found["message"]
    assert why in found["message"]
    assert [event.reason for event in plan.happenings] == ["ServiceRefused"]


def test_an_invalid_fleet_leaves_what_runs(served):
    before = dict(served.objects)
    body = {"metadata": {"uid": "uid-fleet", "generation": 1}, "spec": {"lower": {"replicas": 0}}}
    served.fleet = fleet_object(body, BUILT_IN)
    served.run(3)
    assert ready(served)[:2] == ("False", "InvalidFleet")
    assert "spec.lower.replicas" in ready(served)[2]
    assert served.objects == before
    assert served.fleet.status["conditions"][0]["reason"] == "InvalidSpec"


def test_a_paused_zone_keeps_its_configuration_and_its_service(served):
    before = served.record
    served.change(hosts=["new.example.com"], exposure={"port": 8080}, paused=True)
    served.run(3)
    assert served.record == before
    service = next(obj for (kind, name), obj in served.objects.items() if kind == "Service" and "-edge-" in name)
    assert service["spec"]["ports"][0]["port"] == 80
    assert served.condition("Ready") == ("True", "Serving")
    assert served.condition("Reconciling") == ("False", "Paused")
    served.change(hosts=["new.example.com"], exposure={"port": 8080})
    served.run(3)
    assert served.part().hosts == ("new.example.com",)


def test_a_paused_zone_keeps_its_upper_tier(served):
    served.change(paused=True)
    served.milliseconds["eu/a"] = None
    served.run(60)
    assert served.order() == ("eu/a", "eu/b")


def test_a_zone_paused_from_the_start_is_not_served(cluster):
    cluster.change(paused=True)
    cluster.run(3)
    assert cluster.part() is None
    assert cluster.condition("Ready") == ("False", "Paused")
    cluster.change()
    cluster.run(10)
    assert cluster.condition("Ready") == ("True", "Serving")


def test_a_paused_zone_that_was_served_survives_a_lost_record(served):
    served.change(paused=True)
    served.record = None
    served.run(3)
    assert served.order() == ("eu/a", "eu/b")
    assert served.condition("Ready") == ("True", "Serving")
