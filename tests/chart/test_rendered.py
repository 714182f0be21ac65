"""What the chart makes: valid objects with the conventional labels, pods under the restricted standard."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from shield_operator.core import naming
from shield_proxy.config.contract import INTERNAL_PORT
from shield_proxy.config.version import VERSION

Object = dict[str, Any]

MODELS: dict[str, Any] = {
    "ClusterRole": client.V1ClusterRole,
    "ClusterRoleBinding": client.V1ClusterRoleBinding,
    "CustomResourceDefinition": client.V1CustomResourceDefinition,
    "Deployment": client.V1Deployment,
    "NetworkPolicy": client.V1NetworkPolicy,
    "Pod": client.V1Pod,
    "PodDisruptionBudget": client.V1PodDisruptionBudget,
    "Role": client.V1Role,
    "RoleBinding": client.V1RoleBinding,
    "Service": client.V1Service,
    "ServiceAccount": client.V1ServiceAccount,
    "ValidatingAdmissionPolicy": client.V1ValidatingAdmissionPolicy,
    "ValidatingAdmissionPolicyBinding": client.V1ValidatingAdmissionPolicyBinding,
}
CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def of_kind(objects: list[Object], kind: str, component: str = "operator") -> Object:
    """The only object of that kind and component."""
    labels = [(o["metadata"]["labels"]["app.kubernetes.io/component"], o) for o in objects if o["kind"] == kind]
    (found,) = [o for name, o in labels if name == component]
    return found


def pods(objects: list[Object]) -> Iterator[Object]:
    """Every pod spec."""
    for item in objects:
        if item["kind"] == "Deployment":
            yield item["spec"]["template"]["spec"]
        elif item["kind"] == "Pod":
            yield item["spec"]


def environment(objects: list[Object]) -> dict[str, str]:
    """The operator's literal variables."""
    (container,) = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item["value"] for item in container["env"] if "value" in item}


@pytest.fixture(params=["defaults", "flipped"])
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """The chart with no value set, then with every value flipped."""
    found: list[Object] = request.getfixturevalue(request.param)
    return found


def test_every_object_has_only_fields_that_the_api_knows(objects: list[Object]) -> None:
    """Read as the API's own types and written again, nothing is lost."""
    api: Any = client.ApiClient()
    known = [o for o in objects if o["kind"] not in ("ServiceMonitor", "PodMonitor")]
    assert known
    for item in known:
        read = MODELS[item["kind"]].from_dict(json.loads(json.dumps(item)))
        assert api.sanitize_for_serialization(read) == item, item["metadata"]["name"]


def test_default_rendering_has_these_objects(defaults: list[Object]) -> None:
    """Nothing more, nothing less; hooks of `helm test` included. The CA's Secret is not among them."""
    assert sorted((o["kind"], o["metadata"]["name"]) for o in defaults) == [
        ("ClusterRole", "edge-smart-shield"),
        ("ClusterRole", "edge-smart-shield-edit"),
        ("ClusterRole", "edge-smart-shield-test"),
        ("ClusterRole", "edge-smart-shield-view"),
        ("ClusterRoleBinding", "edge-smart-shield"),
        ("ClusterRoleBinding", "edge-smart-shield-test"),
        ("CustomResourceDefinition", "healthalerts.smartshield.io"),
        ("CustomResourceDefinition", "healthchecks.smartshield.io"),
        ("CustomResourceDefinition", "shieldfleets.smartshield.io"),
        ("CustomResourceDefinition", "smartshieldzones.smartshield.io"),
        ("Deployment", "edge-smart-shield"),
        ("NetworkPolicy", "edge-smart-shield"),
        ("Pod", "edge-smart-shield-test"),
        ("Role", "edge-smart-shield"),
        ("RoleBinding", "edge-smart-shield"),
        ("Service", "edge-smart-shield"),
        ("ServiceAccount", "edge-smart-shield"),
        ("ServiceAccount", "edge-smart-shield-test"),
        ("ValidatingAdmissionPolicy", "edge-smart-shield-couriers"),
        ("ValidatingAdmissionPolicy", "edge-smart-shield-operator"),
        ("ValidatingAdmissionPolicy", "edge-smart-shield-probers"),
        ("ValidatingAdmissionPolicyBinding", "edge-smart-shield-couriers"),
        ("ValidatingAdmissionPolicyBinding", "edge-smart-shield-operator"),
        ("ValidatingAdmissionPolicyBinding", "edge-smart-shield-probers"),
    ]


