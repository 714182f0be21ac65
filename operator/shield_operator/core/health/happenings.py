"""What a user wants to hear of a check: the difference between a status before and after. No difference, no Event."""

from collections.abc import Iterator, Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.conditions import HEALTHY, READY, condition
from shield_operator.core.happenings import NORMAL, WARNING, Said
from shield_operator.core.health.verdict import SUSPENDED, Outcome, before
from shield_operator.core.health.world import CheckObject
from shield_operator.core.plan import Happening
from shield_proxy.config.checks.health import Health


def check_happenings(check: CheckObject, after: Mapping[str, Any], outcome: Outcome) -> list[Happening]:
    """Events of one check: of its verdict, of its regions' verdicts, and of whether it runs."""
    said = [*_verdict(check.status, after), *_regions(check.status, after, outcome), *_running(check.status, after)]
    return [Happening(naming.CHECK_KIND, check.name, check.uid, *event) for event in said]


def _verdict(old: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    was, now = old.get("status"), after["status"]
    if now == was:
        return
    message = f"Global: {condition(after, HEALTHY)['message']}"
    if now == SUSPENDED:
        yield NORMAL, "Suspended", message
    elif now == Health.HEALTHY:
        yield NORMAL, "Healthy", message
    elif now == Health.UNHEALTHY:
        yield WARNING, "Unhealthy", message
    elif was in (Health.HEALTHY, Health.UNHEALTHY):
        yield WARNING, "HealthUnknown", f"{message}; it was {was}"


def _regions(old: Mapping[str, Any], after: Mapping[str, Any], outcome: Outcome) -> Iterator[Said]:
    known = before(old).regions
    for region in after["regions"]:
        name, was, now = region["name"], known.get(region["name"], Health.UNKNOWN), Health(region["health"])
        if now is Health.UNHEALTHY and was is not now:
            yield WARNING, "RegionUnhealthy", f"{name}: {_why(name, outcome)}"
        elif now is Health.HEALTHY and was is Health.UNHEALTHY:
            yield NORMAL, "RegionHealthy", f"{name} is healthy again"


def _why(region: str, outcome: Outcome) -> str:
    for voter in outcome.voters:
        if voter.region == region and voter.health is Health.UNHEALTHY:
            return f"{voter.data_center}: {voter.reason}" + (f": {voter.detail}" if voter.detail else "")
    return "unhealthy"


def _running(old: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    was, now = condition(old, READY), condition(after, READY)
    if now["reason"] == "Suspended":
        return
    if now["status"] == "True" and was.get("status") != "True":
        yield NORMAL, now["reason"], now["message"]
    if now["status"] == "False" and was.get("reason") != now["reason"] and now["reason"] != "Starting":
        yield WARNING, now["reason"], now["message"]
