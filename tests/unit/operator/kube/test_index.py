"""The view of the cluster: what a change concerns, and that slow sources can't bring back the past."""

from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.health.world import ChecksKey
from shield_operator.core.world import FleetKey
from shield_operator.kube.index import TOMBSTONE_SECONDS, Index
from shield_operator.kube.kinds import CHECK, LEASE, NODE, SERVICE, ZONE, Kind

SHOP, EDGE = FleetKey("shop", "default"), FleetKey("shop", "edge")


def zone(name: str, *hosts: str, version: int = 1, generation: int = 1, fleet: str = "default", **more: Any) -> Any:
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "generation": generation,
        **more,
    }
    return {"metadata": metadata, "spec": {"hosts": list(hosts), "fleet": fleet}}


def service(name: str, version: int = 1, fleet: str = "default", **spec: Any) -> Any:
    labels = {naming.LABEL_FLEET: fleet}
    metadata = {"name": name, "namespace": "shop", "uid": "u", "resourceVersion": str(version), "labels": labels}
    return {"metadata": metadata, "spec": spec}


def names(index: Index, key: FleetKey, kind: Kind) -> list[str]:
    return [body["metadata"]["name"] for body in index.of_fleet(key, kind)]


def test_a_new_zone_concerns_its_fleet() -> None:
    assert Index().put(ZONE, zone("a", "a.example")) == {SHOP}


def test_a_zone_that_moves_concerns_the_fleet_it_leaves_and_the_one_it_joins() -> None:
    index = Index()
    index.put(ZONE, zone("a", "a.example"))
    assert index.put(ZONE, zone("a", "a.example", version=2, generation=2, fleet="edge")) == {SHOP, EDGE}
    assert (names(index, SHOP, ZONE), names(index, EDGE, ZONE)) == ([], ["a"])


def test_a_zone_concerns_every_fleet_that_wants_one_of_its_hosts_now_or_before() -> None:
    index = Index()
    index.put(ZONE, zone("a", "x.example"))
    assert index.put(ZONE, zone("b", "x.example", fleet="edge")) == {SHOP, EDGE}
    assert index.put(ZONE, zone("a", "y.example", version=2, generation=2)) == {SHOP, EDGE}
    assert index.put(ZONE, zone("a", "z.example", version=3, generation=3)) == {SHOP}


def test_rivals_are_zones_anywhere_that_share_a_host() -> None:
    index = Index()
    for name, host, fleet in (("a", "x.example", "default"), ("b", "x.example", "edge"), ("c", "y.example", "edge")):
        index.put(ZONE, zone(name, host, fleet=fleet))
    assert [body["metadata"]["name"] for body in index.rivals(SHOP)] == ["a", "b"]


def test_a_zone_departs_from_a_fleet_whose_service_or_record_still_speaks_of_it() -> None:
    index = Index()
    for name, fleet in (("here", "default"), ("gone", "edge"), ("recorded", "edge"), ("other", "edge")):
        index.put(ZONE, zone(name, f"{name}.example", fleet=fleet))
    index.put(ZONE, zone("dying", "d.example", fleet="edge", deletionTimestamp="now"))
    for name in ("here", "gone", "dying", "unknown"):
        edge = service(f"edge-{name}")
        edge["metadata"]["labels"][naming.LABEL_ZONE] = name
        index.put(SERVICE, edge)
    assert [body["metadata"]["name"] for body in index.departing(SHOP, {"here", "recorded"})] == ["gone", "recorded"]


def test_rivals_of_a_zone_that_departs_count_with_it() -> None:
    index = Index()
    index.put(ZONE, zone("a", "x.example", fleet="edge"))
    index.put(ZONE, zone("b", "x.example", fleet="third"))
    (gone,) = index.departing(SHOP, ["a"])
    assert [body["metadata"]["name"] for body in index.rivals(SHOP, [gone])] == ["a", "b"]


def test_an_older_version_never_replaces_a_newer_one() -> None:
    index = Index()
    index.put(SERVICE, service("s", version=10, port=2))
    assert index.put(SERVICE, service("s", version=9, port=1)) == frozenset()
    assert index.of_fleet(SHOP, SERVICE)[0]["spec"] == {"port": 2}


