"""The custom resource definitions: complete, in step with the code, and true of the examples."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from shield_operator.core import naming
from shield_operator.core.alerts.deciding import MOST_TOLD
from shield_operator.core.alerts.decode import decode_alert
from shield_operator.core.alerts.selection import Operator
from shield_operator.core.alerts.windows import DAYS, MOST_MINUTES
from shield_operator.core.decode import decode_zone
from shield_operator.core.decode_fleet import BUILT_IN, MOST_PROXIES, decode_fleet, fleet_object
from shield_operator.core.decode_origin import LONGEST_RESPONSE_SECONDS, MOST_CONNECTIONS
from shield_operator.core.health.verdict import SUSPENDED
from shield_operator.core.quantity import whole_bytes
from shield_operator.core.spec import AccessLogFormat, ExposureType, Topology, TrafficPolicy, WhenUnhealthy
from shield_proxy.config.alerts import decode as alerts
from shield_proxy.config.alerts.alert import OpsgenieRegion, PagerDutyRegion, Security, Trigger
from shield_proxy.config.alerts.contract import MOST_NOTIFICATIONS, MOST_TOKEN
from shield_proxy.config.alerts.notification import Event
from shield_proxy.config.checks import decode as bounds
from shield_proxy.config.checks.check import CheckType, Method
from shield_proxy.config.checks.decode import decode_check
from shield_proxy.config.checks.health import Health
from shield_proxy.config.fallbacks import MOST_FALLBACKS
from shield_proxy.health.running.standing import Entry, Place
from shield_proxy.health.sample import Waterfall

ROOT = Path(__file__).resolve().parents[4]
CRDS = {
    crd["spec"]["names"]["kind"]: crd
    for path in sorted((ROOT / "crds").glob("*.yaml"))
    for crd in [yaml.safe_load(path.read_text("utf-8"))]
}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def schema(kind):
    (version,) = CRDS[kind]["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def strict(node):
    """The schema with fields it does not know refused, as the API server refuses them on strict requests."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: strict(value) for key, value in node.items()}
    if "properties" in node and isinstance(node["properties"], dict):
        out["additionalProperties"] = False
    return out


def validate(kind, body):
    checked = strict(schema(kind))
    checked["properties"]["metadata"] = {"type": "object"}
    jsonschema.Draft202012Validator(checked).validate(body)


def head(kind):
    return {"apiVersion": naming.API_VERSION, "kind": kind}


