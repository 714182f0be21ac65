"""The operator's rights: what it watches and applies, no wildcard, no reading of Secrets outside its namespace."""

from typing import Any

from shield_operator.core.alerts.decode import alert_object
from shield_operator.core.alerts.planning import make_alerts_plan
from shield_operator.core.alerts.world import AlertsWorld
from shield_operator.core.health.decode import check_object
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.world import ChecksKey, ChecksWorld
from shield_operator.core.world import Installation, Node
from shield_operator.kube import kinds
from shield_operator.kube.settings import read_settings

Object = dict[str, Any]


def rules(objects: list[Object], kind: str, name: str = "edge-smart-shield") -> list[Object]:
    """The rules of a role."""
    (role,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    found: list[Object] = role["rules"]
    return found


def verbs(found: list[Object], group: str, resource: str) -> set[str]:
    """What the rules allow on that resource."""
    return {v for rule in found if group in rule["apiGroups"] and resource in rule["resources"] for v in rule["verbs"]}


def installation(objects: list[Object]) -> Installation:
    """What the operator is told."""
    (deployment,) = [o for o in objects if o["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return read_settings({item["name"]: item.get("value", "x") for item in container["env"]}).installation


def test_nothing_is_a_wildcard(defaults: list[Object]) -> None:
    """Groups, resources and verbs are spelt out; nothing binds, escalates, impersonates or executes. Roles that the
    operator makes can therefore hold no right that it has not."""
    roles = [o for o in defaults if o["kind"] in ("Role", "ClusterRole")]
    assert len(roles) == 5
    for role in roles:
        for rule in role["rules"]:
            words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert "*" not in words
            assert not words & {"bind", "escalate", "impersonate", "deletecollection", "pods/exec", "pods/portforward"}
            assert "nonResourceURLs" not in rule


def test_secrets_are_read_in_the_operators_namespace_only(defaults: list[Object]) -> None:
    """Elsewhere they are written blindly."""
    assert verbs(rules(defaults, "ClusterRole"), "", "secrets") == {"create", "patch"}
    assert verbs(rules(defaults, "Role"), "", "secrets") == {"get", "list", "create", "patch", "delete"}


def test_what_the_operator_watches_and_applies_is_allowed_and_no_more(defaults: list[Object]) -> None:
    """The ClusterRole is the operator's own list of kinds, with events, status and blind Secrets. A ConfigMap of a
    record is read by name where somebody took its label away."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for kind in kinds.WATCHED:
        wanted[kind.group, kind.plural] = {"list", "watch"}
    for kind in kinds.OWNED:
        wanted[kind.group, kind.plural] |= {"create", "patch", "delete"}
    for kind in (kinds.ZONE, kinds.FLEET, kinds.CHECK, kinds.ALERT):
        wanted[kind.group, f"{kind.plural}/status"] = {"patch"}
    wanted[kinds.JOB.group, kinds.JOB.plural] = {"create"}
    wanted[kinds.CONFIG_MAP.group, kinds.CONFIG_MAP.plural] |= {"get"}
    wanted[kinds.LEASE.group, kinds.LEASE.plural] |= {"get"}  # which probers are given
    wanted[kinds.CHECK.group, kinds.CHECK.plural] |= {"delete"}  # previews that were left
    wanted[kinds.ALERT.group, kinds.ALERT.plural] |= {"get"}  # one that a courier wrote into meanwhile
    wanted[kinds.CHECK.group, "healthchecks/probes"] = {"report"}
    wanted["", "events"] = wanted["", "secrets"] = {"create", "patch"}
    found = rules(defaults, "ClusterRole")
    allowed = {(g, r): verbs(found, g, r) for rule in found for g in rule["apiGroups"] for r in rule["resources"]}
    assert allowed == wanted


def test_leadership_is_a_lease_in_the_operators_namespace(defaults: list[Object]) -> None:
    """It is replaced there, and nowhere else: Leases of probers are applied."""
    assert verbs(rules(defaults, "Role"), "coordination.k8s.io", "leases") == {"get", "create", "update"}
    assert "update" not in verbs(rules(defaults, "ClusterRole"), "coordination.k8s.io", "leases")


def test_probers_are_given_what_the_operator_has(defaults: list[Object]) -> None:
    """The API server refuses a Role with more than its maker may do."""
    had = rules(defaults, "ClusterRole")
    world = ChecksWorld(
        key=ChecksKey("shop"),
        installation=installation(defaults),
        now=0.0,
        timestamp="1970-01-01T00:00:00Z",
        checks=(check_object({"metadata": {"uid": "u", "name": "c"}, "spec": {"address": "a.example.com"}}),),
        nodes=(Node("n", "eu", "a", ready=True),),
    )
    given = [rule for body in make_checks_plan(world).objects if body["kind"] == "Role" for rule in body["rules"]]
    assert given
    for rule in given:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert set(rule["verbs"]) <= verbs(had, group, resource), rule


def test_a_courier_is_given_what_the_operator_has(defaults: list[Object]) -> None:
    """It reads alerts and tells what became of them; no Secret is read by way of the API."""
    had = rules(defaults, "ClusterRole")
    target = {"name": "ops", "webhook": {"url": "https://ops.example.com/"}}
    world = AlertsWorld(
        key=ChecksKey("shop"),
        installation=installation(defaults),
        now=0.0,
        timestamp="1970-01-01T00:00:00Z",
        alerts=(alert_object({"metadata": {"uid": "u", "name": "a"}, "spec": {"targets": [target]}}),),
    )
    given = [rule for body in make_alerts_plan(world).objects if body["kind"] == "Role" for rule in body["rules"]]
    assert {resource for rule in given for resource in rule["resources"]} == {"healthalerts", "healthalerts/status"}
    for rule in given:
        for resource in rule["resources"]:
            assert set(rule["verbs"]) <= verbs(had, "smartshield.io", resource), rule


def test_people_may_do_with_the_products_resources_what_they_may_do_with_others(defaults: list[Object]) -> None:
    """View reads, edit and admin write, nobody writes a status or reports for a data centre."""
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    given: dict[str, list[Object]] = {}
    for role in (o for o in defaults if o["kind"] == "ClusterRole"):
        for label in role["metadata"]["labels"]:
            if label.startswith(aggregate):
                given.setdefault(label.removeprefix(aggregate), []).extend(role["rules"])
    read = {"get", "list", "watch"}
    for kind in (kinds.ZONE, kinds.FLEET, kinds.CHECK, kinds.ALERT):
        assert verbs(given["view"], kind.group, kind.plural) == read
        for people in ("edit", "admin"):
            assert verbs(given[people], kind.group, kind.plural) == read | {"create", "update", "patch", "delete"}
    for rules_ in given.values():
        assert verbs(rules_, "coordination.k8s.io", "leases") == {"get", "list"}
        assert not any("/" in resource for rule in rules_ for resource in rule["resources"])


def test_the_test_pod_may_only_list_custom_resources(defaults: list[Object]) -> None:
    """With an account of its own, that goes with it."""
    resources = ["smartshieldzones", "shieldfleets", "healthchecks", "healthalerts"]
    assert rules(defaults, "ClusterRole", "edge-smart-shield-test") == [
        {"apiGroups": ["smartshield.io"], "resources": resources, "verbs": ["list"]}
    ]


def test_bindings_bind_their_own_role_to_their_own_account(defaults: list[Object]) -> None:
    """The account named is one that the chart makes."""
    accounts = {o["metadata"]["name"] for o in defaults if o["kind"] == "ServiceAccount"}
    bindings = [o for o in defaults if o["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert len(bindings) == 3
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "shield-system")
        assert subject["name"] in accounts
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
        assert binding["roleRef"]["kind"] == binding["kind"].removesuffix("Binding")


def test_accounts_mount_no_token_unless_the_pod_asks(defaults: list[Object]) -> None:
    """Other pods that are given the account by mistake get nothing."""
    for account in (o for o in defaults if o["kind"] == "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
