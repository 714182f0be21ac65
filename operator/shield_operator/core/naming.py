"""Names, labels and annotations of everything derived from a fleet or zone: one function per name.

A name is a readable prefix and 8 hex digits of a hash of all its parts, so that parts which differ only in what a
DNS label can't hold (capitals, dots, underscores, length) never meet.
"""

import functools
import hashlib
import re
from collections.abc import Mapping

from shield_proxy.config.checks import contract as checks
from shield_proxy.config.contract import Tier
from shield_proxy.config.record import CHUNKS

GROUP = "smartshield.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
ZONE_KIND = "SmartShieldZone"
FLEET_KIND = "ShieldFleet"
CHECK_KIND = "HealthCheck"
ALERT_KIND = "HealthAlert"

MOST = 52
"""Characters of a name: a Deployment's pods add up to 11 to it, and a label holds 63."""

MANAGED_BY = "shield-operator"
"""Label app.kubernetes.io/managed-by of every child, and the field manager of what is applied."""
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_FLEET = f"{GROUP}/fleet"
LABEL_TIER = f"{GROUP}/tier"
LABEL_DATA_CENTER = f"{GROUP}/data-center"
LABEL_ZONE = f"{GROUP}/zone"
LABEL_SHARD = checks.LABEL_SHARD
ANNOTATION_DATA_CENTER = checks.DATA_CENTER
ANNOTATION_TEMPLATE_HASH = f"{GROUP}/template-hash"

REDIS = "redis"
"""The component, and Workload.tier, of a data centre's Redis."""
PROBER = checks.PROBER
"""The component of all that health checks are run with."""
COURIER = "courier"
"""The component of all that alerts are delivered with."""


@functools.lru_cache(maxsize=16384)
def child(*parts: str) -> str:
    """A DNS label of at most MOST characters that begins with a letter and is unique to the parts."""
    return f"{_readable('-'.join(parts))[: MOST - 9].strip('-')}-{digest(*parts)}"


def digest(*parts: str) -> str:
    """8 hex digits that depend on every part and on where one ends and the next begins."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def _readable(text: str) -> str:
    out = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return out if out[:1].isalpha() else f"x-{out}"


def tier(fleet: str, tier: str, data_center: str) -> str:
    """The Deployment, headless Service and PDB of a tier in a data centre."""
    return child("shield", tier, fleet, data_center)


def redis(fleet: str, data_center: str) -> str:
    """The Deployment, Service and NetworkPolicy of a data centre's Redis."""
    return child("shield", REDIS, fleet, data_center)


def edge(zone: str) -> str:
    """The Service by which clients reach a zone."""
    return child("shield", "edge", zone)


def service_account(fleet: str) -> str:
    """The ServiceAccount of all pods of the fleet; no token of it is ever mounted."""
    return child("shield", "pods", fleet)


def network_policy(fleet: str) -> str:
    """The NetworkPolicy of the fleet's proxies."""
    return child("shield", "proxies", fleet)


def certificate_secret(fleet: str, tier: str) -> str:
    """The Secret with the certificate of a tier's pods."""
    return child("shield", "tls", tier, fleet)


def redis_secret(fleet: str) -> str:
    """The Secret with the password of the fleet's Redis."""
    return child("shield", "redis-password", fleet)


def record_chunk(fleet: str, index: int) -> str:
    """The ConfigMap with one chunk of the fleet's record."""
    return f"{child('shield', 'state', fleet)}-{index}"


def record_chunks(fleet: str) -> tuple[str, ...]:
    """All ConfigMaps that pods mount for the record, in order."""
    return tuple(record_chunk(fleet, i) for i in range(CHUNKS))


def prober(data_center: str, shard: int) -> str:
    """The CronJob and the Lease of a shard of a namespace's checks in a data centre."""
    return child("shield", "probes", data_center, str(shard))


def prober_account(data_center: str) -> str:
    """The ServiceAccount, Role and RoleBinding of a namespace's probers in a data centre. The chart's admission policy
    knows probers by how this name begins."""
    return child("shield", PROBER, data_center)


def prober_policy() -> str:
    """The NetworkPolicy of a namespace's probers."""
    return child("shield", "probers")


def service_dns(service: str, namespace: str) -> str:
    """A Service's name as pods of any namespace resolve it; their search domains add the cluster's."""
    return f"{service}.{namespace}.svc"


def data_center_label(data_center: str) -> str:
    """A label value for `region/zone`, which holds a slash."""
    return child(data_center)


def fleet_labels(fleet: str, component: str) -> dict[str, str]:
    """Labels of every child of a fleet."""
    return {
        "app.kubernetes.io/name": "smart-shield",
        "app.kubernetes.io/instance": fleet,
        LABEL_COMPONENT: str(component),
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_FLEET: fleet,
    }


def tier_labels(fleet: str, tier: str, data_center: str) -> dict[str, str]:
    """Labels of what belongs to one tier (or Redis) of one data centre."""
    return {**fleet_labels(fleet, tier), **tier_selector(fleet, tier, data_center)}


def tier_selector(fleet: str, tier: str, data_center: str) -> dict[str, str]:
    """What selects the pods of a tier in a data centre. A Deployment's selector is immutable: never extend it."""
    return {LABEL_FLEET: fleet, LABEL_TIER: str(tier), LABEL_DATA_CENTER: data_center_label(data_center)}


def prober_labels(data_center: str | None = None, shard: int | None = None) -> dict[str, str]:
    """Labels of what belongs to the probers of a namespace, of a data centre, of one of its shards."""
    out = {
        "app.kubernetes.io/name": "smart-shield",
        LABEL_COMPONENT: PROBER,
        LABEL_MANAGED_BY: MANAGED_BY,
    }
    if data_center is not None:
        out[LABEL_DATA_CENTER] = data_center_label(data_center)
    if shard is not None:
        out[LABEL_SHARD] = str(shard)
    return out


def courier_labels() -> dict[str, str]:
    """Labels of what belongs to the courier of a namespace, and what selects its pods."""
    return {
        "app.kubernetes.io/name": "smart-shield",
        LABEL_COMPONENT: COURIER,
        LABEL_MANAGED_BY: MANAGED_BY,
    }


def edge_selector(fleet: str) -> dict[str, str]:
    """What selects the pods that face clients, in all data centres."""
    return {LABEL_FLEET: fleet, LABEL_TIER: str(Tier.LOWER)}


def owner(kind: str, name: str, uid: str) -> Mapping[str, object]:
    """An owner reference that removes the child with its last owner and never blocks deletion."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }
