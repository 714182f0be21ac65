"""From `kubectl apply` to cached answers in four data centres."""

import time

from localcluster import Cluster
from product import objects
from product.asking import ask, wan_changed
from product.install import Installed
from product.polling import poll

HOST = "shop.example.com"
NODES = ("ams", "fra", "iad", "sjc")


def fresh_path() -> str:
    """A path nobody has asked for."""
    return f"/cache/{time.time_ns()}?ttl=3600"


def upper(product: Installed, namespace: str = "shop", name: str = "shop") -> dict[str, str]:
    """The zone's first upper tier as its status says it."""
    found = product.tools.get("ssz", name, namespace) or {}
    tiers = (found.get("status") or {}).get("upperTiers") or [{}]
    return dict(tiers[0])


def test_the_upper_tier_is_the_data_centre_the_wan_puts_nearest(product: Installed, shop: str) -> None:
    """Of the origin in Europe that is fra, with ams as the runner-up, and the measured value beside it."""
    tier = upper(product)
    assert (tier["dataCenter"], tier["runnerUp"], tier["topology"]) == ("eu/fra", "eu/ams", "Smart")
    assert 5 <= float(tier["latencyMilliseconds"]) <= 25
    assert tier["reason"] == "Measured"


def test_an_object_asked_everywhere_is_fetched_once_by_the_upper_tier(
    product: Installed, cluster: Cluster, shop: str
) -> None:
    """The origin sees one request, from the upper's node; the second round is answered by the lower tiers alone."""
    edge = product.edge(shop, "shop")
    origin, path = cluster.origin("origin-eu"), fresh_path()
    before = len(origin.requests())
    first = {node: ask(cluster, node, edge, HOST, path) for node in NODES}
    assert [a.status for a in first.values()] == [200] * 4, first
    seen = origin.requests()[before:]
    assert [(r.target, r.source) for r in seen] == [(path, cluster.node_address("fra"))]
    assert first["ams"].cache_status == "MISS"
    assert {first[n].cache_status for n in ("iad", "sjc")} == {"MISS"}, "the upper had it, the lower tiers did not"
    assert first["fra"].cache_status in ("MISS", "HIT"), "its lower and upper share a Redis"
    assert len({a.body for a in first.values()}) == 1

    time.sleep(1.1)  # Age counts whole seconds
    second = {node: ask(cluster, node, edge, HOST, path) for node in NODES}
    assert [a.cache_status for a in second.values()] == ["HIT"] * 4, second
    assert all(int(a.headers["age"]) >= 1 for a in second.values())
    assert len(origin.requests()) == before + 1


def test_answers_stay_in_the_data_centre_of_the_client(product: Installed, cluster: Cluster, shop: str) -> None:
    """A hit in sjc takes less than the way to any other data centre."""
    edge, path = product.edge(shop, "shop"), fresh_path()
    ask(cluster, "sjc", edge, HOST, path)
    hits = [ask(cluster, "sjc", edge, HOST, path) for _ in range(5)]
    assert {a.cache_status for a in hits} == {"HIT"}
    assert sorted(a.seconds for a in hits)[2] < 0.030


def test_bodies_go_up_and_down_unchanged(product: Installed, cluster: Cluster, shop: str) -> None:
    """A POST of 1 MB reaches the origin through both tiers, and is never answered from a cache."""
    edge = product.edge(shop, "shop")
    size = 1 << 20
    options = ("-X", "POST", "-H", "Content-Type: application/octet-stream", "--data-binary", "@-")
    answers = [
        cluster.exec(
            "iad",
            ["sh", "-c", f"head -c {size} /dev/zero | curl -sS -m 20 -H 'Host: {HOST}' {quoted(options)} {edge}/echo"],
        ).stdout
        for _ in range(2)
    ]
    assert all(f'"length": {size}' in a.replace('":', '": ').replace("  ", " ") for a in answers), answers


def quoted(options: tuple[str, ...]) -> str:
    """For a shell."""
    return " ".join(f"'{o}'" for o in options)


def test_the_columns_of_get_say_what_a_user_asks_first(product: Installed, shop: str) -> None:
    """Ready, Upper, Hosts, Age; wide: reason and pods."""
    plain = product.tools.kubectl("get", "ssz", "shop", "-n", shop)
    assert plain.split("\n")[0].split() == ["NAME", "READY", "UPPER", "HOSTS", "AGE"]
    assert "True" in plain
    assert "eu/fra" in plain
    wide = product.tools.kubectl("get", "ssz", "shop", "-n", shop, "-o", "wide")
    assert {"REASON", "PODS"} <= set(wide.split("\n")[0].split())


def test_when_the_wan_changes_the_assignment_follows_with_a_reason(
    product: Installed, cluster: Cluster, shop: str
) -> None:
    """The way from Europe to the origin becomes long, the one from iad short: iad takes over, requests leave there."""
    edge, origin = product.edge(shop, "shop"), cluster.origin("origin-eu")
    with wan_changed(cluster, {("fra", "origin-eu"): 60, ("ams", "origin-eu"): 65, ("iad", "origin-eu"): 4}):
        poll("us/iad is the upper tier", lambda: upper(product)["dataCenter"] == "us/iad", 180, every=2)
        assert upper(product)["reason"] == "Closer"
        assert float(upper(product)["latencyMilliseconds"]) < 40

        def leaves_at_iad() -> bool:
            path = fresh_path()
            assert ask(cluster, "sjc", edge, HOST, path).status == 200
            return [r.source for r in origin.requests() if r.target == path] == [cluster.node_address("iad")]

        poll("requests leave at iad", leaves_at_iad, 60, every=1)
        events = product.tools.kubectl("get", "events", "-n", shop, "-o", "jsonpath={.items[*].reason}")
        assert "Reassigned" in events.split()
    poll("eu/fra is the upper tier again", lambda: upper(product)["dataCenter"] == "eu/fra", 180, every=2)


def test_nothing_of_the_framework_is_written_on_any_object(product: Installed, shop: str) -> None:
    """No finalizer, and no annotation of kopf's, on the resources or on what was made for them."""
    items = product.tools.list("ssz,sfl,deploy,svc,cm,pdb,netpol,sa,pods,nodes")
    assert items
    for item in items:
        meta = item["metadata"]
        assert not [f for f in meta.get("finalizers", []) if "kopf" in f], meta
        assert not [a for a in meta.get("annotations", {}) if "kopf" in a], meta
    assert objects.condition(product.tools.get("ssz", "shop", shop), "Ready")["status"] == "True"
