"""The Redis of a data centre: a cache in memory, nothing is kept on disk."""

from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object, container_security, metadata, pod_basics
from shield_operator.core.objects.proxies import hashed
from shield_operator.core.places import Place
from shield_proxy.config import contract

UID = 999
PORT = 6379
MIB = 1 << 20

START = """exec redis-server - <<END
port {port}
protected-mode no
requirepass $(cat {directory}/password)
maxmemory {memory}
maxmemory-policy allkeys-lru
save ""
appendonly no
tcp-keepalive 60
END
"""
"""The configuration arrives on standard input: neither arguments nor a file show the password."""

ALIVE = 'case "$(redis-cli -p {port} ping 2>&1)" in *PONG*|*NOAUTH*) exit 0;; esac; exit 1'
"""A Redis that asks for a password answers, so that the probe needs none."""


def deployment(layout: Layout, place: Place) -> Object:
    """The Deployment: one pod, and never two at once, which would hold different entries."""
    fleet = layout.key.name
    labels = naming.tier_labels(fleet, naming.REDIS, place.key)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **hashed(
            metadata(layout, naming.redis(fleet, place.key), labels),
            place.key,
            {
                "replicas": 1,
                "revisionHistoryLimit": 2,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": naming.tier_selector(fleet, naming.REDIS, place.key)},
                "template": {"metadata": {"labels": labels}, "spec": _pod(layout, place)},
            },
        ),
    }


def service(layout: Layout, place: Place) -> Object:
    """The Service by which the data centre's proxies find it."""
    fleet = layout.key.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            layout, naming.redis(fleet, place.key), naming.tier_labels(fleet, naming.REDIS, place.key)
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": naming.tier_selector(fleet, naming.REDIS, place.key),
            "ports": [{"name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP"}],
        },
    }


def _pod(layout: Layout, place: Place) -> Object:
    probe = {"exec": {"command": ["sh", "-c", ALIVE.format(port=PORT)]}, "timeoutSeconds": 3}
    return {
        **pod_basics(layout.installation, place.region, place.zone, UID, naming.service_account(layout.key.name)),
        "terminationGracePeriodSeconds": 5,
        "containers": [
            {
                "name": "redis",
                "image": layout.installation.redis_image,
                "imagePullPolicy": layout.installation.image_pull_policy,
                "command": [
                    "sh",
                    "-c",
                    START.format(port=PORT, directory=contract.REDIS_DIR, memory=layout.spec.redis.memory),
                ],
                "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
                "resources": _resources(layout),
                "securityContext": container_security(),
                "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
                "readinessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 2},
                "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 3},
                "volumeMounts": [{"name": "password", "mountPath": contract.REDIS_DIR, "readOnly": True}],
            }
        ],
        "volumes": [
            {"name": "password", "secret": {"secretName": naming.redis_secret(layout.key.name), "defaultMode": 0o440}}
        ],
    }


def _resources(layout: Layout) -> Mapping[str, Any]:
    if layout.spec.redis.resources:
        return layout.spec.redis.resources
    memory = layout.spec.redis.memory
    return {
        "requests": {"cpu": "50m", "memory": f"{memory // MIB + 32}Mi"},
        "limits": {"memory": f"{memory * 3 // 2 // MIB + 64}Mi"},
    }
