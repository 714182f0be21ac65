"""A zone that changes its fleet, one that is paused, and a namespace that ends, as a real API server tells it."""

from collections.abc import Callable
from typing import Any

from bareapi import BareApi
from checkspace import KINDS, Shop
from operatorprocess import Running, add_zone, child_path, children, status, zone_path
from product.polling import poll

Start = Callable[[], Running]
Child = tuple[str, str]


def of_fleet(api: BareApi, space: str, fleet: str) -> dict[Child, str]:
    """Children that carry the fleet's label -> their UID."""
    found = children(api, space).items()
    return {
        child: body["metadata"]["uid"]
        for child, body in found
        if body["metadata"]["labels"]["smartshield.io/fleet"] == fleet
    }


def edge(api: BareApi, space: str) -> tuple[Child, dict[str, Any]]:
    """The Service of the zone's clients."""
    (found,) = [item for item in children(api, space).items() if "smartshield.io/zone" in item[1]["metadata"]["labels"]]
    return found


def leads_to(api: BareApi, space: str) -> str:
    """The fleet whose pods it selects."""
    return str(edge(api, space)[1]["spec"]["selector"]["smartshield.io/fleet"])


def test_the_former_fleet_stays_until_the_service_leads_elsewhere(api: BareApi, start: Start, space: str) -> None:
    operator = start()
    add_zone(api, space)
    poll("the first fleet is there", lambda: status(api, space).get("conditions"), 30)
    before = of_fleet(api, space, "default")
    api.merge(zone_path(space, "shop"), {"spec": {"fleet": "other"}})

    def entered() -> bool:
        kinds = {kind for kind, _ in of_fleet(api, space, "other")}
        return kinds >= {"Deployment", "ConfigMap", "ServiceAccount"}

    poll("the second fleet is there", entered, 30)
    operator.stop()
    began = start()
    settled = f"{space}/default"
    poll("the next operator has looked", lambda: any(line.get("key") == settled for line in began.lines()), 60)
    assert of_fleet(api, space, "default") == before
    assert leads_to(api, space) == "default"

    child, _ = edge(api, space)
    led = {"smartshield.io/fleet": "other"}
    api.merge(child_path(space, child), {"metadata": {"labels": led}, "spec": {"selector": led}})
    poll("the former fleet is gone", lambda: not of_fleet(api, space, "default"), 90)
    assert leads_to(api, space) == "other"


def test_the_service_of_a_paused_zone_comes_back_as_it_was(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space, exposure={"port": 8080})
    poll("the zone is known", lambda: status(api, space).get("endpoints"), 30)
    api.merge(zone_path(space, "shop"), {"spec": {"paused": True}})

    def paused() -> bool:
        found = status(api, space)
        return any(c["reason"] == "Paused" for c in found["conditions"])

    poll("the zone is paused", paused, 30)
    child, before = edge(api, space)
    api.call("DELETE", child_path(space, child))
    poll("its Service is back", lambda: child in children(api, space), 30)
    after = edge(api, space)[1]
    assert after["spec"]["ports"] == before["spec"]["ports"]
    assert after["spec"]["selector"] == before["spec"]["selector"]


def test_nothing_is_told_in_a_namespace_that_is_being_deleted(api: BareApi, start: Start, shop: Shop) -> None:
    operator = start()
    shop.add()
    poll("probers can be", lambda: len(shop.found("RoleBinding")) == len(shop.found("Lease")) == 2, 30)
    api.call("DELETE", f"/api/v1/namespaces/{shop.space}")
    role = next(iter(shop.found("Role")))
    api.call("DELETE", f"{KINDS['Role'].format(shop.space)}/{role}")

    def refused() -> bool:
        ours = [line for line in operator.lines() if line.get("key") == f"{shop.space}/healthchecks"]
        return any("being terminated" in str(line.get("reason")) for line in ours)

    poll("it can't be made again", refused, 30)
    assert [line for line in operator.lines() if "not published" in str(line.get("message"))] == []
