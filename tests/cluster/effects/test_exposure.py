"""How a zone is exposed may change at any time; what it had before leaves nothing behind."""

from collections.abc import Callable
from typing import Any

from bareapi import BareApi
from operatorprocess import Running, add_zone, children, status, zone_path
from product.polling import poll

Start = Callable[[], Running]
TLS = {"secretName": "shop-tls"}


def service(api: BareApi, space: str) -> dict[str, Any]:
    """spec of the Service of the zone's clients."""
    labelled = (body for body in children(api, space).values() if "smartshield.io/zone" in body["metadata"]["labels"])
    found: dict[str, Any] = next(labelled)["spec"]
    return found


STEPS: tuple[tuple[dict[str, Any], dict[str, int], str | None], ...] = (
    ({"exposure": {"type": "NodePort"}}, {"http": 80}, "Local"),
    ({"tls": TLS}, {"http": 80, "https": 443}, "Local"),
    ({"exposure": {"externalTrafficPolicy": "Cluster", "tlsPort": 8443}}, {"http": 80, "https": 8443}, "Cluster"),
    ({"exposure": {"type": "ClusterIP", "externalTrafficPolicy": None}}, {"http": 80, "https": 8443}, None),
    ({"exposure": {"port": 8080}, "tls": None}, {"http": 8080}, None),
)
"""A change of the spec, and the Service's ports and external traffic policy after it."""


def test_the_service_follows_the_spec(api: BareApi, start: Start, space: str) -> None:
    start()
    add_zone(api, space)
    poll("the zone is known", lambda: status(api, space).get("endpoints"), 30)
    for change, ports, policy in STEPS:
        api.merge(zone_path(space, "shop"), {"spec": change})

        def followed(ports: dict[str, int] = ports, policy: str | None = policy) -> bool:
            spec = service(api, space)
            assert {port["name"]: port["port"] for port in spec["ports"]} == ports
            assert spec.get("externalTrafficPolicy") == policy
            assert all(bool(port.get("nodePort")) is (policy is not None) for port in spec["ports"])
            said = status(api, space)["endpoints"]
            assert {entry["scheme"]: entry["port"] for entry in said} == ports
            return True

        poll(f"the Service is as {change} says", followed, 30)
