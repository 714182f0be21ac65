"""What an API server accepts and refuses of checks and alerts, by schemas and rules; nothing is stored."""

from typing import Any

import pytest

from bareapi import BareApi
from dryrun import dry


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
        ("User-Agent", check(httpConfig={"header": {"USER-AGENT": ["me"]}})),
        ("the connection's own", check(httpConfig={"header": {"Proxy-Connection": ["close"]}})),
        ("tokens of HTTP", check(httpConfig={"header": {"X Y": ["z"]}})),
        ("32 values", check(httpConfig={"header": {name: ["x"] * 11 for name in "abc"}})),
        ("Host must have one value", check(httpConfig={"header": {"Host": ["a", "b"]}})),
        ("Host must have one value", check(httpConfig={"header": {"Host": ["a"], "HOST": ["a"]}})),
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
        check(httpConfig={"header": {"host": ["shop.example.com"], "a": ["x"] * 16, "b": ["x"] * 15}}),
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
