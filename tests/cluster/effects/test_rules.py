"""What an API server accepts and refuses of the custom resources, by their schemas and rules; nothing is stored."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bareapi import BareApi
from operatorprocess import GROUPS, ROOT

PLURALS = {
    "SmartShieldZone": "smartshieldzones",
    "ShieldFleet": "shieldfleets",
    "HealthCheck": "healthchecks",
    "HealthAlert": "healthalerts",
}
TLS = {"secretName": "shop-tls"}
NODE_PORT = {"type": "NodePort"}
ORIGIN = {"name": "main", "address": "origin.example.com"}
FAR = {"name": "far", "address": "far.example.com"}
CHECKED = {**ORIGIN, "healthCheck": "main"}


def dry(api: BareApi, plural: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The object as it would be stored, with its defaults; AssertionError with the server's words."""
    kind = next(kind for kind, of_kind in PLURALS.items() if of_kind == plural)
    body = {"apiVersion": "smartshield.io/v1alpha1", "kind": kind, "metadata": {"name": "one"}, "spec": spec}
    path = f"{GROUPS}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"
    stored: dict[str, Any] = api.call("POST", path, body)
    return stored


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


def check(**spec: Any) -> dict[str, Any]:
    return {"address": "origin.example.com", **spec}


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("spec.address", {}),
        ("spec.address", check(address="two words")),
        ("spec.address", check(address="http://origin.example.com")),
        ("timeout must be less than interval", check(timeout=60)),
        ("spec.interval", check(interval=4)),
        ("spec.retries", check(retries=6)),
        ("httpConfig is only for type HTTP or HTTPS", check(type="TCP", httpConfig={})),
        ("tcpConfig is only for type TCP", check(tcpConfig={"port": 22})),
        ("spec.type", check(type="UDP")),
        ("expectedBody can't be met", check(httpConfig={"method": "HEAD", "expectedBody": "ok"})),
        ("expectedCodes", check(httpConfig={"expectedCodes": ["20x"]})),
        ("expectedCodes", check(httpConfig={"expectedCodes": []})),
        ("spec.httpConfig.port", check(httpConfig={"port": 65536})),
        ("spec.tcpConfig.port", check(type="TCP", tcpConfig={"port": 0})),
        ("spec.httpConfig.path", check(httpConfig={"path": "healthz"})),
        ("spec.httpConfig.path", check(httpConfig={"path": "/a b"})),
        ("User-Agent", check(httpConfig={"header": {"User-Agent": ["me"]}})),
        ("Host must have one value", check(httpConfig={"header": {"Host": ["a", "b"]}})),
        ("Host must have one value", check(httpConfig={"header": {"Host": ["a"], "host": ["a"]}})),
        ("spec.httpConfig.header", check(httpConfig={"header": {"A": ["x\r\ny"]}})),
        ("ALL_REGIONS", check(checkRegions=["ALL_REGIONS", "eu"])),
        ("Duplicate value", check(checkRegions=["eu", "eu"])),
    ],
)
def test_a_check_that_contradicts_itself_is_refused(api: BareApi, words: str, spec: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=words):
        dry(api, "healthchecks", spec)


def test_a_check_gets_its_defaults(api: BareApi) -> None:
    spec = dry(api, "healthchecks", check(httpConfig={}))["spec"]
    assert (spec["type"], spec["interval"], spec["timeout"], spec["retries"]) == ("HTTP", 60, 5, 2)
    assert (spec["consecutiveFails"], spec["consecutiveSuccesses"], spec["suspended"]) == (1, 1, False)
    assert spec["httpConfig"] == {
        "method": "GET",
        "path": "/",
        "expectedCodes": ["200"],
        "followRedirects": False,
        "allowInsecure": False,
    }


@pytest.mark.parametrize(
    "spec",
    [
        check(address="2001:db8::7", interval=10, checkRegions=["WEU", "eu-west-1"]),
        check(address="_dns.example.com.", type="HTTPS", httpConfig={"header": {"Host": ["shop.example.com:8443"]}}),
        check(type="TCP", tcpConfig={"port": 5432}),
        check(httpConfig={"header": {"X-Word": ["gr\u00fc\u00df dich"]}, "path": "/a?b=%20"}),
    ],
)
def test_a_check_within_the_bounds_is_accepted(api: BareApi, spec: dict[str, Any]) -> None:
    assert dry(api, "healthchecks", spec)["spec"]["address"] == spec["address"]


HOOK = {"name": "hook", "webhook": {"url": "https://hook.example.com/a?b=c"}}
SECRET = {"secretName": "pager"}
SERVER = {"host": "mail.example.com"}
MAIL = {"to": ["a@example.com"], "from": "b@example.com", "server": SERVER}
ONCE = {"start": "2026-05-01T02:00:00Z", "end": "2026-05-01T03:00:00Z"}


def alert(*targets: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"targets": list(targets) or [HOOK], **spec}


def hook(**webhook: Any) -> dict[str, Any]:
    return alert({"name": "hook", "webhook": webhook})


