"""What a health check brings into being, and what is made of what probers report, on a real API server. There are no
controllers and no nodes: the tests themselves are the probers."""

import datetime
import time
from collections.abc import Callable

import pytest

from bareapi import BareApi
from checkspace import CHILDREN, KINDS, MERGE, PLACES, Shop
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]


def test_a_check_brings_what_it_is_run_with_and_a_run_at_once(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    poll("runs begin", lambda: len(shop.found("Job")) == 2, 30)
    assert {kind: len(shop.found(kind)) for kind in CHILDREN} == {
        "CronJob": 2,
        "Lease": 2,
        "NetworkPolicy": 1,
        "Role": 2,
        "RoleBinding": 2,
        "ServiceAccount": 2,
    }
    status = poll("it has a status", shop.status, 30)
    assert (status["status"], status["dataCenters"], status["shard"]) == ("Unknown", sorted(PLACES), 0)
    for body in shop.found("Job").values():
        (owner,) = body["metadata"]["ownerReferences"]
        assert owner["uid"] == shop.found("CronJob")[owner["name"]]["metadata"]["uid"]
    (owner,) = shop.of("CronJob", "eu/a")["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("HealthCheck", "origin")

    def owned() -> bool:
        cron_job = shop.of("CronJob", "eu/a")["metadata"]["uid"]
        for kind in ("Lease", "Role", "RoleBinding", "ServiceAccount"):
            (owner,) = shop.of(kind, "eu/a")["metadata"]["ownerReferences"]
            assert owner["uid"] == cron_job, kind
        return True

    poll("what it is run with goes with the CronJobs", owned, 30)


def test_reports_make_a_verdict_and_its_events(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    poll("it is run", lambda: shop.condition("Ready") == ("True", "Probing"), 20)
    for key in PLACES:
        shop.report(key, "Healthy", roundTripMilliseconds=12.5)
    poll("both are counted", lambda: shop.status()["healthy"] == "2/2", 20)
    assert shop.condition("Healthy") == ("True", "Healthy")
    assert shop.status()["roundTrip"] == "12.5ms"
    shop.renew("eu/a")
    shop.renew("us/b")
    why = {"reason": "TCP connection failed", "detail": "203.0.113.7:80: refused"}
    shop.report("eu/a", "Unhealthy", **why)
    poll("its region is told", lambda: shop.status()["healthy"] == "1/2", 20)
    assert shop.status()["status"] == "Healthy"
    shop.report("us/b", "Unhealthy", **why)
    poll("it is unhealthy", lambda: shop.condition("Healthy") == ("False", "TCPConnectionFailed"), 20)
    assert shop.status()["failureReason"] == "TCP connection failed"
    assert {entry["dataCenter"] for entry in shop.status()["probes"]} == set(PLACES)

    def told() -> bool:
        events = shop.api.call("GET", f"/api/v1/namespaces/{shop.space}/events")["items"]
        return {"Healthy", "Unhealthy", "RegionUnhealthy"} <= {event["reason"] for event in events}

    poll("events tell of it", told, 10)


def test_who_falls_silent_has_no_vote_and_is_named(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    shop.report("us/b", "Unhealthy", reason="TCP Timeout")
    shop.report("eu/a", "Healthy")

    def only_us_is_heard() -> bool:
        shop.renew("us/b")
        return shop.condition("Ready") == ("False", "DataCenterSilent")

    poll("the silence is told", only_us_is_heard, 60, 3)
    poll("those who are heard decide", lambda: shop.status()["status"] == "Unhealthy", 10)


def test_renewals_cost_the_operator_no_write(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    for key in PLACES:
        shop.report(key, "Healthy")
    poll("it is healthy", lambda: shop.condition("Healthy")[0] == "True", 20)
    poll("all is as it stays", lambda: shop.condition("Ready")[0] == "True", 20)

    def versions() -> dict[str, str]:
        bodies = [(kind, body) for kind in CHILDREN if kind != "Lease" for body in shop.found(kind).values()]
        out = {f"{kind}/{body['metadata']['name']}": body["metadata"]["resourceVersion"] for kind, body in bodies}
        return {**out, "check": shop.api.call("GET", shop.path())["metadata"]["resourceVersion"]}

    before, began = versions(), datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for _ in range(4):
        for key in PLACES:
            shop.renew(key)
        time.sleep(3)
    assert versions() == before
    for key in PLACES:
        written = {each["manager"]: each["time"] for each in shop.of("Lease", key)["metadata"]["managedFields"]}
        assert written["shield-operator"] < began


@pytest.mark.usefixtures("policy")
def test_a_prober_writes_the_entry_of_its_own_data_centre_and_nothing_else(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    shop.report("us/b", "Healthy")
    poll("it has a verdict", lambda: shop.status()["status"] == "Healthy", 20)

    def refused() -> bool:
        with pytest.raises(AssertionError, match="own data centre alone, not of us/b"):
            shop.report("us/b", "Unhealthy", by="eu/a")
        return True

    poll("the policy is in force", lambda: refused() if _is_refused(shop) else False, 30)
    shop.report("eu/a", "Healthy")
    shop.report("eu/a", "Unhealthy", reason="TCP Timeout")
    for status in (
        {"status": "Unhealthy"},
        {
            "conditions": [
                {"type": "Healthy", "status": "False", "reason": "X", "message": "", "lastTransitionTime": NOW}
            ]
        },
        {"dataCenters": ["eu/c"]},
        {"shard": 7},
        {"lastChange": NOW, "probes": [{"dataCenter": "eu/a", "health": "Healthy"}]},
    ):
        with pytest.raises(AssertionError, match="may change nothing of a status but probes"):
            shop.write(status, "eu/a")
    with pytest.raises(AssertionError, match="own data centre alone"):
        shop.api.call("PATCH", shop.path(subresource="status"), {"status": {"probes": []}}, MERGE, shop.account("eu/a"))
    for path in (shop.path(), f"{KINDS['Lease'].format(shop.space)}/{shop.of('Lease', 'us/b')['metadata']['name']}"):
        with pytest.raises(AssertionError, match="403"):
            shop.api.call("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE, shop.account("eu/a"))
    assert {entry["dataCenter"] for entry in shop.status()["probes"]} == set(PLACES)


NOW = "2026-01-01T00:00:00Z"


def _is_refused(shop: Shop) -> bool:
    """A policy takes a moment to be in force."""
    try:
        shop.report("us/b", "Healthy", by="eu/a", detail="as if")
    except AssertionError:
        return True
    return False


def test_the_entry_of_a_data_centre_that_went_is_taken_out_and_the_others_stay_their_owners(
    api: BareApi, start: Start, shop: Shop
) -> None:
    start()
    shop.add()
    shop.probed()
    for key in PLACES:
        shop.report(key, "Healthy", code=200)
    poll("both report", lambda: shop.status().get("healthy") == "2/2", 20)
    labels = {"topology.kubernetes.io/region": None}
    try:
        api.merge(f"/api/v1/nodes/{PLACES['us/b']}", {"metadata": {"labels": labels}})
        poll("the entry is gone", lambda: [e["dataCenter"] for e in shop.status()["probes"]] == ["eu/a"], 30)
        poll("so is its prober", lambda: len(shop.found("CronJob")) == len(shop.found("Lease")) == 1, 30)
        shop.report("eu/a", "Healthy")
        assert "code" not in shop.status()["probes"][0]
    finally:
        api.merge(f"/api/v1/nodes/{PLACES['us/b']}", {"metadata": {"labels": {**labels, next(iter(labels)): "us"}}})


def test_a_check_that_goes_takes_everything_with_it(start: Start, shop: Shop) -> None:
    start()
    shop.add()
    shop.add("second")
    poll("there are probers", lambda: len(shop.found("Lease")) == 2, 30)
    shop.api.call("DELETE", shop.path("second"))
    poll("the other is its only owner", lambda: _owners(shop) == ["origin"], 30)
    shop.api.call("DELETE", shop.path())
    poll("nothing is left", lambda: not any(shop.found(kind) for kind in CHILDREN), 30)


def _owners(shop: Shop) -> list[str]:
    return [owner["name"] for owner in shop.of("CronJob", "eu/a")["metadata"]["ownerReferences"]]


def test_probers_are_told_the_addresses_of_the_shields_services_in_all_namespaces(
    start: Start, api: BareApi, shop: Shop
) -> None:
    elsewhere, path = f"{shop.space}-x"[-60:].strip("-"), "/api/v1/namespaces/{}/services"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": elsewhere}})
    labels = {"app.kubernetes.io/managed-by": "shield-operator", "app.kubernetes.io/component": "edge"}
    spec = {"ports": [{"port": 80}]}
    edge = api.call("POST", path.format(elsewhere), {"metadata": {"name": "edge", "labels": labels}, "spec": spec})
    headless = {"metadata": {"name": "tier", "labels": labels}, "spec": {**spec, "clusterIP": "None"}}
    api.call("POST", path.format(elsewhere), headless)
    foreign = api.call("POST", path.format(elsewhere), {"metadata": {"name": "origin"}, "spec": spec})
    start()
    shop.add()

    def told() -> set[str]:
        template = shop.of("CronJob", "eu/a")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        environment = {item["name"]: item.get("value", "") for item in template["containers"][0]["env"]}
        return set(environment.get("SHIELD_OWN_SERVICES", "").split(","))

    poll("there is a CronJob", lambda: shop.found("CronJob"), 30)
    assert edge["spec"]["clusterIP"] in told()
    assert foreign["spec"]["clusterIP"] not in told()
    assert "None" not in told()


def test_why_a_run_fails_is_told(start: Start, api: BareApi, shop: Shop) -> None:
    start()
    shop.add()
    poll("runs begin", lambda: len(shop.found("Job")) == 2, 30)
    job = next(job for job in shop.found("Job").values() if job["metadata"]["name"].startswith("shield-probes-eu-a"))
    template = job["spec"]["template"]
    pods = f"/api/v1/namespaces/{shop.space}/pods"
    metadata = {"name": "run", "labels": template["metadata"]["labels"]}
    api.call("POST", pods, {"metadata": metadata, "spec": template["spec"]})
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    state = {
        "name": "prober",
        "image": "x",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    api.merge(f"{pods}/run/status", {"status": {"phase": "Pending", "containerStatuses": [state]}})
    poll("it is told", lambda: shop.condition("Ready") == ("False", "ProbersFailing"), 20)
    (ready,) = [each for each in shop.status()["conditions"] if each["type"] == "Ready"]
    assert ready["message"].startswith("eu/a: ErrImagePull: no such image")


def test_a_lease_that_is_deleted_is_made_again_and_silences_nobody(start: Start, api: BareApi, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    for key in PLACES:
        shop.report(key, "Healthy")
    poll("it is healthy", lambda: shop.condition("Healthy") == ("True", "Healthy"), 20)
    shop.probed()
    jobs = shop.found("Job").keys()
    lease = shop.of("Lease", "eu/a")
    name, uid = lease["metadata"]["name"], lease["metadata"]["uid"]
    api.call("DELETE", f"{KINDS['Lease'].format(shop.space)}/{name}")
    poll("it is made again", lambda: shop.found("Lease").get(name, lease)["metadata"]["uid"] != uid, 10, 0.2)
    assert not (shop.of("Lease", "eu/a").get("spec") or {}).get("holderIdentity")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        assert shop.condition("Ready") == ("True", "Probing")
        assert shop.status()["healthy"] == "2/2"
        time.sleep(0.5)
    shop.renew("eu/a")
    assert shop.found("Job").keys() == jobs


def test_slots_that_nobody_probed_are_told_by_an_event(start: Start, api: BareApi, shop: Shop) -> None:
    start()
    shop.add()
    shop.probed()
    poll("it is run", lambda: shop.condition("Ready") == ("True", "Probing"), 20)
    lease = shop.of("Lease", "eu/a")["metadata"]["name"]
    path = f"{KINDS['Lease'].format(shop.space)}/{lease}"
    api.call("PATCH", path, {"metadata": {"annotations": {"smartshield.io/missed": "9"}}}, MERGE, shop.account("eu/a"))

    def told() -> bool:
        for key in PLACES:
            shop.renew(key)
        events = api.call("GET", f"/api/v1/namespaces/{shop.space}/events")["items"]
        found = [event for event in events if event["reason"] == "ProbesMissed"]
        return bool(found) and found[0]["involvedObject"]["kind"] == "CronJob" and "9 probes" in found[0]["message"]

    poll("it is told", told, 45, 2)