def test_labels_are_the_conventional_ones(objects: list[Object]) -> None:
    """On every object, and on the pods of the Deployment; namespaced objects name the release's namespace."""
    templates = [o["spec"]["template"]["metadata"] for o in objects if o["kind"] == "Deployment"]
    for metadata in [o["metadata"] for o in objects] + templates:
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/name"] in ("smart-shield", "shield")
        assert labels["app.kubernetes.io/instance"] == "edge"
        assert labels["app.kubernetes.io/component"] in ("operator", "test", "crds", "users", "couriers")
        assert labels["app.kubernetes.io/version"] == VERSION
        assert labels["app.kubernetes.io/part-of"] == "smart-shield"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["helm.sh/chart"].startswith("smart-shield-")
    for item in objects:
        assert (item["metadata"].get("namespace") == "shield-system") == (item["kind"] not in CLUSTER_SCOPED)


def test_every_pod_meets_the_restricted_standard(objects: list[Object]) -> None:
    """Field by field, and a read-only root on top."""
    specs = list(pods(objects))
    assert len(specs) == 2
    for spec in specs:
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert (security["runAsUser"], security["runAsGroup"]) == (65532, 65532)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for field in ("hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"):
            assert field not in spec
        assert all(set(volume) <= {"name", "emptyDir"} for volume in spec.get("volumes", []))
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("hostPort" not in port for port in container.get("ports", []))
        assert "memory" in container["resources"]["limits"]


def test_selectors_find_the_operator_pods_and_never_the_test_pod(objects: list[Object]) -> None:
    """Service, budget and policy select by what the Deployment's pods carry."""
    labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    test_labels = of_kind(objects, "Pod", "test")["metadata"]["labels"]
    selectors = [of_kind(objects, "Service")["spec"]["selector"]]
    selectors += [
        o["spec"]["selector"]["matchLabels"]
        for o in objects
        if o["kind"] in ("Deployment", "PodDisruptionBudget", "ServiceMonitor")
    ]
    selectors += [o["spec"]["podSelector"]["matchLabels"] for o in objects if o["kind"] == "NetworkPolicy"]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= test_labels.items()


