"""What a user wants to hear of: the difference between a status before and after. No difference, no Event."""

from collections.abc import Iterator, Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.certificates import PASSING
from shield_operator.core.conditions import (
    CERTIFICATE_READY,
    DEGRADED,
    ORIGIN_UNRESOLVABLE,
    ORIGINS_HEALTHY,
    READY,
    RECONCILING,
    STALLED,
    condition,
)
from shield_operator.core.origins import NOT_FOUND
from shield_operator.core.plan import Happening
from shield_operator.core.world import ZoneObject

NORMAL = "Normal"
WARNING = "Warning"
Said = tuple[str, str, str]
"""Type, reason, message."""


def zone_happenings(zone: ZoneObject, after: Mapping[str, Any]) -> list[Happening]:
    """Events of one zone."""
    before = zone.status
    said = [*_assignments(before, after), *_readiness(before, after), *_turns(before, after), *_places(before, after)]
    return [Happening(naming.ZONE_KIND, zone.name, zone.uid, *event) for event in said]


def rollout_happenings(
    kind: str, name: str, uid: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Happening]:
    """Events of the fleet's rollouts, on the object that stands for the fleet."""
    was, now = (condition(status, RECONCILING).get("reason") == "RollingOut" for status in (before, after))
    said: list[Said] = []
    if now and not was:
        said.append((NORMAL, "RolloutStarted", condition(after, RECONCILING)["message"]))
    if was and not now:
        said.append((NORMAL, "RolloutFinished", "every Deployment has the newest template"))
    if _became(before, after, STALLED, "True"):
        said.append((WARNING, "RolloutStalled", condition(after, STALLED)["message"]))
    return [Happening(kind, name, uid, *event) for event in said]


def _assignments(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    old = {entry.get("backend"): entry for entry in before.get("upperTiers") or ()}
    for entry in after["upperTiers"]:
        earlier = old.get(entry["backend"], {}).get("dataCenter")
        if earlier is None:
            yield NORMAL, "Assigned", f"{entry['backend']}: upper tier is {entry['dataCenter']}, {entry['message']}"
        elif earlier != entry["dataCenter"]:
            said = f"{entry['backend']}: upper tier moves from {earlier} to {entry['dataCenter']}, {entry['message']}"
            yield NORMAL, "Reassigned", said


def _readiness(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    was, now = condition(before, READY), condition(after, READY)
    if now["status"] == "True" and was.get("status") != "True":
        yield NORMAL, "ZoneReady", now["message"]
    waiting = now["reason"] in ("PodsNotReady", "Assigning", "NotAcknowledged", "Paused")
    if now["status"] == "False" and (was.get("status"), was.get("reason")) != ("False", now["reason"]):
        if not waiting:
            yield WARNING, now["reason"], now["message"]
        elif was.get("status") == "True":
            yield WARNING, "ZoneNotReady", f"{now['reason']}: {now['message']}"


def _turns(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    if _became(before, after, DEGRADED, "True"):
        yield WARNING, "Degraded", condition(after, DEGRADED)["message"]
    if _became(before, after, DEGRADED, "False") and condition(after, READY)["status"] == "True":
        yield NORMAL, "Recovered", "every pod is Ready again"
    certificate = condition(after, CERTIFICATE_READY)
    before_that = condition(before, CERTIFICATE_READY)
    if certificate.get("status") == "False" and certificate["reason"] not in PASSING:
        if before_that.get("reason") != certificate["reason"]:
            yield WARNING, certificate["reason"], certificate["message"]
    elif _became(before, after, CERTIFICATE_READY, "True"):
        yield NORMAL, "CertificateReady", certificate["message"]
    resolvable = condition(after, READY)["reason"] != ORIGIN_UNRESOLVABLE
    if _became(before, after, ORIGIN_UNRESOLVABLE, "True") and resolvable:
        yield WARNING, "OriginUnresolvable", condition(after, ORIGIN_UNRESOLVABLE)["message"]
    checked = condition(after, ORIGINS_HEALTHY)
    if checked.get("reason") == NOT_FOUND != condition(before, ORIGINS_HEALTHY).get("reason"):
        yield WARNING, NOT_FOUND, checked["message"]


def _places(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    old = {entry.get("name") for entry in before.get("dataCenters") or ()}
    new = {entry["name"] for entry in after["dataCenters"]}
    if old and new - old:
        yield NORMAL, "DataCenterAdded", f"{', '.join(sorted(new - old))} joined"
    if old - new:
        yield NORMAL, "DataCenterGone", f"{', '.join(sorted(str(name) for name in old - new))} left"


def _became(before: Mapping[str, Any], after: Mapping[str, Any], kind: str, status: str) -> bool:
    old = condition(before, kind).get("status", "False")
    return bool(condition(after, kind).get("status") == status != old)