def test_what_was_deleted_is_not_brought_back_by_a_slower_source() -> None:
    index = Index()
    index.put(SERVICE, service("s"))
    assert index.drop(SERVICE, service("s", version=2)) == {SHOP}
    assert index.put(SERVICE, service("s", version=1)) == frozenset()
    assert not index.has(SHOP)


def test_what_only_lost_its_label_for_a_while_comes_back() -> None:
    index = Index()
    index.put(SERVICE, service("s"))
    index.drop(SERVICE, service("s", version=2))
    assert index.put(SERVICE, service("s", version=3)) == {SHOP}


def test_a_deletion_of_a_former_object_of_the_same_name_changes_nothing() -> None:
    index = Index()
    index.put(ZONE, zone("a", "x.example", version=5, uid="new"))
    assert index.drop(ZONE, zone("a", "x.example", version=9, uid="old")) == frozenset()
    assert names(index, SHOP, ZONE) == ["a"]


def test_deletions_are_not_remembered_for_ever() -> None:
    now = 0.0
    index = Index(lambda: now)
    index.drop(SERVICE, service("s"))
    now = TOMBSTONE_SECONDS + 1
    other = {"metadata": service("other")["metadata"] | {"uid": "v"}}
    index.drop(SERVICE, other)
    assert [index.knows_gone(body) for body in (service("s"), other)] == [False, True]


def test_a_change_of_a_node_concerns_every_fleet() -> None:
    index = Index()
    index.put(ZONE, zone("a", "a.example"))
    index.put(ZONE, zone("b", "b.example", fleet="edge"))
    body = {"metadata": {"name": "n", "uid": "n", "resourceVersion": "1"}, "spec": {}, "status": {}}
    assert index.put(NODE, body) == {SHOP, EDGE} == index.drop(NODE, body)


def test_a_service_restored_to_what_it_was_by_status_alone_concerns_nobody() -> None:
    index = Index()
    index.put(SERVICE, service("s", port=1))
    assert index.put(SERVICE, service("s", version=2, port=1)) == frozenset()
    assert index.put(SERVICE, service("s", version=3, port=2)) == {SHOP}


def test_a_child_whose_fleet_label_changes_leaves_its_fleet() -> None:
    index = Index()
    index.put(SERVICE, service("s"))
    assert index.put(SERVICE, service("s", version=2, fleet="edge")) == {SHOP, EDGE}
    assert (names(index, SHOP, SERVICE), names(index, EDGE, SERVICE)) == ([], ["s"])


def test_how_long_a_lease_was_silent_is_told_by_the_operators_clock() -> None:
    now = [100.0]
    index = Index(lambda: now[0])

    def renew(version: int, at: str) -> None:
        metadata = {"name": "probes", "namespace": "shop", "uid": "u", "resourceVersion": str(version)}
        index.put(LEASE, {"metadata": metadata, "spec": {"holderIdentity": "run", "renewTime": at}})

    renew(1, "2026-01-01T00:00:00Z")
    assert index.silence("shop", "probes") is None
    now[0] = 107.0
    renew(2, "2026-01-01T00:00:10Z")
    now[0] = 110.0
    assert index.silence("shop", "probes") == 3.0
    renew(3, "2026-01-01T00:00:10Z")
    assert index.silence("shop", "probes") == 3.0
    index.drop(LEASE, {"metadata": {"name": "probes", "namespace": "shop", "uid": "u", "resourceVersion": "4"}})
    assert index.silence("shop", "probes") is None


def test_a_lease_that_is_renewed_for_the_first_time_or_after_a_silence_is_news() -> None:
    """Whatever the clocks of those who renew it say."""
    now = [100.0]
    index = Index(lambda: now[0])

    def renew(version: int, at: str, holder: str = "run") -> object:
        labels = {"app.kubernetes.io/managed-by": "shield-operator", "app.kubernetes.io/component": "prober"}
        metadata = {"name": "p", "namespace": "shop", "uid": "u", "resourceVersion": str(version), "labels": labels}
        return index.put(LEASE, {"metadata": metadata, "spec": {"holderIdentity": holder, "renewTime": at}})

    checks = {ChecksKey("shop")}
    assert renew(1, "2026-01-01T00:00:00Z") == checks
    assert renew(2, "2026-01-01T00:00:01Z") == checks
    now[0] += 29
    assert renew(3, "2026-01-01T00:50:00Z") == frozenset()
    assert renew(4, "2026-01-01T00:00:02Z", "next") == frozenset()
    now[0] += 30
    assert renew(5, "2026-01-01T00:00:03Z") == checks


