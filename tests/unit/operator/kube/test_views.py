"""Objects of the API server as values, and which changes of them matter."""

from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.health.world import ChecksKey, ProberLease, ProberPod
from shield_operator.core.world import CheckHealth, FleetKey, Node, Pod, Workload
from shield_operator.kube.kinds import (
    CHECK,
    CONFIG_MAP,
    DEPLOYMENT,
    FLEET,
    LEASE,
    NODE,
    OF_CHECKS,
    POD,
    SERVICE,
    ZONE,
)
from shield_operator.kube.probers import lease_of, prober_pod_of
from shield_operator.kube.views import (
    check_health_of,
    checks_named,
    edge_fleet_of,
    fingerprint,
    fleet_key_of,
    key_of,
    matters,
    node_of,
    pod_of,
    trim,
    workload_of,
)
from shield_proxy.config.checks.samples import SAMPLES
from shield_proxy.config.contract import Tier

REGION, ZONE_LABEL = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


def node(**labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "n1", "uid": "u", "resourceVersion": "1", "labels": labels},
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "x"}], "images": []},
    }


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "p1",
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "1",
            "labels": {naming.LABEL_FLEET: "default", naming.LABEL_TIER: "lower"},
            "annotations": {naming.ANNOTATION_DATA_CENTER: "eu/A.1", naming.ANNOTATION_TEMPLATE_HASH: "abc"},
        },
        "status": {"podIP": "10.1.0.7", "phase": "Running", **status},
    }


def test_a_node_is_known_by_its_region_and_zone() -> None:
    labels = {REGION: "eu", ZONE_LABEL: "A.1"}
    assert node_of(node(**labels), REGION, ZONE_LABEL) == Node("n1", "eu", "A.1", ready=True, schedulable=True)


def test_the_labels_that_make_a_data_centre_are_configurable() -> None:
    assert node_of(node(r="eu", z="a"), "r", "z") == Node("n1", "eu", "a", ready=True)


@pytest.mark.parametrize("labels", [{}, {REGION: "eu"}, {ZONE_LABEL: "a"}, {REGION: "", ZONE_LABEL: "a"}])
def test_a_node_without_both_labels_is_in_no_data_centre(labels: dict[str, str]) -> None:
    assert node_of(node(**labels), REGION, ZONE_LABEL) is None


def test_a_heartbeat_of_a_node_changes_no_plan_but_its_readiness_does() -> None:
    before = trim(NODE, node(**{REGION: "eu", ZONE_LABEL: "a"}))
    body = node(**{REGION: "eu", ZONE_LABEL: "a"})
    body["status"]["conditions"][0]["lastHeartbeatTime"] = "y"
    assert not matters(NODE, before, trim(NODE, body))
    body["status"]["conditions"][0]["status"] = "Unknown"
    assert matters(NODE, before, trim(NODE, body))


def test_a_pod_with_an_address_is_known_by_tier_and_data_centre() -> None:
    ready = pod(conditions=[{"type": "Ready", "status": "True"}])
    assert pod_of(ready) == Pod("p1", Tier.LOWER, "eu/A.1", "10.1.0.7", ready=True, template_hash="abc")


@pytest.mark.parametrize("status", [{"podIP": None}, {"podIP": ""}, {"phase": "Failed"}, {"phase": "Succeeded"}])
def test_pods_without_an_address_or_past_their_end_are_not_asked(status: dict[str, Any]) -> None:
    assert pod_of(pod(**status)) is None


def test_a_redis_pod_is_no_proxy() -> None:
    body = pod()
    body["metadata"]["labels"][naming.LABEL_TIER] = "redis"
    assert pod_of(body) is None


def test_what_is_remembered_of_pods_and_nodes_still_reads_the_same() -> None:
    ready = pod(conditions=[{"type": "Ready", "status": "True"}, {"type": "Other", "status": "True"}])
    assert pod_of(trim(POD, ready)) == pod_of(ready)
    labelled = node(**{REGION: "eu", ZONE_LABEL: "a"})
    assert node_of(trim(NODE, labelled), REGION, ZONE_LABEL) == node_of(labelled, REGION, ZONE_LABEL)


def test_a_deployment_is_a_workload() -> None:
    body = {
        "metadata": {
            "name": "d",
            "generation": 4,
            "labels": {naming.LABEL_TIER: "redis"},
            "annotations": {naming.ANNOTATION_DATA_CENTER: "eu/a", naming.ANNOTATION_TEMPLATE_HASH: "h"},
        },
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 4, "updatedReplicas": 2, "readyReplicas": 1},
    }
    assert workload_of(body) == Workload("d", "redis", "eu/a", "h", replicas=3, updated=2, ready=1, current=True)


