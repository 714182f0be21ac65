"""Health checks from four data centres: their verdict, what changes it and what doesn't, runs that hand over or end.

The tests go in this order, over the same checks: `steady` is probed every ten seconds from the first to the last.
"""

import math
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from localcluster import Cluster
from product import objects
from product.checks import Account, Checks, CutOff, gaps, kill_run, node_addresses
from product.install import Installed
from product.operators import kept_on, scale, wait_for_operator
from product.polling import poll
from shield_proxy.health.slots import phase

EU, US = "origin-eu", "origin-us"
EVERYWHERE = {"ams", "fra", "iad", "sjc"}
HEALTHY, REFUSED, SILENT = ("True", "Healthy"), ("False", "TCPConnectionFailed"), ("False", "TCPTimeout")
INTERVAL = 10


@pytest.fixture(scope="module")
def checks(product: Installed) -> Iterator[Checks]:
    """The checks `shop` of one origin and `steady` of another."""
    ours = Checks(product, "checks")
    for origin in (EU, US):
        product.cluster.origin(origin).start()
        product.cluster.origin(origin).reset()
    product.tools.apply(objects.namespace(ours.space))
    ours.apply("shop", f"{EU}.example.com", "/cache/shop", consecutiveFails=1)
    ours.apply("steady", f"{US}.example.com", "/cache/steady", interval=INTERVAL, timeout=5)
    yield ours
    product.tools.kubectl("delete", "namespace", ours.space, "--wait=false")


@dataclass
class Watched:
    """What tests saw that later ones ask for."""

    holders: set[str] = field(default_factory=set)
    """Runs in eu/fra, which nothing happens to."""


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture(autouse=True)
def _holder(checks: Checks, watched: Watched) -> Iterator[None]:
    yield
    watched.holders.add(checks.holder("eu/fra"))


def test_a_check_becomes_healthy_and_is_probed_from_each_data_centre(checks: Checks, cluster: Cluster) -> None:
    began = time.monotonic()
    checks.wait("shop", "Healthy", 90)
    print(f"healthy {time.monotonic() - began:.1f} s after the set-up")
    names = node_addresses(cluster)
    poll("all probe", lambda: {names[p.source] for p in checks.probes("shop", EU)} == EVERYWHERE, 60)
    checks.wait("shop", "Ready", 30)
    checks.wait("steady", "Healthy", 30)
    poll("all report", lambda: checks.status("shop")["healthy"] == "2/2", 30)
    assert {each["code"] for each in checks.status("shop")["probes"]} == {200}


def test_a_second_check_and_a_changed_one_are_probed_within_seconds_by_the_runs_there_are(checks: Checks) -> None:
    before, began = checks.started_at_once(), time.monotonic()
    checks.apply("pair", f"{EU}.example.com", "/cache/pair", checkRegions=["eu"])
    checks.tools.patch("sshc", "steady", checks.space, {"spec": {"httpConfig": {"path": "/cache/changed"}}})
    poll("it is probed", lambda: checks.condition("Healthy", "pair") == HEALTHY, 15, 0.2)
    print(f"a second check is healthy after {time.monotonic() - began:.1f} s")
    assert checks.started_at_once() == before
    poll("the changed one, too", lambda: {p.path for p in checks.probes("steady", US)} >= {"/cache/changed"}, 15)


def test_an_origin_that_stops_is_unhealthy_after_the_first_probes_and_its_return_is_told_by_an_operator_that_was_away(
    checks: Checks, product: Installed, cluster: Cluster
) -> None:
    origin = cluster.origin(EU)
    with ExitStack() as stack:
        stack.callback(origin.start)
        origin.stop()
        stopped = time.monotonic()
        poll("it is unhealthy", lambda: checks.condition("Healthy", "shop") == REFUSED, 20, 0.2)
        print(f"unhealthy {time.monotonic() - stopped:.1f} s after its origin stopped")
        message = objects.condition(checks.get("shop"), "Healthy")["message"]
        assert re.search(r"(eu|us)/(ams|fra|iad|sjc)", message)
        poll("everybody tells", lambda: checks.status("shop")["healthy"] == "0/2", 20)
        stack.callback(wait_for_operator, product)
        stack.callback(scale, product, 1)
        scale(product, 0)
        origin.start()
        everybody = ["Healthy"] * 4
        poll("probers tell", lambda: [e["health"] for e in checks.status("shop")["probes"]] == everybody, 30)
        assert checks.condition("Healthy", "shop") == REFUSED
    poll("it is healthy", lambda: checks.condition("Healthy", "shop") == HEALTHY, 20, 0.2)


def test_one_data_centre_of_two_that_is_cut_off_from_the_origin_says_so_and_changes_nothing(
    checks: Checks, wan: Cluster
) -> None:
    checks.wait("pair", "Healthy", 20)
    wan.wan.cut("ams", EU)
    poll("ams tells", lambda: checks.entry("pair", "eu/ams").get("reason") == "TCP Timeout", 30)
    time.sleep(6)  # and one more probe of the other
    assert checks.condition("Healthy", "pair") == HEALTHY
    wan.wan.cut("fra", EU)
    poll("both tell", lambda: checks.condition("Healthy", "pair") == SILENT, 30)
    assert checks.condition("Healthy", "shop") == HEALTHY, "the other region has a vote, too"
    poll("of one region", lambda: checks.status("shop")["healthy"] == "1/2", 20)
    for node, ms in (("ams", 8), ("fra", 3)):
        wan.wan.set(node, EU, ms)
    poll("it is healthy again", lambda: checks.condition("Healthy", "pair") == HEALTHY, 30)


