"""What all desired objects share."""

from collections.abc import Mapping
from typing import Any

from shield_operator.core.layout import Layout
from shield_operator.core.world import Installation

Object = dict[str, Any]


def metadata(
    layout: Layout, name: str, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> Object:
    """Metadata of a child of the fleet, owned by its zones."""
    out: Object = {
        "name": name,
        "namespace": layout.key.namespace,
        "labels": dict(labels),
        "ownerReferences": [dict(owner) for owner in layout.owners],
    }
    if annotations:
        out["annotations"] = dict(annotations)
    return out


def pod_basics(installation: Installation, region: str, zone: str, uid: int, account: str) -> Object:
    """The part of a pod's spec that proxies, Redis and probers share: where it runs, as little privilege as can be."""
    place = {installation.region_label: region, installation.zone_label: zone}
    return {**pod_anywhere(installation, uid, account), "nodeSelector": place}


def pod_anywhere(installation: Installation, uid: int, account: str) -> Object:
    """The same of a pod that may run on any node."""
    out: Object = {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "fsGroup": uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if installation.image_pull_secrets:
        out["imagePullSecrets"] = [{"name": name} for name in installation.image_pull_secrets]
    if installation.priority_class:
        out["priorityClassName"] = installation.priority_class
    return out


def container_security() -> Object:
    """The restricted Pod Security Standard, and a root file system nobody writes to."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def health_probe(path: str, period: int, failures: int) -> Object:
    """The kubelet's question of a container at its health port, every `period` seconds."""
    return {
        "httpGet": {"path": path, "port": "health"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }
