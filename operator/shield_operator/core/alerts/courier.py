"""What delivers for the alerts of a namespace: a Deployment of one pod with the Secrets that alerts name, its account
and rights, a NetworkPolicy. The template holds nothing of alerts but the names of Secrets and of their keys."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from shield_operator.core import naming
from shield_operator.core.alerts.world import AlertObject, AlertSpec, AlertsWorld
from shield_operator.core.objects.common import Object, container_security, health_probe, pod_anywhere
from shield_operator.core.objects.proxies import UID
from shield_operator.core.objects.volumes import PRIVATE
from shield_proxy.config.alerts.alert import SecretKey
from shield_proxy.config.alerts.contract import COURIER, COURIER_GRACE_SECONDS, PLURAL, SECRETS_DIR
from shield_proxy.config.alerts.decode import secret_keys
from shield_proxy.config.contract import HEALTH_PORT

CPU, MEMORY, MOST_MEMORY = "10m", "48Mi", "128Mi"
RBAC = "rbac.authorization.k8s.io"
OBJECTS = tuple((kind, COURIER) for kind in ("NetworkPolicy", "ServiceAccount", "Role", "RoleBinding", "Deployment"))
"""(kind, name) of everything, in the order it is applied."""


def desired(alerts: Sequence[AlertObject], world: AlertsWorld) -> tuple[Object, ...]:
    """Everything, in the order it is applied; nothing where there are no alerts."""
    if not alerts:
        return ()
    policy = [_policy(alerts, world)] if world.installation.network_policies else []
    make = (_account, _role, _binding, _deployment)
    return (*policy, *(each(alerts, world) for each in make))


def _deployment(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    """One pod at a time: two would deliver twice."""
    labels = naming.courier_labels()
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(alerts, world),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 300,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(alerts, world)},
        },
    }


def _pod(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    installation = world.installation
    return {
        **pod_anywhere(installation, UID, COURIER),
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": COURIER_GRACE_SECONDS,
        "containers": [
            {
                "name": naming.COURIER,
                "image": installation.image,
                "imagePullPolicy": installation.image_pull_policy,
                "args": [COURIER, "run", "--namespace", world.key.namespace],
                "env": [
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "SHIELD_LOG_LEVEL", "value": installation.log_level},
                ],
                "ports": [{"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": CPU, "memory": MEMORY}, "limits": {"memory": MOST_MEMORY}},
                "securityContext": container_security(),
                "startupProbe": health_probe("/livez", period=1, failures=90),
                "readinessProbe": health_probe("/readyz", period=5, failures=2),
                "livenessProbe": health_probe("/livez", period=10, failures=3),
                "volumeMounts": [{"name": "secrets", "mountPath": SECRETS_DIR, "readOnly": True}],
            }
        ],
        "volumes": [{"name": "secrets", "projected": {"defaultMode": PRIVATE, "sources": _sources(alerts)}}],
    }


def _sources(alerts: Iterable[AlertObject]) -> list[Object]:
    """Of each Secret the keys that are named. A Secret or key that does not exist holds no pod up."""
    specs = (alert.spec for alert in alerts if isinstance(alert.spec, AlertSpec) and not alert.left_out)
    found = {key for spec in specs for target in spec.targets for key in secret_keys(target)}
    ordered = sorted(found, key=lambda key: (key.secret, key.key))
    return [_source(name, list(keys)) for name, keys in groupby(ordered, key=lambda key: key.secret)]


def _source(name: str, keys: Iterable[SecretKey]) -> Object:
    items = [{"key": key.key, "path": key.path} for key in keys]
    return {"secret": {"name": name, "optional": True, "items": items}}


def _account(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(alerts, world),
        "automountServiceAccountToken": False,
    }


def _role(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    """Alerts are read, and it is told what became of what they tell: the chart's admission policy holds it to that."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": _metadata(alerts, world),
        "rules": [
            {"apiGroups": [naming.GROUP], "resources": [PLURAL], "verbs": ["list", "watch"]},
            {"apiGroups": [naming.GROUP], "resources": [f"{PLURAL}/status"], "verbs": ["patch"]},
        ],
    }


def _binding(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(alerts, world),
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": COURIER},
        "subjects": [{"kind": "ServiceAccount", "name": COURIER, "namespace": world.key.namespace}],
    }


def _policy(alerts: Sequence[AlertObject], world: AlertsWorld) -> Object:
    """Of a courier only its health and figures can be asked for. Where it connects to is up to the alerts."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(alerts, world),
        "spec": {
            "podSelector": {"matchLabels": naming.courier_labels()},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": HEALTH_PORT, "protocol": "TCP"}]}],
        },
    }


def _metadata(alerts: Sequence[AlertObject], world: AlertsWorld) -> Mapping[str, Any]:
    """It goes with the last alert, also while there is no operator."""
    return {
        "name": COURIER,
        "namespace": world.key.namespace,
        "labels": naming.courier_labels(),
        "ownerReferences": [dict(naming.owner(naming.ALERT_KIND, alert.name, alert.uid)) for alert in alerts],
    }
