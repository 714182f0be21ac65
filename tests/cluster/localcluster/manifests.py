"""The objects every cluster of this tool begins with: DNS on every node, a storage class with volumes, two bindings."""

from __future__ import annotations

from typing import Any

from . import layout
from .node import VOLUMES

COREDNS_IMAGE = "localhost/coredns:1"
Manifest = dict[str, Any]


def everything() -> list[Manifest]:
    """All of them, in an order in which each finds what it refers to."""
    return [*access(), *dns(), storage_class(), *volumes()]


def access() -> list[Manifest]:
    """The API server may talk to kubelets."""
    return [_binding("local-cluster:kubelet-api", "system:kubelet-api-admin", _user("kube-apiserver-kubelet-client"))]


def _user(name: str) -> Manifest:
    return {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def _binding(name: str, role: str, subject: Manifest) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


COREFILE = f""".:53 {{
    errors
    health
    ready
    kubernetes {layout.CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 5
        fallthrough in-addr.arpa ip6.arpa
    }}
    hosts /etc/coredns/hosts {{
        ttl 5
        reload 2s
        fallthrough
    }}
    file /etc/coredns/root .
    cache 5
    reload 2s
}}
"""

ROOT_ZONE = ". 5 IN SOA localhost. root.localhost. 1 60 60 60 5\n. 5 IN NS localhost.\n"
"""A root that knows no name: what is nowhere else does not exist (NXDOMAIN), instead of not being answered."""


def dns() -> list[Manifest]:
    """CoreDNS on every node, each node asking its own: a name must not cost a trip over the WAN."""
    inside = {"namespace": "kube-system", "name": "coredns"}
    hosts = "".join(f"{o.address} {o.host}\n" for o in layout.ORIGINS)
    configuration = {"Corefile": COREFILE, "hosts": hosts, "root": ROOT_ZONE}
    container = {
        "name": "coredns",
        "image": COREDNS_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 10},
        "startupProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1, "failureThreshold": 120},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            "allowPrivilegeEscalation": False,
        },
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/coredns"}],
    }
    pod = {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [{"name": "configuration", "configMap": {"name": "coredns"}}],
    }
    labels = {"k8s-app": "kube-dns"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inside},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "local-cluster:coredns"},
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        },
        _binding("local-cluster:coredns", "local-cluster:coredns", {"kind": "ServiceAccount", **inside}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": inside, "data": configuration},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {**inside, "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": "kube-system", "name": "kube-dns", "labels": labels},
            "spec": {
                "clusterIP": layout.DNS_ADDRESS,
                "internalTrafficPolicy": "Local",
                "selector": labels,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                ],
            },
        },
    ]


def storage_class() -> Manifest:
    """The default class: claims bind to the volumes below once their pod has a node."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volumes() -> list[Manifest]:
    """A few local volumes per node, each bound to its node and good for one claim."""
    return [_volume(node, number) for node in layout.NODES for number in range(VOLUMES)]


def _volume(node: layout.Node, number: int) -> Manifest:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{node.name}-{number}"},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
            "local": {"path": f"/var/lib/local-volumes/{number}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
