"""Objects of the API server -> the values that plans are made of. Pure; what does not fit gives None."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.health.world import ChecksKey
from shield_operator.core.hosts import is_dns_label
from shield_operator.core.world import CheckHealth, FleetKey, Node, Pod, Workload
from shield_operator.kube.kinds import ALERT, CHECK, FLEET, LEASE, NODE, POD, ZONE, Kind
from shield_operator.kube.podtrouble import trouble_of
from shield_operator.kube.probers import lease_matters, trimmed_lease
from shield_proxy.config.alerts.contract import ANNOTATION_TEST
from shield_proxy.config.checks.contract import PREVIEW
from shield_proxy.config.checks.health import Health
from shield_proxy.config.contract import Tier

Body = Mapping[str, Any]
Key = FleetKey | ChecksKey
"""What a reconcile is of."""


def node_of(body: Body, region_label: str, zone_label: str) -> Node | None:
    """The node, if it carries both topology labels and is not being deleted."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    region, zone = labels.get(region_label), labels.get(zone_label)
    if not region or not zone or "deletionTimestamp" in metadata:
        return None
    return Node(
        name=metadata["name"],
        region=region,
        zone=zone,
        ready=_condition(body, "Ready"),
        schedulable=not (body.get("spec") or {}).get("unschedulable", False),
    )


def workload_of(body: Body) -> Workload | None:
    """The Deployment of a tier or Redis of a data centre."""
    metadata, status = body["metadata"], body.get("status") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    tier = labels.get(naming.LABEL_TIER) or labels.get(naming.LABEL_COMPONENT)
    data_center = annotations.get(naming.ANNOTATION_DATA_CENTER)
    if not tier or not data_center:
        return None
    return Workload(
        name=metadata["name"],
        tier=tier,
        data_center=data_center,
        template_hash=annotations.get(naming.ANNOTATION_TEMPLATE_HASH, ""),
        replicas=(body.get("spec") or {}).get("replicas", 1),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        current=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
    )


def pod_of(body: Body) -> Pod | None:
    """The proxy pod, if it has an address and has not ended."""
    metadata, status = body["metadata"], body.get("status") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    tier, address = labels.get(naming.LABEL_TIER), status.get("podIP")
    data_center = annotations.get(naming.ANNOTATION_DATA_CENTER)
    ended = status.get("phase") in ("Succeeded", "Failed")
    if tier not in tuple(Tier) or not address or not data_center or ended:
        return None
    return Pod(
        name=metadata["name"],
        tier=Tier(tier),
        data_center=data_center,
        address=address,
        ready=_condition(body, "Ready"),
        template_hash=annotations.get(naming.ANNOTATION_TEMPLATE_HASH, ""),
        deleting="deletionTimestamp" in metadata,
    )


def check_health_of(body: Body) -> CheckHealth | None:
    """What the check says of its origin; None for one that is only a preview."""
    if (body["metadata"].get("annotations") or {}).get(PREVIEW) == "true":
        return None
    status = body.get("status") or {}
    return CheckHealth(str(status.get("status") or Health.UNKNOWN), str(status.get("failureReason") or ""))


def checks_named(zone: Body) -> frozenset[str]:
    """The checks that a zone's origins name, also of a spec that can't be honoured."""
    origins = (zone.get("spec") or {}).get("origins")
    named = (
        [item.get("healthCheck") for item in origins if isinstance(item, Mapping)] if isinstance(origins, list) else []
    )
    return frozenset(name for name in named if isinstance(name, str))


def says_otherwise(before: Body | None, after: Body) -> bool:
    """Whether zones that name the check hear something new of it."""
    return before is None or check_health_of(before) != check_health_of(after)


def edge_fleet_of(body: Body) -> str | None:
    """The fleet that a zone's Service is labelled with, if it is also the one whose pods it selects."""
    labels, selector = body["metadata"].get("labels") or {}, (body.get("spec") or {}).get("selector") or {}
    fleet = labels.get(naming.LABEL_FLEET)
    return fleet if fleet and fleet == selector.get(naming.LABEL_FLEET) else None