def mail(server: dict[str, Any] | None = None, **email: Any) -> dict[str, Any]:
    return alert({"name": "mail", "email": {**MAIL, "server": {**SERVER, **(server or {})}, **email}})


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("targets", {}),
        ("targets", {"targets": []}),
        ("targets", {"targets": [{**HOOK, "name": f"hook-{i}"} for i in range(11)]}),
        ("Duplicate value", alert(HOOK, HOOK)),
        ("exactly one of email", alert({"name": "none"})),
        ("exactly one of email", alert({**HOOK, "slack": {"urlFrom": SECRET}})),
        ("targets\\[0\\].name", alert({**HOOK, "name": "Not a name"})),
        ("exactly one of url and urlFrom", hook()),
        ("exactly one of url and urlFrom", hook(url="https://a.example.com", urlFrom=SECRET)),
        ("webhook.url", hook(url="ftp://a.example.com")),
        ("webhook.url", hook(url="https://user:password@a.example.com/")),
        ("set by whoever delivers", hook(url="https://a.example.com", header="Content-Type")),
        ("webhook.header", hook(url="https://a.example.com", header="a b")),
        ("secretName", hook(urlFrom={"key": "url"})),
        ("urlFrom", alert({"name": "chat", "slack": {}})),
        ("routingKeyFrom", alert({"name": "pager", "pagerDuty": {}})),
        ("region", alert({"name": "genie", "opsgenie": {"apiKeyFrom": SECRET, "region": "AU"}})),
        ("plain text", mail({"security": "None", "credentials": SECRET})),
        ("of no use", mail({"security": "None", "authority": SECRET})),
        ("server.port", mail({"port": 0})),
        ("email.to", mail(to=["Ops <ops@example.com>"])),
        ("email.to", mail(to=[])),
        ("email.from", mail(**{"from": "nobody"})),
        ("names or selector", alert(checks={})),
        ("values must be set", alert(checks={"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}})),
        (
            "values must be set",
            alert(checks={"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}}),
        ),
        ("trigger", alert(trigger="Never")),
        ("exactly one of start and at", alert(maintenanceWindows=[{}])),
        ("exactly one of start and at", alert(maintenanceWindows=[{**ONCE, "at": "02:00", "minutes": 5}])),
        ("start and end must be set together", alert(maintenanceWindows=[{"start": ONCE["start"]}])),
        ("end must be later", alert(maintenanceWindows=[{"start": ONCE["end"], "end": ONCE["start"]}])),
        ("date-time", alert(maintenanceWindows=[{**ONCE, "end": "tomorrow"}])),
        ("at and minutes", alert(maintenanceWindows=[{"at": "02:00"}])),
        ("only for windows with at", alert(maintenanceWindows=[{**ONCE, "timeZone": "UTC"}])),
        ("days", alert(maintenanceWindows=[{"at": "02:00", "minutes": 5, "days": ["Monday"]}])),
        ("maintenanceWindows\\[0\\].at", alert(maintenanceWindows=[{"at": "24:00", "minutes": 5}])),
        ("minutes", alert(maintenanceWindows=[{"at": "02:00", "minutes": 10081}])),
        ("timeZone", alert(maintenanceWindows=[{"at": "02:00", "minutes": 5, "timeZone": "../etc/passwd"}])),
    ],
)
def test_an_alert_that_contradicts_itself_is_refused(api: BareApi, words: str, spec: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=words):
        dry(api, "healthalerts", spec)


def test_an_alert_gets_its_defaults(api: BareApi) -> None:
    named = {"secretName": "s"}
    pager, genie = {"pagerDuty": {"routingKeyFrom": named}}, {"opsgenie": {"apiKeyFrom": named}}
    email = {"email": {**MAIL, "server": {**SERVER, "credentials": named, "authority": named}}}
    web = {"webhook": {"urlFrom": named, "secret": named, "authority": named}}
    made = [{"name": f"t-{i}", **means} for i, means in enumerate((pager, genie, email, web))]
    spec = dry(api, "healthalerts", alert(*made))["spec"]
    assert (spec["trigger"], spec["suspended"]) == ("Both", False)
    assert spec["targets"] == made


@pytest.mark.parametrize(
    "spec",
    [
        alert(checks={"selector": {}}),
        alert(checks={"names": ["a"], "selector": {"matchLabels": {"team": "shop", "empty": ""}}}),
        alert(maintenanceWindows=[ONCE, {"at": "23:59", "minutes": 10080, "timeZone": "Etc/GMT+1"}]),
        mail({"security": "TLS", "host": "2001:db8::7"}, to=["a@example.com", "b+c@example.com"]),
        mail({"security": "None", "port": 2525}),
        hook(url="http://[2001:db8::7]:8080/a"),
    ],
)
def test_an_alert_within_the_bounds_is_accepted(api: BareApi, spec: dict[str, Any]) -> None:
    assert dry(api, "healthalerts", spec)["spec"]["targets"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_is_accepted_without_an_unknown_field(api: BareApi, path: Path) -> None:
    ours = [body for body in yaml.safe_load_all(path.read_text()) if body["kind"] in PLURALS]
    assert ours
    for body in ours:
        assert dry(api, PLURALS[body["kind"]], body["spec"])
