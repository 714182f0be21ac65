"""What breaks under traffic: a Redis, an upper tier's node."""

import time

import pytest

from localcluster import Cluster
from product import objects
from product.install import Installed
from product.loop import asking
from product.polling import poll

HOST = "shop.example.com"


def test_no_request_fails_when_redis_is_killed(product: Installed, cluster: Cluster, shop: str) -> None:
    """In the upper tier's own data centre, with clients there and elsewhere."""
    tools, edge = product.tools, product.edge(shop, "shop")
    redis = [
        p["metadata"]["name"]
        for p in tools.list("pods", shop, "smartshield.io/tier=redis")
        if p["spec"]["nodeName"] == "fra"
    ]
    assert len(redis) == 1
    with (
        asking(cluster, "fra", edge, HOST, "/cache/redis-{n}?ttl=60") as near,
        asking(cluster, "iad", edge, HOST, "/cache/redis-{n}?ttl=60") as far,
    ):
        tools.kubectl("delete", "pod", redis[0], "-n", shop, "--grace-period=0", "--force")
        poll("another Redis is Ready", lambda: redis_ready(product, shop, redis[0]), 60)
        time.sleep(3)  # and some traffic with the new one
    assert near.failed == []
    assert far.failed == []
    assert near.asked > 50
    assert far.asked > 15, "each of them crosses the ocean"


def redis_ready(product: Installed, namespace: str, not_this: str) -> bool:
    """Whether a Redis pod other than the killed one is Ready on fra."""
    return any(
        p["metadata"]["name"] != not_this
        and p["spec"].get("nodeName") == "fra"
        and any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))
        for p in product.tools.list("pods", namespace, "smartshield.io/tier=redis")
    )


def test_a_node_that_goes_takes_its_data_centre_out_of_the_status(
    product: Installed, cluster: Cluster, shop: str
) -> None:
    """The upper's own node: the runner-up serves at once, then is the assigned upper; the data centre leaves the
    status, and is there again when the node is."""
    if not cluster.capabilities.stop_nodes:
        pytest.skip("this provider can't stop a node")
    edge = product.edge(shop, "shop")
    poll("fra is the upper tier and ams the runner-up", lambda: tiers(product, shop) == ("eu/fra", "eu/ams"), 180, 2)
    poll("every pod is Ready, the runner-up's too", lambda: complete(product, shop), 120, 2)
    try:
        with asking(cluster, "iad", edge, HOST, "/cache/loss-{n}?ttl=60") as tally:
            cluster.node_stop("fra")
            time.sleep(10)  # of traffic, in which the connections to fra have to be given up
        assert tally.failed == []
        assert tally.asked > 10
        poll("eu/fra left the status", lambda: "eu/fra" not in centres(product, shop), 90, every=2)
        assert tiers(product, shop)[0] == "eu/ams"
    finally:
        cluster.node_start("fra")
    poll("eu/fra is back", lambda: "eu/fra" in centres(product, shop), 180, every=2)
    poll("eu/fra is the upper tier again", lambda: tiers(product, shop)[0] == "eu/fra", 180, every=2)


def centres(product: Installed, namespace: str) -> set[str]:
    """region/zone of the data centres in the zone's status."""
    zone = product.tools.get("ssz", "shop", namespace) or {}
    return {f"{d['region']}/{d['zone']}" for d in zone.get("status", {}).get("dataCenters", [])}


def complete(product: Installed, namespace: str) -> bool:
    """Whether the zone counts all its pods as Ready and nothing is under way."""
    zone = product.tools.get("ssz", "shop", namespace)
    ready, _, wanted = str((zone or {}).get("status", {}).get("pods", "0/?")).partition("/")
    return ready == wanted and objects.condition(zone, "Reconciling").get("status") == "False"


def tiers(product: Installed, namespace: str) -> tuple[str | None, str | None]:
    """The upper tier and the runner-up of the zone's first backend."""
    zone = product.tools.get("ssz", "shop", namespace) or {}
    tier = (zone.get("status", {}).get("upperTiers") or [{}])[0]
    return tier.get("dataCenter"), tier.get("runnerUp")