def fleet_key_of(kind: Kind, body: Body) -> FleetKey | None:
    """The fleet an object belongs to; a zone that names an impossible one counts as of "default"."""
    metadata = body["metadata"]
    if kind is ZONE:
        name = (body.get("spec") or {}).get("fleet", "default")
        return FleetKey(metadata["namespace"], name if isinstance(name, str) and is_dns_label(name) else "default")
    if kind is FLEET:
        return FleetKey(metadata["namespace"], metadata["name"])
    fleet = (metadata.get("labels") or {}).get(naming.LABEL_FLEET)
    return FleetKey(metadata["namespace"], fleet) if fleet and kind.child else None


def key_of(kind: Kind, body: Body) -> Key | None:
    """What reconciles an object: its fleet, or the checks and alerts of its namespace."""
    metadata = body["metadata"]
    component = (metadata.get("labels") or {}).get(naming.LABEL_COMPONENT)
    if kind in (CHECK, ALERT) or (kind.child and component in (naming.PROBER, naming.COURIER)):
        return ChecksKey(metadata["namespace"])
    return fleet_key_of(kind, body)


def trim(kind: Kind, body: Body) -> dict[str, Any]:
    """What is worth remembering of an object: of nodes and pods only what is looked at here."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    if kind is NODE:
        metadata.pop("annotations", None)
        spec = {"unschedulable": (body.get("spec") or {}).get("unschedulable", False)}
        return {"metadata": metadata, "spec": spec, "status": _ready_only(body)}
    if kind is LEASE:
        return trimmed_lease(metadata, body)
    if kind is POD:
        status = body.get("status") or {}
        kept = {key: status[key] for key in ("phase", "podIP") if key in status}
        component = (metadata.get("labels") or {}).get(naming.LABEL_COMPONENT)
        if component in (naming.PROBER, naming.COURIER) and (
            why := trouble_of(status, last_words=component == naming.PROBER)
        ):
            kept["trouble"] = why
        return {"metadata": metadata, "status": {**kept, **_ready_only(body)}}
    return {**body, "metadata": metadata}


def matters(kind: Kind, before: Body | None, after: Body) -> bool:
    """Whether a plan could be another after this change."""
    if before is None:
        return True
    if kind in (ZONE, FLEET):
        # The status is the operator's own work; what others did to it is mended at the next resync.
        return _life(before) != _life(after)
    if kind is CHECK:
        return _probes(before) != _probes(after) or _life(before) != _life(after) or _marks(before) != _marks(after)
    if kind is ALERT:
        return (
            _deliveries(before) != _deliveries(after)
            or _life(before) != _life(after)
            or _marks(before) != _marks(after)
        )
    if kind is NODE:
        return _node_face(before) != _node_face(after)
    if kind is LEASE and not lease_matters(before, after):
        return fingerprint(before) != fingerprint(after)
    return fingerprint(before) != fingerprint(after) or before.get("status") != after.get("status")


def _life(body: Body) -> tuple[Any, ...]:
    return tuple(body["metadata"].get(key) for key in ("uid", "generation", "deletionTimestamp"))


def _probes(body: Body) -> Any:
    return (body.get("status") or {}).get("probes")


def _deliveries(body: Body) -> Any:
    return (body.get("status") or {}).get("targets")


def _marks(body: Body) -> tuple[Any, ...]:
    """What is said of a check or an alert beside its spec: what alerts select it by, a test that is asked for."""
    metadata = body["metadata"]
    notes = metadata.get("annotations") or {}
    return metadata.get("labels"), notes.get(PREVIEW), notes.get(ANNOTATION_TEST)


def _node_face(body: Body) -> tuple[Any, ...]:
    metadata = body["metadata"]
    return (*(metadata.get(key) for key in ("uid", "deletionTimestamp", "labels")), body["spec"], body["status"])


def fingerprint(body: Body) -> str:
    """A hash of what appliers write: two observations with the same one differ at most in status and bookkeeping."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    face = {**{k: v for k, v in body.items() if k not in ("status", "metadata", "kind", "apiVersion")}, "m": metadata}
    return hashlib.sha256(json.dumps(face, sort_keys=True).encode()).hexdigest()


def _condition(body: Body, name: str) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == name and item.get("status") == "True" for item in conditions)


def _ready_only(body: Body) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": "True" if _condition(body, "Ready") else "False"}]}
