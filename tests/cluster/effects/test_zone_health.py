"""Zones that follow health checks, on a real API server: what a check says reaches condition, record and Events."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from bareapi import BareApi
from checkspace import PLACES, Shop
from operatorprocess import Running, add_zone, status
from product.polling import poll
from shield_operator.core import naming
from shield_operator.kube.record import FIELD
from shield_proxy.config.record import join_chunks, read_record
from shield_proxy.config.state import Zone

Start = Callable[[], Running]
SOON = 10
"""Seconds in which a change has arrived; without being woken the operator looks every 30."""
EU = {"name": "eu", "address": "203.0.113.10", "healthCheck": "shop-eu", "fallbacks": ["us"]}
US = {"name": "us", "address": "203.0.113.20", "healthCheck": "shop-us"}


def condition(api: BareApi, space: str) -> tuple[str, str, str]:
    """Status, reason and message of OriginsHealthy; empty while there is none."""
    for each in status(api, space).get("conditions") or ():
        if each["type"] == "OriginsHealthy":
            return each["status"], each["reason"], each["message"]
    return "", "", ""


def recorded(api: BareApi, space: str) -> Zone:
    """The zone as pods are told of it."""
    chunks = []
    for name in naming.record_chunks("default"):
        body = api.call("GET", f"/api/v1/namespaces/{space}/configmaps/{name}")
        if body is not None:
            chunks.append(base64.b64decode(body["binaryData"][FIELD]))
    record = join_chunks(chunks)
    assert record is not None
    (zone,) = read_record(record).zones
    return zone


def unhealthy(api: BareApi, space: str) -> dict[str, bool]:
    return {origin.name: origin.unhealthy for origin in recorded(api, space).origins}


def reasons(api: BareApi, space: str) -> list[str]:
    """Of the zone's Events about its origins, in order."""
    events = api.call("GET", f"/api/v1/namespaces/{space}/events")["items"]
    ours = [e for e in events if e["involvedObject"]["name"] == "shop" and e["reason"].startswith(("Origin", "Check"))]
    return [event["reason"] for event in sorted(ours, key=lambda event: int(event["metadata"]["resourceVersion"]))]


@pytest.fixture
def probed(shop: Shop) -> Shop:
    """Two checks that both data centres may probe; nobody has found anything yet."""
    for name in ("shop-eu", "shop-us"):
        shop.add(name)
    return shop


def report(shop: Shop, name: str, health: str, **more: Any) -> None:
    """Both data centres are heard, and find the same."""
    for key in PLACES:
        shop.renew(key)
        shop.report(key, health, name=name, **more)


def test_a_zone_follows_its_checks_across_a_restart_of_the_operator(
    api: BareApi, start: Start, space: str, probed: Shop
) -> None:
    operator = start()
    probed.probed()
    add_zone(api, space, origins=[EU, US])
    poll("nothing is known", lambda: condition(api, space)[:2] == ("Unknown", "CheckUnknown"), 30)
    for name in ("shop-eu", "shop-us"):
        report(probed, name, "Healthy")
    healthy = ("True", "Healthy", "2 of 2 checked origins are healthy")
    poll("both are healthy", lambda: condition(api, space) == healthy, SOON)

    report(probed, "shop-eu", "Unhealthy", reason="TCP Timeout")
    poll("the check says so", lambda: probed.status("shop-eu")["status"] == "Unhealthy", 20, 0.1)
    told = ("False", "OriginUnhealthy", "eu: check shop-eu is Unhealthy: TCP Timeout; us serves instead")
    poll("the condition says so", lambda: condition(api, space) == told, SOON, 0.1)
    assert unhealthy(api, space) == {"eu": True, "us": False}
    poll("an Event says so", lambda: reasons(api, space) == ["OriginUnhealthy"], SOON)

    generation = recorded(api, space).generation
    assert operator.stop() == 0
    second = start()

    def looked() -> bool:
        for key in PLACES:
            probed.renew(key)
        return sum(line.get("key") == f"{space}/default" for line in second.lines()) > 2

    poll("the next operator has looked", looked, 60)
    assert (recorded(api, space).generation, condition(api, space)) == (generation, told)
    assert reasons(api, space) == ["OriginUnhealthy"]
    report(probed, "shop-us", "Unhealthy", reason="TCP Timeout")
    poll(
        "the fallback is lost",
        lambda: "eu: check shop-eu is Unhealthy: TCP Timeout; it is asked all the same" in condition(api, space)[2],
        20,
    )
    assert unhealthy(api, space) == {"eu": True, "us": True}

    report(probed, "shop-eu", "Healthy")
    poll("it is back", lambda: unhealthy(api, space) == {"eu": False, "us": True}, 20, 0.1)
    api.call("DELETE", probed.path("shop-us"))
    gone = ("False", "CheckNotFound", "us: there is no HealthCheck shop-us")
    poll("a check that went is told", lambda: condition(api, space) == gone, SOON)
    assert unhealthy(api, space) == {"eu": False, "us": False}
    poll(
        "Events tell of all",
        lambda: (
            set(reasons(api, space)) == {"OriginUnhealthy", "OriginHealthy", "OriginHealthUnknown", "CheckNotFound"}
        ),
        SOON,
    )


def test_a_zone_without_checks_has_no_such_condition(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space)
    poll("it has a status", lambda: status(api, space).get("conditions"), 30)
    assert condition(api, space) == ("", "", "")
    assert unhealthy(api, space) == {"main": False}
