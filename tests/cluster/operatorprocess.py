"""The operator's process from this checkout against a bare API server, with exactly the rights it needs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bareapi import BareApi
from product.polling import poll

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "shield-system"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:operator"
"""The user that it is."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUPS = "/apis/smartshield.io/v1alpha1"

WRITE = ["list", "watch", "create", "patch", "delete"]
CLUSTER_RULES = [
    {
        "apiGroups": ["smartshield.io"],
        "resources": ["smartshieldzones", "shieldfleets", "healthchecks", "healthalerts"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["smartshield.io"],
        "resources": ["smartshieldzones/status", "shieldfleets/status", "healthchecks/status", "healthalerts/status"],
        "verbs": ["patch"],
    },
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks"], "verbs": ["delete"]},
    {"apiGroups": ["smartshield.io"], "resources": ["healthalerts"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": WRITE},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": [*WRITE, "get"]},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": WRITE},
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks/probes"], "verbs": ["report"]},
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"], "verbs": WRITE},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": WRITE},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": WRITE},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": WRITE},
    {"apiGroups": [""], "resources": ["secrets", "events"], "verbs": ["create", "patch"]},
]
"""All the operator may do in the whole cluster: these tests fail where it needs more."""
OWN_RULES = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create", "patch", "delete"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
]


@dataclass(slots=True)
class Running:
    """An operator's process."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def says(self, part: str) -> bool:
        """Whether a message it logged holds the part."""
        return any(part in line["message"] for line in self.lines())

    def signal(self, number: signal.Signals) -> None:
        """Sends the signal."""
        self.process.send_signal(number)

    def listens(self) -> bool:
        """Whether its health port is served."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> int:
        """Stops it as the kubelet would; its exit status."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def allow(api: BareApi) -> None:
    """The operator has its rights."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": NAMESPACE}
    for path, kind, rules in (
        (rbac, "ClusterRole", CLUSTER_RULES),
        (f"{rbac}/namespaces/{NAMESPACE}", "Role", OWN_RULES),
    ):
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "operator"}
        api.call("POST", f"{path}/{kind.lower()}s", {"metadata": {"name": "operator"}, "rules": rules})
        binding = {"metadata": {"name": "operator"}, "roleRef": ref, "subjects": [subject]}
        api.call("POST", f"{path}/{kind.lower()}bindings", binding)


def grant(api: BareApi, namespace: str, user: str, rules: list[dict[str, Any]]) -> None:
    """The user may do that in the namespace."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    api.call("POST", f"{rbac}/roles", {"metadata": {"name": user}, "rules": rules})
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    api.call("POST", f"{rbac}/rolebindings", binding)


def install_definitions(api: BareApi) -> None:
    """The CRDs are served."""
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        api.call("POST", CRDS, yaml.safe_load(path.read_text()))
    poll("the CRDs are served", lambda: api.call("GET", f"{GROUPS}/smartshieldzones"), 20, 0.1)
    poll("the CRDs are served", lambda: api.call("GET", f"{GROUPS}/shieldfleets"), 20, 0.1)
    poll("the CRDs are served", lambda: api.call("GET", f"{GROUPS}/healthchecks"), 20, 0.1)
    poll("the CRDs are served", lambda: api.call("GET", f"{GROUPS}/healthalerts"), 20, 0.1)


def add_node(api: BareApi, name: str, region: str, zone: str) -> None:
    """A Ready node of a data centre."""
    labels = {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone}
    api.call("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    api.merge(f"/api/v1/nodes/{name}/status", ready)


CHILDREN = {
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
}
"""Kind -> the collection of a namespace."""


def zone_path(space: str, name: str = "") -> str:
    """The zones of a namespace, or one of them."""
    return f"{GROUPS}/namespaces/{space}/smartshieldzones" + (f"/{name}" if name else "")


def add_zone(api: BareApi, space: str, name: str = "shop", **spec: Any) -> dict[str, Any]:
    """A zone whose origin is an address."""
    body = {
        "apiVersion": "smartshield.io/v1alpha1",
        "kind": "SmartShieldZone",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "hosts": [f"{name}.{space}.example"],
            "origins": [{"name": "main", "address": "203.0.113.10", "port": 80}],
            **spec,
        },
    }
    made: dict[str, Any] = api.call("POST", zone_path(space), body)
    return made


def children(api: BareApi, space: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, name) -> every child of the operator in a namespace, Secrets left out."""
    selector = "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dshield-operator"
    found = {}
    for kind, path in CHILDREN.items():
        for body in api.call("GET", path.format(space) + selector)["items"]:
            found[kind, body["metadata"]["name"]] = body
    return found


def child_path(space: str, child: tuple[str, str]) -> str:
    """The path of one child."""
    return f"{CHILDREN[child[0]].format(space)}/{child[1]}"


def status(api: BareApi, space: str, name: str = "shop") -> dict[str, Any]:
    """The zone's status, empty while there is none."""
    zone = api.call("GET", zone_path(space, name)) or {}
    found: dict[str, Any] = zone.get("status") or {}
    return found


def lease(api: BareApi) -> dict[str, Any]:
    """spec of the leader's Lease, empty while there is none."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/shield-operator"
    found: dict[str, Any] = (api.call("GET", path) or {}).get("spec", {})
    return found
