"""The objects that alerts are delivered with."""

import json
from dataclasses import replace
from typing import Any

from shield_operator.core import naming
from shield_operator.core.alerts.courier import OBJECTS
from shield_operator.core.alerts.planning import make_alerts_plan
from shield_proxy.config.alerts.contract import COURIER, SECRETS_DIR


def objects(street: Any) -> dict[str, Any]:
    """By kind."""
    return {body["kind"]: json.loads(json.dumps(body)) for body in street.plan().objects}


def pod(street: Any) -> Any:
    return objects(street)["Deployment"]["spec"]["template"]["spec"]


def secret(name: str, key: str = "k") -> dict[str, str]:
    return {"secretName": name, "key": key}


def test_where_there_are_alerts_there_is_a_courier_and_it_goes_with_the_last(street: Any, new_alert: Any) -> None:
    street.alerts["second"] = new_alert("second")
    plan = street.plan()
    assert [(body["kind"], body["metadata"]["name"]) for body in plan.objects] == list(OBJECTS)
    assert plan.keep == frozenset(OBJECTS)
    for body in plan.objects:
        owners = [(owner["kind"], owner["name"], owner["uid"]) for owner in body["metadata"]["ownerReferences"]]
        assert owners == [("HealthAlert", "down", "uid-down"), ("HealthAlert", "second", "uid-second")]
        assert body["metadata"]["labels"] == naming.courier_labels()
    street.alerts = {"down": replace(street.alerts["down"], deleting=True)}
    plan = street.plan()
    assert (plan.objects, plan.keep, plan.statuses) == ((), frozenset(), {})


def test_an_alert_that_can_t_be_honoured_keeps_its_courier_but_mounts_nothing(street: Any) -> None:
    street.edit(targets=[])
    assert pod(street)["volumes"][0]["projected"]["sources"] == []


def test_the_pod_has_no_privilege_and_may_run_on_any_node(street: Any) -> None:
    spec = pod(street)
    assert "nodeSelector" not in spec
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == (COURIER, True)
    assert objects(street)["ServiceAccount"]["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    assert container["args"] == ["shield-courier", "run", "--namespace", "shop"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["resources"] == {
        "requests": {"cpu": "10m", "memory": "48Mi"},
        "limits": {"memory": "128Mi"},
    }


def test_there_is_never_a_second_one_beside_the_first(street: Any) -> None:
    spec = objects(street)["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_of_each_secret_the_keys_that_alerts_name_are_mounted_and_none_is_waited_for(
    street: Any, new_alert: Any
) -> None:
    server = {
        "host": "mail.example.com",
        "credentials": {"secretName": "mail"},
        "authority": {"secretName": "mail", "key": "ca"},
    }
    street.edit(
        targets=[
            {"name": "a", "email": {"to": ["a@b.c"], "from": "d@e.f", "server": server}},
            {
                "name": "b",
                "webhook": {"urlFrom": secret("web"), "secret": secret("web", "s"), "authority": secret("ca")},
            },
            {"name": "c", "slack": {"urlFrom": secret("chat", "url")}},
        ]
    )
    street.alerts["second"] = new_alert(
        "second",
        targets=[
            {"name": "a", "slack": {"urlFrom": secret("chat", "url")}},
            {"name": "b", "teams": {"urlFrom": secret("chat", "teams")}},
            {"name": "c", "pagerDuty": {"routingKeyFrom": secret("pager")}},
            {"name": "d", "opsgenie": {"apiKeyFrom": secret("genie"), "region": "EU"}},
        ],
    )
    spec = pod(street)
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert (mount["mountPath"], mount["readOnly"]) == (SECRETS_DIR, True)
    sources = [source["secret"] for source in spec["volumes"][0]["projected"]["sources"]]
    assert all(source["optional"] is True for source in sources)
    assert {source["name"]: [item["path"] for item in source["items"]] for source in sources} == {
        "ca": ["ca/k"],
        "chat": ["chat/teams", "chat/url"],
        "genie": ["genie/k"],
        "mail": ["mail/ca", "mail/password", "mail/username"],
        "pager": ["pager/k"],
        "web": ["web/k", "web/s"],
    }


def test_nothing_else_of_an_alert_or_of_checks_changes_the_pod(street: Any, new_alert: Any) -> None:
    before = pod(street)
    street.edit(trigger="Healthy", suspended=True, checks={"names": ["x"]}, displayName="Other")
    street.alerts["second"] = new_alert("second")
    street.check("third")
    street.verdicts["origin"] = "Unhealthy"
    street.step()
    assert pod(street) == before


def test_its_account_may_read_alerts_and_write_what_became_of_them(street: Any) -> None:
    made = objects(street)
    assert made["Role"]["rules"] == [
        {"apiGroups": ["smartshield.io"], "resources": ["healthalerts"], "verbs": ["list", "watch"]},
        {"apiGroups": ["smartshield.io"], "resources": ["healthalerts/status"], "verbs": ["patch"]},
    ]
    binding = made["RoleBinding"]
    assert binding["roleRef"]["name"] == made["Role"]["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": COURIER, "namespace": "shop"}]


def test_of_it_only_its_health_can_be_asked_for(street: Any) -> None:
    policy = objects(street)["NetworkPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"] == naming.courier_labels()
    assert policy["ingress"] == [{"ports": [{"port": 8081, "protocol": "TCP"}]}]
    template = objects(street)["Deployment"]["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_without_network_policies_none_is_made(street: Any) -> None:
    world = street.world()
    plan = make_alerts_plan(replace(world, installation=replace(world.installation, network_policies=False)))
    assert "NetworkPolicy" not in {body["kind"] for body in plan.objects}
