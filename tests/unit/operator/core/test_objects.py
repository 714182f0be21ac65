"""The desired objects of a fleet."""

import json
from dataclasses import replace

import pytest

from shield_operator.core.decode_fleet import BUILT_IN, fleet_object
from shield_operator.core.planning import make_plan
from shield_proxy.config import contract
from shield_proxy.config.contract import Tier
from shield_proxy.process.settings import settings_of_environment


def fleet(**spec):
    return fleet_object({"metadata": {"uid": "uid-fleet", "generation": 1}, "spec": spec}, BUILT_IN)


def found(cluster, kind, *words):
    """Objects of a kind whose name has the words."""
    return [
        obj for (k, name), obj in sorted(cluster.objects.items()) if k == kind and all(word in name for word in words)
    ]


@pytest.fixture(params=["lower", "upper", "redis"])
def pod(served, request):
    """The pod spec of each kind of Deployment."""
    return found(served, "Deployment", f"-{request.param}-", "eu-a")[0]["spec"]["template"]["spec"]


def test_pods_have_no_privilege(pod):
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_pods_run_in_their_data_centre(pod):
    assert pod["nodeSelector"] == {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "a"}


def test_every_port_that_a_probe_or_service_names_is_there(served):
    templates = [obj["spec"]["template"] for obj in found(served, "Deployment")]
    for template in templates:
        (container,) = template["spec"]["containers"]
        probes = [container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
        names = {port["name"] for port in container["ports"]}
        assert {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe} <= names
    for service in found(served, "Service"):
        selector = service["spec"]["selector"].items()
        chosen = [template for template in templates if selector <= template["metadata"]["labels"].items()]
        assert chosen
        for template in chosen:
            names = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_the_proxy_understands_its_environment(served):
    container = found(served, "Deployment", "-lower-", "eu-a")[0]["spec"]["template"]["spec"]["containers"][0]
    environment = {
        variable["name"]: variable.get("value") or {"POD_NAME": "pod-1", "POD_IP": "10.0.0.9"}[variable["name"]]
        for variable in container["env"]
    }
    settings = settings_of_environment(environment, ipv6=False)
    assert (settings.tier, settings.data_center, settings.namespace, settings.fleet) == (
        Tier.LOWER,
        "eu/a",
        "shop",
        "default",
    )
    assert settings.redis.host == found(served, "Service", "-redis-", "eu-a")[0]["metadata"]["name"] + ".shop.svc"


def test_pods_get_longer_to_end_than_they_drain(served):
    pod = found(served, "Deployment", "-lower-")[0]["spec"]["template"]["spec"]
    env = {variable["name"]: variable.get("value") for variable in pod["containers"][0]["env"]}
    drain = int(env["SHIELD_DRAIN_SECONDS"]) + int(env["SHIELD_DRAIN_DELAY_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] > drain


def test_pods_mount_every_chunk_of_the_record_optionally(served):
    plan = make_plan(served.world())
    pod = found(served, "Deployment", "-upper-")[0]["spec"]["template"]["spec"]
    sources = next(volume for volume in pod["volumes"] if volume["name"] == "state")["projected"]["sources"]
    assert tuple(source["configMap"]["name"] for source in sources) == plan.record_objects
    assert all(source["configMap"]["optional"] for source in sources)
    assert {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]} == {
        contract.STATE_DIR,
        contract.TLS_DIR,
        contract.REDIS_DIR,
    }


def test_rolling_never_takes_a_pod_away_first(served):
    for obj in found(served, "Deployment", "-lower-") + found(served, "Deployment", "-upper-"):
        assert obj["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_budgets_exist_for_more_than_one_pod_only(served):
    assert found(served, "PodDisruptionBudget") == []
    served.replicas = 2
    served.run(10)
    budgets = found(served, "PodDisruptionBudget")
    assert len(budgets) == 5
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in budgets)
    served.replicas = 1
    served.run(10)
    assert found(served, "PodDisruptionBudget") == []


def test_headless_services_show_pods_that_are_not_ready(served):
    for obj in found(served, "Service", "-lower-") + found(served, "Service", "-upper-"):
        assert obj["spec"]["clusterIP"] == "None"
        assert obj["spec"]["publishNotReadyAddresses"] is True
        assert obj["spec"]["ports"][0]["port"] == contract.HOP_PORT


def test_the_edge_belongs_to_its_zone_alone_and_prefers_the_clients_zone(served, new_zone):
    exposure = {"type": "NodePort", "nodePort": 30001}
    served.zones["blog"] = new_zone("blog", created="2026-02-01T00:00:00Z", exposure=exposure)
    served.run(3)
    (blog,) = found(served, "Service", "edge", "blog")
    assert [owner["name"] for owner in blog["metadata"]["ownerReferences"]] == ["blog"]
    assert blog["spec"]["trafficDistribution"] == "PreferSameZone"
    assert (blog["spec"]["type"], blog["spec"]["ports"][0]["nodePort"]) == ("NodePort", 30001)
    (lower, *_) = found(served, "Deployment", "-lower-")
    assert [owner["name"] for owner in lower["metadata"]["ownerReferences"]] == ["shop", "blog"]
    labels = lower["spec"]["template"]["metadata"]["labels"]
    assert blog["spec"]["selector"].items() <= labels.items()


def test_network_policies_let_in_who_must_and_no_other(served):
    (policy,) = found(served, "NetworkPolicy", "proxies")
    open_ports = [port["port"] for rule in policy["spec"]["ingress"] if "from" not in rule for port in rule["ports"]]
    assert open_ports == [contract.CLIENT_PORT, contract.CLIENT_TLS_PORT, contract.HEALTH_PORT]
    closed = [rule for rule in policy["spec"]["ingress"] if "from" in rule]
    assert [[port["port"] for port in rule["ports"]] for rule in closed] == [
        [contract.HOP_PORT, contract.INTERNAL_PORT],
        [contract.INTERNAL_PORT],
    ]
    (redis,) = found(served, "NetworkPolicy", "redis", "eu-a")
    (rule,) = redis["spec"]["ingress"]
    peers = rule["from"][0]["podSelector"]["matchLabels"]
    for where, expected in (("eu-a", True), ("eu-b", False)):
        labels = found(served, "Deployment", "-lower-", where)[0]["spec"]["template"]["metadata"]["labels"]
        assert (peers.items() <= labels.items()) is expected


def test_without_network_policies_there_are_none(served):
    world = served.world()
    plan = make_plan(replace(world, installation=replace(world.installation, network_policies=False)))
    assert not [obj for obj in plan.objects if obj["kind"] == "NetworkPolicy"]
    assert not [name for kind, name in plan.keep if kind == "NetworkPolicy"]


def test_the_password_of_redis_is_in_no_object(served):
    (redis,) = found(served, "Deployment", "-redis-", "eu-a")
    container = redis["spec"]["template"]["spec"]["containers"][0]
    assert f"$(cat {contract.REDIS_DIR}/password)" in container["command"][-1]
    assert container["command"][-1].startswith("exec redis-server - <<")
    assert "env" not in container


def test_a_fleet_without_redis_has_none(served):
    served.fleet = fleet(redis={"enabled": False})
    served.run(20)
    assert found(served, "Deployment", "redis") == found(served, "Service", "redis") == []
    assert make_plan(served.world()).secrets.redis is None
    assert "SHIELD_REDIS" not in json.dumps(found(served, "Deployment"))


def test_an_external_redis_is_used_and_not_managed(served):
    served.fleet = fleet(redis={"external": [{"dataCenter": "eu/a", "address": "redis.example.com:6380"}]})
    served.run(20)
    assert found(served, "Deployment", "-redis-", "eu-a") == []
    assert len(found(served, "Deployment", "-redis-")) == 3
    lower = found(served, "Deployment", "-lower-", "eu-a")[0]["spec"]["template"]["spec"]
    assert {"name": "SHIELD_REDIS", "value": "redis.example.com:6380"} in lower["containers"][0]["env"]
    assert "redis" not in {volume["name"] for volume in lower["volumes"]}


def test_a_fleets_spec_reaches_its_pods(served):
    served.fleet = fleet(
        lower={"replicas": 3, "resources": {"limits": {"cpu": "2"}}},
        memory="64Mi",
        accessLog=True,
        accessLogFormat="Combined",
        accessLogSample=25,
        clients={"proxyProtocol": True, "trustedProxies": ["10.0.0.0/8", "2001:db8::/32"]},
    )
    served.run(40)
    lower = found(served, "Deployment", "-lower-", "eu-a")[0]["spec"]
    env = {variable["name"]: variable.get("value") for variable in lower["template"]["spec"]["containers"][0]["env"]}
    assert lower["replicas"] == 3
    assert lower["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "2"}}
    assert (env["SHIELD_MEMORY_BYTES"], env["SHIELD_ACCESS_LOG"]) == (str(64 << 20), "on")
    assert (env["SHIELD_ACCESS_LOG_FORMAT"], env["SHIELD_ACCESS_LOG_SAMPLE"]) == ("combined", "0.25")
    assert env["SHIELD_PROXY_PROTOCOL"] == "on"
    assert env["SHIELD_TRUSTED_PROXIES"] == "10.0.0.0/8,2001:db8::/32"
    upper = found(served, "Deployment", "-upper-", "eu-a")[0]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert not {"SHIELD_PROXY_PROTOCOL", "SHIELD_TRUSTED_PROXIES"} & {variable["name"] for variable in upper}