def fields(node, path=""):
    """(path, schema) of every field."""
    for name, child in node.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from fields(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield f"{path}[]", node[name]
            yield from fields(node[name], f"{path}[]")


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_field_is_described_and_bounded(kind):
    for path, node in fields(schema(kind)):
        if path != ".metadata":
            assert node.get("description", "").rstrip().endswith("."), path
        if path.startswith(".spec") and node.get("type") == "string":
            assert "enum" in node or "maxLength" in node, path
        if path.startswith(".spec") and node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "array":
            assert "x-kubernetes-list-type" in node, path


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_names_are_those_of_the_code(kind):
    spec = CRDS[kind]["spec"]
    assert kind in (naming.ZONE_KIND, naming.FLEET_KIND, naming.CHECK_KIND, naming.ALERT_KIND)
    assert f"{spec['group']}/{spec['versions'][0]['name']}" == naming.API_VERSION
    assert spec["names"]["categories"] == ["smartshield"]
    assert CRDS[kind]["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"


def told_default(field):
    """The default that a description tells."""
    return field["description"].partition("Not set: ")[2].removesuffix(".")


def test_enums_and_defaults_are_those_of_the_code():
    found = dict(fields(schema(naming.ZONE_KIND)))
    assert found[".spec.tieredCache.topology"]["enum"] == list(Topology)
    assert found[".spec.exposure.type"]["enum"] == list(ExposureType)
    plain = decode_zone({"hosts": ["a"], "origins": [{"name": "o", "address": "b", "tls": {}}]})
    assert found[".spec.fleet"]["default"] == plain.fleet
    assert found[".spec.exposure.port"]["default"] == plain.exposure.port
    assert found[".spec.exposure.type"]["default"] == plain.exposure.type
    assert found[".spec.paused"]["default"] == plain.paused
    assert (told_default(found[".spec.origins[].tls.verify"]), plain.origins[0].tls.verify) == ("true", True)
    assert found[".spec.exposure.externalTrafficPolicy"]["enum"] == list(TrafficPolicy)
    assert found[".spec.exposure.tlsPort"]["default"] == plain.exposure.tls_port
    assert whole_bytes(found[".spec.maxRequestBody"]["default"]) == plain.max_request_bytes
    (origin,) = plain.origins
    assert told_default(found[".spec.origins[].responseTimeoutSeconds"]) == f"{origin.response_seconds:g}"
    assert found[".spec.origins[].responseTimeoutSeconds"]["maximum"] == LONGEST_RESPONSE_SECONDS
    assert told_default(found[".spec.origins[].maxConnections"]) == str(origin.max_connections)
    assert found[".spec.origins[].maxConnections"]["maximum"] == MOST_CONNECTIONS
    assert found[".spec.origins[].whenUnhealthy"]["enum"] == list(WhenUnhealthy)
    assert told_default(found[".spec.origins[].whenUnhealthy"]) == origin.when_unhealthy
    assert found[".spec.origins[].fallbacks"]["maxItems"] == MOST_FALLBACKS
    of_fleet = dict(fields(schema(naming.FLEET_KIND)))
    assert of_fleet[".spec.accessLogFormat"]["enum"] == list(AccessLogFormat)
    assert of_fleet[".spec.clients.trustedProxies"]["maxItems"] == MOST_PROXIES


def test_a_checks_enums_defaults_and_bounds_are_those_of_the_code():
    found = dict(fields(schema(naming.CHECK_KIND)))
    plain = decode_check({"metadata": {"uid": "0" * 32, "name": "c"}, "spec": {"address": "a"}})
    for field, value in (
        ("type", plain.type),
        ("interval", plain.interval),
        ("timeout", plain.timeout),
        ("retries", plain.retries),
        ("consecutiveFails", plain.consecutive_fails),
        ("consecutiveSuccesses", plain.consecutive_successes),
        ("suspended", plain.suspended),
        ("httpConfig.method", plain.http.method),
        ("httpConfig.path", plain.http.path),
        ("httpConfig.expectedCodes", list(plain.http.expected_codes)),
        ("httpConfig.followRedirects", plain.http.follow_redirects),
        ("httpConfig.allowInsecure", plain.http.allow_insecure),
        ("tcpConfig.port", 80),
    ):
        assert found[f".spec.{field}"]["default"] == value, field
    for field, least, most in (
        ("interval", bounds.LEAST_INTERVAL, bounds.MOST_INTERVAL),
        ("retries", 0, bounds.MOST_RETRIES),
        ("consecutiveFails", 1, bounds.MOST_CONSECUTIVE),
        ("consecutiveSuccesses", 1, bounds.MOST_CONSECUTIVE),
    ):
        assert (found[f".spec.{field}"]["minimum"], found[f".spec.{field}"]["maximum"]) == (least, most), field
    assert found[".spec.type"]["enum"] == list(CheckType)
    assert found[".spec.httpConfig.method"]["enum"] == list(Method)
    assert found[".spec.httpConfig.path"]["maxLength"] == bounds.MOST_PATH
    assert found[".spec.httpConfig.expectedBody"]["maxLength"] == bounds.MOST_EXPECTED
    assert found[".spec.httpConfig.expectedCodes"]["maxItems"] == bounds.MOST_CODES
    assert found[".spec.httpConfig.header"]["maxProperties"] == bounds.MOST_FIELDS
    assert set(found[".status.status"]["enum"]) == {*Health, SUSPENDED}
    for path in (".status.probes[].health", ".status.regions[].health"):
        assert set(found[path]["enum"]) == set(Health)


def test_an_alerts_enums_defaults_and_bounds_are_those_of_the_code():
    found = dict(fields(schema(naming.ALERT_KIND)))
    secret = {"secretName": "s"}
    server = {"host": "h", "credentials": secret, "authority": secret}
    means = (
        ("email", {"to": ["a@b.c"], "from": "a@b.c", "server": server}),
        ("webhook", {"url": "http://a", "secret": secret, "authority": secret}),
        ("slack", {"urlFrom": secret}),
        ("teams", {"urlFrom": secret}),
        ("pagerDuty", {"routingKeyFrom": secret}),
        ("opsgenie", {"apiKeyFrom": secret}),
    )
    assert [name for name, _ in means] == list(alerts.READERS)
    plain = decode_alert({"spec": {"targets": [{"name": name.lower(), name: spec} for name, spec in means]}})
    mail, hook, slack, teams, pager, genie = (target.means for target in plain.targets)
    assert (found[".spec.trigger"]["default"], found[".spec.trigger"]["enum"]) == (plain.trigger, list(Trigger))
    assert found[".spec.suspended"]["default"] == plain.suspended
    for field, value in (
        ("email.server.security", mail.server.security),
        ("email.server.credentials.usernameKey", mail.server.username.key),
        ("email.server.credentials.passwordKey", mail.server.password.key),
        ("email.server.authority.key", mail.server.authority.key),
        ("webhook.header", hook.header),
        ("webhook.secret.key", hook.secret.key),
        ("webhook.authority.key", hook.authority.key),
        ("webhook.urlFrom.key", slack.url.key),
        ("slack.urlFrom.key", slack.url.key),
        ("teams.urlFrom.key", teams.url.key),
        ("pagerDuty.routingKeyFrom.key", pager.routing_key.key),
        ("opsgenie.apiKeyFrom.key", genie.api_key.key),
        ("pagerDuty.region", pager.region),
        ("opsgenie.region", genie.region),
    ):
        assert told_default(found[f".spec.targets[].{field}"]) == value, field
    assert found[".spec.targets[].email.server.security"]["enum"] == list(Security)
    assert found[".spec.targets[].opsgenie.region"]["enum"] == list(OpsgenieRegion)
    assert found[".spec.targets[].pagerDuty.region"]["enum"] == list(PagerDutyRegion)
    assert found[".spec.targets"]["maxItems"] == alerts.MOST_TARGETS
    assert found[".spec.targets[].email.to"]["maxItems"] == alerts.MOST_RECIPIENTS
    assert found[".spec.targets[].webhook.url"]["maxLength"] == alerts.MOST_URL
    assert found[".spec.checks.selector.matchExpressions[].operator"]["enum"] == list(Operator)
    assert found[".spec.maintenanceWindows[].days[]"]["enum"] == list(DAYS)
    assert found[".spec.maintenanceWindows[].minutes"]["maximum"] == MOST_MINUTES
    assert found[".status.notifications"]["maxItems"] == MOST_NOTIFICATIONS
    assert found[".status.unhealthy"]["maxItems"] == MOST_TOLD
    assert found[".status.lastTest"]["maxLength"] == MOST_TOKEN
    assert found[".status.targets[].settled"]["maxItems"] >= MOST_NOTIFICATIONS
    assert set(found[".status.notifications[].event"]["enum"]) == set(Event)


def test_what_a_data_centre_reports_is_in_the_schema():
    waterfall = Waterfall(0.001, 0.002, 0.003, 0.004, 0.01)
    entry = Entry(Health.UNHEALTHY, "TCP Timeout", "why", 3, "2026-01-01T00:00:00Z", 503, "203.0.113.7", waterfall)
    told = entry.document(Place("eu", "a"))
    found = {path.rpartition(".")[2] for path, _ in fields(schema(naming.CHECK_KIND)) if ".probes[]." in path}
    assert set(told) == found - {name for name in found if name.endswith("Milliseconds")} | {"roundTripMilliseconds"}
    body = {**head(naming.CHECK_KIND), "spec": {"address": "a"}, "status": {"probes": [told]}}
    validate(naming.CHECK_KIND, body)


def test_a_fleet_has_no_defaults_so_that_the_installations_hold():
    assert [path for path, node in fields(schema(naming.FLEET_KIND)) if "default" in node] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted_and_decodes(path):
    ours = [body for body in yaml.safe_load_all(path.read_text("utf-8")) if body["kind"] in CRDS]
    assert ours
    for body in ours:
        validate(body["kind"], body)
        if body["kind"] == naming.ZONE_KIND:
            decode_zone(body["spec"])
        elif body["kind"] == naming.FLEET_KIND:
            decode_fleet(body["spec"], BUILT_IN)
        elif body["kind"] == naming.ALERT_KIND:
            decode_alert(body)
        else:
            decode_check({**body, "metadata": {**body["metadata"], "uid": "0" * 32}})


def test_the_example_of_an_alert_shows_every_field():
    text = (ROOT / "examples" / "healthalert.yaml").read_text("utf-8")
    for path, _ in fields(schema(naming.ALERT_KIND)["properties"]["spec"]):
        assert f"{path.rpartition('.')[2].removesuffix('[]')}:" in text, path


def test_the_example_of_a_check_shows_every_field():
    text = (ROOT / "examples" / "healthcheck.yaml").read_text("utf-8")
    for path, _ in fields(schema(naming.CHECK_KIND)["properties"]["spec"]):
        name = path.rpartition(".")[2].rstrip("[]")
        if (name, path) != ("method", ".tcpConfig.method"):
            assert f"{name}:" in text, path


def test_the_full_example_shows_every_field():
    body = yaml.safe_load((ROOT / "examples" / "zone-full.yaml").read_text("utf-8"))
    text = (ROOT / "examples" / "zone-full.yaml").read_text("utf-8")
    for path, _ in fields(schema(naming.ZONE_KIND)["properties"]["spec"]):
        name = path.rpartition(".")[2].removesuffix("[]")
        if name not in ("caBundle", ""):
            assert f"{name}:" in text, path
    assert body["metadata"]["namespace"] == "shop"


def test_what_the_operator_writes_as_status_is_in_the_schema(served):
    served.fleet = fleet_object({"metadata": {"uid": "f", "generation": 1}, "spec": {}}, BUILT_IN)
    served.milliseconds["eu/a"] = None
    served.errors = {("uid-shop", "main"): "no such name"}
    served.change(tls={"secretName": "shop-tls"})
    for _ in range(5):
        served.step()
        status = json.loads(json.dumps(served.zones["shop"].status))
        spec = {"hosts": ["shop.example.com"], "origins": [{"name": "main", "address": "origin.example.com"}]}
        validate(naming.ZONE_KIND, {**head(naming.ZONE_KIND), "spec": spec, "status": status})
        of_fleet = json.loads(json.dumps(served.fleet.status))
        validate(
            naming.FLEET_KIND, {"apiVersion": naming.API_VERSION, "kind": "ShieldFleet", "spec": {}, "status": of_fleet}
        )


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_columns_and_list_maps_name_fields_that_exist(kind):
    found = dict(fields(schema(kind)))
    (version,) = CRDS[kind]["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        path = column["jsonPath"].partition("[?")[0]
        assert path in found or path.startswith(".metadata."), column
    for path, node in found.items():
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path