def test_a_deployment_whose_annotations_were_removed_by_hand_is_none() -> None:
    assert workload_of({"metadata": {"name": "d", "labels": {naming.LABEL_TIER: "redis"}}}) is None


def zone(fleet: object) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "z"}, "spec": {"fleet": fleet}}


def test_objects_belong_to_fleets() -> None:
    labelled = {"metadata": {"namespace": "shop", "name": "c", "labels": {naming.LABEL_FLEET: "edge"}}}
    assert fleet_key_of(ZONE, zone("edge")) == FleetKey("shop", "edge")
    assert fleet_key_of(FLEET, {"metadata": {"namespace": "shop", "name": "edge"}}) == FleetKey("shop", "edge")
    assert fleet_key_of(CONFIG_MAP, labelled) == FleetKey("shop", "edge")
    assert fleet_key_of(NODE, {"metadata": {"name": "n", "labels": {naming.LABEL_FLEET: "edge"}}}.copy() | {}) is None


@pytest.mark.parametrize("fleet", [7, None, "Not A Label", ""])
def test_a_zone_with_an_impossible_fleet_is_refused_where_somebody_looks(fleet: object) -> None:
    assert fleet_key_of(ZONE, zone(fleet)) == FleetKey("shop", "default")


def test_a_status_written_by_the_operator_does_not_bring_the_zone_back() -> None:
    before = {"metadata": {"uid": "u", "generation": 1}, "status": {}}
    assert not matters(ZONE, before, {"metadata": {"uid": "u", "generation": 1}, "status": {"pods": "1/1"}})
    assert matters(ZONE, before, {"metadata": {"uid": "u", "generation": 2}})
    assert matters(ZONE, before, {"metadata": {"uid": "u", "generation": 1, "deletionTimestamp": "now"}})