@pytest.mark.parametrize("holder", [None, "run"])
def test_a_lease_made_again_is_not_taken_for_a_renewal_of_the_one_before(holder: str | None) -> None:
    """Though nobody told that that one was deleted."""
    index = Index(lambda: 100.0)

    def put(version: int, uid: str, holder: str | None, at: str | None) -> None:
        metadata = {"name": "p", "namespace": "shop", "uid": uid, "resourceVersion": str(version)}
        index.put(LEASE, {"metadata": metadata, "spec": {"holderIdentity": holder, "renewTime": at}})

    put(1, "u", "run", "2026-01-01T00:00:00Z")
    put(2, "u", "run", "2026-01-01T00:00:01Z")
    assert index.silence("shop", "p") == 0.0
    put(3, "again", holder, None)
    assert index.silence("shop", "p") is None
    put(4, "again", "run", "2026-01-01T00:00:02Z")
    assert index.silence("shop", "p") == 0.0


def test_a_node_concerns_checks_too() -> None:
    index = Index()
    index.put(CHECK, {"metadata": {"name": "c", "namespace": "shop", "uid": "c", "resourceVersion": "1"}, "spec": {}})
    node = {"metadata": {"name": "n", "uid": "n", "resourceVersion": "1", "labels": {}}, "spec": {}, "status": {}}
    assert index.put(NODE, node) == {ChecksKey("shop")}


def check(name: str, version: int = 1, probes: Any = (), **status: Any) -> Any:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {}, "status": {"status": "Healthy", "probes": list(probes), **status}}


def checked(name: str, check: str, version: int = 1, fleet: str = "default", generation: int = 1) -> Any:
    body = zone(name, f"{name}.example", version=version, fleet=fleet, generation=generation)
    body["spec"]["origins"] = [{"name": "main", "healthCheck": check}, {"name": "other"}, "nonsense"]
    return body


def test_what_a_check_says_concerns_the_fleets_whose_zones_name_it() -> None:
    index = Index()
    for name, named, fleet in (("a", "origin", "default"), ("b", "origin", "edge"), ("c", "other", "third")):
        index.put(ZONE, checked(name, named, fleet=fleet))
    assert index.put(CHECK, check("origin")) == {ChecksKey("shop"), SHOP, EDGE}
    assert index.put(CHECK, check("origin", 2, status="Unhealthy")) == {SHOP, EDGE}
    assert index.put(CHECK, check("origin", 3, status="Unhealthy", failureReason="TCP Timeout")) == {SHOP, EDGE}
    assert index.put(CHECK, check("origin", 4, status="Unhealthy", failureReason="TCP Timeout", shard=1)) == frozenset()
    told = check("origin", 5, ["entry"], status="Unhealthy", failureReason="TCP Timeout", shard=1)
    assert index.put(CHECK, told) == {ChecksKey("shop")}
    assert index.drop(CHECK, check("origin", 6)) == {ChecksKey("shop"), SHOP, EDGE}


def test_a_zone_that_names_another_check_hears_of_that_one() -> None:
    index = Index()
    index.put(ZONE, checked("a", "before"))
    index.put(ZONE, checked("a", "after", version=2, generation=2))
    assert index.put(CHECK, check("before")) == {ChecksKey("shop")}
    assert index.put(CHECK, check("after")) == {ChecksKey("shop"), SHOP}
    index.drop(ZONE, checked("a", "after", version=3))
    assert index.put(CHECK, check("after", 2, status="Unhealthy")) == frozenset()


def test_a_check_of_another_namespace_concerns_nobody_else() -> None:
    index = Index()
    index.put(ZONE, checked("a", "origin"))
    body = check("origin")
    body["metadata"]["namespace"] = "blog"
    assert index.put(CHECK, body) == {ChecksKey("blog")}