def test_the_operator_is_recreated_and_told_what_the_chart_says(defaults: list[Object]) -> None:
    """Command, probes and environment at their defaults."""
    deployment = of_kind(defaults, "Deployment")["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert deployment["strategy"] == {"type": "Recreate"}
    assert deployment["replicas"] == 1
    assert container["command"] == ["shield-operator", "run"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert environment(defaults) == {
        "SHIELD_IMAGE": f"ghcr.io/smart-shield/smart-shield:{VERSION}",
        "SHIELD_IMAGE_PULL_POLICY": "IfNotPresent",
        "SHIELD_IMAGE_PULL_SECRETS": "",
        "SHIELD_REDIS_IMAGE": "docker.io/library/redis:8.0",
        "SHIELD_REGION_LABEL": "topology.kubernetes.io/region",
        "SHIELD_ZONE_LABEL": "topology.kubernetes.io/zone",
        "SHIELD_FLEET_DEFAULTS": json.dumps(
            {
                "accessLog": False,
                "accessLogFormat": "JSON",
                "accessLogSample": 100,
                "clients": {"proxyProtocol": False, "trustedProxies": []},
                "lower": {"replicas": 2},
                "memory": "128Mi",
                "redis": {"enabled": True, "memory": "256Mi"},
                "upper": {"replicas": 2},
            },
            separators=(",", ":"),
        ),
        "SHIELD_PROXY_LOG_LEVEL": "info",
        "SHIELD_REGION_CODES": "{}",
        "SHIELD_INTERNAL_NETWORKS": "",
        "SHIELD_RUN_MINUTES": "10",
        "SHIELD_SAMPLES": '{"caBundle":"","caConfigMap":"","url":""}',
        "SHIELD_PRIORITY_CLASS": "",
        "SHIELD_NETWORK_POLICIES": "true",
        "SHIELD_LOG_LEVEL": "info",
    }


def test_every_flipped_value_arrives(flipped: list[Object], flipped_values: dict[str, Any]) -> None:
    """In the operator's environment, its pod, or the objects that come and go."""
    values, kinds = flipped_values, [o["kind"] for o in flipped]
    deployment, image = of_kind(flipped, "Deployment"), "registry.example.com/shield@sha256:" + "ab" * 32
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert json.loads(environment(flipped).pop("SHIELD_FLEET_DEFAULTS")) == values["fleetDefaults"]
    assert json.loads(environment(flipped)["SHIELD_REGION_CODES"]) == values["healthChecks"]["regions"]
    assert json.loads(environment(flipped)["SHIELD_SAMPLES"]) == values["healthChecks"]["samples"]
    assert (
        environment(flipped).items()
        >= {
            "SHIELD_IMAGE": image,
            "SHIELD_IMAGE_PULL_POLICY": "Always",
            "SHIELD_IMAGE_PULL_SECRETS": "pull-one,pull-two",
            "SHIELD_REDIS_IMAGE": "registry.example.com/redis:8.2",
            "SHIELD_REGION_LABEL": "example.com/region",
            "SHIELD_ZONE_LABEL": "example.com/zone",
            "SHIELD_PROXY_LOG_LEVEL": "warning",
            "SHIELD_INTERNAL_NETWORKS": "10.96.0.0/12,2001:db8::1",
            "SHIELD_RUN_MINUTES": "30",
            "SHIELD_PRIORITY_CLASS": "edge-critical",
            "SHIELD_NETWORK_POLICIES": "false",
            "SHIELD_LOG_LEVEL": "debug",
        }.items()
    )
    assert (container["image"], container["imagePullPolicy"]) == (image, "Always")
    assert container["resources"] == values["resources"]
    for field in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert pod[field] == values[field]
    assert pod["serviceAccountName"] == "made-elsewhere"
    metadata = deployment["spec"]["template"]["metadata"]
    assert metadata["annotations"].items() >= values["podAnnotations"].items()
    assert metadata["labels"].items() >= values["podLabels"].items()
    assert deployment["metadata"]["name"] == "the-shield"
    assert deployment["spec"]["replicas"] == 2
    assert of_kind(flipped, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    monitor = of_kind(flipped, "ServiceMonitor")
    assert (monitor["metadata"]["labels"]["release"], monitor["spec"]["endpoints"][0]["interval"]) == (
        "prometheus",
        "5s",
    )
    probers = of_kind(flipped, "PodMonitor")
    assert probers["metadata"]["labels"]["release"] == "other"
    assert probers["spec"]["podMetricsEndpoints"][0]["interval"] == "15s"
    assert [o["metadata"]["name"] for o in flipped if o["kind"] == "ClusterRole"] == ["the-shield", "the-shield-test"]
    assert "NetworkPolicy" not in kinds
    assert "CustomResourceDefinition" not in kinds
    assert [o["metadata"]["name"] for o in flipped if o["kind"] == "ServiceAccount"] == ["the-shield-test"]


def test_an_image_without_digest_has_the_tag_given(render: Any) -> None:
    """The tag is the appVersion only where none is set."""
    assert environment(render({"image": {"tag": "7"}}))["SHIELD_IMAGE"] == "ghcr.io/smart-shield/smart-shield:7"


def test_the_policy_leaves_open_what_the_operator_needs(render: Any, defaults: list[Object]) -> None:
    """In: health. Out: API server, DNS, the internal port of pods it made; everything where no port is named."""
    spec = of_kind(defaults, "NetworkPolicy")["spec"]
    assert spec["ingress"] == [{"ports": [{"port": 8081, "protocol": "TCP"}]}]
    api, dns, proxies = spec["egress"]
    assert [port["port"] for port in api["ports"]] == [443, 6443]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert [port["port"] for port in proxies["ports"]] == [INTERNAL_PORT]
    (to,) = proxies["to"]
    assert to["podSelector"]["matchLabels"] == {naming.LABEL_MANAGED_BY: naming.MANAGED_BY}
    unrestricted = of_kind(render({"networkPolicies": {"apiServerPorts": []}}), "NetworkPolicy")
    assert unrestricted["spec"]["egress"] == [{}]
