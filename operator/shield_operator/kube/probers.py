"""Leases and pods of probers as values. A Lease is renewed every few seconds, which rarely is news. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shield_operator.core import naming
from shield_operator.core.health.world import ProberLease, ProberPod
from shield_proxy.config.checks.contract import MISSED

Body = Mapping[str, Any]


def trimmed_lease(metadata: Body, body: Body) -> dict[str, Any]:
    """What is looked at of a Lease. What its holder writes stands as status: nothing that the operator applies."""
    notes = metadata.get("annotations") or {}
    own = {key: notes[key] for key in (naming.ANNOTATION_DATA_CENTER,) if key in notes}
    spec = body.get("spec") or {}
    return {
        "metadata": {**metadata, "annotations": own},
        "status": {"missed": notes.get(MISSED), **{key: spec.get(key) for key in ("holderIdentity", "renewTime")}},
    }


def lease_matters(before: Body, after: Body) -> bool:
    """Whether somebody began to hold the Lease, or left. When he is heard, the index tells by its own clock."""
    return (_holder(before) == "") != (_holder(after) == "")


def renewal_of(body: Body) -> tuple[str, str]:
    """Who renewed a trimmed Lease, and when by his own clock, which may be wrong: only that it is another now tells
    that he lives."""
    return _holder(body), str((body.get("status") or {}).get("renewTime") or "")


def lease_of(body: Body, silence: float | None, now: float) -> ProberLease:
    """The Lease; `silence`: seconds since it was seen to be renewed, None: not yet."""
    heard = 0.0 if silence is None else now - silence
    missed = str((body.get("status") or {}).get("missed") or "")
    count = int(missed) if missed.isascii() and missed.isdigit() and len(missed) < 16 else 0
    return ProberLease(body["metadata"]["name"], _holder(body), heard, count)


def prober_pod_of(body: Body) -> ProberPod | None:
    """The pod of a run, if it is not being deleted."""
    metadata, labels = body["metadata"], body["metadata"].get("labels") or {}
    data_center, shard = labels.get(naming.LABEL_DATA_CENTER), str(labels.get(naming.LABEL_SHARD))
    if not data_center or not shard.isascii() or not shard.isdigit() or "deletionTimestamp" in metadata:
        return None
    return ProberPod(
        name=metadata["name"],
        data_center=data_center,
        shard=int(shard),
        created=_instant(metadata.get("creationTimestamp")),
        waiting=(body.get("status") or {}).get("phase", "Pending") == "Pending",
        trouble=(body.get("status") or {}).get("trouble", ""),
    )


def addresses_of(service: Body) -> tuple[str, ...]:
    """Where a Service is inside of the cluster; nowhere if it is headless."""
    spec = service.get("spec") or {}
    return tuple(address for address in spec.get("clusterIPs") or () if address and address != "None")


def _holder(body: Body) -> str:
    return (body.get("status") or {}).get("holderIdentity") or ""


def _instant(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else 0.0
    except ValueError:
        return 0.0
