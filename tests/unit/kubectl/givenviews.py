"""Checks as the API server tells of them, with the Leases of their probers."""

from typing import Any

from shield_kubectl.shown.view import CheckView, check_view
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Sample, Waterfall
from shield_proxy.config.checks.samples import SAMPLES, write_samples

NOW = 1_700_000_000.0
"""2023-11-14T22:13:20Z."""
UID = "01234567-89ab-cdef-0123-456789abcdef"
ID = UID.replace("-", "")
MADE = "2023-11-13T10:00:00Z"
WRONG_CODE = Sample(
    NOW - 4,
    Reason.CODE_MISMATCH,
    "expected 200; received 503",
    503,
    "192.0.2.1",
    Waterfall(0.001, 0.0125, 0.025, 0.03, 0.07),
)
GOOD = Sample(NOW - 190, None, "", 200, "192.0.2.1", Waterfall(tcp=0.1, first_byte=0.1, total=0.2))


def entry(data_centre: str, health: str, **more: Any) -> dict[str, Any]:
    """Of status.probes."""
    region = data_centre.partition("/")[0]
    return {"dataCenter": data_centre, "region": region, "health": health, "observedGeneration": 3, **more}


def lease(data_centre: str, sample: Sample | None, holder: str = "run") -> dict[str, Any]:
    """Renewed long ago by the clock of whoever looks at it."""
    notes = {"smartshield.io/data-center": data_centre, SAMPLES: write_samples({ID: sample} if sample else {})}
    spec = {"holderIdentity": holder, "renewTime": "2023-11-14T22:10:00.000000Z"} if holder else {}
    return {"metadata": {"annotations": notes}, "spec": spec}


def check(*probes: dict[str, Any], centres: tuple[str, ...] = ("eu/a", "us/b"), **status: Any) -> dict[str, Any]:
    """A HealthCheck."""
    return {
        "metadata": {"namespace": "shop", "name": "origin", "uid": UID, "generation": 3, "creationTimestamp": MADE},
        "spec": {"type": "HTTPS", "address": "origin.example.com"},
        "status": {"id": ID, "shard": 0, "dataCenters": list(centres), "probes": list(probes), **status},
    }


def unhealthy_view() -> CheckView:
    """Down in one of two regions, and one data centre is silent."""
    status = {
        "status": "Unhealthy",
        "failureReason": "Response code mismatch error",
        "healthy": "0/2",
        "roundTrip": "12.5ms",
        "modified": "2023-11-14T21:00:00Z",
        "lastChange": "2023-11-14T22:13:00Z",
        "regions": [{"name": "eu", "health": "Unhealthy"}, {"name": "us", "health": "Unknown"}],
        "conditions": [{"type": "Ready", "status": "False", "reason": "DataCenterSilent", "message": "us/b is silent"}],
        "silent": ["us/b"],
    }
    told = entry(
        "eu/a", "Unhealthy", reason="Response code mismatch error", detail="expected 200; received 500", code=500
    )
    found = check(told, entry("us/b", "Healthy", code=200), **status)
    return check_view(found, [lease("eu/a", WRONG_CODE), lease("us/b", GOOD)])
