"""The data plane runs on without the operator, and a leader that lost its place changes nothing."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import Cluster
from product import objects
from product.asking import ask
from product.install import Installed
from product.loop import asking
from product.operators import scale, wait_for_operator
from product.polling import poll

HOST = "shop.example.com"


@pytest.fixture
def absent(product: Installed) -> Iterator[None]:
    """No operator while the test runs."""
    scale(product, 0)
    yield
    scale(product, 1)
    wait_for_operator(product)


def test_traffic_goes_on_and_deleted_zones_go_without_the_operator(
    product: Installed, cluster: Cluster, shop: str, space: str
) -> None:
    """Scaled to 0: no request fails, a restarted pod comes back Ready by its peers, a zone that was alone in its fleet
    takes its children with it; one that shared a fleet is served no more when the operator is back."""
    tools, edge = product.tools, product.edge(shop, "shop")
    tools.apply(
        objects.zone("alone", space, ["alone.example.com"], placement={"dataCenters": ["us/sjc"]}),
        objects.zone("guest", shop, ["guest.example.com"]),
    )
    product.wait_ready(space, "alone")
    product.wait_ready(shop, "guest")
    assert ask(cluster, "ams", edge, "guest.example.com", "/cache/guest").status == 200
    scale(product, 0)
    try:
        with asking(cluster, "ams", edge, HOST, "/cache/{n}?ttl=60") as tally:
            tools.delete("ssz", "guest", shop)
            tools.delete("ssz", "alone", space)
            poll("children of the lone zone are gone", lambda: not children(product, space), 30)
            pod = tools.list("pods", shop, "smartshield.io/tier=upper")[0]["metadata"]
            tools.delete("pod", pod["name"], shop)
            poll("the new pod is Ready", lambda: all_ready(product, shop), 60)
        assert tally.failed == []
        assert tally.asked > 100
    finally:
        scale(product, 1)
        wait_for_operator(product)
    poll(
        "the guest's host is served no more",
        lambda: ask(cluster, "ams", edge, "guest.example.com", "/cache/guest").status in (404, 421),
        60,
    )
    assert ask(cluster, "ams", edge, HOST, "/cache/still").status == 200


def children(product: Installed, namespace: str) -> list[str]:
    """Names of what the operator made in a namespace."""
    found = product.tools.list("deploy,svc,cm,pdb,netpol,sa", namespace, "app.kubernetes.io/managed-by=shield-operator")
    return [f"{c['kind']}/{c['metadata']['name']}" for c in found]


def all_ready(product: Installed, namespace: str) -> bool:
    """Whether every Deployment of the namespace has what it wants."""
    deployments = product.tools.list("deploy", namespace)
    return all(d["status"].get("readyReplicas", 0) == d["spec"]["replicas"] for d in deployments)


def test_a_leader_that_was_stopped_changes_nothing_when_it_goes_on(
    product: Installed, cluster: Cluster, shop: str
) -> None:
    """SIGSTOP of the leader: the other takes over and serves changes; SIGCONT: what the first would have written is
    refused or never sent, and the record's leadership number stays the higher one."""
    tools = product.tools
    scale(product, 2)
    wait_for_operator(product)
    try:
        lease = poll("a leader", lambda: leadership(product), 30)
        first = lease["spec"]["holderIdentity"]
        process = poll("the leader's process", lambda: operator_process(cluster, first), 10)
        os.kill(process, signal.SIGSTOP)
        try:
            poll("another leader", lambda: (leadership(product) or lease)["spec"]["holderIdentity"] != first, 60)
            tools.apply(objects.zone("shop", shop, [HOST, "second.example.com"]))
            edge = product.edge(shop, "shop")
            poll(
                "the new leader serves the change",
                lambda: ask(cluster, "ams", edge, "second.example.com", "/cache/x").status == 200,
                60,
            )
            settled = poll("the world is quiet", lambda: quiet(product, shop), 60)
        finally:
            os.kill(process, signal.SIGCONT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert snapshot(product, shop) == settled
            time.sleep(1)
        now = leadership(product)
        assert now is not None
        assert (
            now["spec"]["holderIdentity"] != first
            or now["spec"]["leaseTransitions"] > lease["spec"]["leaseTransitions"]
        )
    finally:
        tools.apply(objects.zone("shop", shop, [HOST]))
        scale(product, 1)
        wait_for_operator(product)


def leadership(product: Installed) -> dict[str, Any] | None:
    """The operator's Lease when somebody holds it."""
    leases = [
        lease
        for lease in product.tools.list("lease", product.namespace)
        if lease["metadata"]["name"] == "shield-operator" and lease["spec"].get("holderIdentity")
    ]
    return dict(leases[0]) if leases else None


def operator_process(cluster: Cluster, identity: str) -> int | None:
    """The process, of those that descend from this cluster, of the operator's pod that the identity begins with."""
    for pid in descendants(cluster.pid):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        names = [v.partition(b"=")[2].decode() for v in environment if v.startswith(b"POD_NAME=")]
        if b"shield-operator" in command and names and identity.startswith(names[0]):
            return pid
    return None


def descendants(pid: int) -> Iterator[int]:
    """The processes below one."""
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for child in children:
            yield int(child)
            yield from descendants(int(child))


def snapshot(product: Installed, namespace: str) -> str:
    """The specs and records of a namespace, as one text."""
    items = product.tools.list("deploy,svc,cm,pdb,netpol", namespace, "app.kubernetes.io/managed-by=shield-operator")
    kept = [(i["kind"], i["metadata"]["name"], i["metadata"]["uid"], i.get("spec"), i.get("binaryData")) for i in items]
    return json.dumps(kept, sort_keys=True)


def quiet(product: Installed, namespace: str) -> str | None:
    """The snapshot, once two of them five seconds apart are the same."""
    before = snapshot(product, namespace)
    time.sleep(5)
    return before if snapshot(product, namespace) == before else None
