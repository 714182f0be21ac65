"""Whether pods can use the certificates that a zone names, as they report it: the operator never reads them."""

from shield_operator.core import mounts
from shield_operator.core.conditions import CERTIFICATE_READY, Finding
from shield_operator.core.rollout import Rollout
from shield_operator.core.world import World
from shield_proxy.config.state import Zone

PASSING = ("RollingOut", "NotReported")
"""Reasons that end by themselves."""


def certificate_finding(part: Zone | None, rollout: Rollout, world: World) -> Finding | None:
    """The condition CertificateReady; None for a zone that names no Secret."""
    if part is None or not (mounts.certificates(part) | mounts.client_certificates(part)):
        return None
    pods = [pod for pod in world.pods if pod.ready and not pod.deleting and pod.name in world.reports]
    if not pods:
        return Finding(CERTIFICATE_READY, False, "NotReported", "no pod has reported yet")
    found: dict[tuple[str, str], set[str]] = {}
    for pod in pods:
        for problem in world.reports[pod.name].acknowledgement.problems:
            if problem.zone == part.uid:
                found.setdefault((problem.reason, problem.message), set()).add(f"{pod.tier} tier in {pod.data_center}")
    if not found:
        return Finding(CERTIFICATE_READY, True, "Usable", "every pod has the certificates that the zone names")
    said = "; ".join(
        f"{message} ({_list(sorted(places))})" for (_, message), places in sorted(found.items(), key=lambda i: i[0])[:3]
    )
    if rollout.active:
        return Finding(CERTIFICATE_READY, False, "RollingOut", f"{said}; {rollout.message}")
    return Finding(CERTIFICATE_READY, False, min(found)[0], said)


def lasts(finding: Finding) -> bool:
    """Whether clients or origins are not served as the zone says, and somebody has to do something about it."""
    return not finding.status and finding.reason not in PASSING


def _list(places: list[str]) -> str:
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return ", ".join(places[:3]) + more
