"""HealthCheck resources, and samples, for tests."""

from typing import Any

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.running.assigned import Assigned, read_assigned
from shield_proxy.health.running.standing import Place
from shield_proxy.health.sample import Sample, Waterfall

PLACE = Place("eu", "a")
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
T = 1_700_000_000.0
GOOD = Sample(T, None, "", 200, "192.0.2.1", Waterfall(0.001, 0.0123, None, 0.02, 0.04))
REFUSED = Sample(T, Reason.TCP_FAILED, "connection refused", None, "192.0.2.1", Waterfall(0.001, 0.002, total=0.003))
WRONG_CODE = Sample(T, Reason.CODE_MISMATCH, "expected 200; received 503", 503, "192.0.2.1")


def resource(name: str = "shop", uid: str = UID, **spec: Any) -> dict[str, Any]:
    """As the API tells it: assigned to eu/a and us/b, shard 0."""
    return {
        "metadata": {
            "name": name,
            "uid": uid,
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2023-11-14T22:00:00Z",
        },
        "spec": {"address": "192.0.2.1", **spec},
        "status": {"dataCenters": ["eu/a", "us/b"], "shard": 0},
    }


def assigned(name: str = "shop", uid: str = UID, **spec: Any) -> Assigned:
    """The check of such a resource."""
    made = read_assigned(resource(name, uid, **spec), PLACE, 0)
    assert made is not None
    return made