def service(version: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": "s", "namespace": "shop", "resourceVersion": version, "managedFields": [version]}
    return {"metadata": metadata, "spec": {"ports": [80]}, **more}


def test_a_hand_edit_changes_the_fingerprint_and_bookkeeping_does_not() -> None:
    assert fingerprint(service("1")) == fingerprint(service("2", status={"x": 1}))
    assert fingerprint(service("1")) != fingerprint(service("1") | {"spec": {"ports": [81]}})


def test_a_deployment_that_becomes_ready_matters() -> None:
    before = trim(DEPLOYMENT, service("1"))
    assert matters(DEPLOYMENT, before, trim(DEPLOYMENT, service("2", status={"readyReplicas": 1})))
    assert not matters(SERVICE, before, trim(SERVICE, service("3")))


@pytest.mark.parametrize(
    ("label", "selected", "fleet"),
    [("old", "old", "old"), ("old", "stolen", None), ("stolen", "old", None), (None, None, None)],
)
def test_a_service_leads_to_the_fleet_that_label_and_selector_agree_on(
    label: str | None, selected: str | None, fleet: str | None
) -> None:
    labels, selector = ({naming.LABEL_FLEET: name} if name else {} for name in (label, selected))
    assert edge_fleet_of({"metadata": {"labels": labels}, "spec": {"selector": selector}}) == fleet


def lease(renewed: str | None, holder: str = "run-1", version: str = "1", **more: Any) -> dict[str, Any]:
    notes = {naming.ANNOTATION_DATA_CENTER: "eu/a", "smartshield.io/counters": renewed or "", SAMPLES: renewed or ""}
    metadata = {"name": "probes", "namespace": "shop", "uid": "u", "resourceVersion": version, "annotations": notes}
    return trim(LEASE, {"metadata": metadata, "spec": {"holderIdentity": holder, "renewTime": renewed, **more}})


def test_a_renewal_is_no_news_but_a_beginning_and_an_end_are() -> None:
    before = lease("2026-01-01T00:00:00.000000Z")
    assert not matters(LEASE, before, lease("2026-01-01T00:00:10.000000Z", version="2"))
    assert not matters(LEASE, before, lease("2026-01-01T00:00:10.000000Z", "run-2", "2"))
    assert matters(LEASE, before, lease("2026-01-01T00:00:10.000000Z", "", "2"))
    assert matters(LEASE, lease(None, ""), before)


def test_what_a_prober_writes_into_its_lease_is_nothing_that_the_operator_would_mend() -> None:
    assert fingerprint(lease(None, "")) == fingerprint(lease("2026-01-01T00:00:00.000000Z", leaseDurationSeconds=30))
    stolen = lease(None, "")
    stolen["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER] = "us/a"
    assert fingerprint(stolen) != fingerprint(lease(None, ""))


@pytest.mark.parametrize(("told", "count"), [("12", 12), ("", 0), ("x", 0), ("9" * 40, 0)])
def test_a_lease_tells_how_many_slots_were_missed_and_that_alone_is_no_news(told: str, count: int) -> None:
    metadata = {"name": "probes", "namespace": "shop", "uid": "u", "resourceVersion": "2"}
    before = trim(LEASE, {"metadata": metadata, "spec": {"holderIdentity": "run-1", "renewTime": None}})
    metadata = {**metadata, "annotations": {"smartshield.io/missed": told}}
    after = trim(LEASE, {"metadata": metadata, "spec": {"holderIdentity": "run-1", "renewTime": None}})
    assert lease_of(after, 1.0, 1000.0).missed == count
    assert not matters(LEASE, before, after)


def test_a_lease_is_heard_by_the_operators_clock_alone() -> None:
    for at in ("1970-01-01T00:00:00Z", "1970-01-01T00:16:39Z", "9999-12-31T00:00:00Z", "nonsense", None):
        assert lease_of(lease(at), 4.0, 1000.0) == ProberLease("probes", "run-1", 996.0)
        assert lease_of(lease(at), None, 1000.0) == ProberLease("probes", "run-1", 0.0)
    assert not lease_of(lease("1970-01-01T00:16:30.000000Z", ""), 4.0, 1000.0).lives(1000.0)


def test_of_a_checks_status_only_the_entries_of_data_centres_are_news() -> None:
    def check(version: str, **status: Any) -> dict[str, Any]:
        metadata = {"name": "c", "namespace": "shop", "uid": "u", "resourceVersion": version, "generation": 1}
        return {"metadata": metadata, "spec": {}, "status": status}

    entry = {"dataCenter": "eu/a", "health": "Healthy"}
    assert not matters(CHECK, check("1"), check("2", status="Healthy"))
    assert matters(CHECK, check("1"), check("2", probes=[entry]))
    assert matters(CHECK, check("1", probes=[entry]), check("2", probes=[{**entry, "health": "Unhealthy"}]))


def test_checks_and_what_runs_them_belong_to_their_namespace() -> None:
    labels = naming.prober_labels("eu/a", 3)
    body = {"metadata": {"namespace": "shop", "name": "x", "labels": labels}}
    assert key_of(CHECK, {"metadata": {"namespace": "shop", "name": "c"}}) == ChecksKey("shop")
    assert {key_of(kind, body) for kind in (*OF_CHECKS, POD)} == {ChecksKey("shop")}
    assert key_of(ZONE, zone("edge")) == FleetKey("shop", "edge")


def test_the_pod_of_a_run_is_known_by_its_labels() -> None:
    labels = naming.prober_labels("eu/a", 3)
    metadata = {"name": "p", "labels": labels, "creationTimestamp": "1970-01-01T00:01:00Z"}
    found = prober_pod_of({"metadata": metadata, "status": {"phase": "Pending"}})
    assert found == ProberPod("p", naming.data_center_label("eu/a"), 3, 60.0, waiting=True)
    running = prober_pod_of({"metadata": metadata, "status": {"phase": "Running"}})
    assert running is not None
    assert not running.waiting
    assert prober_pod_of({"metadata": {"name": "p", "labels": {**labels, naming.LABEL_SHARD: "x"}}}) is None


def test_a_check_says_how_its_origin_is_and_a_preview_says_nothing() -> None:
    metadata: dict[str, Any] = {"name": "c", "namespace": "shop"}
    assert check_health_of({"metadata": metadata}) == CheckHealth("Unknown")
    status = {"status": "Unhealthy", "failureReason": "TCP Timeout"}
    assert check_health_of({"metadata": metadata, "status": status}) == CheckHealth("Unhealthy", "TCP Timeout")
    preview = {**metadata, "annotations": {"smartshield.io/preview": "true"}}
    assert check_health_of({"metadata": preview, "status": status}) is None


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"origins": [{"healthCheck": "a"}, {"healthCheck": "b"}, {"name": "c"}]}, {"a", "b"}),
        ({"origins": [{"healthCheck": 7}, "x", None]}, set()),
        ({"origins": {"healthCheck": "a"}}, set()),
        ({}, set()),
        (None, set()),
    ],
)
def test_the_checks_that_a_zone_names_are_found_in_any_spec(spec: Any, named: set[str]) -> None:
    assert checks_named({"metadata": {}, "spec": spec}) == named
