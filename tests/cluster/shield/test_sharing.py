"""Zones of one fleet share pods and never objects; fleets share nothing."""

import time

from localcluster import Cluster
from product import objects
from product.asking import ask
from product.install import Installed
from product.polling import poll

SJC = {"dataCenters": ["us/sjc"]}


def pods_of(product: Installed, namespace: str, fleet: str) -> set[str]:
    """Names of a fleet's pods."""
    return {p["metadata"]["name"] for p in product.tools.list("pods", namespace, f"smartshield.io/fleet={fleet}")}


def test_zones_of_a_fleet_share_pods_and_never_see_each_others_objects(
    product: Installed, cluster: Cluster, space: str
) -> None:
    """Two zones with different origins, the same path: each has its own object, also when one takes over a host."""
    tools = product.tools
    tools.apply(
        objects.zone("one", space, ["one.example.com", "moving.example.com"], placement=SJC),
        objects.zone("two", space, ["two.example.com"], "origin-us.example.com", placement=SJC),
    )
    product.wait_ready(space, "one", "two")
    edge = product.edge(space, "one")
    path = f"/cache/{time.time_ns()}?ttl=3600"
    moving = ask(cluster, "sjc", edge, "moving.example.com", path)
    for host in ("one.example.com", "two.example.com"):
        assert ask(cluster, "sjc", edge, host, path).cache_status == "MISS"
    assert hosts_seen(cluster, "origin-eu", path) == ["moving.example.com", "one.example.com"]
    assert hosts_seen(cluster, "origin-us", path) == ["two.example.com"]
    assert moving.cache_status == "MISS", "another host is another object"
    assert ask(cluster, "sjc", edge, "moving.example.com", path).cache_status == "HIT"

    tools.apply(objects.zone("one", space, ["one.example.com"], placement=SJC))
    poll("one gave the host up", lambda: ask(cluster, "sjc", edge, "moving.example.com", path).status in (404, 421), 60)
    tools.apply(
        objects.zone("two", space, ["two.example.com", "moving.example.com"], "origin-us.example.com", placement=SJC)
    )
    poll("two serves the host", lambda: ask(cluster, "sjc", edge, "moving.example.com", path).status == 200, 60)
    assert hosts_seen(cluster, "origin-us", path) == ["moving.example.com", "two.example.com"], (
        "not what one had stored"
    )
    assert len(pods_of(product, space, "default")) == 3, "lower, upper and Redis of one data centre serve both"


def hosts_seen(cluster: Cluster, origin: str, path: str) -> list[str]:
    """The Host of each request for the path that an origin saw."""
    seen = [r for r in cluster.origin(origin).requests() if r.target == path]
    return sorted({k.lower(): v for k, v in r.headers.items()}["host"] for r in seen)


def test_two_fleets_share_nothing(product: Installed, cluster: Cluster, space: str) -> None:
    """Pods, Redis, Secrets, records: each fleet has its own, and neither answers for the other's zone."""
    tools = product.tools
    tools.apply(
        objects.zone("red", space, ["red.example.com"], placement=SJC, fleet="red"),
        objects.zone("blue", space, ["blue.example.com"], placement=SJC, fleet="blue"),
    )
    product.wait_ready(space, "red", "blue")
    red, blue = product.edge(space, "red"), product.edge(space, "blue")
    assert ask(cluster, "sjc", red, "red.example.com", "/cache/a").status == 200
    assert ask(cluster, "sjc", blue, "blue.example.com", "/cache/a").status == 200
    assert ask(cluster, "sjc", red, "blue.example.com", "/cache/a").status in (404, 421)
    kinds = "pods,deploy,svc,cm,netpol,sa,secrets"
    of_red, of_blue = (
        {(i["kind"], i["metadata"]["name"]) for i in tools.list(kinds, space, f"smartshield.io/fleet={fleet}")}
        for fleet in ("red", "blue")
    )
    assert of_red
    assert of_blue
    assert not of_red & of_blue
