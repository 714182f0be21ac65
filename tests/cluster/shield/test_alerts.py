"""Alerts on four nodes: who is told of an origin that stops, by mail and by webhook, how fast, and that it is once."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from localcluster import Cluster
from product import objects
from product.checks import Checks
from product.install import Installed
from product.operators import OPERATOR, scale, wait_for_operator
from product.polling import poll
from receivers import HOOK_PORT, Told, told_at

EU, US = "origin-eu", "origin-us"
HOST = f"{US}.example.com"
INTERVAL = 5


@pytest.fixture(scope="module")
def told(cluster: Cluster) -> Iterator[Told]:
    if not cluster.capabilities.origins:
        pytest.skip("this provider has no machines outside of the cluster")
    with told_at(cluster, US, HOST) as receivers:
        yield receivers


@pytest.fixture(scope="module")
def checks(product: Installed, told: Told) -> Iterator[Checks]:
    """The check `shop`, of which the alert `on-call` tells, and `patient`, of which `quiet` does."""
    ours = Checks(product, "alerts")
    product.cluster.origin(EU).start()
    keys = {"username": "user", "password": "pass", "ca.crt": told.authority.certificate, "secret": "known to both"}
    product.tools.apply(objects.namespace(ours.space), secret(ours.space, keys))
    ours.apply("shop", f"{EU}.example.com", interval=INTERVAL)
    ours.apply("patient", f"{EU}.example.com", interval=INTERVAL, consecutiveFails=4)
    ours.wait("shop", "Ready", 90)
    ours.wait("shop", "Healthy", 30)
    ours.wait("patient", "Healthy", 30)
    product.tools.apply(
        alert("on-call", ours.space, "shop", [mail(), hook("/on-call")]),
        alert("quiet", ours.space, "patient", [hook("/quiet")]),
    )
    yield ours
    product.cluster.origin(EU).start()
    product.tools.kubectl("delete", "namespace", ours.space, "--wait=false")


def secret(space: str, keys: dict[str, str]) -> dict[str, Any]:
    """The Secret `receivers`."""
    coded = {name: base64.b64encode(value.encode()).decode() for name, value in keys.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "receivers", "namespace": space}, "data": coded}


def alert(name: str, space: str, check: str, targets: list[dict[str, Any]]) -> dict[str, Any]:
    """A HealthAlert of one check."""
    return {
        "apiVersion": objects.API,
        "kind": "HealthAlert",
        "metadata": {"name": name, "namespace": space},
        "spec": {"checks": {"names": [check]}, "targets": targets},
    }


AUTHORITY = {"secretName": "receivers", "key": "ca.crt"}


def mail() -> dict[str, Any]:
    """A target."""
    server = {"host": HOST, "security": "StartTLS", "credentials": {"secretName": "receivers"}, "authority": AUTHORITY}
    return {"name": "mail", "email": {"to": ["on-call@example.com"], "from": "shield@example.com", "server": server}}


def hook(path: str) -> dict[str, Any]:
    """A target."""
    known = {"secretName": "receivers", "key": "secret"}
    url = f"https://{HOST}:{HOOK_PORT}{path}"
    return {"name": "hook", "webhook": {"url": url, "secret": known, "authority": AUTHORITY}}


def starts(told: Told, path: str = "/on-call") -> list[Any]:
    """Webhooks that tell of a check that became unhealthy."""
    return [body for body in told.hooks(path) if body["alert_event"].endswith("START") and not body["data"]["test"]]


def ends(told: Told, path: str = "/on-call") -> list[Any]:
    """Webhooks that tell of one that is healthy again."""
    return [body for body in told.hooks(path) if body["alert_event"].endswith("END")]


def restart(product: Installed, namespace: str, selector: str, deployment: str) -> None:
    """The pods are others, and Ready."""
    product.tools.kubectl("delete", "pods", "-n", namespace, "-l", selector, "--wait=true")
    product.tools.kubectl("rollout", "status", f"deployment/{deployment}", "-n", namespace, "--timeout=90s")


def restart_courier(checks: Checks) -> None:
    """Another courier delivers."""
    restart(checks.product, checks.space, "app.kubernetes.io/component=courier", "shield-courier")


def test_a_test_reaches_every_target_with_what_makes_it_believed(checks: Checks, told: Told) -> None:
    checks.tools.kubectl("wait", "--for=condition=Ready", "sha/on-call", "-n", checks.space, "--timeout=60s")
    checks.tools.kubectl("annotate", "sha", "on-call", "-n", checks.space, "smartshield.io/test=one")
    poll("the webhook", lambda: [body for body in told.hooks("/on-call") if body["data"]["test"]], 40, 0.2)
    poll("the mail", lambda: told.mailbox.mails, 20, 0.2)
    assert told.receiver.received[0].fields["Shield-Webhook-Auth"] == "known to both"
    assert told.mailbox.logins[0] == ("user", "pass", True)
    assert told.mailbox.recipients == [["on-call@example.com"]]


def test_an_origin_that_stops_is_told_within_its_interval_and_five_seconds_and_its_return_too(
    checks: Checks, told: Told, cluster: Cluster
) -> None:
    cluster.origin(EU).stop()
    stopped = time.monotonic()
    (body,) = poll("the webhook", lambda: starts(told), 30, 0.1)
    hooked = time.monotonic() - stopped
    (mailed,) = poll("the mail", lambda: told.mails("[Unhealthy]"), 30, 0.1)
    print(f"webhook {hooked:.1f} s, mail {time.monotonic() - stopped:.1f} s after the origin stopped")
    assert time.monotonic() - stopped < INTERVAL + 5
    assert mailed["Subject"] == "[Unhealthy] shop in alerts: TCP connection failed"
    assert (body["data"]["health_check_name"], body["data"]["reason"]) == ("shop", "TCP connection failed")
    cluster.origin(EU).start()
    (end,) = poll("it is healthy again", lambda: ends(told), 30, 0.1)
    assert end["alert_correlation_id"] == body["alert_correlation_id"]
    (again,) = poll("by mail, too", lambda: told.mails("[Healthy]"), 30, 0.1)
    assert again["References"] == mailed["References"]


def test_an_origin_that_flaps_is_not_told_where_a_verdict_needs_four_failures(
    checks: Checks, told: Told, cluster: Cluster
) -> None:
    before = len(starts(told))
    for _ in range(2):
        cluster.origin(EU).stop()
        time.sleep(6)
        cluster.origin(EU).start()
        time.sleep(6)
    assert told.hooks("/quiet") == []
    assert len(starts(told)) > before, "it did flap, and others were told of it"
    poll("each was told to have ended", lambda: len(ends(told)) == len(starts(told)), 30)


def test_a_change_while_there_is_no_operator_is_told_once_when_it_is_back_whoever_restarts(
    checks: Checks, told: Told, product: Installed, cluster: Cluster
) -> None:
    before, quiet = len(starts(told)), len(starts(told, "/quiet"))
    with ExitStack() as stack:
        stack.callback(wait_for_operator, product)
        stack.callback(scale, product, 1)
        scale(product, 0)
        cluster.origin(EU).stop()
        unhealthy = ["Unhealthy"] * 4
        poll("probers tell", lambda: [e["health"] for e in checks.status("shop")["probes"]] == unhealthy, 30)
        restart_courier(checks)
        assert len(starts(told)) == before
    poll("it is told", lambda: len(starts(told)) == before + 1, 30)
    poll("of both checks", lambda: len(starts(told, "/quiet")) == quiet + 1, 60)
    restart_courier(checks)
    deployment = product.tools.list("deploy", product.namespace, OPERATOR)[0]["metadata"]["name"]
    restart(product, product.namespace, OPERATOR, deployment)
    cluster.origin(EU).start()
    poll("its end is told", lambda: len(ends(told)) == before + 1, 60)
    poll("by mail, too", lambda: len(told.mails("[Healthy]")) == before + 1, 30)
    assert len(starts(told)) == before + 1, "once"
    assert len(told.mails("[Unhealthy]")) == before + 1
    assert len(starts(told, "/quiet")) == quiet + 1


def test_with_the_last_alert_the_courier_goes(checks: Checks) -> None:
    checks.tools.kubectl("delete", "sha", "--all", "-n", checks.space)
    found = ("get", "pods,deployments,serviceaccounts,roles,rolebindings,networkpolicies", "-n", checks.space)
    selector = ("-l", "app.kubernetes.io/component=courier", "-o", "name")
    poll("nothing is left", lambda: not checks.tools.kubectl(*found, *selector).split(), 60)