def test_the_account_of_a_prober_writes_its_own_entry_and_nothing_else(checks: Checks, product: Installed) -> None:
    prober, status = Account(product, checks.space, checks.account("eu/ams")), checks.status("pair")
    where = f"/apis/{objects.API}/namespaces/{checks.space}/healthchecks/pair"
    others = {"probes": [{**each, "detail": "by ams"} for each in status["probes"]]}
    conditions = {"conditions": [{**each, "status": "False"} for each in status["conditions"]]}
    for change in (others, conditions, {"status": "Suspended"}):
        code, message = prober.call("PATCH", f"{where}/status", {"status": change})
        assert (code, "a prober may change" in message) == (403, True), message
    own = [{**e, "detail": "by ams"} if e["dataCenter"] == "eu/ams" else e for e in status["probes"]]
    assert prober.call("PATCH", f"{where}/status", {"status": {"probes": own}}) == (200, "")
    for method, path in (("PATCH", where), ("DELETE", where), ("GET", f"/api/v1/namespaces/{checks.space}/secrets")):
        assert prober.call(method, path, {} if method == "PATCH" else None)[0] == 403


@dataclass
class Lost:
    """A run in us/iad that was killed, and eu/ams without the API server, since `at`."""

    at: float
    """Seconds since the epoch."""
    killed: str
    cut: ExitStack


@pytest.fixture(scope="module")
def lost(checks: Checks, product: Installed) -> Iterator[Lost]:
    """Not while ams hands over: who has let the next run take the Lease can't revoke that meanwhile. Nor may an
    operator that loses its node begin anew where it can't reach the API server."""
    with kept_on(product, "fra"), ExitStack() as cut:
        poll("a run in ams has just begun", lambda: 0 < checks.held_for("eu/ams") < 30, 90)
        cut.enter_context(CutOff(product, "ams"))
        killed = checks.holder("us/iad")
        kill_run(killed)
        yield Lost(time.time(), killed, cut)


def test_a_node_that_goes_takes_its_prober_out_of_the_check_until_it_is_back(
    checks: Checks, cluster: Cluster, lost: Lost
) -> None:
    if not cluster.capabilities.stop_nodes:
        pytest.skip("this provider can't stop a node")
    cluster.node_stop("sjc")
    try:
        poll("nobody is to probe there", lambda: "us/sjc" not in checks.status("shop")["dataCenters"], 30)
        poll("nothing is told of it", lambda: not checks.entry("shop", "us/sjc"), 30)
    finally:
        cluster.node_start("sjc")
    back, address = time.time(), cluster.node_address("sjc")
    poll("it probes again", lambda: checks.probes_from(address, "shop", EU, back), 90)
    assert checks.condition("Healthy", "shop") == HEALTHY


def test_a_run_that_is_killed_is_followed_when_its_lease_has_ended_and_what_was_missed_is_counted(
    checks: Checks, cluster: Cluster, lost: Lost
) -> None:
    poll("another run probes", lambda: checks.holder("us/iad") not in ("", lost.killed), 60)
    after = poll("at the origin", lambda: checks.probes_from(cluster.node_address("iad"), "shop", EU, lost.at), 20)
    print(f"no probe for {after[0].at - lost.at:.1f} s after the run was killed")
    assert 15 < after[0].at - lost.at < 60
    poll("the slots are counted", lambda: int(checks.note("us/iad", "missed") or 0) >= 3, 30)


def test_a_data_centre_without_the_api_server_probes_on_but_has_no_vote_until_it_is_heard_again(
    checks: Checks, wan: Cluster, lost: Lost
) -> None:
    poll("it is not heard", lambda: checks.condition("Ready", "pair") == ("False", "DataCenterSilent"), 60)
    assert checks.condition("Healthy", "pair") == HEALTHY
    probed = checks.probes_from(wan.node_address("ams"), "pair", EU, lost.at)
    assert gaps(probed)[-1] < 7.5
    assert time.time() - probed[-1].at < 7.5
    wan.wan.cut("fra", EU)
    poll("fra decides alone", lambda: checks.condition("Healthy", "pair") == SILENT, 30)
    wan.wan.set("fra", EU, 3)
    lost.cut.close()
    poll("ams is heard again", lambda: checks.condition("Ready", "pair") == ("True", "Probing"), 60)
    poll("it is healthy", lambda: checks.condition("Healthy", "pair") == HEALTHY, 30)


def test_an_interval_of_ten_seconds_holds_across_runs(checks: Checks, cluster: Cluster, watched: Watched) -> None:
    poll("two hand-overs", lambda: len(watched.holders | {checks.holder("eu/fra")}) >= 3, 120, 2)
    time.sleep(INTERVAL)
    probed = checks.probes_from(cluster.node_address("fra"), "steady", US, 0)
    waits = gaps(probed)
    print(f"{len(waits)} gaps: p50 {statistics.median(waits):.2f} s, {waits[0]:.2f} to {waits[-1]:.2f} s")
    offset = phase(checks.status("steady")["id"], "eu/fra")
    slots = [math.floor(each.at / INTERVAL - offset) for each in probed]
    assert slots == list(range(slots[0], slots[0] + len(slots))), "each slot once"
    assert len(waits) >= 8
    assert waits[-1] < 1.5 * INTERVAL


def test_with_the_last_check_all_that_probed_goes(checks: Checks) -> None:
    assert checks.left()
    checks.tools.kubectl("delete", "sshc", "--all", "-n", checks.space)
    poll("nothing is left", lambda: checks.left() == [], 90)
