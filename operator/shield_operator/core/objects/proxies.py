"""Deployments of the tiers. Of zones a template holds the names of their Secrets and nothing else: zones come and go,
and certificates are renewed, without a pod restarting."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object, container_security, health_probe, metadata, pod_basics
from shield_operator.core.objects.volumes import FOLDERS, volumes
from shield_operator.core.places import Place
from shield_proxy.config import contract
from shield_proxy.config.contract import Tier

UID = 65532
DRAIN_DELAY_SECONDS = 5
"""New connections are still taken for so long after the end was announced, while endpoints are withdrawn."""
DRAIN_SECONDS = 30
GRACE_SECONDS = DRAIN_DELAY_SECONDS + DRAIN_SECONDS + 10
OVERHEAD_BYTES = 128 << 20
"""Of a proxy beside its L1: the interpreter, connections, bodies on their way."""
MIB = 1 << 20


def deployment(layout: Layout, tier: Tier, place: Place) -> Object:
    """The Deployment of a tier in a data centre."""
    labels = naming.tier_labels(layout.key.name, tier, place.key)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **hashed(
            metadata(layout, naming.tier(layout.key.name, tier, place.key), labels),
            place.key,
            {
                "replicas": layout.replicas(tier, place.key),
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 300,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "selector": {"matchLabels": naming.tier_selector(layout.key.name, tier, place.key)},
                "template": {"metadata": {"labels": labels}, "spec": _pod(layout, tier, place)},
            },
        ),
    }


def hashed(meta: Object, data_center: str, spec: Object) -> Object:
    """Metadata and spec of a Deployment, with the data centre and the template's hash annotated on it and its pods."""
    text = json.dumps(spec["template"], sort_keys=True, separators=(",", ":"))
    annotations = {
        naming.ANNOTATION_DATA_CENTER: data_center,
        naming.ANNOTATION_TEMPLATE_HASH: hashlib.sha256(text.encode()).hexdigest()[:16],
    }
    template = {**spec["template"], "metadata": {**spec["template"]["metadata"], "annotations": annotations}}
    return {"metadata": {**meta, "annotations": dict(annotations)}, "spec": {**spec, "template": template}}


def template_hash(obj: Mapping[str, Any]) -> str:
    """The hash that `hashed` put on a Deployment."""
    value: str = obj["metadata"]["annotations"][naming.ANNOTATION_TEMPLATE_HASH]
    return value


def _pod(layout: Layout, tier: Tier, place: Place) -> Object:
    return {
        **pod_basics(layout.installation, place.region, place.zone, UID, naming.service_account(layout.key.name)),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": naming.tier_selector(layout.key.name, tier, place.key)},
            }
        ],
        "containers": [
            {
                "name": "proxy",
                "image": layout.installation.image,
                "imagePullPolicy": layout.installation.image_pull_policy,
                "args": ["shield-proxy", "serve"],
                "env": _environment(layout, tier, place),
                "ports": _ports(tier),
                "resources": _resources(layout, tier),
                "securityContext": container_security(),
                "startupProbe": health_probe("/livez", period=1, failures=90),
                "readinessProbe": health_probe("/readyz", period=2, failures=2),
                "livenessProbe": health_probe("/livez", period=10, failures=3),
                "volumeMounts": [
                    {"name": volume["name"], "mountPath": FOLDERS[volume["name"]], "readOnly": True}
                    for volume in volumes(layout, tier, place)
                ],
            }
        ],
        "volumes": volumes(layout, tier, place),
    }


def _environment(layout: Layout, tier: Tier, place: Place) -> list[Object]:
    fixed = {
        "SHIELD_NAMESPACE": layout.key.namespace,
        "SHIELD_FLEET": layout.key.name,
        "SHIELD_TIER": str(tier),
        "SHIELD_REGION": place.region,
        "SHIELD_ZONE": place.zone,
        "SHIELD_MEMORY_BYTES": str(layout.spec.memory),
        "SHIELD_DRAIN_DELAY_SECONDS": str(DRAIN_DELAY_SECONDS),
        "SHIELD_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "SHIELD_LOG_LEVEL": layout.installation.log_level,
        "SHIELD_ACCESS_LOG": "on" if layout.spec.access_log else "off",
        "SHIELD_ACCESS_LOG_FORMAT": layout.spec.access_log_format.lower(),
        "SHIELD_ACCESS_LOG_SAMPLE": f"{layout.spec.access_log_sample / 100:g}",
    }
    if tier is Tier.LOWER:
        fixed["SHIELD_PROXY_PROTOCOL"] = "on" if layout.spec.clients.proxy_protocol else "off"
        if layout.spec.clients.trusted_proxies:
            fixed["SHIELD_TRUSTED_PROXIES"] = ",".join(layout.spec.clients.trusted_proxies)
    if address := layout.redis_address(place.key):
        fixed["SHIELD_REDIS"] = address
    fields = {"POD_NAME": "metadata.name", "POD_IP": "status.podIP"}
    return [
        *({"name": name, "value": value} for name, value in fixed.items()),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
    ]


def _ports(tier: Tier) -> list[Object]:
    ports = {"hop": contract.HOP_PORT, "internal": contract.INTERNAL_PORT, "health": contract.HEALTH_PORT}
    if tier is Tier.LOWER:
        ports = {"client": contract.CLIENT_PORT, "client-tls": contract.CLIENT_TLS_PORT, **ports}
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()]


def _resources(layout: Layout, tier: Tier) -> Mapping[str, Any]:
    given = layout.spec.upper.resources if tier is Tier.UPPER else layout.spec.lower.resources
    if given:
        return given
    memory = layout.spec.memory
    return {
        "requests": {"cpu": "100m", "memory": f"{(memory + OVERHEAD_BYTES) // MIB}Mi"},
        "limits": {"memory": f"{(2 * memory + 2 * OVERHEAD_BYTES) // MIB}Mi"},
    }
