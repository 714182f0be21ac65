"""What an API server accepts and refuses of zones, fleets and the examples, by schemas and rules; nothing is stored."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bareapi import BareApi
from dryrun import PLURALS, dry
from operatorprocess import ROOT

TLS = {"secretName": "shop-tls"}
NODE_PORT = {"type": "NodePort"}
ORIGIN = {"name": "main", "address": "origin.example.com"}
FAR = {"name": "far", "address": "far.example.com"}
CHECKED = {**ORIGIN, "healthCheck": "main"}


def zone(**spec: Any) -> dict[str, Any]:
    return {"hosts": ["shop.example.com"], "origins": [ORIGIN], **spec}


def many(count: int) -> list[dict[str, Any]]:
    return [{**FAR, "name": f"o{i}"} for i in range(count)]


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("secretName", zone(tls={})),
        ("secretName", zone(tls={"secretName": "Not_A_Name"})),
        ("must differ", zone(tls=TLS, exposure={"port": 443})),
        ("only for zones with tls", zone(exposure={**NODE_PORT, "tlsNodePort": 30443})),
        ("tlsNodePort is only for type NodePort", zone(tls=TLS, exposure={"tlsNodePort": 30443})),
        ("must differ", zone(tls=TLS, exposure={**NODE_PORT, "nodePort": 30443, "tlsNodePort": 30443})),
        ("externalTrafficPolicy is only for", zone(exposure={"externalTrafficPolicy": "Local"})),
        ("externalTrafficPolicy", zone(exposure={**NODE_PORT, "externalTrafficPolicy": "Global"})),
        ("secretName", zone(origins=[{**ORIGIN, "tls": {"clientCertificate": {}}}])),
        ("responseTimeoutSeconds", zone(origins=[{**ORIGIN, "responseTimeoutSeconds": 601}])),
        ("responseTimeoutSeconds", zone(origins=[{**ORIGIN, "responseTimeoutSeconds": 0}])),
        ("maxConnections", zone(origins=[{**ORIGIN, "maxConnections": 0}])),
        ("healthCheck", zone(origins=[{**ORIGIN, "healthCheck": "No_Name"}])),
        ("fallbacks are of no use", zone(origins=[{**ORIGIN, "fallbacks": ["far"]}, FAR])),
        ("whenUnhealthy is of no use", zone(origins=[{**ORIGIN, "whenUnhealthy": "Refuse"}])),
        ("whenUnhealthy", zone(origins=[{**CHECKED, "whenUnhealthy": "Maybe"}])),
        ("can't be its own fallback", zone(origins=[{**CHECKED, "fallbacks": ["far", "main"]}, FAR])),
        ("must be the name of one of spec.origins", zone(origins=[{**CHECKED, "fallbacks": ["far", "gone"]}, FAR])),
        ("must not name an origin twice", zone(origins=[{**CHECKED, "fallbacks": ["far", "far"]}, FAR])),
        ("fallbacks", zone(origins=[{**CHECKED, "fallbacks": [f"o{i}" for i in range(9)]}, *many(9)])),
        ("must be from 1Ki to 1Ti", zone(maxRequestBody=1000)),
        ("must be from 1Ki to 1Ti", zone(maxRequestBody="1.5Ti")),
        ("maxRequestBody", zone(maxRequestBody="much")),
    ],
)
def test_a_zone_that_contradicts_itself_is_refused(api: BareApi, words: str, spec: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=words):
        dry(api, "smartshieldzones", spec)


@pytest.mark.parametrize(
    "spec",
    [
        zone(tls=TLS),
        zone(exposure={"port": 443}),
        zone(tls=TLS, exposure={**NODE_PORT, "nodePort": 30080, "tlsNodePort": 30443}),
        zone(exposure={**NODE_PORT, "externalTrafficPolicy": "Cluster"}),
        zone(maxRequestBody=1024),
        zone(maxRequestBody="1Ti"),
        zone(origins=[{**ORIGIN, "tls": {"clientCertificate": TLS}, "responseTimeoutSeconds": 600}]),
        zone(origins=[{**CHECKED, "fallbacks": [f"o{i}" for i in range(8)], "whenUnhealthy": "Refuse"}, *many(31)]),
        zone(origins=[{**CHECKED, "fallbacks": ["far"]}, {**FAR, "healthCheck": "main", "fallbacks": ["main"]}]),
        zone(origins=[{**ORIGIN, "fallbacks": []}]),
    ],
)
def test_a_zone_within_the_bounds_is_accepted(api: BareApi, spec: dict[str, Any]) -> None:
    assert dry(api, "smartshieldzones", spec)["spec"]["hosts"] == ["shop.example.com"]


def test_a_zone_gets_its_defaults(api: BareApi) -> None:
    spec = dry(api, "smartshieldzones", zone())["spec"]
    assert spec["exposure"] == {"type": "ClusterIP", "port": 80, "tlsPort": 443}
    assert (spec["maxRequestBody"], spec["fleet"], spec["paused"]) == ("5Gi", "default", False)
    assert spec["origins"] == [ORIGIN]


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("CIDR", {"clients": {"trustedProxies": ["10.0.0.1/8"]}}),
        ("CIDR", {"clients": {"trustedProxies": ["10.0.0.1"]}}),
        ("CIDR", {"clients": {"trustedProxies": ["balancer/8"]}}),
        ("proxyProtocol", {"clients": {"proxyProtocol": "on"}}),
        ("accessLogFormat", {"accessLogFormat": "json"}),
        ("accessLogSample", {"accessLogSample": 101}),
    ],
)
def test_a_fleet_that_makes_no_sense_is_refused(api: BareApi, words: str, spec: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=words):
        dry(api, "shieldfleets", spec)


def test_a_fleet_has_only_what_was_asked_for(api: BareApi) -> None:
    spec = {"clients": {"proxyProtocol": True, "trustedProxies": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]}}
    assert dry(api, "shieldfleets", spec)["spec"] == spec


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_is_accepted_without_an_unknown_field(api: BareApi, path: Path) -> None:
    ours = [body for body in yaml.safe_load_all(path.read_text()) if body["kind"] in PLURALS]
    assert ours
    for body in ours:
        assert dry(api, PLURALS[body["kind"]], body["spec"])
