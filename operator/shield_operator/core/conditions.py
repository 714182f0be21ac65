"""Conditions as Kubernetes knows them, made by one function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
DEGRADED = "Degraded"
ORIGIN_UNRESOLVABLE = "OriginUnresolvable"
CERTIFICATE_READY = "CertificateReady"
ORIGINS_HEALTHY = "OriginsHealthy"
HEALTHY = "Healthy"
MOST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found of one condition now."""

    type: str
    status: bool | None
    """None: unknown."""
    reason: str
    """CamelCase."""
    message: str = ""


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a type in a status; empty where there is none."""
    found = status.get("conditions") or ()
    return next((c for c in found if isinstance(c, Mapping) and c.get("type") == kind), {})


def set_conditions(
    before: Mapping[str, Any], findings: Sequence[Finding], generation: int, timestamp: str
) -> list[dict[str, Any]]:
    """The conditions for `findings`, in their order; lastTransitionTime moves only where the status changes."""
    out = []
    for finding in findings:
        old = condition(before, finding.type)
        status = "Unknown" if finding.status is None else str(finding.status)
        same = old.get("status") == status and old.get("lastTransitionTime")
        out.append(
            {
                "type": finding.type,
                "status": status,
                "reason": finding.reason,
                "message": finding.message[:MOST_MESSAGE],
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"] if same else timestamp,
            }
        )
    return out
